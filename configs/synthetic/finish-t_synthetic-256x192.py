# A last part of the training, which two CPU cores can do: the first stages, a
# quarter of a step, are fixed, crops are little changed, as they are met, and
# four of five are of a face or a hand.
_base_ = './rtmw3d-t_synthetic-256x192.py'
batch_size = 64

model = dict(
    data_preprocessor=dict(
        shift_factor=0.08,
        scale_factor=(0.85, 1.15),
        rotate_factor=20.0,
        half_body_prob=0.05,
        part_prob=0.8,
        colour=0.5,
        dropout_prob=0.1,
    ),
    backbone=dict(frozen_stages=1),
    head=dict(loss=dict(mask_weight=1.0)),
)

optim_wrapper = dict(optimizer=dict(lr=4e-4))
train_dataloader = dict(batch_size=batch_size)
