# Stage 1: RTMW-l teaches RTMW-m.
_base_ = '../rtmw/rtmw-m_cocktail14-256x192.py'

model = dict(
    type='DistilledEstimator',
    teacher='rtmw-l-256x192',
    # The balance of labels and teacher is that of DWPose's batch.
    train_cfg=dict(reference_batch=64),
)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
