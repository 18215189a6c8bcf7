# RTMW3D-m on synthetic crops.
_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw3d_m.py',
    '../_base_/data/synthetic_crops.py',
]

model = dict(
    data_preprocessor={{_base_.synthetic3d.data_preprocessor}},
    backbone=dict(init_cfg=None),
    head={{_base_.synthetic3d.head}},
    test_cfg={{_base_.synthetic3d.test_cfg}},
)
