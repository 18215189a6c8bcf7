"""``rtmw infer``: whom it takes, and the camera of 3D."""

import contextlib
import json
import socket

import cv2
import numpy as np
import pytest

from rtmw_ext.commands import cli
from rtmw_ext.commands.exit_codes import ExitCode
from rtmw_ext.core.geometry import project
from rtmw_ext.output import read
from rtmw_ext.output.video_writer import VideoWriter
from rtmw_ext.runtime import PoseModel
from rtmw_ext.zoo import resolve_network
from support.paths import PEOPLE

NANO = ('--det', 'rtmdet-nano')
CAMERA = """%YAML:1.0
---
camera_matrix: !!opencv-matrix
  rows: 3
  cols: 3
  dt: d
  data: [ 1800., 0., 639.5, 0., 1800., 479.5, 0., 0., 1. ]
distortion_coefficients: [ -0.02, 0., 0., 0., 0. ]
image_width: 1280
image_height: 960
"""


@pytest.fixture
def infer(tmp_path, capsys):
    """Runs the command; (exit code, standard error, results of people.jpg)."""

    def run(*arguments, pose='rtmw3d-t'):
        out = tmp_path / 'out'
        command = ['infer', *arguments, '--out', out, '--pose', pose, '--overwrite']
        command += ['--no-draw', '--threads', '1']
        code = cli.main([*map(str, command)])
        path = out / 'people.json'
        return code, capsys.readouterr().err, read(path) if path.exists() else None

    return run


def test_camera_and_height_in_results(infer, tmp_path):
    path = tmp_path / 'camera.yml'
    path.write_text(CAMERA)
    # A picture that the camera cannot be of is named, the others are done.
    cv2.imwrite(str(tmp_path / 'turned.png'), np.zeros((640, 480, 3), np.uint8))
    depths = []
    for height in ('1.8', '0.9'):
        flags = (*NANO, '--person-height', height)
        code, err, results = infer(
            PEOPLE, tmp_path / 'turned.png', '--camera', path, *flags
        )
        assert code == ExitCode.PARTLY and err.count('\n') == 1
        assert 'skipped: ' in err and '1280 x 960' in err and '480 x 640' in err
        camera = results.sources['people']['camera']
        assert camera['K'] == [[900, 0, 319.5], [0, 900, 239.5], [0, 0, 1]]
        assert camera['distortion'][0] == -0.02
        assert results.run['settings']['camera'] == str(path)
        assert results.run['settings']['person_height'] == float(height)
        people = results[0].people
        pixels = project(people.keypoints_3d_cam, camera)
        assert np.abs(pixels - people.keypoints).max() < 0.1
        rows = json.loads((tmp_path / 'out' / 'people.json').read_text())
        depths.append(np.array([row['root_depth'] for row in rows]))
        assert depths[-1] == pytest.approx(people.root_depth, rel=1e-4)
    assert (depths[0] > 1.4 * depths[1]).all()


def test_whom_to_take(infer):
    code, err, results = infer(PEOPLE, *NANO, pose='rtmw-t')
    everybody = results[0].people
    assert (code, err) == (0, '') and len(everybody) > 1
    code, err, results = infer(PEOPLE, *NANO, '--max-people', 1, pose='rtmw-t')
    sides = everybody.boxes[:, 2:] - everybody.boxes[:, :2]
    (one,) = results[0].people.boxes
    assert np.allclose(one, everybody.boxes[sides.prod(1).argmax()])
    assert results.run['settings']['max_people'] == 1
    least = np.sort(everybody.box_scores)[-2:].mean()
    code, err, results = infer(PEOPLE, *NANO, '--det-threshold', least, pose='rtmw-t')
    assert len(results[0].people) == 1


@pytest.mark.parametrize(
    'flags, said',
    [
        (['--max-people', 0], '--max-people is 0: it must be 1 or more'),
        (['--det-threshold', 1], '--det-threshold is 1.0: it must be between 0 and 1'),
        (['--det-threshold', 'nan'], 'must be between 0 and 1'),
        (['--det-threshold', 0.5, '--det', 'none'], 'leave --det none'),
        (['--person-height', -1], '--person-height is -1.0: it must be more than 0'),
        (['--camera', 'none.yml'], 'camera none.yml cannot be read'),
        (['--camera', '1,2,3'], 'give fx,fy,cx,cy'),
        (['--camera', '9,9,3,2', *NANO], '--camera is for 3D, but rtmw-t is a 2D'),
        (['--person-height', 1.8, *NANO], '--person-height is for 3D'),
        (['--vmc', '127.0.0.1:9', *NANO], '--vmc is for 3D'),
    ],
)
def test_flags_that_cannot_be(flags, said, infer):
    code, err, results = infer(PEOPLE, *flags, pose='rtmw-t')
    assert code == 1 and said in err and err.count('\n') == 1 and results is None


def test_people_of_a_file(infer, tmp_path):
    """In place of a detector, which is not looked for."""
    boxes = tmp_path / 'boxes.csv'
    boxes.write_text('people.jpg,60,40,260,460,0.5\npeople.jpg,0,0,90,90,0.2\n')
    other = tmp_path / 'other.png'
    cv2.imwrite(str(other), np.zeros((64, 64, 3), np.uint8))
    flags = ('--boxes', boxes)
    code, err, results = infer(PEOPLE, other, *flags, pose='rtmw-t')
    assert code == 0 and err.count('\n') == 1
    assert f'has no boxes of 1 of 2 inputs ({other}): nobody is there' in err
    assert [*results.run['models']] == ['pose']
    people = results[0].people
    assert people.boxes.tolist() == [[60, 40, 260, 460], [0, 0, 90, 90]]
    assert people.box_scores == pytest.approx([0.5, 0.2])
    assert len(read(tmp_path / 'out' / 'other.json')[0].people) == 0
    network = resolve_network('rtmw-t')
    pose = PoseModel(network, threads=1, backend='onnxruntime')
    assert np.allclose(people.keypoints, pose(PEOPLE, people.boxes).keypoints)
    for more in (['--max-people', 1], ['--det-threshold', 0.4]):
        _, err, results = infer(PEOPLE, *flags, *more, pose='rtmw-t')
        assert err == '' and len(results[0].people) == 1
    # Its results are such a file, too; it is never replaced.
    code, err, _ = infer(PEOPLE, '--boxes', tmp_path / 'out' / 'people.json')
    assert code == 1 and 'would replace the input' in err
    boxes.write_text('people.jpg,900,40,960,460\n')
    code, err, _ = infer(PEOPLE, other, *flags, pose='rtmw-t')
    assert code == ExitCode.PARTLY and 'skipped: ' in err and 'outside the image' in err
    for inputs, more, said in (
        ([PEOPLE], NANO, 'leave --det out'),
        (['7'], (), 'leave webcams out'),
        ([PEOPLE], ('--start', 1), 'leave --start out'),
    ):
        code, err, _ = infer(*inputs, *flags, *more, pose='rtmw-t')
        assert code == 1 and said in err and err.count('\n') == 1


@pytest.mark.filterwarnings('ignore:.*pip install av:UserWarning')
def test_people_of_each_frame(infer, tmp_path):
    path = tmp_path / 'people.mp4'
    with VideoWriter(path, 10) as writer:
        for _ in range(4):
            writer.write(cv2.imread(str(PEOPLE)))
    boxes = tmp_path / 'boxes.csv'
    rows = [(0, 60), (1, 62), (3, 300)]
    boxes.write_text(
        'image,frame,x1,y1,x2,y2\n'
        + ''.join(f'people.mp4,{frame},{x},40,{x + 200},460\n' for frame, x in rows)
    )
    code, err, results = infer(path, '--boxes', boxes, pose='rtmw-t')
    assert (code, err) == (0, '')
    assert [len(frame.people) for frame in results] == [1, 1, 0, 1]
    assert [frame.people.boxes[0, 0] for frame in results if len(frame.people)] == [
        x for _, x in rows
    ]
    # The same person, nobody, and another one.
    assert [frame.people.ids.tolist() for frame in results] == [[0], [0], [], [1]]
    code, err, _ = infer(path, '--boxes', tmp_path / 'none.csv', pose='rtmw-t')
    assert code == 1 and 'none.csv cannot be read' in err


@pytest.mark.filterwarnings('ignore:.*pip install av:UserWarning')
def test_bones_are_sent(infer, tmp_path):
    path = tmp_path / 'people.mp4'
    with VideoWriter(path, 10) as writer:
        for _ in range(2):
            writer.write(cv2.imread(str(PEOPLE)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(('127.0.0.1', 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        code, err, results = infer(path, '--vmc', f'127.0.0.1:{port}', *NANO)
        assert (code, err) == (0, '') and len(results) == 2
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packets.append(server.recv(2000))
    assert sum(packet.count(b'/VMC/Ext/OK') for packet in packets) == 2
    assert sum(packet.count(b'LeftLowerArm') for packet in packets) == 2
    code, err, _ = infer(path, '--vmc', '127.0.0.1:no', *NANO)
    assert code == 1 and 'give HOST:PORT' in err
