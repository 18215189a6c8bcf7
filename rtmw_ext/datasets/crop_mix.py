"""Several sets of stored crops as one, each with its share of a training.

Sets that are labelled in part (a body, a face) train together with rendered
people of whom all is known, as the paper does with its 17 data sets (arXiv
2407.08634, section 4.1).

Shapes: B crops of a batch, K = 133 points, S side of a crop in pixels.
"""

from pathlib import Path

import numpy as np
import torch
from mmpose.datasets import CocoWholeBodyDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS
from torch.utils.data import Dataset

from .checks import AnnotationError
from .crop_pool import read_shard


@DATASETS.register_module()
class CropMix(Dataset):
    """Batches out of several folders of shards, for
    :class:`rtmw_ext.models.PhotoPipeline`.

    An epoch is so long that each crop comes at least once; a set with a
    larger share than others comes round more often. On a CPU the crops stay
    mapped from disk, where the page cache holds them; all must be of one
    size. Collate with ``keep_batch``, use no workers.

    Args:
        sets (list[dict]): Of each set ``data_root`` (str), ``share`` (float,
            > 0, in parts of the sum of all shares) and, by default 1 and
            0.5, ``weight`` (float, of all its labels) and ``hidden_weight``
            (float >= 0.5, of points that are hidden, or rough labels).
        with_3d (bool): Whether batches carry 3D truth; that of sets without
            it has ``keypoints_3d_visible`` 0.
        device (str): Where the crops are held.

    Raises:
        AnnotationError: A folder has no shard, a share is not > 0, or the
            crops are not of one size.
    """

    METAINFO = CocoWholeBodyDataset.METAINFO

    def __init__(self, sets, with_3d=False, device='cpu'):
        self.metainfo = parse_pose_metainfo(self.METAINFO)
        self.with_3d = with_3d
        self.shards, self.ends, self.weights, shares = [], [], [], []
        for entry in sets:
            paths = sorted(Path(entry['data_root']).glob('crops-*.npy'))
            if not paths:
                raise AnnotationError(
                    f'{entry["data_root"]} has no crops-*.npy: make some with '
                    'tools/dataset/photos.py, or tools/dataset/synthesize.py --format '
                    'crops'
                )
            if not entry['share'] > 0:
                raise AnnotationError(
                    f'share={entry["share"]} of {entry["data_root"]} must be '
                    '> 0: leave the set out'
                )
            hidden_weight = entry.get('hidden_weight', 0.5)
            shards = [self._read(path, hidden_weight) for path in paths]
            if device != 'cpu':
                # One look-up a set.
                shards = [
                    {
                        name: torch.cat([one[name] for one in shards]).to(device)
                        for name in shards[0]
                    }
                ]
            self.shards.append(shards)
            self.ends.append(np.cumsum([len(one['crops']) for one in shards]))
            self.weights.append(entry.get('weight', 1.0))
            shares.append(entry['share'])
        sizes = {
            tuple(one['crops'].shape[1:]) for shards in self.shards for one in shards
        }
        if len(sizes) > 1:
            raise AnnotationError(
                f'crops are of several sizes, {sorted(sizes)}: make them alike (--size)'
            )
        shares = np.array(shares) / sum(shares)
        counts = np.array([ends[-1] for ends in self.ends])
        length = int(np.ceil((counts / shares).max()))
        #: Slot of an epoch at which each set ends.
        self.slots = np.round(length * np.cumsum(shares)).astype(int)

    def _read(self, path, hidden_weight):
        shard = read_shard(path, hidden_weight, self.with_3d)
        if self.with_3d and 'keypoints_3d' not in shard:
            count, points, _ = shard['keypoints'].shape
            shard['keypoints_3d'] = torch.zeros(count, points, 3)
            shard['keypoints_3d_visible'] = torch.zeros(count, points)
        return shard

    def __len__(self):
        return int(self.slots[-1])

    def place_of(self, index):
        """(set, shard, row) of a slot of an epoch."""
        part = int(np.searchsorted(self.slots, index, side='right'))
        first = self.slots[part - 1] if part else 0
        row = int(index - first) % int(self.ends[part][-1])
        shard = int(np.searchsorted(self.ends[part], row, side='right'))
        return part, shard, row - (self.ends[part][shard - 1] if shard else 0)

    def __getitems__(self, indices):
        """
        Returns:
            dict: As of a batch of :class:`CropDataset`'s samples, and
            ``label_weights`` (B, ). Persons are in the order of their shards.
        """
        groups = {}
        for index in indices:
            part, shard, row = self.place_of(index)
            groups.setdefault((part, shard), []).append(row)
        found = [self.shards[part][shard] for part, shard in groups]
        batch = {
            name: torch.cat(
                [one[name][rows] for one, rows in zip(found, groups.values())]
            )
            for name in found[0]
        }
        batch['label_weights'] = torch.cat(
            [
                batch['bboxes'].new_full((len(rows),), self.weights[part])
                for (part, _), rows in groups.items()
            ]
        )
        return batch
