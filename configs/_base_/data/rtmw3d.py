# The released 3D codec and augmentation for each input size; smaller ones
# beside it. rtmw3d_384x288.py and so on each pick one of `inputs3d`.
_base_ = ['../datasets/cocktail17.py', './loaders.py']


def _input(axes, sigma):
    input_size = axes[:2]
    codec = dict(
        type='SimCC3DLabel',
        input_size=axes,
        sigma=sigma,
        simcc_split_ratio=2.0,
        z_range=2.1744869,
        normalize=False,
        use_dark=False,
    )
    blur = [dict(type='RandomBlur', prob=0.1), dict(type='RandomMedianBlur', prob=0.1)]
    encode = [
        dict(type='GenerateTarget', encoder=codec, use_dataset_keypoint_weights=True),
        dict(type='PackTrainingInputs'),
    ]
    train_pipeline = [
        dict(
            type='RandomTopdownCrop',
            input_size=input_size,
            scale_factor=(0.6, 1.4),
            rotate_factor=80,
        ),
        dict(type='HsvJitter'),
        *blur,
        dict(type='CoarseDropout', prob=1.0, size=(0.2, 0.4)),
        *encode,
    ]
    train_pipeline_stage2 = [
        dict(
            type='RandomTopdownCrop',
            input_size=input_size,
            shift_factor=0.0,
            scale_factor=(0.5, 1.5),
            rotate_factor=90,
        ),
        *blur,
        *encode,
    ]
    # To learn few pictures by heart, in the very crops of the evaluation.
    plain_pipeline = [
        dict(
            type='RandomTopdownCrop',
            input_size=input_size,
            flip_prob=0.0,
            half_body_prob=0.0,
            shift_factor=0.0,
            scale_factor=(1.0, 1.0),
            rotate_factor=0.0,
        ),
        *encode,
    ]
    # mmpose's meta information, then what RTMW3DEstimator and WholeBodyMPJPE
    # ask for; a 2D dataset has none of that.
    val_pipeline = [
        dict(type='LoadImageOrSkip', skip=False),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=input_size),
        dict(
            type='PackPoseInputs',
            meta_keys=(
                'id',
                'img_id',
                'img_path',
                'category_id',
                'crowd_index',
                'ori_shape',
                'img_shape',
                'input_size',
                'input_center',
                'input_scale',
                'flip',
                'flip_direction',
                'flip_indices',
                'raw_ann_info',
                'dataset_name',
                'camera_param',
                'root_depth',
                'person_height',
                'keypoints_3d',
                'keypoints_3d_visible',
            ),
        ),
    ]
    return dict(
        codec=codec,
        train_pipeline=train_pipeline,
        train_pipeline_stage2=train_pipeline_stage2,
        plain_pipeline=plain_pipeline,
        val_pipeline=val_pipeline,
    )


# (w, h, d) in pixels, and the labels' width on each axis in bins.
inputs3d = dict(
    x128x96=_input((96, 128, 288), (3.0, 3.0, 4.9)),
    x128x128=_input((128, 128, 192), (3.5, 3.5, 4.9)),
    x256x192=_input((192, 256, 192), (4.9, 5.66, 4.9)),
    x384x288=_input((288, 384, 288), (6.0, 6.93, 6.0)),
)

train_dataloader = dict(num_workers=10, dataset=dict(datasets={{_base_.cocktail}}))
# A mix, so that a leaf evaluates another dataset in one line.
val_dataloader = dict(
    dataset=dict(
        type='WholeBodyMix', test_mode=True, datasets=dict(h3wb={{_base_.h3wb_val}})
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(type='WholeBodyMPJPE')
test_evaluator = val_evaluator
