_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw_s.py',
    '../_base_/data/synthetic_256x192.py',
]

model = {{_base_.synthetic2d}}
