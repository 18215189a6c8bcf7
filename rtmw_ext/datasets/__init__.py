"""Datasets and transforms, registered in MMPose's registries on import."""

import mmpose  # noqa: F401  (registers every room before this one is half loaded)

from .base import KeypointDataset
from .crop_mix import CropMix
from .crop_pool import CropDataset, CropPool
from .h3wb import H3WBDataset
from .mapping import WholeBodyKeypointMapping
from .mix import WholeBodyMix
from .parts import (
    Face300wKeypoints,
    HumanArtKeypoints,
    InterHandKeypoints,
    JhmdbKeypoints,
    MpiiKeypoints,
    WflwKeypoints,
)
from .transforms import (
    CoarseDropout,
    ColorDistortion,
    HsvJitter,
    LoadImageOrSkip,
    PackTrainingInputs,
    RandomBlur,
    RandomBoxScale,
    RandomMedianBlur,
    RandomTopdownCrop,
)
from .unlabelled import UnlabelledPhotos
from .wholebody import (
    DnaRenderingDataset,
    UBody2dKeypoints,
    UBody3dKeypoints,
    WholeBodyDataset,
)

__all__ = [
    'CoarseDropout',
    'ColorDistortion',
    'CropDataset',
    'CropMix',
    'CropPool',
    'DnaRenderingDataset',
    'Face300wKeypoints',
    'H3WBDataset',
    'HsvJitter',
    'HumanArtKeypoints',
    'InterHandKeypoints',
    'JhmdbKeypoints',
    'KeypointDataset',
    'LoadImageOrSkip',
    'MpiiKeypoints',
    'PackTrainingInputs',
    'RandomBlur',
    'RandomBoxScale',
    'RandomMedianBlur',
    'RandomTopdownCrop',
    'UBody2dKeypoints',
    'UBody3dKeypoints',
    'UnlabelledPhotos',
    'WflwKeypoints',
    'WholeBodyDataset',
    'WholeBodyKeypointMapping',
    'WholeBodyMix',
]
