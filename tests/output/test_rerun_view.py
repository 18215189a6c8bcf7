"""The interactive 3D view, an optional extra."""

import sys

import numpy as np
import pytest

from rtmw_ext.core.errors import RTMWError
from rtmw_ext.output.rerun_view import RerunView


def test_rerun_view(tmp_path):
    pytest.importorskip('rerun', reason='rerun (an optional extra) is absent')
    truth = np.random.default_rng(0).normal(0, 0.5, (133, 3)) + (0, 0, 4)
    person = dict(
        keypoints_3d_cam=truth.tolist(),
        keypoint_scores=[1.0] * 133,
        camera_k=[[200, 0, 80], [0, 200, 80], [0, 0, 1]],
    )
    image = np.zeros((160, 160, 3), np.uint8)
    view = RerunView(tmp_path / 'view.rrd')
    view.log([person, person], image, frame=0)
    view.log([], image, frame=1)
    view.close()
    assert (tmp_path / 'view.rrd').stat().st_size > 5000


def test_rerun_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'rerun', None)
    with pytest.raises(ImportError, match=r'rtmw_ext\[rerun\]') as error:
        RerunView()
    assert isinstance(error.value, RTMWError)
