_base_ = './rtmw_l.py'

model = dict(
    backbone=dict(
        deepen_factor=0.167, widen_factor=0.375, init_cfg=None
    ),  # from scratch: for CPUs and tests
    neck=dict(in_channels=[96, 192, 384]),
    head=dict(in_channels=384),
)
