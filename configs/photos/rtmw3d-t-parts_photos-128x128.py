# RTMW3D-t for the second look, faces and left hands, on photos and on rendered
# people, from the weights of rendered people alone.
_base_ = './rtmw3d-t_photos-256x192.py'

data_root = 'data/photos/'
lr = 1e-3
batch_size = 64
codec = {{_base_.inputs3d.x128x128.codec}}

model = dict(
    data_preprocessor=dict(
        codec=codec,
        scale_factor=(0.9, 1.1),
        rotate_factor=20.0,
        half_body_prob=0.0,
        part_prob=1.0,
        # Where the first look is far off, the part is small and beside the
        # middle.
        part_scale=(1.2, 5.0),
        part_room=0.6,
        # Parts have no silhouette to paste.
        paste_prob=0.0,
        truncate_prob=0.1,
        occlude_prob=0.15,
        far_prob=0.15,
        part_weights=dict(left_hand=2.0, right_hand=2.0),
    ),
    head=dict(decoder=codec, kernel_size=3, loss=dict(mask_weight=1.0)),
)
load_from = 'rtmw-t-parts'
optim_wrapper = dict(optimizer=dict(lr=lr))
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        sets=[
            dict(data_root=data_root + 'lfw-parts', share=0.2),
            dict(data_root=data_root + 'ccp-parts', share=0.25),
            dict(data_root=data_root + 'fedb-parts', share=0.15),
            dict(data_root=data_root + 'asl-parts', share=0.15),
            dict(data_root=data_root + 'rendered', share=0.25),
        ]
    ),
)
