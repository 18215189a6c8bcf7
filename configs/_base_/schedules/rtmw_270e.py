# The released schedule. base_batch_size is that of 8 GPUs x 1024; a leaf with
# another released batch sets its own.
_base_ = '../default_runtime.py'

max_epochs = 270
stage2_epochs = 10
base_lr = 5e-4
warmup_steps = 1000

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=10)
val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=21)

optim_wrapper = dict(
    type='PrecisionOptimWrapper',
    precision='auto',
    constructor='FusedOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=base_lr, weight_decay=0.1),
    clip_grad=dict(max_norm=35, norm_type=2),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
)

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-5, by_epoch=False, begin=0, end=warmup_steps),
    dict(
        type='CosineAnnealingLR',
        eta_min=base_lr * 0.05,
        begin=max_epochs // 2,
        end=max_epochs,
        T_max=max_epochs // 2,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]

auto_scale_lr = dict(base_batch_size=8192)

default_hooks = dict(
    sync_buffers=dict(type='SyncBuffersHook'),
    ema=dict(
        type='StepEMAHook',
        ema_type='mmpose.ForeachEMA',
        momentum=2e-4,
        update_buffers=True,
        priority=49,
    ),
    stage_pipeline_switch=dict(
        type='StagePipelineSwitchHook',
        last_epochs=stage2_epochs,
        pipeline='train_pipeline_stage2',
    ),
)
