# Halpe-FullBody (https://github.com/Fang-Haoshu/Halpe-FullBody) on the images
# of HICO-DET. Its head, neck and hip points have no counterpart.
halpe_train = dict(
    type='KeypointDataset',
    metainfo=dict(from_file='configs/_base_/datasets/halpe.py'),
    data_root='data/halpe/',
    ann_file='annotations/halpe_train_v1.json',
    data_prefix=dict(img='hico_20160224_det/images/train2015/'),
    pipeline=[dict(type='WholeBodyKeypointMapping', source='halpe', same_names=True)],
)
