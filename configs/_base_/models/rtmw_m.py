_base_ = './rtmw_l.py'

model = dict(
    backbone=dict(
        deepen_factor=0.67,
        widen_factor=0.75,
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmpose/v1/projects/'
            'rtmposev1/rtmpose-m_simcc-ucoco_dw-ucoco_270e-256x192-'
            'c8b76419_20230728.pth'
        ),
    ),
    neck=dict(in_channels=[192, 384, 768]),
    head=dict(in_channels=768),
)
