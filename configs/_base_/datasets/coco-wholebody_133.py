# COCO-WholeBody v1.0 (https://github.com/jin-s13/COCO-WholeBody) on the images
# of COCO 2017; the detections are those of the papers, 56.4 AP on persons.
dataset_type = 'WholeBodyDataset'
data_mode = 'topdown'

coco_wholebody_train = dict(
    type=dataset_type,
    data_mode=data_mode,
    data_root='data/coco/',
    ann_file='annotations/coco_wholebody_train_v1.0.json',
    data_prefix=dict(img='train2017/'),
    pipeline=[],
)

coco_wholebody_val = dict(
    type=dataset_type,
    data_mode=data_mode,
    data_root='data/coco/',
    ann_file='annotations/coco_wholebody_val_v1.0.json',
    data_prefix=dict(img='val2017/'),
    bbox_file='data/coco/person_detection_results/'
    'COCO_val2017_detections_AP_H_56_person.json',
    test_mode=True,
)
