_base_ = './rtmw_l.py'

model = dict(
    backbone=dict(
        deepen_factor=1.33,
        widen_factor=1.25,
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmpose/v1/'
            'wholebody_2d_keypoint/rtmpose/ubody/rtmpose-x_simcc-ucoco_pt-aic-'
            'coco_270e-256x192-05f5bcb7_20230822.pth'
        ),
    ),
    neck=dict(in_channels=[320, 640, 1280]),
    head=dict(in_channels=1280),
)
