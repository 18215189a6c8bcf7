_base_ = './rtmw.py'

codec = {{_base_.inputs.x256x192.codec}}
plain_pipeline = {{_base_.inputs.x256x192.plain_pipeline}}
train_pipeline_stage2 = {{_base_.inputs.x256x192.train_pipeline_stage2}}
train_dataloader = dict(
    dataset=dict(pipeline={{_base_.inputs.x256x192.train_pipeline}})
)
val_dataloader = dict(dataset=dict(pipeline={{_base_.inputs.x256x192.val_pipeline}}))
test_dataloader = val_dataloader
