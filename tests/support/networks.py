"""Small ONNX files."""

import onnx
from onnx import TensorProto, helper


def bright(path, sure, points=17, size=(24, 32)):
    """A SimCC network that finds all points where a picture is brightest, with
    scores up to ``sure``, of an input of (w, h); like published files it says
    nothing of itself."""
    width, height = size
    nodes = [
        helper.make_node('ReduceMean', ['input'], ['grey'], axes=[1], keepdims=0),
        # Its slope: black gives about 0.1, white 0.9 of a sure score.
        helper.make_node('Sigmoid', ['grey'], ['share']),
        helper.make_node('Mul', ['share', 'sure'], ['logits']),
    ]
    inits = [
        helper.make_tensor('sure', TensorProto.FLOAT, [], [sure]),
        helper.make_tensor('shape', TensorProto.INT64, [3], [1, points, 1]),
    ]
    outputs = []
    for axis, bins, other in (('x', width, 1), ('y', height, 2)):
        name = f'simcc_{axis}'
        nodes += [
            helper.make_node(
                'ReduceMax', ['logits'], [f'{name}_max'], axes=[other], keepdims=0
            ),
            helper.make_node('Unsqueeze', [f'{name}_max', 'one'], [f'{name}_row']),
            helper.make_node('Expand', [f'{name}_row', 'shape'], [name]),
        ]
        outputs.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ['n', points, bins])
        )
    inits.append(helper.make_tensor('one', TensorProto.INT64, [1], [1]))
    shape = ['n', 3, height, width]
    graph = helper.make_graph(
        nodes,
        'bright',
        [helper.make_tensor_value_info('input', TensorProto.FLOAT, shape)],
        outputs,
        inits,
    )
    _save(graph, path)
    return path


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
    _save(graph, path)
    return path


def _save(graph, path):
    onnx.save(
        helper.make_model(
            graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
        ),
        path,
    )
