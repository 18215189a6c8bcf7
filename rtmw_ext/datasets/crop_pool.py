"""Crops of single persons at one size, in shards of arrays on disk.

Shapes: N persons of a shard, K = 133 keypoints, S side of a crop in pixels.
A shard is two files, ``crops-00000.npy`` (N, S, S, 3) uint8 BGR and
``truth-00000.npz``; ``tools/dataset/synthesize.py --format crops`` and
``tools/dataset/photos.py`` write them.
"""

import os
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import FUNCTIONS
from mmpose.datasets import CocoWholeBodyDataset
from mmpose.registry import DATASETS
from torch import Tensor
from torch.utils.data import Dataset

from .checks import AnnotationError
from .mapping import TARGET, definition


@DATASETS.register_module()
class CropDataset(Dataset):
    """Stored crops for :class:`rtmw_ext.models.BatchPipeline`, which augments
    and labels them in batches; collate with ``default_collate``.

    Args:
        data_root: Folder of the shards.
        hidden_weight: Weight of points that are labelled but hidden; seen ones
            weigh 1, points outside the photo 0.
        with_3d: Whether samples carry the 3D truth.

    Raises:
        AnnotationError: The folder has no shard, or one without its truth.
    """

    METAINFO = CocoWholeBodyDataset.METAINFO

    def __init__(
        self, data_root: str | Path, hidden_weight: float = 1.0, with_3d: bool = False
    ) -> None:
        self.metainfo = dict(definition(TARGET))
        paths = list_shards(
            data_root, 'make some with tools/dataset/synthesize.py --format crops'
        )
        self.shards = [read_shard(path, hidden_weight, with_3d) for path in paths]
        self.ends = np.cumsum([len(shard['crops']) for shard in self.shards])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One person.

        Returns:
            ``crops`` (S, S, 3) uint8 BGR, ``bboxes`` (4,) x1, y1, x2, y2 and
            ``keypoints`` (K, 2) in pixels of the crop, ``keypoints_visible``
            (K,) and, with 3D, ``keypoints_3d`` (K, 3) in metres, camera axes,
            and ``keypoints_3d_visible`` (K,); all float32 but the crop.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'crop {index} of {len(self)}')
        shard = int(np.searchsorted(self.ends, index, side='right'))
        row = index - self.ends[shard] + len(self.shards[shard]['crops'])
        return {name: value[row] for name, value in self.shards[shard].items()}


def list_shards(folder: str | Path, fix: str) -> list[Path]:
    """The ``crops-*.npy`` of a folder, sorted.

    Args:
        folder: Of the shards.
        fix: What to do without any, for the error.

    Raises:
        AnnotationError: There is none.
    """
    paths = sorted(Path(folder).glob('crops-*.npy'))
    if not paths:
        raise AnnotationError(f'{folder} has no crops-*.npy: {fix}')
    return paths


def truth_path(path: Path) -> Path:
    """The ``truth-*.npz`` that belongs to a ``crops-*.npy``."""
    return path.with_name(path.name.replace('crops', 'truth')).with_suffix('.npz')


def write_shard(
    folder: Path, number: int, crops: np.ndarray, truth: dict[str, np.ndarray]
) -> None:
    """Writes a shard whole or not at all.

    Args:
        folder: Of the shards.
        number: Of the shard.
        crops: (N, S, S, 3) uint8 BGR.
        truth: (N, ...) each: ``bboxes``, ``keypoints``, ``visible`` and what else
            is known.
    """
    path = folder / f'crops-{number:05d}.npy'
    for target, write in (
        (truth_path(path), lambda file: np.savez(file, **truth)),
        # Last: where the crops are, the shard is whole.
        (path, lambda file: np.save(file, crops)),
    ):
        partial = folder / f'.{os.getpid()}-{target.name}'
        with partial.open('wb') as file:
            write(file)
        os.replace(partial, target)


def read_shard(
    path: Path,
    hidden_weight: float = 1.0,
    with_3d: bool = False,
    in_memory: bool = False,
) -> dict[str, Tensor]:
    """A shard's fields as tensors.

    Args:
        path: Its ``crops-*.npy``.
        hidden_weight: Weight of points that are labelled but hidden.
        with_3d: Whether to read the 3D truth.
        in_memory: Whether to read the crops, too, instead of mapping them from
            disk.

    Returns:
        As of :meth:`CropDataset.__getitem__`, N of each.

    Raises:
        AnnotationError: The file of the truth is missing.
    """
    truth = truth_path(path)
    if not truth.is_file():
        raise AnnotationError(
            f'{path} has no {truth.name}: run tools/dataset/synthesize.py again'
        )
    # Copy on write: torch wants arrays that could be written to.
    shard = dict(crops=np.load(path, mmap_mode=None if in_memory else 'c'))
    with np.load(truth) as data:
        visible = data['visible']
        shard.update(
            bboxes=data['bboxes'],
            keypoints=data['keypoints'],
            keypoints_visible=np.float32([0, hidden_weight, 1])[visible],
        )
        if with_3d and 'keypoints_3d' in data:  # Photos have none.
            shard.update(
                keypoints_3d=data['keypoints_3d'],
                keypoints_3d_visible=np.float32(visible > 0),
            )
    return {name: torch.from_numpy(value) for name, value in shard.items()}


@DATASETS.register_module()
class CropPool(Dataset):
    """Crops held on the training device, while more are still rendered.

    A batch is one look-up there: no worker, no copy. Shards that appear in
    the folder join the pool; until all are there, an index stands for one of
    those that are. Collate with ``keep_batch``, use no workers.

    Args:
        data_root: Folder of the shards, as of CropDataset.
        total: Crops that there will be at most.
        device: Where they are held; ``total`` crops must fit.
        wait: Seconds to wait for the first shard.
        hidden_weight: As of CropDataset.
        with_3d: As of CropDataset.

    Raises:
        AnnotationError: No shard appeared in time.
    """

    METAINFO = CocoWholeBodyDataset.METAINFO

    def __init__(
        self,
        data_root: str | Path,
        total: int,
        device: str = 'cuda',
        wait: float = 300.0,
        hidden_weight: float = 1.0,
        with_3d: bool = False,
    ) -> None:
        self.metainfo = dict(definition(TARGET))
        self.data_root = Path(data_root)
        self.total = total
        self.device = device
        self.options = dict(hidden_weight=hidden_weight, with_3d=with_3d)
        self.pool, self.known = {}, set()
        self.size, self.looked = 0, -np.inf
        deadline = time.monotonic() + wait
        while not self._grow():
            if time.monotonic() > deadline:
                raise AnnotationError(
                    f'{data_root} has had no crops-*.npy for {wait:g} s: make '
                    'some with tools/dataset/synthesize.py --format crops'
                )
            time.sleep(1)

    def __len__(self) -> int:
        return self.total

    def _grow(self, seconds: float = 5.0) -> int:
        """Takes in new shards, at most every few seconds; how many crops
        there are."""
        if self.size == self.total or time.monotonic() - self.looked < seconds:
            return self.size
        for path in sorted(self.data_root.glob('crops-*.npy')):
            if path not in self.known and self.size < self.total:
                self.known.add(path)
                self._take(read_shard(path, **self.options))
        self.looked = time.monotonic()
        return self.size

    def _take(self, shard: dict[str, Tensor]) -> None:
        count = min(len(shard['crops']), self.total - self.size)
        for name, value in shard.items():
            if name not in self.pool:
                self.pool[name] = torch.empty(
                    (self.total, *value.shape[1:]),
                    dtype=value.dtype,
                    device=self.device,
                )
            self.pool[name][self.size : self.size + count] = value[:count].to(
                self.device
            )
        self.size += count

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        """The batch that CropDataset's samples would make."""
        rows = torch.tensor(indices, device=self.device) % self._grow()
        return {name: value[rows] for name, value in self.pool.items()}


@FUNCTIONS.register_module()
def keep_batch(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Collates what is a batch already."""
    return batch
