_base_ = ['./rtmw_m.py', './rtmw3d.py']

model = {{_base_.rtmw3d}}
