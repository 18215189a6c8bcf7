# PoseTrack18 (https://posetrack.net), 17 body points; its eyes are not
# labelled and its ears hardly ever.
posetrack18_train = dict(
    type='KeypointDataset',
    metainfo=dict(from_file='configs/_base_/datasets/posetrack18.py'),
    data_root='data/posetrack18/',
    ann_file='annotations/posetrack18_train.json',
    data_prefix=dict(img=''),
    pipeline=[
        dict(type='WholeBodyKeypointMapping', source='posetrack18', same_names=True)
    ],
)
