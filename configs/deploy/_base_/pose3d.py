# RTMW3D: a third axis.
_base_ = './pose.py'

onnx_config = dict(
    output_names=['simcc_x', 'simcc_y', 'simcc_z'],
    dynamic_axes=dict(simcc_z={0: 'batch'}),
)
