_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw3d_s.py',
    '../_base_/data/synthetic_crops.py',
]

model = {{_base_.synthetic3d}}
