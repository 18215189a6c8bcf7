# Training on photos and rendered people together, by minutes: a long constant
# learning rate, then a cosine to near zero. A run that is stopped goes on with
# --resume; with more minutes, it goes on at the constant rate.
_base_ = './minutes.py'

minutes = 60
flat = 0.75  # Share of the minutes at which the learning rate begins to fall.

optim_wrapper = dict(optimizer=dict(lr=8e-4))
auto_scale_lr = dict(base_batch_size=32)
custom_hooks = []
default_hooks = dict(
    checkpoint=dict(interval=100),
    checkpoint_fit=dict(type='mmpose.CheckpointFitHook'),
    time_budget=dict(type='mmpose.TimeBudgetHook', minutes=minutes, flat=flat),
    ema=dict(
        type='EMAHook',
        ema_type='mmpose.ForeachEMA',
        momentum=1e-3,
        gamma=500,
        update_buffers=True,
        priority=49,
    ),
)
