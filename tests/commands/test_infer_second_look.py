"""``rtmw infer --second-look``."""

import cv2
import numpy as np
import pytest

from rtmw_ext import zoo
from rtmw_ext.commands import cli
from rtmw_ext.runtime import PoseModel

PARTS_MODEL = 'rtmw-t-parts'


def network(name):
    return zoo.resolve_network(name)


@pytest.mark.parametrize(
    'asked, name',
    [
        ([], None),
        (['--second-look'], PARTS_MODEL),
        (['--second-look', 'rtmw-t'], 'rtmw-t'),
    ],
)
def test_command_line(asked, name, people_image, tmp_path):
    picture = tmp_path / 'people.png'
    cv2.imwrite(str(picture), people_image)
    options = '--pose rtmw-t --det none --no-draw --format npz'.split()
    command = ['infer', str(picture), '--out', str(tmp_path), *options, *asked]
    assert cli.main(command) == 0
    found = np.load(tmp_path / 'keypoints.npz')['keypoints']
    pose = PoseModel(
        network('rtmw-t'),
        second_look=name and network(name),
        backend='onnxruntime',  # As of few images.
    )
    assert np.abs(found - pose(people_image).keypoints).max() < 1e-2
