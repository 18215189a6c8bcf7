# Synthetic people (docs/synthetic.md). Training ones are rendered on the fly;
# the evaluation set, 2,000 people, is written once: make synthetic-val.
synthetic_train = dict(
    type='SyntheticWholeBodyDataset',
    num=10_000_000,
    seed=1,
    size=(288, 288),
    pipeline=[],
)

synthetic_val = dict(
    type='WholeBody3DDataset',
    data_root='data/synthetic/',
    ann_file='annotations/val.json',
    data_prefix=dict(img='images/val/'),
    test_mode=True,
)
