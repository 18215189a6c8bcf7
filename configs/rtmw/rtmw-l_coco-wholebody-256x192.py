_base_ = [
    '../_base_/schedules/rtmw_270e.py',
    '../_base_/models/rtmw_l.py',
    '../_base_/data/rtmw_256x192.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))
train_dataloader = dict(
    dataset=dict(
        datasets={'_delete_': True, 'coco-wholebody': {{_base_.coco_wholebody_train}}}
    )
)
auto_scale_lr = dict(base_batch_size=512)
