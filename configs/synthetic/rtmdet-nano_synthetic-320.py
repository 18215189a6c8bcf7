# A person detector from scratch on synthetic people, on one CPU core.
_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmdet_nano_person.py',
    '../_base_/data/synthetic_detection_320.py',
]
default_scope = 'mmdet'
# Sides of the batches: smaller ones are faster, and one more change of scale.
batch_side_range = (224, 320)

model = dict(
    data_preprocessor=dict(
        batch_augments=[
            dict(
                type='BatchSyncRandomResize',
                random_size_range=batch_side_range,
                interval=1,
            )
        ]
    )
)

train_cfg = dict(val_interval=800)
val_cfg = dict(_delete_=True)
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(
    part_loss=dict(interval=0),
    visualization=dict(_delete_=True, type='DetVisualizationHook'),
)
visualizer = dict(type='DetLocalVisualizer')
