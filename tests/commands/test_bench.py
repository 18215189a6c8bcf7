"""``rtmw bench``, alone and beside rtmlib."""

import importlib.util

import cv2
import numpy as np
import pytest

from rtmw_ext.commands import bench_rtmlib, cli
from rtmw_ext.commands.bench import WAYS, BenchError, cost, crowd, ways_of
from rtmw_ext.commands.bench_rtmlib import (
    SURE,
    Competitor,
    Files,
    distances,
    in_turns,
    our_video,
    ours,
    their_video,
    theirs,
)
from rtmw_ext.core.images import read_image
from rtmw_ext.runtime import Detector, PoseModel, WholeBody, tuning
from rtmw_ext.runtime.pose import PERSON
from rtmw_ext.zoo import resolve_network


def test_networks(capsys, loud_t_file, rtmw_t):
    flops, parameters = cost(loud_t_file)
    model, _ = rtmw_t
    learned = sum(weight.numel() for weight in model.parameters()) / 1e6
    # Norm layers are folded into the convolutions.
    assert abs(parameters - learned) / learned < 0.01
    assert abs(flops - 1.259) < 0.02  # docs/models.md
    assert cli.main(['bench', str(loud_t_file), '--rounds', '1']) == 0
    assert 'onnxruntime fp32' in capsys.readouterr().out


@pytest.mark.parametrize(
    'arguments, text',
    [
        ([], 'name one or more pose networks'),
        (['rtmw-t', '--rounds', '0'], '--rounds is 0: it must be 1 or more'),
        (['rtmw-q'], 'unknown network "rtmw-q"'),
        (['none.onnx'], 'network none.onnx does not exist: check the path'),
    ],
)
def test_what_cannot_be_measured(capsys, arguments, text):
    assert cli.main(['bench', *arguments]) == 1
    assert text in capsys.readouterr().err


def test_names(capsys, tmp_path):
    assert cli.main(['bench', 'rtmw-t', '--rounds', '1']) == 0
    assert 'rtmw-t_photos-256x192' in capsys.readouterr().out
    command = ['bench', 'rtmw-t', '--rounds', '1', '--det', 'rtmw-q']
    assert cli.main([*command, '--images', str(tmp_path)]) == 1
    assert 'unknown network "rtmw-q"' in capsys.readouterr().err


@pytest.mark.parametrize('people', [1, 2, 3, 8, 20])
def test_crowd(people):
    """Copies in the photo's shape that do not touch."""
    picture = crowd(np.full((200, 100, 3), 255, np.uint8), people)
    assert picture.shape == (1080, 1920, 3)
    count, _, stats, _ = cv2.connectedComponentsWithStats(
        (picture[..., 0] == 255).astype(np.uint8)
    )
    assert count - 1 == people
    shapes = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    assert np.allclose(shapes[:, 1] / shapes[:, 0], 2, rtol=0.05)
    assert (stats[1:, cv2.CC_STAT_AREA] == shapes.prod(1)).all()


def test_distances_are_of_the_same_people():
    boxes = np.float32([[0, 0, 10, 10], [50, 0, 60, 10], [90, 0, 99, 10]])
    points = np.float32([[[1, 1]], [[52, 2]], [[95, np.nan]]])
    other = boxes[[1, 0, 2]][:3], points[[1, 0, 2]] + (3, 4)
    assert distances([(boxes, points)], [other]).tolist() == [5, 5]
    # Boxes of 10 are 12.5 pixels of the image, and 25 of the crop.
    assert distances([(boxes, points)], [other], (25, 25))[0] == pytest.approx(10)
    far = boxes + 500, points
    assert distances([(boxes, points)], [far]).size == 0
    assert distances([(boxes[:0], points[:0])], [other]).size == 0


@pytest.fixture(scope='module')
def files():
    detector = resolve_network('rtmdet-nano', 'detector')
    return Files(
        str(resolve_network('rtmw-t')),
        (192, 256),
        str(detector),
        Detector(detector).input_size,
    )


def test_competitors_run_in_processes_of_their_own(files, people_image):
    # BGR is fed, as rtmlib does.
    bgr = PoseModel(files.pose, rgb=False, backend='onnxruntime')
    expected = WholeBody(bgr, Detector(files.detector, backend='onnxruntime'))
    way = ours, files.pose, files, [people_image], 'onnxruntime', 'fp32', 1
    with Competitor(*way) as one, Competitor(*way) as other:
        times = in_turns(one, other, 2)
        assert np.shape(times) == (2, 2) and np.min(times) > 0
    ((boxes, points),) = one.found
    people = expected(people_image)
    assert np.abs(boxes - people.boxes).max() < 0.01
    # Points that are not sure do not count.
    sure = np.where(people.scores[..., None] < SURE, np.nan, people.keypoints)
    assert np.isfinite(sure).any()
    assert np.allclose(points, sure, atol=0.01, equal_nan=True)


def test_a_competitor_that_fails_says_why(files, tmp_path):
    with pytest.raises(BenchError, match='NetworkError: .*none.onnx does not exist'):
        Competitor(ours, str(tmp_path / 'none.onnx'), files, [], 'openvino', 'fp32', 1)


def test_both_libraries_find_the_same(files):
    if importlib.util.find_spec('rtmlib') is None:
        pytest.skip('rtmlib is not installed')
    images = [read_image(PERSON)]
    one, other = (
        ours(files.pose, files, images, *WAYS[0], 1)(),
        theirs(files, images, 'onnxruntime')(),
    )
    assert len(one[0][0]) == len(other[0][0]) == 1
    # rtmlib takes the highest bin, ours the expected one.
    assert np.median(distances(one, other)) < 2
    for way in (our_video(files, images, 1), their_video(files, images)):
        ((boxes, points),) = way()
        assert len(boxes) == len(points) == 1


class Fake:
    """A competitor of known points and speed, which fails without points."""

    def __init__(self, x, milliseconds):
        if x is None:
            raise BenchError('no such backend')
        self.found = [(np.float32([[0, 0, 9, 9]]), np.full((1, 133, 2), float(x)))]
        self.milliseconds = milliseconds

    def __call__(self):
        return self.milliseconds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_the_fastest_has_the_points_of_fp32(monkeypatch):
    monkeypatch.setattr(bench_rtmlib, 'Competitor', Fake)
    ways = dict(fp32=(3, 20), near=(3.5, 10), far=(5, 1), absent=(None, 2))
    assert bench_rtmlib._best(ways, (9, 9)) == ((3.5, 10), 'near')
    with pytest.raises(BenchError, match='no backend runs these files'):
        bench_rtmlib._best(dict(absent=(None, 2)), (9, 9))


def test_int8_of_tuned_networks_takes_part(tmp_path):
    network = tmp_path / 'a.onnx'
    plain = [(network, *way) for way in WAYS]
    assert ways_of(network) == plain
    made = tuning.int8_file(network, 'openvino')
    made.parent.mkdir(parents=True)
    made.write_bytes(b'')
    # Each backend has an int8 version of its own.
    of_int8 = [(made, *way) for way in WAYS if way[0] == 'openvino']
    assert ways_of(network) == plain + of_int8
