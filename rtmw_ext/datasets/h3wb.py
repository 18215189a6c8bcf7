"""H3WB: 133 points in 3D on Human3.6M.

Shapes: F video frames of a clip, K = 133 keypoints in the order of COCO-WholeBody.
"""

import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from ..core.skeleton import HIPS, NUM_KEYPOINTS
from .checks import AnnotationError, missing
from .mapping import definition_file

#: Subjects of each split. The benchmark trains on four and tests on S8;
#: mmpose, whose file has no S8, keeps S7 for validation.
SPLITS = {
    'train': ('S1', 'S5', 'S6', 'S7'),
    'test': ('S8',),
    'mmpose-train': ('S1', 'S5', 'S6'),
    'mmpose-val': ('S7',),
}


@DATASETS.register_module()
class H3WBDataset(BaseCocoStyleDataset):
    """Frames with 2D, camera-space 3D, intrinsics and boxes.

    Each sample has, beside mmpose's fields, ``keypoints_3d`` (1, K, 3) in
    metres in camera space, ``keypoints_3d_visible`` (1, K), ``root_depth``
    (mean z of the known hips, metres; absent without one) and
    ``camera_param`` with ``K`` (3, 3) in pixels and ``distortion`` (5, ).
    Points that are not finite are unknown: weight and visibility 0, value 0.

    Source: https://github.com/wholebody3d/wholebody3d (arXiv 2211.15692);
    the file is mmpose's ``h3wb_train_bbox.npz`` or another of its schema:
    ``<name>_data[subject][action]`` with ``frame_id`` (F, ) and for each
    camera ``pose_2d`` (F, K, 2) pixels and ``camera_3d`` (F, K, 3)
    millimetres; ``metadata[subject][camera]`` with ``K`` (1, 3, 3) in
    thousands of pixels and ``Distortion`` (1, 5); optionally ``bbox[(subject,
    action, camera, frame)]`` (else the box of the 2D points is taken).

    Args:
        split: ``'train'`` or ``'test'`` of the benchmark,
            ``'mmpose-train'`` or ``'mmpose-val'``.
        image_template: Of a frame below ``data_prefix['img']``.
        **kwargs: As of ``BaseCocoStyleDataset``.

    Raises:
        AnnotationError: The split is unknown, or the file is missing, is cut
            off, lacks the split's subjects, a camera or an array, or has one
            of another shape.
    """

    # By path, which mmpose does not first seek in our configs/.
    METAINFO = dict(from_file=definition_file('h3wb'))

    def __init__(
        self,
        split: str,
        image_template: str = '{subject}/Images/{action}.{camera}/frame_{frame}.jpg',
        **kwargs: Any,
    ) -> None:
        if split not in SPLITS:
            raise AnnotationError(
                f'split "{split}" of H3WB is none of {", ".join(SPLITS)}'
            )
        self.split = split
        self.image_template = image_template
        super().__init__(**kwargs)

    def _load_annotations(self) -> tuple[list[dict], list]:
        content = read_npz(self.ann_file)
        clips = {}
        for name, value in content.items():
            if name.endswith('_data'):
                clips.update(value)
        subjects = [name for name in SPLITS[self.split] if name in clips]
        if not subjects:
            raise AnnotationError(
                f'{self.ann_file} has no subject of split "{self.split}" '
                f'({", ".join(SPLITS[self.split])}), only '
                f'{", ".join(clips) or "none"}'
            )
        samples = []
        for subject in subjects:
            for action, clip in clips[subject].items():
                for camera in sorted(clip.keys() - {'global_3d', 'frame_id'}):
                    samples += self._parse_clip(
                        content, subject, action, camera, clip, len(samples)
                    )
        return samples, []

    def _parse_clip(
        self,
        content: dict,
        subject: str,
        action: str,
        camera: str,
        clip: dict,
        first_id: int,
    ) -> list[dict]:
        where = f'{self.ann_file}: {subject}, {action}, camera {camera}'
        try:
            frames = np.asarray(clip['frame_id'])
            points = np.asarray(clip[camera]['pose_2d'], np.float32)
            points_3d = np.asarray(clip[camera]['camera_3d'], np.float32) / 1000
            view = content['metadata'][subject][camera]
            matrix = np.array(view['K'], np.float32).reshape(3, 3)
            distortion = np.array(view['Distortion'], np.float32).reshape(5)
        except KeyError as error:
            raise AnnotationError(
                f'{where} has no {error}: take the file of the dataset page again'
            ) from None
        matrix[:2] *= 1000
        if points.shape != (len(frames), NUM_KEYPOINTS, 2) or points_3d.shape != (
            len(frames),
            NUM_KEYPOINTS,
            3,
        ):
            raise AnnotationError(
                f'{where}: pose_2d is {points.shape} and camera_3d '
                f'{points_3d.shape} for {len(frames)} frames of {NUM_KEYPOINTS} points'
            )
        samples = []
        for number, frame in enumerate(frames):
            box = content.get('bbox', {}).get((subject, action, camera, int(frame)))
            samples.append(
                self._sample(
                    points[number],
                    points_3d[number],
                    box,
                    id=first_id + number,
                    img_id=first_id + number,
                    img_path=str(
                        Path(self.data_prefix['img'])
                        / self.image_template.format(
                            subject=subject, action=action, camera=camera, frame=frame
                        )
                    ),
                    camera_param=dict(K=matrix, distortion=distortion),
                )
            )
        return samples

    @staticmethod
    def _sample(
        points: np.ndarray, points_3d: np.ndarray, box: dict | None, **fields
    ) -> dict:
        """One frame in the form of the pipeline."""
        seen = np.isfinite(points).all(1)
        known = np.isfinite(points_3d).all(1)
        points = np.where(seen[:, None], points, 0)[None]
        points_3d = np.where(known[:, None], points_3d, 0)[None]
        if box is None:
            box = np.r_[points[0, seen].min(0), points[0, seen].max(0)]
        else:
            box = [box[name] for name in ('x_min', 'y_min', 'x_max', 'y_max')]
        hips = [hip for hip in HIPS if known[hip]]
        if hips:
            fields['root_depth'] = float(points_3d[0, hips, 2].mean())
        return dict(
            fields,
            keypoints=points,
            keypoints_visible=seen[None].astype(np.float32),
            keypoints_3d=points_3d,
            keypoints_3d_visible=known[None].astype(np.float32),
            num_keypoints=int(seen.sum()),
            bbox=np.asarray(box, np.float32)[None],
            bbox_score=np.ones(1, np.float32),
            iscrowd=0,
            category_id=1,
        )


class _NumpyUnpickler(pickle.Unpickler):
    """Loads numpy arrays and plain containers, and runs nothing else."""

    ALLOWED = ('_reconstruct', 'ndarray', 'dtype', 'scalar', '_frombuffer')

    def find_class(self, module: str, name: str) -> Any:
        if module.split('.')[0] != 'numpy' or name not in self.ALLOWED:
            raise pickle.UnpicklingError(f'it holds a {module}.{name}')
        return super().find_class(module, name)


def _read_object(file: IO[bytes]) -> Any:
    """The object of a pickled 0-d array, as ``np.savez`` writes a dict."""
    version = np.lib.format.read_magic(file)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version[0] == 1
        else np.lib.format.read_array_header_2_0
    )
    shape, _, kind = read_header(file)
    if shape or not kind.hasobject:
        raise pickle.UnpicklingError(f'an array of {kind} {shape} is no pickled dict')
    return _NumpyUnpickler(file).load().item()


def read_npz(path: str | Path) -> dict:
    """The pickled dicts of an ``.npz`` without running code from it.

    Args:
        path: The file.

    Returns:
        {array name: content}.

    Raises:
        AnnotationError: It is missing, cut off, or holds more than numpy.
    """
    content = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as file:
                    content[member.removesuffix('.npy')] = _read_object(file)
    except FileNotFoundError:
        raise AnnotationError(missing(path)) from None
    except (zipfile.BadZipFile, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise AnnotationError(
            f'annotation file {path} is no npz of H3WB ({error}): it may be '
            'cut off, fetch it again'
        ) from None
    return content
