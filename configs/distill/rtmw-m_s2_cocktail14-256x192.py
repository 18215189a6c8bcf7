# Stage 2: the head of RTMW-m learns from itself.
_base_ = ['../rtmw/rtmw-m_cocktail14-256x192.py', '../_base_/schedules/distill_60e.py']

model = dict(
    type='DistilledEstimator',
    stage=2,
    teacher_weights='work_dirs/rtmw-l-m_s1_cocktail14-256x192',
)
train_cfg = {{_base_.distill_60e.train_cfg}}
param_scheduler = {{_base_.distill_60e.param_scheduler}}
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
