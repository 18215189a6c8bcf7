# RTMW3D-t learns drawn people with exact 3D by heart, evaluated on the same
# people: what `make demo-3d` trains.
_base_ = [
    '../_base_/schedules/short.py',
    '../_base_/models/rtmw3d_t.py',
    '../_base_/models/biased_bn.py',
    '../_base_/data/rtmw3d_128x96.py',
]
data_root = 'outputs/demo-3d/data/'
drawn = dict(
    type='H3WBDataset',
    split='mmpose-train',
    data_mode='topdown',
    data_root=data_root,
    ann_file='h3wb.npz',
    data_prefix=dict(img='images/'),
    test_mode=True,
)
max_iters = 400
warm_up = 60

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    precision='float32', optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=1)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=warm_up),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        begin=warm_up,
        end=max_iters,
        T_max=max_iters - warm_up,
        by_epoch=False,
    ),
]

# A small batch is steadier at a low temperature.
model = dict(
    head=dict(
        init_cfg={{_base_.biased_bn}},
        gau=dict(dropout=0.0),
        loss=dict(beta=1.0),
        bone_loss=dict(beta=1.0),
        decoder={{_base_.codec}},
    ),
    test_cfg=dict(flip_test=False),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        pipeline={{_base_.plain_pipeline}}, datasets=dict(_delete_=True, drawn=drawn)
    ),
)
val_dataloader = dict(
    num_workers=1, dataset=dict(datasets=dict(_delete_=True, drawn=drawn))
)
test_dataloader = val_dataloader
visualizer = dict(type='Pose3DVisualizer')
