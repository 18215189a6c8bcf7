# Trains on synthetic people as the CPU renders them; a GPU is better fed from
# stored crops, see synthetic_crops.py. Tested on the written people with true
# boxes; training does not need these.
_base_ = ['./rtmw_256x192.py', '../datasets/synthetic.py', '../models/biased_bn.py']

# For the model of a leaf config.
synthetic2d = dict(
    type='RTMWEstimator',
    head=dict(init_cfg={{_base_.biased_bn}}, decoder={{_base_.codec}}),
    test_cfg=dict(shift_heatmap=True),
)

train_dataloader = dict(
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(datasets=dict(_delete_=True, synthetic={{_base_.synthetic_train}})),
)
val_dataloader = val_evaluator = None
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type={{_base_.synthetic_val.type}},
        data_root={{_base_.synthetic_val.data_root}},
        ann_file={{_base_.synthetic_val.ann_file}},
        data_prefix={{_base_.synthetic_val.data_prefix}},
        bbox_file=None,
    ),
)
