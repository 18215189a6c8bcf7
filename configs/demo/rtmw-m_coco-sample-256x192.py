# RTMW-m on the 14 people of mmpose's COCO-WholeBody sample, evaluated on the
# same people: what `make demo-real` trains.
_base_ = [
    '../_base_/schedules/short.py',
    '../_base_/models/rtmw_m.py',
    '../_base_/models/biased_bn.py',
    '../_base_/data/rtmw_256x192.py',
]
data_root = '../shared/samples/coco/'
max_iters = 650

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    precision='float32', optimizer=dict(lr=1.2e-3), clip_grad=dict(max_norm=1)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=20),
    dict(
        type='CosineAnnealingLR',
        eta_min=2e-5,
        begin=20,
        end=max_iters,
        T_max=max_iters - 20,
        by_epoch=False,
    ),
]

model = dict(
    backbone=dict(init_cfg=None),
    head=dict(
        init_cfg={{_base_.biased_bn}},
        loss=dict(mask_weight=1.0),
        decoder={{_base_.codec}},
    ),
    test_cfg=dict(flip_test=False),
)
train_dataloader = dict(
    batch_size=14,
    num_workers=1,
    sampler=dict(type='SeededInfiniteSampler'),
    dataset=dict(
        # Wider than plain_pipeline: the boxes of a detector cut or add limbs.
        pipeline=[
            dict(
                type='RandomTopdownCrop',
                input_size=(192, 256),
                flip_prob=0.0,
                half_body_prob=0.0,
                shift_factor=0.06,
                shift_prob=1.0,
                scale_factor=(0.85, 1.12),
                rotate_factor=0.0,
            ),
            dict(
                type='GenerateTarget',
                encoder={{_base_.codec}},
                use_dataset_keypoint_weights=True,
            ),
            dict(type='PackTrainingInputs'),
        ],
        datasets=dict(
            _delete_=True,
            sample=dict(
                type={{_base_.dataset_type}},
                data_mode='topdown',
                data_root=data_root,
                ann_file='test_coco_wholebody.json',
                data_prefix=dict(img=''),
                pipeline=[],
            ),
        ),
    ),
)
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        ann_file='test_coco_wholebody.json',
        data_prefix=dict(img=''),
        bbox_file=None,
    ),
)
test_dataloader = val_dataloader
