_base_ = [
    '../_base_/schedules/rtmw_270e.py',
    '../_base_/models/rtmw_x.py',
    '../_base_/data/rtmw_384x288.py',
]

model = dict(
    backbone=dict(
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmpose/v1/'
            'wholebody_2d_keypoint/rtmpose/ubody/rtmpose-x_simcc-ucoco_pt-aic-'
            'coco_270e-384x288-f5b50679_20230822.pth'
        )
    ),
    head=dict(decoder={{_base_.codec}}),
)
train_dataloader = dict(batch_size=320)
auto_scale_lr = dict(base_batch_size=2560)
