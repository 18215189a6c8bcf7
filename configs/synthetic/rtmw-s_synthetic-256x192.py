_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw_s.py',
    '../_base_/data/synthetic_256x192.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))
