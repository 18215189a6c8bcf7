# Stage 1: RTMW-x teaches RTMW-l.
_base_ = '../rtmw/rtmw-l_cocktail14-256x192.py'

model = dict(
    type='DistilledEstimator',
    teacher='rtmw-x-256x192',
    # The balance of labels and teacher is that of DWPose's batch.
    train_cfg=dict(reference_batch=64),
)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
