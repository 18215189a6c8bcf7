_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw_m.py',
    '../_base_/models/biased_bn.py',
    '../_base_/data/synthetic_256x192.py',
]

# From scratch, as the smaller ones: no weights of others to download.
model = dict(
    type='RTMWEstimator',
    backbone=dict(init_cfg=None),
    head=dict(init_cfg={{_base_.biased_bn}}, decoder={{_base_.codec}}),
    test_cfg=dict(shift_heatmap=True))
