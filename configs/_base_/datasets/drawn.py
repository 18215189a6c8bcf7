# Drawn people, which a CPU learns in minutes: tools/dataset/synthesize.py --format
# drawn. For a data file of `../data/`.
data_root = 'data/drawn/'

drawn_train = dict(
    type='WholeBodyDataset',
    data_mode='topdown',
    data_root=data_root,
    ann_file='annotations/train.json',
    data_prefix=dict(img='images/train/'),
    pipeline=[],
)

# Over the dataset that the data file evaluates.
drawn_val = dict(
    data_root=data_root,
    ann_file='annotations/val.json',
    data_prefix=dict(img='images/val/'),
    bbox_file=None,
)
