# The released 3D schedule: the 2D one with another weight decay, batch and
# seed, and no clipping; the best checkpoint is the one of the least MPJPE.
_base_ = './rtmw_270e.py'

randomness = dict(seed=2024)
optim_wrapper = dict(optimizer=dict(weight_decay=0.05), clip_grad=None)
default_hooks = dict(checkpoint=dict(save_best='MPJPE', rule='less'))
visualizer = dict(type='Pose3DVisualizer')
auto_scale_lr = dict(base_batch_size=4096)
