# H3WB (https://github.com/wholebody3d/wholebody3d) on the frames of
# Human3.6M, below data/h36m/original/. split: 'train' and 'test' are the
# benchmark's (S1, S5, S6, S7; S8), 'mmpose-train' and 'mmpose-val' mmpose's
# (S1, S5, S6; S7), which the released checkpoints used.
h3wb_train = dict(
    type='H3WBDataset',
    split='mmpose-train',
    data_mode='topdown',
    data_root='data/h36m/',
    ann_file='annotation_body3d/h3wb_train_bbox.npz',
    data_prefix=dict(img='original/'),
    pipeline=[],
)

h3wb_val = dict(
    type='H3WBDataset',
    split='mmpose-val',
    data_mode='topdown',
    data_root='data/h36m/',
    ann_file='annotation_body3d/h3wb_train_bbox.npz',
    data_prefix=dict(img='original/'),
    test_mode=True,
)

h3wb_benchmark_test = dict(
    type='H3WBDataset',
    split='test',
    data_mode='topdown',
    data_root='data/h36m/',
    ann_file='annotation_body3d/h3wb_test_bbox.npz',
    data_prefix=dict(img='original/'),
    test_mode=True,
)
