# One crop per run.
_base_ = './pose.py'

onnx_config = dict(dynamic_axes=None)
