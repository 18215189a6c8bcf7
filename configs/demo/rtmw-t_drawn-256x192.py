# RTMW-t on generated drawings of people: what `make demo` trains.
_base_ = [
    '../_base_/schedules/short.py',
    '../_base_/models/rtmw_t.py',
    '../_base_/data/rtmw_256x192.py',
    '../_base_/datasets/drawn.py',
]

model = dict(head=dict(decoder={{_base_.codec}}), test_cfg=dict(flip_test=False))
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='SeededInfiniteSampler'),
    dataset=dict(
        pipeline={{_base_.plain_pipeline}},
        datasets=dict(_delete_=True, drawn={{_base_.drawn_train}}),
    ),
)
val_dataloader = dict(num_workers=1, dataset={{_base_.drawn_val}})
test_dataloader = val_dataloader
