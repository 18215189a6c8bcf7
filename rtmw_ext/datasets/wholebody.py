"""Datasets with body, feet, face and hands.

Shapes: N = 1 person a sample, K = 133 keypoints, S keypoints of the source.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.datasets import CocoWholeBodyDataset, UBody2dDataset
from mmpose.registry import DATASETS

from ..core.skeleton import FIELDS
from .base import KeypointDataset
from .checks import AnnotationError, to_numbers

# (field, values) of an annotation, in the order of the 133 points.
PARTS = tuple((field, 3 * (part.stop - part.start)) for field, part in FIELDS.items())


@DATASETS.register_module()
class WholeBodyDataset(KeypointDataset, CocoWholeBodyDataset):
    """COCO-WholeBody. Source: https://github.com/jin-s13/COCO-WholeBody."""

    fields = PARTS


@DATASETS.register_module()
class UBody2dKeypoints(KeypointDataset, UBody2dDataset):
    """UBody's 2D annotations, in COCO-WholeBody's fields. Source:
    https://github.com/IDEA-Research/OSX."""

    fields = PARTS


# In OSX's 137 points: the joint that the z of a part is given relative to.
PELVIS, NECK, LEFT_WRIST, RIGHT_WRIST = 0, 7, 12, 13
Z_ROOTS = (
    (slice(25, 45), LEFT_WRIST),
    (slice(45, 65), RIGHT_WRIST),
    (slice(65, 137), NECK),
)
# Units that span Z_RANGE metres.
Z_UNITS, Z_RANGE = 16, 2
LAYOUTS = {'osx137': 137, 'osx133': 133}
# (joint, joint, metres) of an average adult, which give x and y their scale.
BONES = (
    (0, 7, 0.51),
    (8, 10, 0.26),
    (9, 11, 0.26),
    (10, 12, 0.25),
    (11, 13, 0.25),
    (1, 3, 0.38),
    (2, 4, 0.38),
    (3, 5, 0.40),
    (4, 6, 0.40),
)


@DATASETS.register_module()
class UBody3dKeypoints(KeypointDataset):
    """UBody's SMPL-X joints: x, y in pixels, z as OSX encodes it.

    OSX (https://github.com/IDEA-Research/OSX) and mmpose's converter
    ``ubody_smplx_to_coco.py`` write z in 16 units for 2 metres around the root
    of each *part*: pelvis, neck for the face, wrists for the hands. The
    released 3D recipe trained on these numbers as they are. Here they become
    metres relative to the pelvis, for all parts. The file has no depth of the
    pelvis; x and y get the scale that makes the limbs those of an average
    adult (they train nothing: labels use x and y in pixels).

    Args:
        layout: What the points are: 'osx137', all of OSX's points (what
            the converter writes); 'osx133', the same without the first four
            (mmpose's own sample file; it has no hips, so its 3D has no root
            and is not used).
        **kwargs: Of :class:`KeypointDataset`.

    Raises:
        AnnotationError: An unknown layout.
    """

    METAINFO = dict(from_file='configs/_base_/datasets/ubody3d.py')

    def __init__(self, *args: Any, layout: str = 'osx137', **kwargs: Any) -> None:
        if layout not in LAYOUTS:
            raise AnnotationError(
                f'layout is {layout!r}: use one of {", ".join(LAYOUTS)}'
            )
        self.layout = layout
        super().__init__(*args, **kwargs)

    # The number of values a point (with or without validity) differs.
    fields = ()

    def settings(self) -> dict:
        return dict(super().settings(), layout=self.layout)

    def parse_data_info(self, raw_data_info: dict) -> dict:
        annotation = raw_data_info['raw_ann_info']
        image = raw_data_info['raw_img_info']
        count = LAYOUTS[self.layout]
        points = np.asarray(annotation['keypoints_3d'], np.float32)
        valid = (
            points[:, 3]
            if points.shape[1] == 4
            else np.asarray(annotation['keypoints_valid'], np.float32)
        )
        # All of OSX's points, with what is missing at their front.
        front = LAYOUTS['osx137'] - count
        valid = np.pad(valid, (front, 0))
        xy, z = np.pad(points[:, :2], ((front, 0), (0, 0))), points[:, 2]
        z = (np.pad(z, (front, 0)) / Z_UNITS - 0.5) * Z_RANGE
        for part, root in Z_ROOTS:
            z[part] += z[root]
        known = np.zeros_like(valid) if front else valid
        focal, center = (
            np.asarray(annotation['camera_param'][key], np.float32)
            for key in ('focal', 'princpt')
        )
        metres = (xy - center) / focal
        xyz = np.column_stack([metres * limb_scale(metres, z, valid), z])
        box = np.asarray(annotation['bbox'], np.float32)
        return dict(
            id=annotation['id'],
            img_id=image['id'],
            img_path=image['img_path'],
            bbox=np.concatenate([box[:2], box[:2] + box[2:]])[None],
            bbox_score=np.ones(1, np.float32),
            keypoints=xy[None],
            keypoints_visible=valid[None],
            keypoints_3d=(xyz * known[:, None])[None],
            keypoints_3d_visible=known[None],
            camera_param=dict(
                K=[[focal[0], 0, center[0]], [0, focal[1], center[1]], [0, 0, 1]]
            ),
            area=box[2] * box[3] * 0.53,
            num_keypoints=int(valid.sum()),
            iscrowd=annotation['iscrowd'],
            category_id=annotation['category_id'],
        )

    def find_problem(
        self, annotation: dict, image: dict | None
    ) -> tuple[str, str] | None:
        problem = super().find_problem(annotation, image)
        if problem is not None:
            return problem
        count = LAYOUTS[self.layout]
        rows = annotation.get('keypoints_3d')
        points = to_numbers(rows)
        if points is None or points.shape not in ((count, 3), (count, 4)):
            return (
                f'"keypoints_3d" does not have the {count} points of '
                f'layout {self.layout}',
                f'{len(rows) if isinstance(rows, list) else 0} points',
            )
        if not np.isfinite(points).all():
            return '"keypoints_3d" holds NaN or infinity', ''
        valid = to_numbers(annotation.get('keypoints_valid'))
        if points.shape[1] == 3 and (valid is None or valid.shape != (count,)):
            return f'"keypoints_valid" does not have {count} values', ''
        camera = annotation.get('camera_param')
        values = [
            to_numbers(camera.get(key)) if isinstance(camera, dict) else None
            for key in ('focal', 'princpt')
        ]
        if not all(value is not None and value.shape == (2,) for value in values):
            return 'it has no "camera_param" with focal and princpt', ''
        return None


def limb_scale(xy: np.ndarray, z: np.ndarray, valid: np.ndarray) -> float:
    """The factor of xy that gives an average adult's limbs, in least squares.

    Args:
        xy: (S, 2) at unit depth, OSX's points.
        z: (S,) metres.
        valid: (S,) > 0 where the point is known.

    Returns:
        > 0; 1 where no limb is known.
    """
    first, second, length = (np.array(column) for column in zip(*BONES))
    seen = (valid[first] > 0) & (valid[second] > 0)
    flat = ((xy[first] - xy[second]) ** 2).sum(1)[seen]
    # What of the length the depth does not explain, at least a tenth.
    rest = np.maximum(length**2 - (z[first] - z[second]) ** 2, (length / 10) ** 2)[seen]
    if not flat.sum():
        return 1.0
    return float(np.sqrt((flat * rest).sum() / (flat**2).sum()))


@DATASETS.register_module()
class DnaRenderingDataset(KeypointDataset):
    """DNA-Rendering, from the compact file that ``tools/dataset/prepare.py
    dna_rendering`` writes from the distributed SMC (HDF5) files.

    The file is an ``.npz`` of R rows: ``image`` (R,) str, ``size`` (R, 2)
    height and width, ``bbox`` (R, 4) x, y, w, h, ``keypoints`` (R, K, 3) x, y
    in pixels and confidence, ``keypoints_3d`` (R, K, 4) x, y, z in metres in
    camera axes and confidence, ``camera`` (R, 3, 3) intrinsics in pixels.

    Source: https://dna-rendering.github.io.

    Args:
        confidence: Points below it do not count, in [0, 1].
        **kwargs: Of :class:`KeypointDataset`.
    """

    METAINFO = dict(from_file='configs/_base_/datasets/coco_wholebody.py')
    FIELDS = ('image', 'size', 'bbox', 'keypoints', 'keypoints_3d', 'camera')
    fields = ()

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        return dict(super()._load_metainfo(metainfo), dataset_name='dna_rendering')

    def __init__(self, *args: Any, confidence: float = 0.3, **kwargs: Any) -> None:
        self.confidence = confidence
        super().__init__(*args, **kwargs)

    def settings(self) -> dict:
        return dict(super().settings(), confidence=self.confidence)

    def read(self, path: Path) -> Iterator[tuple[dict, dict]]:
        try:
            with np.load(path, allow_pickle=False) as content:
                rows = {name: content[name] for name in self.FIELDS}
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise AnnotationError(
                f'annotation file {path} cannot be read ({error}): '
                'make it with tools/dataset/prepare.py dna_rendering'
            ) from None
        for number, name in enumerate(rows['image']):
            if number % self.sample_interval:
                continue
            height, width = rows['size'][number].tolist()
            image = dict(
                id=number,
                img_id=number,
                height=height,
                width=width,
                img_path=self.image_path(str(name)),
            )
            self.image_list.append(image)
            row = {key: rows[key][number] for key in self.FIELDS[2:]}
            yield dict(row, id=number, image_id=number), image

    def parse_data_info(self, raw_data_info: dict) -> dict:
        annotation = raw_data_info['raw_ann_info']
        image = raw_data_info['raw_img_info']
        flat, deep = annotation['keypoints'], annotation['keypoints_3d']
        visible = (flat[:, 2] >= self.confidence) & np.isfinite(flat).all(1)
        known = (deep[:, 3] >= self.confidence) & np.isfinite(deep).all(1)
        box = np.asarray(annotation['bbox'], np.float32)
        return dict(
            id=annotation['id'],
            img_id=image['id'],
            img_path=image['img_path'],
            bbox=np.concatenate([box[:2], box[:2] + box[2:]])[None],
            bbox_score=np.ones(1, np.float32),
            keypoints=np.where(visible[:, None], flat[:, :2], 0)[None],
            keypoints_visible=visible.astype(np.float32)[None],
            keypoints_3d=np.where(known[:, None], deep[:, :3], 0)[None],
            keypoints_3d_visible=known.astype(np.float32)[None],
            camera_param=dict(K=annotation['camera']),
            area=np.float32(box[2] * box[3] * 0.53),
            num_keypoints=int(visible.sum()),
            iscrowd=0,
            category_id=1,
        )
