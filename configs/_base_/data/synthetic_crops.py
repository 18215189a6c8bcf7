# Stored synthetic crops (tools/dataset/synthesize.py --format crops), held, augmented
# and labelled in batches on the training device. Tested in 3D on the written
# people with true boxes; training does not need these.
_base_ = ['./rtmw3d_256x192.py', '../datasets/synthetic.py', '../models/biased_bn.py']

data_root = 'data/synthetic_crops/'
# Crops that are held, at most, and where.
num_crops = 100000
crops_device = 'cuda'
batch_size = 512

# For the model of a leaf config.
synthetic3d = dict(
    data_preprocessor=dict(
        type='BatchPipeline',
        codec={{_base_.codec}},
        scale_factor=(0.7, 1.3),
        rotate_factor=60.0,
        half_body_prob=0.2,
        colour=0.7,
        dropout_prob=0.25,
    ),
    head=dict(
        decoder={{_base_.codec}},
        init_cfg={{_base_.biased_bn}},
        gau=dict(dropout=0.0),
        # From scratch, the released 10 is too hot.
        loss=dict(beta=1.0, mask=list(range(23, 91)), mask_weight=0.5),
        bone_loss=dict(beta=1.0),
        # Mostly depth: what x and y say best is which bin is highest.
        coordinate_loss=dict(
            type='SimCCCoordinateLoss', axis_weights=(0.3, 0.3, 1.0), loss_weight=0.3
        ),
    ),
    test_cfg=dict(shift_heatmap=True, expected_bins=True),
)

train_dataloader = dict(
    _delete_=True,
    batch_size=batch_size,
    num_workers=0,
    sampler=dict(type='InfiniteSampler'),
    collate_fn=dict(type='keep_batch'),
    dataset=dict(
        type='CropPool',
        data_root=data_root,
        total=num_crops,
        device=crops_device,
        hidden_weight=0.5,
        with_3d=True,
    ),
)
val_dataloader = val_evaluator = None
test_dataloader = dict(
    num_workers=2,
    dataset=dict(datasets=dict(_delete_=True, synthetic={{_base_.synthetic_val}})),
)
