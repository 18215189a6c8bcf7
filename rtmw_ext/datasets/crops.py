"""Crops of single persons at one size, in shards of arrays on disk.

Shapes: N persons of a shard, K = 133 keypoints, S side of a crop in pixels.
A shard is two files, ``crops-00000.npy`` (N, S, S, 3) uint8 BGR and
``truth-00000.npz``; ``tools/synthesize.py --format crops`` writes them.
"""
from pathlib import Path

import numpy as np
import torch
from mmpose.registry import DATASETS
from torch.utils.data import Dataset

from .wholebody import AnnotationError


@DATASETS.register_module()
class CropDataset(Dataset):
    """Stored crops for :class:`rtmw_ext.models.BatchPipeline`, which augments
    and labels them in batches; collate with ``default_collate``.

    Args:
        data_root (str | Path): Folder of the shards.
        hidden_weight (float): Weight of points that are labelled but hidden;
            seen ones weigh 1, points outside the photo 0.
        with_3d (bool): Whether samples carry the 3D truth.
        metainfo (dict, optional): Kept for the runner.

    Raises:
        AnnotationError: The folder has no shard, or one without its truth.
    """

    def __init__(self, data_root, hidden_weight=1., with_3d=False,
                 metainfo=None):
        self.metainfo = metainfo or {}
        self.hidden_weight = hidden_weight
        self.with_3d = with_3d
        paths = sorted(Path(data_root).glob('crops-*.npy'))
        if not paths:
            raise AnnotationError(
                f'{data_root} has no crops-*.npy: make some with '
                'tools/synthesize.py --format crops')
        self.crops, truths = [], []
        for path in paths:
            truth = path.with_name(
                path.name.replace('crops', 'truth')).with_suffix('.npz')
            if not truth.is_file():
                raise AnnotationError(f'{path} has no {truth.name}: run '
                                      'tools/synthesize.py again')
            self.crops.append(np.load(path, mmap_mode='r'))
            with np.load(truth) as data:
                truths.append({name: data[name] for name in data.files})
        self.truth = {name: np.concatenate([truth[name] for truth in truths])
                      for name in truths[0]}
        self.ends = np.cumsum([len(crops) for crops in self.crops])

    def __len__(self):
        return int(self.ends[-1])

    def __getitem__(self, index):
        """
        Returns:
            dict: ``crops`` (S, S, 3) uint8 BGR, ``bboxes`` (4,) x1, y1, x2,
            y2 and ``keypoints`` (K, 2) in pixels of the crop,
            ``keypoints_visible`` (K,) and, with 3D, ``keypoints_3d`` (K, 3)
            in metres, camera axes, and ``keypoints_3d_visible`` (K,); all
            float32 but the crop.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'crop {index} of {len(self)}')
        shard = int(np.searchsorted(self.ends, index, side='right'))
        crops = self.crops[shard]
        visible = self.truth['visible'][index]
        sample = dict(
            crops=torch.from_numpy(
                crops[index - self.ends[shard] + len(crops)].copy()),
            bboxes=torch.from_numpy(self.truth['bboxes'][index]),
            keypoints=torch.from_numpy(self.truth['keypoints'][index]),
            keypoints_visible=torch.from_numpy(np.float32(
                [0, self.hidden_weight, 1])[visible]))
        if self.with_3d:
            sample.update(
                keypoints_3d=torch.from_numpy(
                    self.truth['keypoints_3d'][index]),
                keypoints_3d_visible=torch.from_numpy(np.float32(visible > 0)))
        return sample
