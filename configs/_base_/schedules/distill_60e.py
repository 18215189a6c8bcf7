# Stage 2 of distillation: a fifth of the released epochs, the schedule of
# rtmw_270e.py shrunk to them. Beside a leaf of the student, which takes both.
_epochs = 60
_base_lr = 5e-4

distill_60e = dict(
    train_cfg=dict(max_epochs=_epochs),
    param_scheduler=[
        dict(type='LinearLR', start_factor=1e-5, by_epoch=False, begin=0, end=1000),
        dict(
            type='CosineAnnealingLR',
            eta_min=_base_lr * 0.05,
            begin=_epochs // 2,
            end=_epochs,
            T_max=_epochs // 2,
            by_epoch=True,
            convert_to_iter_based=True,
        ),
    ],
)
