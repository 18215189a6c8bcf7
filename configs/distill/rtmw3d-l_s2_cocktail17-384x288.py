# Stage 2: the head of RTMW3D-l learns from itself.
_base_ = [
    '../rtmw3d/rtmw3d-l_cocktail17-384x288.py',
    '../_base_/schedules/distill_60e.py',
]

model = dict(
    type='DistilledRTMW3DEstimator',
    stage=2,
    teacher_weights='work_dirs/rtmw3d-x-l_s1_cocktail17-384x288',
)
train_cfg = {{_base_.distill_60e.train_cfg}}
param_scheduler = {{_base_.distill_60e.param_scheduler}}
optim_wrapper = dict(clip_grad=dict(_delete_=True, max_norm=1.0))
