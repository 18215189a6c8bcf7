# One crop per run.
_base_ = './pose3d.py'

onnx_config = dict(dynamic_axes=None)
