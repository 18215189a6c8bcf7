# RTMW3D-t from scratch on synthetic people. Its x and y are those of RTMW-t:
# without the z classifier it is the 2D model.
_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw3d_t.py',
    '../_base_/data/synthetic_crops.py',
]

codec = dict(
    type='SimCC3DLabel',
    input_size=(192, 256, 192),
    sigma=(4.9, 5.66, 4.9),
    simcc_split_ratio=2.0,
    z_range=2.1744869)

model = dict(
    data_preprocessor=dict(
        type='BatchPipeline',
        codec=codec,
        scale_factor=(0.7, 1.3),
        rotate_factor=60.,
        half_body_prob=0.2,
        colour=0.7,
        dropout_prob=0.25),
    head=dict(
        decoder=codec,
        gau=dict(dropout=0.),
        loss=dict(mask=list(range(23, 91)), mask_weight=0.5)))
