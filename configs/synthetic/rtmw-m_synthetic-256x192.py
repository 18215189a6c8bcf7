_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw_m.py',
    '../_base_/data/synthetic_256x192.py',
]

# From scratch, as the smaller ones: no weights of others to download.
model = dict(
    type={{_base_.synthetic2d.type}},
    backbone=dict(init_cfg=None),
    head={{_base_.synthetic2d.head}},
    test_cfg={{_base_.synthetic2d.test_cfg}},
)
