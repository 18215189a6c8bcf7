"""Arrays for NumPy.

Shapes: M persons of all images and frames, K keypoints.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ...core.people import People
from ...core.skeleton import keypoint_names
from ..base import ResultFormat, register


@register('npz', 'keypoints.npz, arrays of all persons')
class NpzArrays(ResultFormat):
    """``keypoints.npz``: ``image`` (M, ), ``frame`` (M, ), -1 for images,
    ``keypoints`` (M, K, 2), ``scores`` (M, K), ``boxes`` (M, 4),
    ``box_scores`` (M, ), ``names`` (K, ) and, where there are any, ``ids``
    (M, ), ``keypoints_3d`` and ``keypoints_3d_cam`` (M, K, 3)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.columns: dict[str, list[np.ndarray]] = {}
        self.names: tuple[str, ...] = ()

    def add(self, name: str, frame: int | None, people: People) -> None:
        self.names = keypoint_names(people.keypoints.shape[1])
        columns = dict(
            image=np.full(len(people), name, object),
            frame=np.full(len(people), -1 if frame is None else frame),
            **{key: value for key, value in vars(people).items() if value is not None},
        )
        for key, values in columns.items():
            self.columns.setdefault(key, []).append(values)

    def close(self) -> None:
        columns: dict[str, Any] = {
            key: np.concatenate(parts) for key, parts in self.columns.items()
        }
        if columns:
            columns['image'] = columns['image'].astype(str)
        np.savez_compressed(
            self.folder / 'keypoints.npz', names=np.array(self.names), **columns
        )
