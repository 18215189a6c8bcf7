# The first part of a training from scratch, on a quarter of the pixels. The
# config for 256x192 goes on from its weights (load_from, docs/synthetic.md).
_base_ = './rtmw3d-t_synthetic-256x192.py'

codec = {{_base_.inputs3d.x128x96.codec}}
model = dict(data_preprocessor=dict(codec=codec), head=dict(decoder=codec))
test_dataloader = dict(
    dataset=dict(pipeline={{_base_.inputs3d.x128x96.val_pipeline}}))
