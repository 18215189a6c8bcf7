"""Small ONNX files."""

import onnx
from onnx import TensorProto, helper


def toy(path, inputs, outputs):
    """An ONNX file whose outputs are constants of the given shapes."""
    nodes, values = [], []
    for name, shape in outputs.items():
        nodes.append(
            helper.make_node(
                'ConstantOfShape',
                [f'{name}_shape'],
                [name],
                value=helper.make_tensor('v', TensorProto.FLOAT, [1], [0.5]),
            )
        )
        values.append(
            helper.make_tensor(f'{name}_shape', TensorProto.INT64, [len(shape)], shape)
        )
    graph = helper.make_graph(
        nodes,
        'toy',
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in inputs.items()
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        values,
    )
    onnx.save(
        helper.make_model(
            graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
        ),
        path,
    )
    return path
