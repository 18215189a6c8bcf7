# Stage 1: RTMW3D-x teaches RTMW3D-l.
_base_ = '../rtmw3d/rtmw3d-l_cocktail17-384x288.py'

model = dict(
    type='DistilledRTMW3DEstimator',
    teacher='rtmw3d-x-384x288',
    # The balance of labels and teacher is that of DWPose's batch.
    train_cfg=dict(reference_batch=64),
)
optim_wrapper = dict(clip_grad=dict(_delete_=True, max_norm=1.0))
