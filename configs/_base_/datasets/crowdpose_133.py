# CrowdPose (https://github.com/Jeff-sjtu/CrowdPose), 14 body points: the
# training and validation files, as the released recipe uses both.
crowdpose_trainval = {
    split: dict(
        type='KeypointDataset',
        metainfo=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        data_root='data/crowdpose/',
        ann_file=f'annotations/crowdpose_{split}.json',
        data_prefix=dict(img='images/'),
        pipeline=[
            dict(type='WholeBodyKeypointMapping', source='crowdpose', same_names=True)
        ],
    )
    for split in ('train', 'val')
}
