_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw_t.py',
    '../_base_/models/biased_bn.py',
    '../_base_/data/synthetic_256x192.py',
]

model = dict(
    type='RTMWEstimator',
    head=dict(init_cfg={{_base_.biased_bn}}, decoder={{_base_.codec}}),
    test_cfg=dict(shift_heatmap=True))
