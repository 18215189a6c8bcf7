# The small RTMW of tools/ablation_study.py, trained on stored synthetic crops;
# the tool makes the rows of the paper's Table 4 from it.
_base_ = [
    '../_base_/schedules/short.py',
    '../_base_/models/rtmw_t.py',
    '../_base_/models/biased_bn.py',
    '../_base_/data/rtmw_128x96.py',
]

# Few steps: weak augmentation.
model = dict(
    data_preprocessor=dict(
        type='BatchPipeline',
        codec={{_base_.codec}},
        shift_factor=0.05,
        scale_factor=(0.85, 1.15),
        rotate_factor=20.,
        half_body_prob=0.,
        colour=0.,
        dropout_prob=0.),
    backbone=dict(widen_factor=0.25),
    neck=dict(in_channels=[64, 128, 256]),
    head=dict(
        in_channels=256,
        init_cfg={{_base_.biased_bn}},
        decoder={{_base_.codec}}),
    test_cfg=dict(flip_test=False))
optim_wrapper = dict(precision='float32', clip_grad=dict(max_norm=1.))
train_dataloader = dict(
    _delete_=True,
    batch_size=32,
    num_workers=0,
    sampler=dict(type='InfiniteSampler'),
    collate_fn=dict(type='keep_batch'),
    dataset=dict(type='CropPool', data_root='', total=0, device='cpu'))
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
        bbox_file=None))
test_dataloader = val_dataloader
default_hooks = dict(
    logger=dict(interval=50),
    part_loss=dict(interval=50),
    checkpoint=dict(interval=100),
    # In float32 CPUs are faster without.
    speed=dict(channels_last=False))
