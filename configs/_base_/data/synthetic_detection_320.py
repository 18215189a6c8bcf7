# Pictures of 0 to 6 synthetic people for detectors (docs/synthetic.md), made
# once by
# tools/dataset/synthesize.py --format detection --num 6000 --seed 1
#   --out data/synthetic_detection
# tools/dataset/synthesize.py --format detection --num 500 --seed 2026 --split val
#   --out data/synthetic_detection
data_root = 'data/synthetic_detection/'
side = 320
mosaic_prob = 0.5
# Scale of a picture, in a mosaic and alone.
mosaic_ratio_range = (0.5, 1.2)
single_ratio_range = (0.5, 1.5)
square = (side, side)
grey = dict(img=(114, 114, 114))
person = dict(classes=('person',))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='RandomChoice',
        prob=[mosaic_prob, 1 - mosaic_prob],
        transforms=[
            [
                dict(type='CachedMosaic', img_scale=square, max_cached_images=40),
                dict(
                    type='RandomResize',
                    scale=(2 * side, 2 * side),
                    ratio_range=mosaic_ratio_range,
                    keep_ratio=True,
                ),
            ],
            [
                dict(
                    type='RandomResize',
                    scale=square,
                    ratio_range=single_ratio_range,
                    keep_ratio=True,
                )
            ],
        ],
    ),
    dict(type='RandomCrop', crop_size=square, allow_negative_crop=True),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=square, pad_val=grey),
    dict(
        type='PackDetInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'nobody')
    ),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=square, keep_ratio=True),
    dict(type='Pad', size=square, pad_val=grey),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        type='CocoDataset',
        data_root=data_root,
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/train/'),
        metainfo=person,
        # Pictures without people teach too.
        filter_cfg=dict(filter_empty_gt=False),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        data_root=data_root,
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
        metainfo=person,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='CocoMetric', ann_file=data_root + 'annotations/val.json', metric='bbox'
)
test_evaluator = val_evaluator
