# A person detector on photos, whose people a teacher names, on sports people in
# their labelled boxes, on photos of things, where nobody is, and on rendered scenes
# with their true boxes. Photos of val splits and of no split stay out.
_base_ = [
    '../_base_/schedules/photos.py',
    '../_base_/models/rtmdet_nano_person.py',
    '../_base_/data/synthetic_detection_320.py',
]
default_scope = 'mmdet'

lr = 1e-3
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
            # Things and animals, few people.
            dict(data_root=photos + 'imagenet-sample-images', **photo),
            # Of these, those on which the teacher sees nobody with 0.5 or more.
            dict(
                type='RepeatDataset',
                times=6,
                dataset=dict(data_root='data/things', nobody=True, **photo),
            ),
            # One person each, whose box people's labels give.
            dict(
                type='CocoDataset',
                data_root=labels + 'lspet/',
                ann_file='train.json',
                data_prefix=dict(img='images/'),
                metainfo={{_base_.person}},
                pipeline={{_base_.train_pipeline}},
                indices=3000,
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
