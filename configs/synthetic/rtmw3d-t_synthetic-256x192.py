# RTMW3D-t from scratch on synthetic people. Its x and y are those of RTMW-t:
# without the z classifier it is the 2D model.
_base_ = [
    '../_base_/schedules/minutes.py',
    '../_base_/models/rtmw3d_t.py',
    '../_base_/data/synthetic_crops.py',
]

model = {{_base_.synthetic3d}}
