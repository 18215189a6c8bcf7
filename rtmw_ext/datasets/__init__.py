"""Datasets and transforms, registered in MMPose's registries on import."""
from .h3wb import H3WBDataset
from .transforms import (
                         CoarseDropout,
                         LoadImageOrSkip,
                         RandomBlur,
                         RandomMedianBlur,
)
from .wholebody import WholeBodyDataset

__all__ = [
    'CoarseDropout', 'H3WBDataset', 'LoadImageOrSkip', 'RandomBlur',
    'RandomMedianBlur', 'WholeBodyDataset'
]
