"""Datasets and transforms, registered in MMPose's registries on import."""
from .transforms import (
                         CoarseDropout,
                         LoadImageOrSkip,
                         RandomBlur,
                         RandomMedianBlur,
)
from .wholebody import WholeBodyDataset

__all__ = [
    'CoarseDropout', 'LoadImageOrSkip', 'RandomBlur', 'RandomMedianBlur',
    'WholeBodyDataset'
]
