# The released codecs and augmentation for each input size (w, h).
# rtmw_256x192.py and its neighbours each pick one of `inputs`.
_base_ = ['../datasets/cocktail14.py', './loaders.py']


def _input(input_size, sigma, decode_visibility):
    codec = dict(
        type='FastSimCCLabel',
        input_size=input_size,
        sigma=sigma,
        simcc_split_ratio=2.0,
        normalize=False,
        use_dark=False,
        decode_visibility=decode_visibility,
    )
    crop = dict(
        type='RandomTopdownCrop',
        input_size=input_size,
        scale_factor=(0.5, 1.5),
        rotate_factor=90.0,
    )
    blur = [dict(type='RandomBlur', prob=0.1), dict(type='RandomMedianBlur', prob=0.1)]
    encode = [
        dict(type='GenerateTarget', encoder=codec, use_dataset_keypoint_weights=True),
        dict(type='PackTrainingInputs'),
    ]
    train_pipeline = [
        crop,
        dict(type='ColorDistortion'),
        *blur,
        dict(type='CoarseDropout', prob=0.5, size=(0.2, 0.4)),
        *encode,
    ]
    # The last epochs see whole people: no shift, no dropout, no colour.
    train_pipeline_stage2 = [dict(crop, shift_factor=0.0), *blur, *encode]
    # To learn few pictures by heart, in boxes as a detector may place them;
    # nothing is mirrored: evaluate without the flip test.
    plain_pipeline = [
        dict(
            crop,
            flip_prob=0.0,
            half_body_prob=0.0,
            shift_factor=0.04,
            scale_factor=(0.95, 1.05),
            rotate_factor=0.0,
        ),
        *encode,
    ]
    val_pipeline = [
        dict(type='LoadImageOrSkip', skip=False),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=input_size),
        dict(type='PackPoseInputs'),
    ]
    return dict(
        codec=codec,
        train_pipeline=train_pipeline,
        train_pipeline_stage2=train_pipeline_stage2,
        plain_pipeline=plain_pipeline,
        val_pipeline=val_pipeline,
    )


inputs = dict(
    x128x96=_input((96, 128), (3.5, 4.0), False),  # for CPUs
    x256x192=_input((192, 256), (4.9, 5.66), False),
    x384x288=_input((288, 384), (6.0, 6.93), True),
)

train_dataloader = dict(dataset=dict(datasets={{_base_.cocktail}}))
val_dataloader = dict(dataset={{_base_.coco_wholebody_val}})
test_dataloader = val_dataloader

# Annotations come from the dataset that is evaluated.
val_evaluator = dict(type='WholeBodyMetric')
test_evaluator = val_evaluator
