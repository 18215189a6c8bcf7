# RTMW-l. The input size is that of the codec, which a leaf config gives to the
# head; the other sizes change widths and depth only.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='CSPNeXt',
        arch='P5',
        expand_ratio=0.5,
        deepen_factor=1.0,
        widen_factor=1.0,
        channel_attention=True,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='SiLU'),
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmpose/v1/projects/'
            'rtmposev1/rtmpose-l_simcc-ucoco_dw-ucoco_270e-256x192-'
            '4d6dfc62_20230728.pth',
        ),
    ),
    neck=dict(
        type='PAFPN',
        in_channels=[256, 512, 1024],
        out_indices=(1, 2),
        num_csp_blocks=2,
        expand_ratio=0.5,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='SiLU', inplace=True),
    ),
    head=dict(
        type='RTMWSimCCHead',
        in_channels=1024,
        out_channels=133,
        hem=True,
        gau=dict(attention_dims=128, expansion_factor=2, dropout=0.0),
        # The 68 face points would outweigh the rest (paper 3.1.1).
        loss=dict(
            type='KLDiscretLoss',
            use_target_weight=True,
            beta=1.0,
            label_softmax=True,
            label_beta=10.0,
            mask=list(range(23, 91)),
            mask_weight=0.5,
        ),
    ),
    test_cfg=dict(flip_test=True),
)
