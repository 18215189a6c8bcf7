_base_ = ['./rtmw_t.py', './rtmw3d.py']

model = {{_base_.rtmw3d}}
