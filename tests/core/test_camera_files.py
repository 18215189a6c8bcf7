"""Cameras from the files of OpenCV, ROS and COLMAP."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.camera_files import COLMAP, read_camera
from rtmw_ext.core.geometry import DISTORTIONS, CameraError, project
from support.examples import examples

SEEDS = st.integers(0, 10**6)
ROS = """image_width: 640
image_height: 480
camera_name: head
camera_matrix:
  rows: 3
  cols: 3
  data: [431.5, 0., 323., 0., 433.25, 242.5, 0., 0., 1.]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.3, 0.1, 1e-04, -0.0002, 0]
"""


def lens(rng, numbers):
    fx, fy, cx, cy = rng.uniform(300, 2000, 4)
    return (
        np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
        rng.uniform(-0.1, 0.1, numbers),
    )


@examples(25)
@given(
    seed=SEEDS,
    numbers=st.sampled_from(DISTORTIONS),
    suffix=st.sampled_from(['yml', 'json']),
)
def test_what_opencv_writes(seed, numbers, suffix, tmp_path_factory):
    path = tmp_path_factory.mktemp('camera') / f'camera.{suffix}'
    matrix, distortion = lens(np.random.default_rng(seed), numbers)
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write('calibration_time', 'Sun Nov 29')
    storage.write('image_width', 1920)
    storage.write('image_height', 1080)
    storage.write('camera_matrix', matrix)
    storage.write('distortion_coefficients', distortion)
    storage.release()
    found = read_camera(path)
    assert np.allclose(found['K'], matrix, rtol=1e-12)
    assert np.allclose(found['distortion'], distortion, rtol=1e-12)
    assert found['size'] == (1920, 1080)


def test_what_ros_writes(tmp_path):
    path = tmp_path / 'head.yaml'
    path.write_text(ROS)
    found = read_camera(path)
    assert found['K'].tolist() == [[431.5, 0, 323], [0, 433.25, 242.5], [0, 0, 1]]
    assert found['distortion'].tolist() == [-0.3, 0.1, 1e-4, -2e-4, 0]
    assert found['size'] == (640, 480)
    path.write_text('K: [500, 0, 320, 0, 500, 240, 0, 0, 1]\nD: []\n')
    with pytest.raises(CameraError, match='head.yaml: distortion'):
        read_camera(path)


def test_lists_as_python_writes_them(tmp_path):
    path = tmp_path / 'camera.json'
    content = dict(K=[[500, 0, 320], [0, 500, 240], [0, 0, 1]], dist=[[0.1, 0, 0, 0]])
    path.write_text(json.dumps(content))
    found = read_camera(str(path))
    assert found['K'].tolist() == content['K'] and 'size' not in found
    assert found['distortion'].tolist() == content['dist'][0]
    path.write_text(json.dumps(dict(content, image_size=[640, 480])))
    assert read_camera(path)['size'] == (640, 480)


@examples(25)
@given(seed=SEEDS, model=st.sampled_from(sorted(COLMAP)))
def test_every_model_of_colmap(seed, model, tmp_path_factory):
    """By their definition, of a ray; COLMAP counts from corners of pixels."""
    rng = np.random.default_rng(seed)
    names = COLMAP[model].split()
    values = {
        name: rng.uniform(300, 900) if name[0] in 'fc' else rng.uniform(-0.05, 0.05)
        for name in names
    }
    path = tmp_path_factory.mktemp('colmap') / 'cameras.txt'
    numbers = ' '.join(repr(float(values[name])) for name in names)
    path.write_text(
        f'# Camera list\n# Number of cameras: 1\n3 {model} 640 480 {numbers}'
    )
    found = read_camera(path)
    u, v = rng.uniform(-0.5, 0.5, 2)
    k1, k2, p1, p2, k3, k4, k5, k6 = (
        values.get(name, 0.0) for name in 'k1 k2 p1 p2 k3 k4 k5 k6'.split()
    )
    r = u * u + v * v
    bent = (1 + k1 * r + k2 * r**2 + k3 * r**3) / (1 + k4 * r + k5 * r**2 + k6 * r**3)
    x = u * bent + 2 * p1 * u * v + p2 * (r + 2 * u * u)
    y = v * bent + 2 * p2 * u * v + p1 * (r + 2 * v * v)
    fx, fy = (values.get(name, values.get('f')) for name in ('fx', 'fy'))
    expected = np.array([fx * x + values['cx'], fy * y + values['cy']]) - 0.5
    assert np.allclose(project([u, v, 1], found), expected, atol=1e-6)
    assert found['size'] == (640, 480)


def test_numbers():
    found = read_camera('500, 510.5,320,240')
    assert found['K'].tolist() == [[500, 0, 320], [0, 510.5, 240], [0, 0, 1]]
    for text in ('500,500,320', '1,2,3,4,5'):
        with pytest.raises(CameraError, match='give fx,fy,cx,cy'):
            read_camera(text)
    with pytest.raises(CameraError, match='fx and fy > 0'):
        read_camera('0,500,320,240')


@pytest.mark.parametrize(
    'content, said',
    [
        (None, 'cannot be read'),
        (b'\xff\xfe\x00', 'is no text'),
        (b'', 'holds no camera'),
        (b'[1, 2]', 'holds no camera'),
        (b'{"a": ', 'cannot be read'),
        (b'a: [', 'cannot be read'),
        (b'a: 1', 'has no camera_matrix'),
        (b'camera_matrix: {rows: 3, cols: 3, data: [1]}', 'cannot be read'),
        (b'camera_matrix: {cols: 3}', 'cannot be read'),
        (b'camera_matrix: [[1, 0], [0, 1]]', 'camera .*: K is'),
        (ROS.replace('plumb_bob', 'equidistant').encode(), 'model equidistant'),
        (ROS.encode() + b'fisheye_model: 1', 'model fisheye'),
        (b'1 PINHOLE 640 480 500 500 320 240\n2 PINHOLE 9 9 1 1 2 3', '2 cameras'),
        (b'1 PINHOLE 640 480 500 320 240', '3 parameters, not 4'),
        (b'1 OPENCV_FISHEYE 640 480 5 5 3 2 0 0 0 0', 'OPENCV_FISHEYE'),
    ],
)
def test_files_that_are_no_camera(content, said, tmp_path):
    path = tmp_path / 'camera.yml'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CameraError, match=said) as error:
        read_camera(path)
    assert 'camera.yml' in str(error.value) and '\n' not in str(error.value)


@examples(50)
@given(text=st.text(max_size=200))
def test_any_text_has_an_answer(text, tmp_path_factory):
    path = tmp_path_factory.mktemp('any') / 'camera.yml'
    path.write_text(text, encoding='utf-8')
    with pytest.raises(CameraError):
        read_camera(path)
