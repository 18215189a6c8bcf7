_base_ = [
    '../_base_/schedules/rtmw3d_270e.py',
    '../_base_/models/rtmw3d_t.py',
    '../_base_/data/rtmw3d_256x192.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))
