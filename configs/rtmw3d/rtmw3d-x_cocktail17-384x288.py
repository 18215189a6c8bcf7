_base_ = [
    '../_base_/schedules/rtmw3d_270e.py',
    '../_base_/models/rtmw3d_x.py',
    '../_base_/data/rtmw3d_384x288.py',
]

model = dict(
    backbone=dict(
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmpose/v1/'
            'wholebody_2d_keypoint/rtmpose/ubody/rtmpose-x_simcc-ucoco_pt-aic-'
            'coco_270e-384x288-f5b50679_20230822.pth'
        )
    ),
    head=dict(gau=dict(dropout=0.0), decoder={{_base_.codec}}),
)
