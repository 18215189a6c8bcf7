_base_ = ['./rtmw_s.py', './rtmw3d.py']

model = {{_base_.rtmw3d}}
