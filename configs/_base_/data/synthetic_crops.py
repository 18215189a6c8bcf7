# Stored synthetic crops (tools/synthesize.py --format crops), held, augmented
# and labelled in batches on the training device.
train_dataloader = dict(
    batch_size=512,
    num_workers=0,
    sampler=dict(type='InfiniteSampler'),
    collate_fn=dict(type='keep_batch'),
    dataset=dict(
        type='CropPool',
        data_root='data/synthetic_crops/',
        total=100000,
        device='cuda',
        with_3d=True))
