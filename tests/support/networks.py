"""Small ONNX files, and what loads them soon."""

import functools

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rtmw_ext import runtime

#: For tests of something else than backends: OpenVINO takes a second to compile.
PoseModel = functools.partial(runtime.PoseModel, backend='onnxruntime')


def bright(path, sure, points=17, size=(24, 32), depth=False):
    """A SimCC network that finds all points where a picture is brightest, with
    scores up to ``sure``, of an input of (w, h); like published files it says
    nothing of itself. With ``depth`` it predicts z, too."""
    width, height = size
    axes = [('x', width, 1), ('y', height, 2), *[('z', width, 1)] * depth]
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
    for axis, bins, other in axes:
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


def brightest(path, size=(96, 64), points=17):
    """A network of one stage, as MMDeploy writes RTMO, that finds one person where
    a picture is brightest, in an input of (w, h): sure if that is white. Behind it
    there are a copy of it and an empty row, as in published files."""
    width, height = size
    offsets = np.random.default_rng(0).uniform(-8, 8, (1, 1, points, 2))
    corners = np.array([[[-9.0, -9.0]], [[9.0, 9.0]]])
    constants = {
        'offsets': offsets.astype('f4'),
        'low': corners[:1].astype('f4'),
        'high': corners[1:].astype('f4'),
        'white': np.float32(255),
        'empty': np.zeros((1, 1, 5), 'f4'),
        'last': np.array([-1]),
        'middle': np.array([1]),
        'visible': np.array([1, 1, points, 1]),
        'copies': np.array([1, 3, 1, 1]),
    }
    node = helper.make_node
    nodes = [
        node('ReduceMean', ['input'], ['grey'], axes=[1], keepdims=0),
        node('ReduceMax', ['grey'], ['columns'], axes=[1], keepdims=0),
        node('ReduceMax', ['grey'], ['rows'], axes=[2], keepdims=0),
        node('ReduceMax', ['columns'], ['most'], axes=[1], keepdims=1),
        # The grey margins are no person.
        node('Div', ['most', 'white'], ['share']),
        node('Mul', ['share', 'share'], ['score']),
        node('ArgMax', ['columns'], ['x'], axis=1),
        node('ArgMax', ['rows'], ['y'], axis=1),
        node('Concat', ['x', 'y'], ['place'], axis=1),
        node('Cast', ['place'], ['center'], to=TensorProto.FLOAT),
        node('Unsqueeze', ['center', 'middle'], ['centers']),
        node('Add', ['centers', 'low'], ['near']),
        node('Add', ['centers', 'high'], ['far']),
        node('Unsqueeze', ['score', 'middle'], ['scores']),
        node('Concat', ['near', 'far', 'scores'], ['person'], axis=2),
        node('Concat', ['person', 'person', 'empty'], ['dets'], axis=1),
        node('Unsqueeze', ['centers', 'middle'], ['origins']),
        node('Add', ['origins', 'offsets'], ['xy']),
        node('Unsqueeze', ['scores', 'last'], ['sure']),
        node('Expand', ['sure', 'visible'], ['visibility']),
        node('Concat', ['xy', 'visibility'], ['skeleton'], axis=3),
        node('Tile', ['skeleton', 'copies'], ['keypoints']),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        'brightest',
        [value('input', TensorProto.FLOAT, [1, 3, height, width])],
        [
            value('dets', TensorProto.FLOAT, [1, None, 5]),
            value('keypoints', TensorProto.FLOAT, [1, None, points, 3]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    _save(graph, path)
    return path, offsets[0, 0]


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
