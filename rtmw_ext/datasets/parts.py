"""Datasets of bodies, faces or hands alone.

They are those whose format needs more than :class:`KeypointDataset`.

Shapes: S keypoints of the dataset.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmpose.datasets import (
    Face300WDataset,
    HumanArt21Dataset,
    InterHand2DDoubleDataset,
    JhmdbDataset,
    WFLWDataset,
)
from mmpose.registry import DATASETS
from mmpose.structures.bbox import bbox_cs2xyxy

from .base import KeypointDataset, box_around
from .checks import AnnotationError, missing, read_json

# MPII and the face datasets give scales in units of so many pixels.
SCALE_UNIT = 200


@DATASETS.register_module()
class JhmdbKeypoints(KeypointDataset, JhmdbDataset):
    """sub-JHMDB: coordinates count from 1, as in Matlab."""


@DATASETS.register_module()
class HumanArtKeypoints(KeypointDataset, HumanArt21Dataset):
    """Human-Art with its 21 points (``keypoints_21``)."""

    fields = (('keypoints_21', 63),)


@DATASETS.register_module()
class WflwKeypoints(KeypointDataset, WFLWDataset):
    """WFLW: its box is a ``center`` and a ``scale``."""

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        return (*super().fields, ('center', 2), ('scale', 1))


@DATASETS.register_module()
class Face300wKeypoints(KeypointDataset, Face300WDataset):
    """300W: its box is a ``center`` and a ``scale``."""

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        return (*super().fields, ('center', 2), ('scale', 1))


@DATASETS.register_module()
class MpiiKeypoints(KeypointDataset):
    """MPII, from the list of people that HRNet and mmpose share: ``image``,
    ``center``, ``scale``, ``joints`` (16 x, y) and ``joints_vis`` (16).

    All coordinates of that file count from 1, as in Matlab. HRNet takes 1 off
    both, mmpose's class off ``center`` alone, which shifts every point by a
    pixel; here it is taken off both. The box is moved down a little, as they
    do, so that feet are in it.
    """

    METAINFO = dict(from_file='configs/_base_/datasets/mpii.py')
    fields = (('joints', 32), ('joints_vis', 16), ('center', 2), ('scale', 1))
    DOWN = 15

    def read(self, path: Path) -> Iterator[tuple[dict, dict | None]]:
        for number, person in enumerate(read_json(path, list)):
            if number % self.sample_interval or not isinstance(person, dict):
                continue
            name = person.get('image', '')
            image = dict(id=number, img_id=number, img_path=self.image_path(name))
            self.image_list.append(image)
            scale = person.get('scale') or 0
            side = scale * SCALE_UNIT if np.isscalar(scale) else 0
            yield (
                dict(person, id=number, image_id=number, bbox=[0, 0, side, side]),
                image,
            )

    def parse_data_info(self, raw_data_info: dict) -> dict:
        person = raw_data_info['raw_ann_info']
        image = raw_data_info['raw_img_info']
        center = np.array([person['center']], np.float32) - 1
        center[:, 1] += self.DOWN * person['scale']
        scale = np.full((1, 2), person['scale'] * SCALE_UNIT, np.float32)
        visible = np.array([person['joints_vis']], np.float32)
        return dict(
            id=person['id'],
            img_id=image['id'],
            img_path=image['img_path'],
            bbox_center=center,
            bbox_scale=scale,
            bbox=bbox_cs2xyxy(center, scale),
            bbox_score=np.ones(1, np.float32),
            keypoints=np.array([person['joints']], np.float32) - 1,
            keypoints_visible=visible,
            num_keypoints=int(visible.sum()),
            area=np.float32(0.53 * scale.prod()),
            iscrowd=0,
            category_id=1,
        )


@DATASETS.register_module()
class InterHandKeypoints(KeypointDataset, InterHand2DDoubleDataset):
    """InterHand2.6M's two hands, projected from its 3D joints.

    mmpose's class hides all fingers of a hand whose wrist is unknown, which
    root-relative 3D needs and 2D does not; here each point counts for itself.
    The box is given by the points where the file has none.
    """

    fields = (('joint_valid', 42),)

    def __init__(
        self,
        ann_file: str = '',
        camera_param_file: str = '',
        joint_file: str = '',
        data_root: str | None = None,
        **kwargs,
    ) -> None:
        for name in (ann_file, camera_param_file, joint_file):
            path = Path(data_root or '') / name
            if not path.is_file():
                raise AnnotationError(missing(path))
        super().__init__(
            ann_file, camera_param_file, joint_file, data_root=data_root, **kwargs
        )

    @property
    def files(self) -> list[Path]:
        return [*super().files, Path(self.joint_file), Path(self.camera_param_file)]

    def read(self, path: Path) -> Iterator[tuple[dict, dict | None]]:
        self.cameras = read_json(self.camera_param_file)
        self.joints = read_json(self.joint_file)
        yield from super().read(path)

    def parse_data_info(self, raw_data_info: dict) -> dict:
        sample = super().parse_data_info(raw_data_info)
        valid = np.array(
            raw_data_info['raw_ann_info']['joint_valid'], np.float32
        ).reshape(1, -1)
        sample['keypoints_visible'] = valid
        if not sample['bbox'].any():
            x, y, w, h = box_around(sample['keypoints'][0], valid[0])
            sample['bbox'] = np.array([[x, y, x + w, y + h]], np.float32)
        return sample
