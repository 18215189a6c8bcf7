# What every 3D run shares.
_base_ = './default_runtime.py'

default_hooks = dict(checkpoint=dict(save_best='MPJPE', rule='less'))
visualizer = dict(type='Pose3DVisualizer')
