# The small RTMW of tools/studies/ablation.py; the tool makes the rows of the
# paper's Table 4 from it.
_base_ = './distill-study_drawn-128x96.py'

default_hooks = dict(
    logger=dict(interval=50),
    part_loss=dict(interval=50),
    checkpoint=dict(interval=100),
    # In float32 CPUs are faster without.
    speed=dict(channels_last=False),
)
