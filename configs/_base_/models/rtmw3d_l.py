_base_ = ['./rtmw_l.py', './rtmw3d.py']

model = {{_base_.rtmw3d}}
