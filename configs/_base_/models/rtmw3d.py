# What makes an RTMW an RTMW3D, of any size (rtmw3d_l.py and so on): a third
# classifier, a loss that knows which z are known, and a bone loss. Released:
# beta 10, no face mask, bone loss weight 2.
rtmw3d = dict(
    type='RTMW3DEstimator',
    head=dict(
        type='RTMW3DHead',
        gau=dict(dropout=0.1),
        loss=dict(type='AxisKLDiscretLoss', beta=10.0, mask=None, mask_weight=1.0),
        bone_loss=dict(type='SimCCBoneLoss', beta=10.0, loss_weight=2.0),
    ),
)
