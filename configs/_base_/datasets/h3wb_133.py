# H3WB (https://github.com/wholebody3d/wholebody3d): the points of
# COCO-WholeBody in 3D on frames of Human3.6M; S8 is its test set.
h3wb_train = dict(
    type='H3WBDataset',
    split='train',
    data_root='data/h36m/',
    ann_file='annotation_body3d/h3wb_train_bbox.npz',
    data_prefix=dict(img='images/'),
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping', source='h3wb', same_names=True),
    ])
h3wb_test = dict(h3wb_train, split='test', test_mode=True)
