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
from rtmw_ext.output.video_writer import VideoWriter
from support.networks import bright, brightest
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


@pytest.fixture
def rtmo(file_server, monkeypatch, tmp_path):
    """A server that has rtmo-s, and no detector."""
    folder, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    without_hashes(monkeypatch)
    file, _ = brightest(tmp_path / 'end2end.onnx')
    path = zoo.get('rtmo-s').onnx.removeprefix(f'{address}/')
    publish(folder / path, file.read_bytes())


def clip(path):
    """A video of a disc that moves to the right."""
    writer = VideoWriter(path, 10)
    with writer:
        for x in range(40, 56, 4):
            frame = np.zeros((64, 128, 3), np.uint8)
            writer.write(cv2.circle(frame, (x, 32), 4, (255, 255, 255), cv2.FILLED))


def test_a_one_stage_network_by_name(rtmo, tmp_path, capsys):
    """Without a detector, in pictures and videos."""
    picture = np.zeros((90, 150, 3), np.uint8)
    picture[40:50, 60:70] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), picture)
    clip(tmp_path / 'b.mp4')
    out = tmp_path / 'out'
    code = cli.main(
        ['infer', str(tmp_path / 'a.png'), str(tmp_path / 'b.mp4'), '--pose', 'rtmo-s']
        + ['--out', str(out), '--format', 'jsonl', 'csv', '--ids']
    )
    assert code == 0 and capsys.readouterr().err == ''
    (frame,) = read(out / 'a.jsonl')
    assert frame.people.keypoints.shape == (1, 17, 2)
    assert np.abs(frame.people.keypoints.mean(1) - (60, 40)).max() < 8
    frames = read(out / 'b.jsonl')
    assert [frame.people.ids.tolist() for frame in frames] == [[0]] * 4
    assert set(frames.run['models']) == {'pose'}
    drawn = cv2.imread(str(out / 'a.jpg'))
    assert drawn.shape == picture.shape and (drawn != picture).any()


@pytest.mark.parametrize('flags', [('--det', 'yolox-m'), ('--mode', 'fast')])
def test_a_detector_is_not_used_beside_one_stage(flags, rtmo, tmp_path, capsys):
    """Nor fetched: the server has none."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((64, 96, 3), 255, np.uint8))
    arguments = ['infer', str(tmp_path / 'a.png'), '--pose', 'rtmo-s', *flags]
    assert cli.main([*arguments, '--out', str(tmp_path / 'out'), '--no-draw']) == 0
    detector = flags[1] if flags[0] == '--det' else zoo.MODES['fast'].detector
    assert capsys.readouterr().err == (
        'rtmw: warning: rtmo-s finds the people itself: the detector '
        f'{detector} is not used\n'
    )
    assert len(read(tmp_path / 'out' / 'a.json')[0].people) == 1


def test_flags_of_people_beside_one_stage(rtmo, tmp_path, capsys):
    """A threshold counts; boxes are refused."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((64, 96, 3), 200, np.uint8))
    arguments = ['infer', str(tmp_path / 'a.png'), '--pose', 'rtmo-s', '--no-draw']
    for threshold, count in (('0.5', 1), ('0.7', 0)):
        out = tmp_path / threshold
        flags = ['--det-threshold', threshold, '--out', str(out)]
        assert cli.main([*arguments, *flags]) == 0
        assert len(read(out / 'a.json')[0].people) == count
    (tmp_path / 'boxes.csv').write_text('image,x1,y1,x2,y2\na.png,1,1,40,40\n')
    flags = ['--boxes', str(tmp_path / 'boxes.csv'), '--out', str(tmp_path / 'out')]
    assert cli.main([*arguments, *flags]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert 'rtmo-s finds the people itself: leave --boxes out' in line


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
