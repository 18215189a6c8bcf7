# A person detector on photos, whose people a teacher names, and on rendered
# scenes with their true boxes. Photos of val splits and of no split stay out.
_base_ = [
    '../_base_/schedules/photos.py',
    '../_base_/models/rtmdet_nano_person.py',
    '../_base_/data/synthetic_detection_320.py',
]
default_scope = 'mmdet'

lr = 2e-3
batch_size = 16
teacher = '../shared/weights/rtmdet-nano_person_320.onnx'
labels = '../shared/real/'
photos = 'data/public/'
photo = dict(type='mmpose.UnlabelledPhotos', pipeline={{_base_.train_pipeline}})

model = dict(type='mmpose.DistilledDetector', teacher=teacher)
optim_wrapper = dict(optimizer=dict(lr=lr))
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(
    part_loss=dict(interval=0),
    visualization=dict(_delete_=True, type='DetVisualizationHook'),
)
visualizer = dict(type='DetLocalVisualizer')

train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(data_root=photos + 'SportsActivityDetection/train', **photo),
            dict(
                data_root=photos + 'lsp/images',
                only=labels + 'lspet/train.json',
                **photo,
            ),
            dict(
                data_root=photos + 'clothing-co-parsing/photos',
                only=labels + 'ccp/train.json',
                **photo,
            ),
            dict(
                data_root=photos + 'free-exercise-db/exercises',
                only=labels + 'fedb/train.json',
                **photo,
            ),
            {{_base_.train_dataloader.dataset}},
        ],
    ),
)
val_dataloader = val_evaluator = None
