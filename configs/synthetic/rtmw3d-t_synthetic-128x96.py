# The first part of a training from scratch, on a quarter of the pixels and
# little augmentation. The config for 256x192 goes on from its weights
# (tools/train_synthetic.py).
_base_ = './rtmw3d-t_synthetic-256x192.py'

codec = {{_base_.inputs3d.x128x96.codec}}
model = dict(
    data_preprocessor=dict(
        codec=codec,
        shift_factor=0.08,
        scale_factor=(0.8, 1.2),
        rotate_factor=30.0,
        half_body_prob=0.0,
        colour=0.3,
        dropout_prob=0.0,
    ),
    # The third axis has three times the bins of the first here.
    head=dict(decoder=codec, loss=dict(axis_weights=(1.0, 1.0, 3.0))),
)
test_dataloader = dict(dataset=dict(pipeline={{_base_.inputs3d.x128x96.val_pipeline}}))
