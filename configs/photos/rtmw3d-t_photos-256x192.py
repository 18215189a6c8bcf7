# RTMW3D-t, and without its z classifier RTMW-t, on people in photos and on rendered
# ones, from the weights of rendered people alone. Photos are labelled in part, in 2D
# only; `make photos` makes the crops.
_base_ = [
    '../_base_/schedules/photos.py',
    '../_base_/models/rtmw3d_t.py',
    '../_base_/data/synthetic_crops.py',
]

data_root = 'data/photos/'
crops_device = 'cpu'
# True where the page cache is reclaimed, and memory holds all crops.
crops_in_memory = False
batch_size = 32
# Stem and first stage are a quarter of a step; -1 trains them too.
frozen_stages = 1

model = dict(
    data_preprocessor=dict(
        type='PhotoPipeline',
        codec={{_base_.codec}},
        scale_factor=(0.7, 1.3),
        rotate_factor=60.0,
        half_body_prob=0.3,
        truncate_prob=0.3,
        colour=0.7,
        dropout_prob=0.15,
        # Photos label fewer points of bodies than of faces and hands.
        part_weights=dict(body=2.0, feet=2.0),
    ),
    backbone=dict(frozen_stages=frozen_stages),
    head={{_base_.synthetic3d.head}},
    test_cfg={{_base_.synthetic3d.test_cfg}},
)

load_from = 'rtmw3d-t'
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        _delete_=True,
        type='CropMix',
        with_3d=True,
        device=crops_device,
        in_memory=crops_in_memory,
        sets=[
            # Human labels of bodies alone: 17 of the 133 points.
            dict(data_root=data_root + 'lspet', share=0.32, weight=2.0),
            dict(data_root=data_root + 'sports', share=0.16),
            dict(data_root=data_root + 'ccp', share=0.07),
            dict(data_root=data_root + 'ccp-bust', share=0.06),
            dict(data_root=data_root + 'fedb', share=0.16),
            dict(data_root=data_root + 'fedb-bust', share=0.06),
            dict(data_root=data_root + 'lfw', share=0.02),
            dict(data_root=data_root + 'asl', share=0.05),
            dict(data_root=data_root + 'rendered', share=0.14),
        ],
    ),
)
