# A few CPU minutes: enough to learn few or simple pictures, with no second
# stage and no moving average.
_base_ = '../default_runtime.py'

max_iters = 120

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=21)

optim_wrapper = dict(
    type='PrecisionOptimWrapper',
    precision='auto',
    constructor='FusedOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=35, norm_type=2),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
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

auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(
    logger=dict(interval=10),
    part_loss=dict(interval=10),
    checkpoint=dict(by_epoch=False, interval=25, save_best=None),
)
log_processor = dict(by_epoch=False, window_size=10)
