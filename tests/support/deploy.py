"""Configs of MMDeploy."""


def onnx_runtime(size, outputs, **codebase):
    """Of a pose network with inputs of (w, h) in batches of any size, for ONNX
    Runtime.

    Args:
        size: (w, h).
        outputs: Names.
        **codebase: Further values of ``codebase_config``.
    """
    return dict(
        onnx_config=dict(
            type='onnx',
            export_params=True,
            opset_version=17,
            keep_initializers_as_inputs=False,
            save_file='end2end.onnx',
            input_names=['input'],
            output_names=outputs,
            input_shape=list(size),
            optimize=True,
            dynamic_axes={name: {0: 'batch'} for name in ('input', *outputs)},
        ),
        codebase_config=dict(type='mmpose', task='PoseDetection', **codebase),
        backend_config=dict(type='onnxruntime'),
    )
