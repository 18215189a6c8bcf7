# A schedule sized to the machine by one number, the minutes that it may take:
# for training from scratch on data that is never used up.
# tools/train.py CONFIG --cfg-options minutes=60
_base_ = '../default_runtime.py'

minutes = 10

train_cfg = dict(type='IterBasedTrainLoop', max_iters=10**9, val_interval=10**9)
val_cfg = None
test_cfg = dict()
randomness = dict(seed=21)

optim_wrapper = dict(
    type='mmpose.PrecisionOptimWrapper',
    precision='auto',
    constructor='mmpose.FusedOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=35, norm_type=2),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
)

auto_scale_lr = dict(base_batch_size=512)
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(by_epoch=False, interval=500, save_best=None),
    time_budget=dict(type='mmpose.TimeBudgetHook', minutes=minutes),
    # A run of thousands of steps, not of a million: a shorter memory.
    ema=dict(
        type='EMAHook',
        ema_type='mmpose.ForeachEMA',
        momentum=1e-3,
        gamma=500,
        update_buffers=True,
        priority=49,
    ),
)
log_processor = dict(by_epoch=False)
