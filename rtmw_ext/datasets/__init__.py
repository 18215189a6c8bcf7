"""Datasets and transforms, registered in MMPose's registries on import."""
from .crops import CropDataset
from .transforms import (
                         CoarseDropout,
                         LoadImageOrSkip,
                         RandomBlur,
                         RandomMedianBlur,
)
from .wholebody import WholeBodyDataset

__all__ = [
    'CoarseDropout', 'CropDataset', 'LoadImageOrSkip', 'RandomBlur',
    'RandomMedianBlur', 'WholeBodyDataset'
]
