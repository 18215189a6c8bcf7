# RTMW-t learns drawn people, in minutes on a CPU: what a training on rendered
# ones begins with. Data: tools/synthesize.py --format drawn.
_base_ = '../demo/distill-study_drawn-128x96.py'

model = dict(
    backbone=dict(widen_factor=0.375),
    neck=dict(in_channels=[96, 192, 384]),
    head=dict(in_channels=384))
