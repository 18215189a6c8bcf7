# A 2D pose model as OpenMMLab publishes it.
_base_ = './onnx.py'

codebase_config = dict(type='mmpose', task='PoseDetection', export_postprocess=False)
onnx_config = dict(
    output_names=['simcc_x', 'simcc_y'],
    dynamic_axes=dict(input={0: 'batch'}, simcc_x={0: 'batch'}, simcc_y={0: 'batch'}),
)
