# RTMW-m on the 14 people of mmpose's COCO-WholeBody sample, evaluated on the
# same people: what `make demo-real` trains.
_base_ = [
    '../_base_/schedules/short.py',
    '../_base_/models/rtmw_m.py',
    '../_base_/data/rtmw_256x192.py',
]
data_root = '../shared/samples/coco/'

model = dict(backbone=dict(init_cfg=None), head=dict(decoder={{_base_.codec}}))
train_dataloader = dict(
    batch_size=14,
    num_workers=1,
    sampler=dict(type='InfiniteSampler'),
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
