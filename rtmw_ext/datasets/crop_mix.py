"""Several sets of stored crops as one, each with its share of a training.

Sets that are labelled in part (a body, a face) train together with rendered
people of whom all is known, as the paper does with its 17 data sets (arXiv
2407.08634, section 4.1).

Shapes: B crops of a batch, N crops of a shard, K = 133 points, S side of a crop
in pixels.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmpose.datasets import CocoWholeBodyDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS
from torch import Tensor
from torch.utils.data import Dataset

from .checks import AnnotationError
from .crop_pool import list_shards, read_shard


@DATASETS.register_module()
class CropMix(Dataset):
    """Batches out of several folders of shards, for
    :class:`rtmw_ext.models.PhotoPipeline`.

    An epoch is so long that each crop comes at least once; a set with a
    larger share than others comes round more often. All crops must be of one
    size. Collate with ``keep_batch``, use no workers.

    Args:
        sets: Of each set ``data_root`` (str), ``share`` (float, > 0, in parts
            of the sum of all shares) and, by default 1 and 0.5, ``weight``
            (float, of all its labels) and ``hidden_weight`` (float >= 0.5, of
            points that are hidden, or rough labels).
        with_3d: Whether batches carry 3D truth; that of sets without it has
            ``keypoints_3d_visible`` 0.
        device: Where the crops are held.
        in_memory: On a CPU, read the crops into memory once; processes that are
            forked later share them. Else they stay mapped from disk, which
            needs no memory of its own, but is slow where the page cache does
            not hold them.

    Raises:
        AnnotationError: A folder has no shard, a share is not > 0, or the
            crops are not of one size.
    """

    METAINFO = CocoWholeBodyDataset.METAINFO

    def __init__(
        self,
        sets: Sequence[Mapping[str, Any]],
        with_3d: bool = False,
        device: str = 'cpu',
        in_memory: bool = False,
    ) -> None:
        self.metainfo = parse_pose_metainfo(self.METAINFO)
        self.with_3d = with_3d
        self.shards: list[list[dict[str, Tensor]]] = []
        self.ends, self.weights, shares = [], [], []
        for entry in sets:
            paths = list_shards(
                entry['data_root'],
                'make some with tools/dataset/photos.py, or '
                'tools/dataset/synthesize.py --format crops',
            )
            if not entry['share'] > 0:
                raise AnnotationError(
                    f'share={entry["share"]} of {entry["data_root"]} must be '
                    '> 0: leave the set out'
                )
            hidden_weight = entry.get('hidden_weight', 0.5)
            shards = [
                self._read(path, hidden_weight, in_memory and device == 'cpu')
                for path in paths
            ]
            if device != 'cpu':
                # One look-up a set.
                shards = [
                    {
                        name: torch.cat([shard[name] for shard in shards]).to(device)
                        for name in shards[0]
                    }
                ]
            self.shards.append(shards)
            self.ends.append(np.cumsum([len(shard['crops']) for shard in shards]))
            self.weights.append(entry.get('weight', 1.0))
            shares.append(entry['share'])
        sizes = {
            tuple(shard['crops'].shape[1:])
            for shards in self.shards
            for shard in shards
        }
        if len(sizes) > 1:
            raise AnnotationError(
                f'crops are of several sizes, {sorted(sizes)}: make them alike (--size)'
            )
        shares = np.array(shares) / sum(shares)
        counts = np.array([ends[-1] for ends in self.ends])
        length = int(np.ceil((counts / shares).max()))
        #: Index of an epoch at which each set ends.
        self.set_ends = np.round(length * np.cumsum(shares)).astype(int)

    def _read(
        self, path: Path, hidden_weight: float, in_memory: bool
    ) -> dict[str, Tensor]:
        shard = read_shard(path, hidden_weight, self.with_3d, in_memory)
        if self.with_3d and 'keypoints_3d' not in shard:
            count, points, _ = shard['keypoints'].shape
            shard['keypoints_3d'] = torch.zeros(count, points, 3)
            shard['keypoints_3d_visible'] = torch.zeros(count, points)
        return shard

    def __len__(self) -> int:
        return int(self.set_ends[-1])

    def locate(self, index: int) -> tuple[int, int, int]:
        """Number of the set, of its shard and of the shard's row that an index of
        an epoch stands for."""
        number = int(np.searchsorted(self.set_ends, index, side='right'))
        first = self.set_ends[number - 1] if number else 0
        ends = self.ends[number]
        row = int(index - first) % int(ends[-1])
        shard = int(np.searchsorted(ends, row, side='right'))
        return number, shard, row - (ends[shard - 1] if shard else 0)

    def __getitems__(self, indices: Iterable[int]) -> dict[str, Tensor]:
        """A batch.

        Args:
            indices: B of them, each in [0, length).

        Returns:
            As of a batch of :class:`CropDataset`'s samples, and
            ``label_weights`` (B, ). Persons are in the order of their shards.
        """
        groups: dict[tuple[int, int], list[int]] = {}
        for index in indices:
            number, shard, row = self.locate(index)
            groups.setdefault((number, shard), []).append(row)
        shards = [self.shards[number][shard] for number, shard in groups]
        batch = {
            name: torch.cat(
                [shard[name][rows] for shard, rows in zip(shards, groups.values())]
            )
            for name in shards[0]
        }
        batch['label_weights'] = torch.cat(
            [
                batch['bboxes'].new_full((len(rows),), self.weights[number])
                for (number, _), rows in groups.items()
            ]
        )
        return batch
