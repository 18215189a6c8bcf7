# The released 3D codec and augmentation for input 384x288 (h x w).
_base_ = './rtmw3d.py'

input_size = (288, 384)

codec = dict(
    type='SimCC3DLabel',
    input_size=(*input_size, 288),
    sigma=(6., 6.93, 6.),
    simcc_split_ratio=2.0,
    normalize=False,
    use_dark=False)

_blur = [
    dict(type='RandomBlur', prob=0.1),
    dict(type='RandomMedianBlur', prob=0.1),
]
_encode = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_pipeline = [
    dict(
        type='RandomTopdownCrop',
        input_size=input_size,
        scale_factor=(0.6, 1.4),
        rotate_factor=80.),
    dict(type='HsvJitter'),
    *_blur,
    dict(type='CoarseDropout', prob=1., size=(0.2, 0.4)),
    *_encode,
]
train_pipeline_stage2 = [
    dict(
        type='RandomTopdownCrop',
        input_size=input_size,
        shift_factor=0.,
        scale_factor=(0.5, 1.5),
        rotate_factor=90.),
    *_blur,
    *_encode,
]
val_pipeline = [
    dict(type='LoadImageOrSkip', skip=False),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='PackPoseInputs'),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
