# ONNX as all of it is traced. tools/deploy.py fills in the size of the input,
# which the model's config says.
onnx_config = dict(
    type='onnx',
    export_params=True,
    keep_initializers_as_inputs=False,
    opset_version=17,
    save_file='end2end.onnx',
    input_names=['input'],
    input_shape=None,
    optimize=False,
)
