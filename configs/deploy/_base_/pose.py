# A 2D pose model as OpenMMLab publishes it. tools/deploy.py fills in the size
# of the input, which the model's config says.
codebase_config = dict(
    type='mmpose', task='PoseDetection', export_postprocess=False)
onnx_config = dict(
    type='onnx',
    export_params=True,
    keep_initializers_as_inputs=False,
    opset_version=17,
    save_file='end2end.onnx',
    input_names=['input'],
    output_names=['simcc_x', 'simcc_y'],
    input_shape=None,
    optimize=False,
    dynamic_axes=dict(
        input={0: 'batch'}, simcc_x={0: 'batch'}, simcc_y={0: 'batch'}))
