"""A file with curves gives calibrated scores; those of the second look count."""

import shutil

import numpy as np
import pytest

from rtmw_ext.core.calibration import calibrate
from rtmw_ext.core.metadata import NetworkError, NetworkMetadata
from rtmw_ext.core.skeleton import PARTS
from support.networks import PoseModel
from support.paths import PEOPLE

FIRST = {'body': [[0.1, 200.0], [0.2, 0.9]], 'face': [[0.1, 200.0], [0.0, 0.4]]}
SECOND = {'face': [[0.1, 200.0], [0.5, 1.0]]}


@pytest.fixture(scope='module')
def files(loud_t_file, tmp_path_factory):
    """The same network without curves, with some, and with others."""
    from rtmw_ext.export.external_data import set_calibration

    folder = tmp_path_factory.mktemp('calibrated')
    found = []
    for name, curves in (('plain', None), ('first', FIRST), ('second', SECOND)):
        found.append(folder / f'{name}.onnx')
        shutil.copy(loud_t_file, found[-1])
        assert set_calibration(found[-1], curves) == [found[-1]]
    return found


@pytest.mark.torch
def test_scores_of_a_file_with_curves(files):
    plain, first, second = files
    raw = PoseModel(plain)
    box = np.array([[10.0, 10, 200, 300]])
    plain_scores = raw(PEOPLE, box)
    found = PoseModel(first)(PEOPLE, box)
    expected = calibrate(plain_scores.raw_scores, FIRST, raw.score_scale)
    assert np.allclose(found.scores, expected) and found.scores.max() <= 1
    assert not np.allclose(found.scores, plain_scores.scores)
    assert np.array_equal(found.raw_scores, plain_scores.raw_scores)
    # Without curves of its own, others' count for nothing.
    again = PoseModel(plain, second_look=plain)(PEOPLE, box)
    mixed = PoseModel(plain, second_look=second)(PEOPLE, box).scores
    assert np.array_equal(mixed, again.scores)
    both = PoseModel(first, second_look=second)(PEOPLE, box).scores
    curves = {**FIRST, **SECOND}
    expected = calibrate(again.raw_scores, curves, raw.score_scale)
    assert np.allclose(both, expected)
    assert both[0, PARTS['face']].min() >= 0.5


def test_curves_that_are_none():
    for curves in ({'nose': FIRST['body']}, {'body': [[2, 1], [0, 1]]}, {'body': 3}):
        with pytest.raises(NetworkError, match='calibration'):
            NetworkMetadata(calibration=curves)
    meta = NetworkMetadata(calibration=FIRST)
    assert NetworkMetadata.from_json(meta.to_json()).calibration == FIRST
