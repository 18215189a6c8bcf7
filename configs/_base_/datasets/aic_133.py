# AI Challenger (https://github.com/AIChallenger/AI_Challenger_2017), 14 body
# points. Its hips follow another convention than COCO's: half weight.
aic_train = dict(
    type='KeypointDataset',
    metainfo=dict(from_file='configs/_base_/datasets/aic.py'),
    data_root='data/aic/',
    ann_file='annotations/aic_train.json',
    data_prefix=dict(
        img='ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902/'
    ),
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping',
            source='aic',
            same_names=True,
            weights=dict(left_hip=0.5, right_hip=0.5),
        )
    ],
)
