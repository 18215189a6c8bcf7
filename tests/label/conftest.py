import io
import tarfile

import cv2
import fsspec
import numpy as np
import pytest

from rtmw_ext.runtime import PoseModel, WholeBody
from support.networks import bright

pytest.importorskip('pyarrow')
BOXES = np.float32([[4, 2, 40, 60], [50, 10, 90, 62]])


@pytest.fixture(scope='session')
def network(tmp_path_factory):
    """A pose network that finds 17 points where a picture is brightest."""
    return bright(tmp_path_factory.mktemp('bright') / 'pose.onnx', 10.0)


@pytest.fixture(scope='session')
def build(network):
    """Builds an estimator that finds two people in every image that is not black, by
    any number of threads."""

    def build(streams=1):
        return WholeBody(
            PoseModel(network, backend='onnxruntime', threads=streams, streams=streams),
            lambda image: (BOXES[: 2 * image.any()], np.float32([0.9, 0.8])),
            fallback=False,
        )

    return build


def picture(number):
    """(64, 96, 3): the first is black, others are bright in each box."""
    image = np.zeros((64, 96, 3), np.uint8)
    if number:
        image[20 + number : 26 + number, 10:16] = 255
        image[40:46, 60 + number : 66 + number] = 200 - number
    return image


def png(number):
    return cv2.imencode('.png', picture(number))[1].tobytes()


@pytest.fixture(scope='session')
def folder(tmp_path_factory):
    """Seven pictures and a file that is none."""
    folder = tmp_path_factory.mktemp('pictures')
    for number in range(7):
        (folder / f'{number}.png').write_bytes(png(number))
    (folder / '3a.png').write_bytes(png(3)[:99])
    return folder


def write_tar(path, names, mode='w'):
    """A tar of pictures 1, 2, ... and their texts."""
    with tarfile.open(path, mode) as tar:
        for number, name in enumerate(names, 1):
            for suffix, data in (('png', png(number)), ('txt', b'a person')):
                member = tarfile.TarInfo(f'{name}.{suffix}')
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def elsewhere():
    """A storage elsewhere, in memory: its file system."""
    files = fsspec.filesystem('memory')
    files.store.clear()
    files.pseudo_dirs[:] = ['']
    return files
