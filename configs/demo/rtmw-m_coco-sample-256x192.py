# RTMW-m on the 14 people of mmpose's COCO-WholeBody sample, evaluated on the
# same people: what `make demo-real` trains.
_base_ = [
    '../_base_/schedules/short.py',
    '../_base_/models/rtmw_m.py',
    '../_base_/models/biased_bn.py',
    '../_base_/data/rtmw_256x192.py',
]
data_root = '../shared/samples/coco/'
max_iters = 200

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=20),
    dict(
        type='CosineAnnealingLR',
        eta_min=2e-5,
        begin=20,
        end=max_iters,
        T_max=max_iters - 20,
        by_epoch=False),
]

model = dict(
    backbone=dict(init_cfg=None),
    head=dict(init_cfg={{_base_.biased_bn}}, decoder={{_base_.codec}}),
    test_cfg=dict(flip_test=False))
train_dataloader = dict(
    batch_size=14,
    num_workers=1,
    sampler=dict(type='SeededInfiniteSampler'),
    dataset=dict(
        pipeline={{_base_.plain_pipeline}},
        datasets=[
            dict(
                type={{_base_.dataset_type}},
                data_mode='topdown',
                data_root=data_root,
                ann_file='test_coco_wholebody.json',
                data_prefix=dict(img=''),
                pipeline=[])
        ]))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        ann_file='test_coco_wholebody.json',
        data_prefix=dict(img=''),
        bbox_file=None))
test_dataloader = val_dataloader
