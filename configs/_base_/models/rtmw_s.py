_base_ = './rtmw_l.py'

model = dict(
    backbone=dict(
        deepen_factor=0.33, widen_factor=0.5, init_cfg=None
    ),  # from scratch: for CPUs and tests
    neck=dict(in_channels=[128, 256, 512]),
    head=dict(in_channels=512),
)
