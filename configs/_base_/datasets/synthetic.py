# Synthetic people (docs/synthetic.md). Training ones are rendered on the fly;
# the evaluation set is written once, about 2,000 people:
# tools/synthesize.py --num 1000 --people 1 3 --seed 2026 --split val
#   --out data/synthetic
synthetic_train = dict(
    type='SyntheticWholeBodyDataset',
    num=10_000_000,
    seed=1,
    size=(288, 288),
    pipeline=[])

synthetic_val = dict(
    type='WholeBody3DDataset',
    data_root='data/synthetic/',
    ann_file='annotations/val.json',
    data_prefix=dict(img='images/val/'),
    test_mode=True)
