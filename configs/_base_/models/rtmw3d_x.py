_base_ = ['./rtmw_x.py', './rtmw3d.py']

model = {{_base_.rtmw3d}}
