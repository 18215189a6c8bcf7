"""Synthetic people as MMPose datasets: rendered on the fly, or read from
disk with their 3D truth.

Shapes: N = 1 person of a sample, K = 133 keypoints.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from mmpose.datasets import CocoWholeBodyDataset
from mmpose.registry import DATASETS

from ..core.skeleton import FIELDS, HIPS
from ..datasets.checks import AnnotationError
from ..datasets.wholebody import WholeBodyDataset

if TYPE_CHECKING:
    from .scene import Sample, SceneMaker


def sample_info(sample: 'Sample', person: int, hidden_weight: float = 1.0) -> dict:
    """The fields of a person that pipelines read.

    Args:
        sample: A rendered picture.
        person: Which of its people.
        hidden_weight: Weight of points that are labelled but hidden.

    Returns:
        ``img`` and, as of the project's 3D samples, ``keypoints``
        (1, K, 2), ``keypoints_visible`` (1, K), ``keypoints_3d`` (1, K, 3) in
        metres, ``keypoints_3d_visible`` (1, K), ``camera_param``, ``bbox``
        (1, 4) x1, y1, x2, y2, all in pixels of ``img``.
    """
    seen = sample.visible[person]
    box = sample.boxes[person]
    weights = np.float32([0, hidden_weight, 1])
    return dict(
        img=sample.image,
        bbox=np.float32(box)[None],
        bbox_score=np.ones(1, np.float32),
        area=np.float32(np.prod(box[2:] - box[:2]) * 0.53),
        iscrowd=0,
        segmentation=[],
        category_id=1,
        num_keypoints=int((seen[FIELDS['keypoints']] > 0).sum()),
        keypoints=np.float32(sample.keypoints[person])[None],
        keypoints_visible=weights[seen][None],
        keypoints_3d=np.float32(sample.keypoints_3d[person])[None],
        keypoints_3d_visible=np.float32(seen > 0)[None],
        camera_param=dict(K=np.float32(sample.camera)),
    )


@DATASETS.register_module()
class SyntheticWholeBodyDataset(CocoWholeBodyDataset):
    """Persons rendered when asked for: nothing on disk, no end.

    Sample ``i`` of a seed is always the same, bit for bit, on one machine.

    Args:
        num: Length of the dataset.
        seed: >= 0; seeds have no sample in common.
        size: (W, H) of the picture around a person.
        backgrounds: Folder of images to use behind people
            besides the procedural ones.
        hidden_weight: Weight of points that are labelled but hidden;
            seen ones weigh 1, points outside the photo 0.
        **kwargs: Of mmpose's ``BaseCocoStyleDataset``.

    Raises:
        AnnotationError: ``num`` or ``seed`` is out of range.
        BodyError: The body model Anny is missing.
    """

    def __init__(
        self,
        num: int,
        seed: int = 0,
        size: tuple[int, int] = (288, 288),
        backgrounds: str | None = None,
        hidden_weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        if num < 1 or seed < 0:
            raise AnnotationError(
                f'SyntheticWholeBodyDataset needs num={num} >= 1 and seed={seed} >= 0'
            )
        self.num = num
        self.seed = seed
        self.size = tuple(size)
        self.backgrounds = backgrounds
        self.hidden_weight = hidden_weight
        self._maker = None
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """Nothing to list: every index is a sample."""
        return [dict(id=0)]

    def __len__(self) -> int:
        return self.num

    @property
    def maker(self) -> 'SceneMaker':
        """The :class:`SceneMaker` of this process."""
        if self._maker is None:
            from .scene import SceneMaker

            self._maker = SceneMaker(self.backgrounds)
        return self._maker

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_maker': None}

    def get_data_info(self, idx: int) -> dict:
        """Renders sample ``idx``, see :func:`sample_info`."""
        from .scene import rng_of

        info = super().get_data_info(0)
        index = int(idx) % self.num
        sample = self.maker.crop(rng_of(self.seed, index), self.size)
        info.update(
            sample_info(sample, 0, self.hidden_weight),
            id=index,
            img_id=index,
            img_path=f'synthetic/{self.seed}/{index}',
        )
        return info


@DATASETS.register_module()
class WholeBody3DDataset(WholeBodyDataset):
    """COCO-WholeBody annotations with 3D truth, as ``tools/dataset/synthesize.py
    --format coco`` writes them.

    Besides the fields of COCO-WholeBody an annotation has ``keypoints_3d``
    (399 numbers: x, y, z in camera axes, metres) and
    ``keypoints_3d_valid`` (133 of 0 or 1), an image has ``camera`` (3 x 3
    intrinsics in pixels).

    Args:
        known_depth: Whether samples carry the true ``root_depth`` of
            the hips, as H3WB's do; else RTMW3D estimates it.
        **kwargs: Of :class:`WholeBodyDataset`.
    """

    how_to_get = (
        'make it with tools/dataset/synthesize.py, the evaluation set with '
        '`make synthetic-val`'
    )

    def __init__(self, *args: Any, known_depth: bool = True, **kwargs: Any) -> None:
        self.known_depth = known_depth
        super().__init__(*args, **kwargs)

    def settings(self) -> dict:
        return dict(super().settings(), known_depth=self.known_depth)

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """One annotation -> one sample with 3D, or None with a warning."""
        info = super().parse_data_info(raw_data_info)
        if info is None:
            return None
        annotation = raw_data_info['raw_ann_info']
        info['keypoints'] = np.float32(info['keypoints'])
        info['keypoints_visible'] = np.float32(info['keypoints_visible'])
        info['keypoints_3d'] = np.float32(annotation['keypoints_3d']).reshape(1, -1, 3)
        info['keypoints_3d_visible'] = np.float32(annotation['keypoints_3d_valid'])[
            None
        ]
        info['camera_param'] = dict(
            K=np.float32(raw_data_info['raw_img_info']['camera'])
        )
        if self.known_depth:
            # True for points outside the photo too.
            hips = info['keypoints_3d'][0, list(HIPS), 2]
            info['root_depth'] = float(hips.mean())
        return info
