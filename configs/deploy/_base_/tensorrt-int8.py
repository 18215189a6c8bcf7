# Ranges come from the images of --calibration.
_base_ = './tensorrt.py'

backend_config = dict(common_config=dict(int8_mode=True))
