import cv2
import numpy as np
import pytest

from rtmw_ext.output.records import Run
from rtmw_ext.runtime import PoseModel, WholeBody
from support.networks import bright

pytest.importorskip('fastapi')

BOXES = np.float32([[4, 2, 40, 60], [50, 10, 90, 62]])


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """A pose network that finds 17 points where a picture is brightest."""
    return bright(tmp_path_factory.mktemp('bright') / 'pose.onnx', 10.0)


@pytest.fixture
def estimator(network):
    """Finds two people in every image."""
    return WholeBody(PoseModel(network), lambda image: (BOXES, np.float32([0.9, 0.8])))


@pytest.fixture
def run(network):
    return Run({'pose': network})


@pytest.fixture(scope='module')
def picture():
    """(64, 96, 3) with a bright spot in each box."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[20:26, 10:16] = image[40:46, 70:76] = 255
    return image


@pytest.fixture(scope='module')
def png(picture):
    return cv2.imencode('.png', picture)[1].tobytes()
