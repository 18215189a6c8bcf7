# Where RTMW3D-t's training from scratch begins: its backbone and neck learn to
# see points, each a cell of the map (tools/train_synthetic.py).
_base_ = './rtmw3d-t_synthetic-128x96.py'

model = dict(
    type='TopdownPoseEstimator',
    neck=dict(out_indices=(0, 1, 2)),
    head=dict(
        _delete_=True,
        type='KeypointCellHead',
        in_channels=[96, 192, 384],
        out_channels=133,
        decoder={{_base_.codec}},
    ),
    test_cfg=dict(flip_test=False),
)
test_dataloader = test_evaluator = test_cfg = None
train_dataloader = dict(dataset=dict(with_3d=False))
default_hooks = dict(part_loss=dict(interval=0))
