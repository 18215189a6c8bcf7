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


def columns_of(path):
    """{(entity, component): rows} of a file, by rerun's own reader."""
    chunk = pytest.importorskip('rerun.chunk', reason='rerun-sdk is too old to read')
    found = {}
    for item in chunk.RrdReader(path).stream():
        batch = item.to_record_batch()
        for name in batch.schema.names:
            rows = batch.column(name).to_pylist()
            found.setdefault((item.entity_path, name), []).extend(rows)
    return found


def test_people_of_motion_are_read_back(tmp_path):
    pytest.importorskip('rerun', reason='rerun (an optional extra) is absent')
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 160, (133, 2)).astype(np.float32)
    person = dict(id=7, keypoints=pixels.tolist(), keypoint_scores=[1.0] * 133)
    person['keypoints'][9] = [None, None]
    image = np.full((160, 160, 3), 200, np.uint8)
    view = RerunView(tmp_path / 'view.rrd')
    for number in range(3):
        curves = {'7/knee': 10.0 + number, '7/hip': np.nan}
        view.log([person], image, number, number / 25, curves)
    view.close()
    found = columns_of(tmp_path / 'view.rrd')
    entities = {entity for entity, _ in found}
    assert '/world/camera/people/7' in entities and '/curves/7/hip' not in entities
    values = found['/curves/7/knee', 'Scalars:scalars']
    assert [value for row in values for value in row] == [10, 11, 12]
    times = found['/curves/7/knee', 'time']
    assert [round(time.total_seconds(), 3) for time in times] == [0, 0.04, 0.08]
    strips = found['/world/camera/people/7', 'LineStrips2D:strips'][0]
    ends = {tuple(end) for strip in strips for end in strip}
    # The wrist is missing: no line ends there.
    assert ends == {tuple(end) for end in np.delete(pixels, 9, 0).tolist()}


def test_rerun_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'rerun', None)
    with pytest.raises(ImportError, match=r'rtmw_ext\[rerun\]') as error:
        RerunView()
    assert isinstance(error.value, RTMWError)
