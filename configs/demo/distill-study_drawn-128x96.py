# The student of tools/studies/distill.py, trained alone; the tool makes the
# teacher and both stages of distillation from it.
_base_ = [
    '../_base_/schedules/short.py',
    '../_base_/models/rtmw_t.py',
    '../_base_/models/biased_bn.py',
    '../_base_/data/rtmw_128x96.py',
    '../_base_/datasets/drawn.py',
]

model = dict(
    backbone=dict(widen_factor=0.25),
    neck=dict(in_channels=[64, 128, 256]),
    head=dict(in_channels=256, init_cfg={{_base_.biased_bn}}, decoder={{_base_.codec}}),
    # The balance of labels and teacher is that of DWPose's batch.
    train_cfg=dict(reference_batch=64),
    test_cfg=dict(flip_test=False),
)
optim_wrapper = dict(precision='float32', clip_grad=dict(max_norm=1.0))
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='SeededInfiniteSampler'),
    dataset=dict(
        pipeline={{_base_.plain_pipeline}},
        datasets=dict(_delete_=True, drawn={{_base_.drawn_train}}),
    ),
)
val_dataloader = dict(num_workers=1, dataset={{_base_.drawn_val}})
test_dataloader = val_dataloader
