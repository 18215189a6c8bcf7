# The same on stored crops of rendered people, which take a GPU: they are far
# more varied than the drawn ones.
_base_ = './ablation-study_drawn-128x96.py'

model = dict(
    data_preprocessor=dict(
        type='BatchPipeline',
        codec={{_base_.codec}},
        shift_factor=0.05,
        scale_factor=(0.85, 1.15),
        rotate_factor=20.0,
        half_body_prob=0.0,
        colour=0.3,
        dropout_prob=0.0,
    )
)
optim_wrapper = dict(precision='auto')
train_dataloader = dict(
    _delete_=True,
    batch_size=512,
    num_workers=0,
    sampler=dict(type='InfiniteSampler'),
    collate_fn=dict(type='keep_batch'),
    dataset=dict(type='CropPool', data_root='', total=0, device='cuda'),
)
default_hooks = dict(speed=dict(channels_last=True))
