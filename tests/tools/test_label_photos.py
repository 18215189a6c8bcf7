"""Self-labelling keeps what predictions of moved and mirrored boxes agree on."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import FIELDS, PARTS
from support.tools import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('dataset/label_photos')


def test_who_is_found_alike_in_the_mirror_agrees(tool):
    """A network that follows the picture agrees with itself in all four."""
    image = np.zeros((60, 101, 3), np.uint8)
    image[:, :30] = 200
    rng = np.random.default_rng(1)
    truth = rng.uniform(10, 50, (133, 2))

    def pose(image, boxes):
        mirrored = image[0, 0, 0] == 0
        points = truth
        if mirrored:
            points = (truth * (-1, 1) + (100, 0))[tool.FLIP_INDICES]
        count = len(boxes)
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        return People(
            np.tile(points, (count, 1, 1)),
            np.ones((count, 133), np.float32),
            boxes,
            np.ones(count),
        )

    boxes = np.array([[5.0, 5, 55, 55]])
    points, scores = tool.predict_augmented(pose, image, boxes, rng)
    assert points.shape == (4, 1, 133, 2) and scores.shape == (4, 1, 133)
    assert np.allclose(points, truth)
    mean, keep = tool.find_consensus(points, scores, boxes, 0.5)
    assert keep.all() and np.allclose(mean[0], truth)


def test_what_differs_or_is_unsure_is_dropped(tool):
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, (1, 1, 133, 2))
    points = np.repeat(truth, 4, 0)
    scores = np.ones((4, 1, 133))
    boxes = np.array([[0.0, 0, 100, 100]])
    points[0, 0, 5] += 20  # An elbow's predictions are apart.
    scores[:, 0, 6] = 0.2
    points[0, 0, 91:112] += 40  # A hand is somewhere else as a whole.
    points[0, 0, 30] += 60  # One point of a face.
    _, keep = tool.find_consensus(points, scores, boxes, 0.5)
    dropped = {5, 6, 30, *PARTS['left_hand']}
    assert set(np.flatnonzero(~keep[0])) == dropped
    (row,) = tool.make_annotations(points[1], keep, boxes, 7)
    visible = np.concatenate([row[field][2::3] for field in FIELDS])
    assert set(np.flatnonzero(visible == 0)) == dropped
    assert (visible[17:23] == 1).all() and row['image_id'] == 7
    assert row['keypoints'][:2] == points[1, 0, 0].round(1).tolist()
    keep[:, 3:17] = False
    assert tool.make_annotations(points[1], keep, boxes, 7) == []


def test_what_two_teachers_agree_on(tool):
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 200, (1, 133, 2))
    scores = np.ones((1, 133))
    boxes = np.array([[0.0, 0, 100, 200]])
    body, body_scores = points[:, :17].copy(), np.ones((1, 17))
    body[0, 9] += (0, 17)  # Wrists may be 18 pixels apart in this box,
    body[0, 10] += (0, 19)
    body[0, 0] += (0, 7)  # noses 6.
    body_scores[0, 5] = 0.2
    scores[0, 6] = 0
    body[0, 16] += 50  # A foot follows its ankle,
    scores[0, 19] = 0.3  # but for a heel that is hidden.
    found, keep = tool.find_agreement((body, body_scores), (points, scores), boxes)
    dropped = {10, 0, 5, 6, 16, 19, 20, 21, 22, *range(23, 133)}
    assert set(np.flatnonzero(~keep[0])) == dropped
    assert np.allclose(found[0, 9], points[0, 9] + (0, 8.5))
    assert np.allclose(found[0, 17], points[0, 17])


def test_movenet_sees_a_person_in_the_middle_of_its_crop(tool, tmp_path):
    """A file that says where the red of its input is, as MoveNet would."""
    path = tmp_path / 'movenet.onnx'
    write_red_finder(path)
    image = np.zeros((120, 160, 3), np.uint8)
    image[69:72, 99:102, 2] = 255
    boxes = np.array([[60.0, 30, 140, 110], [80.0, 50, 120, 110]])
    points, scores = tool.MoveNet(str(path))(image, boxes)
    assert points.shape == (2, 17, 2) and np.allclose(scores, 1)
    assert np.abs(points - (100, 70)).max() < 0.7


def write_red_finder(path):
    """Mean place of the red pixels of (1, 256, 256, 3), y and x in parts of the
    side, and 1."""
    side = 256
    grid = (np.indices((side, side)).astype(np.float32) + 0.5) / side
    weights = np.stack([*grid, np.ones((side, side), np.float32)], -1).reshape(-1, 3)
    make = helper.make_node
    nodes = [
        make('Cast', ['image'], ['values'], to=TensorProto.FLOAT),
        make('Gather', ['values', 'zero'], ['red'], axis=3),
        make('Reshape', ['red', 'flat'], ['row']),
        make('ReduceSum', ['row'], ['total'], keepdims=1),
        make('Div', ['row', 'total'], ['shares']),
        make('MatMul', ['shares', 'weights'], ['place']),
        make('Expand', ['place', 'shape'], ['all']),
        make('Reshape', ['all', 'out'], ['output']),
    ]
    tensors = dict(
        zero=np.int64(0),
        flat=np.array([1, side * side]),
        weights=weights,
        shape=np.array([17, 3]),
        out=np.array([1, 1, 17, 3]),
    )
    graph = helper.make_graph(
        nodes,
        'finder',
        [helper.make_tensor_value_info('image', TensorProto.INT32, [1, side, side, 3])],
        [helper.make_tensor_value_info('output', TensorProto.FLOAT, [1, 1, 17, 3])],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in tensors.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    onnx.save(model, str(path))
