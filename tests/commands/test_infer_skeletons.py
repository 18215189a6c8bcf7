"""Networks of 17 and 26 points in ``rtmw infer``: run, drawn, written, read back."""

import cv2
import numpy as np
import pytest

from rtmw_ext import zoo
from rtmw_ext.commands import cli
from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import keypoint_names, links_of
from rtmw_ext.output.draw2d import draw_people
from rtmw_ext.output.reading import read
from rtmw_ext.runtime import PoseModel
from rtmw_ext.runtime.pose import PoseError
from support.networks import bright, toy
from support.zoo import publish, without_hashes

#: Of the formats that take any number of points.
SUFFIXES = {'.json', '.jsonl', '.csv', '.npz'}


@pytest.mark.parametrize(
    'name, count', [('rtmpose-s', 17), ('rtmpose-s-halpe26', 26), ('dwpose-s', 133)]
)
def test_a_published_network_by_name(name, count, file_server, monkeypatch, tmp_path):
    folder, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    without_hashes(monkeypatch)
    network = bright(tmp_path / 'end2end.onnx', 0.9, count, (192, 256))
    path = zoo.get(name).onnx.removeprefix(f'{address}/')
    publish(folder / path, network.read_bytes())
    picture = np.zeros((200, 150, 3), np.uint8)
    picture[90:110, 60:90] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), picture)
    out = tmp_path / 'out'
    formats = ('--format', 'json', 'jsonl', 'csv', 'npz')
    code = cli.main(
        ['infer', str(tmp_path / 'a.png'), '--pose', name, '--det', 'none']
        + ['--out', str(out), *formats]
    )
    assert code == 0
    files = [
        file
        for file in out.iterdir()
        if file.suffix in SUFFIXES and '.meta' not in file.suffixes
    ]
    assert {file.suffix for file in files} == SUFFIXES
    for file in files:
        (frame,) = read(file)
        assert frame.people.keypoints.shape == (1, count, 2)
    run = read(out / 'a.jsonl').run
    assert (
        run['points'] == list(keypoint_names(count)) and 'left_ankle' in run['points']
    )
    drawn = cv2.imread(str(next(out.rglob('a*.jpg'))))
    assert drawn.shape == picture.shape and (drawn != picture).any()


def test_a_one_stage_network_is_refused_by_its_name(tmp_path):
    outputs = {'dets': [1, 10, 5], 'keypoints': [1, 10, 17, 3]}
    file = toy(tmp_path / 'rtmo.onnx', {'input': [1, 3, 416, 416]}, outputs)
    with pytest.raises(PoseError, match='one-stage network .RTMO.'):
        PoseModel(file)


@pytest.mark.parametrize('count', [17, 26])
def test_lines_are_drawn(count):
    """Halfway between the points of each link, where no point is."""
    points = np.random.default_rng(count).uniform(20, 620, (1, count, 2))
    people = People(
        points.astype(np.float32),
        np.ones((1, count), np.float32),
        np.array([[0, 0, 640, 640]], np.float32),
        np.ones(1, np.float32),
    )
    drawn = draw_people(np.zeros((640, 640, 3), np.uint8), people)
    for links in links_of(count).values():
        for start, stop in links:
            x, y = points[0, [start, stop]].mean(0).round().astype(int)
            assert drawn[y - 1 : y + 2, x - 1 : x + 2].any(), (start, stop)
