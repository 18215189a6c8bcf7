# RTMW-t on generated drawings of people: what `make demo` trains.
_base_ = [
    '../_base_/schedules/short.py',
    '../_base_/models/rtmw_t.py',
    '../_base_/data/rtmw_256x192.py',
]
data_root = 'outputs/demo/data/'

model = dict(
    head=dict(decoder={{_base_.codec}}), test_cfg=dict(flip_test=False))
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='SeededInfiniteSampler'),
    dataset=dict(
        pipeline={{_base_.plain_pipeline}},
        datasets=[
            dict(
                type={{_base_.dataset_type}},
                data_mode='topdown',
                data_root=data_root,
                ann_file='annotations/train.json',
                data_prefix=dict(img='images/train/'),
                pipeline=[])
        ]))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
        bbox_file=None))
test_dataloader = val_dataloader
