# The 2D model of the weights in the package (metafile.yml).
_base_ = './rtmw-t_synthetic-256x192.py'

codec = {{_base_.inputs.x128x96.codec}}
model = dict(head=dict(decoder=codec))
train_dataloader = dict(
    dataset=dict(pipeline={{_base_.inputs.x128x96.train_pipeline}}))
test_dataloader = dict(
    dataset=dict(pipeline={{_base_.inputs.x128x96.val_pipeline}}))
