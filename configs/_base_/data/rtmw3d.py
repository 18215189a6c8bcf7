# The loaders of the 3D models: the paper's 17 datasets, evaluated on
# COCO-WholeBody as the released configs are.
_base_ = '../datasets/cocktail17.py'

train_dataloader = dict(
    batch_size=64,
    num_workers=10,
    persistent_workers=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(
        type='WholeBodyMix', datasets={{_base_.cocktail17}}))

val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset={{_base_.coco_wholebody_val}})
test_dataloader = val_dataloader

val_evaluator = dict(type='WholeBodyMetric')
test_evaluator = val_evaluator
