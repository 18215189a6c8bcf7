# A person detector from scratch on synthetic people, for CPUs too.
_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmdet_nano_person.py',
    '../_base_/data/synthetic_detection_320.py',
]
default_scope = 'mmdet'

train_cfg = dict(val_interval=500)
default_hooks = dict(
    part_loss=None,
    visualization=dict(_delete_=True, type='DetVisualizationHook'))
visualizer = dict(type='DetLocalVisualizer')
