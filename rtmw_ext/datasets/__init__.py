"""Datasets and transforms, registered in MMPose's registries on import."""
from .crops import CropDataset, CropPool
from .transforms import (
                         CoarseDropout,
                         LoadImageOrSkip,
                         RandomBlur,
                         RandomMedianBlur,
)
from .wholebody import WholeBodyDataset

__all__ = [
    'CoarseDropout', 'CropDataset', 'CropPool', 'LoadImageOrSkip', 'RandomBlur',
    'RandomMedianBlur', 'WholeBodyDataset'
]
