"""What the page shows; test_page_in_browser.py opens it."""

import numpy as np
import pytest

pytest.importorskip('gradio')

from starlette.testclient import TestClient

from rtmw_ext import zoo
from rtmw_ext.core.people import People
from rtmw_ext.output.style import STYLE
from rtmw_ext.serve.app import build_app
from rtmw_ext.serve.limits import Limits
from rtmw_ext.serve.page import HEADERS, about, add_page, table
from rtmw_ext.serve.scene import scene_figure
from rtmw_ext.serve.service import Service


def someone(scores):
    points = np.random.default_rng(0).uniform(0, 50, (1, 133, 3)).astype(np.float32)
    return People(
        points[..., :2],
        np.float32(scores)[None],
        np.float32([[10, 20, 40, 80]]),
        np.float32([0.876]),
        keypoints_3d=points - points.mean(1),
        keypoints_3d_cam=points,
    )


def test_the_table_counts_points():
    scores = np.zeros(133)
    scores[:5] = scores[91:101] = 0.5
    (row,) = table(someone(scores), 0.3)
    assert dict(zip(HEADERS, row)) == dict(
        person=1,
        score=0.88,
        left=10,
        top=20,
        width=30,
        height=60,
        body='5 of 17',
        feet='0 of 6',
        face='0 of 68',
        left_hand='10 of 21',
        right_hand='0 of 21',
    )


def test_the_scene_stands_upright():
    people = someone(np.ones(133))
    figure = scene_figure(people)
    lines = {}
    for trace in figure.data:
        ends = list(zip(trace.x, trace.y, trace.z))
        lines.setdefault(trace.line.color, []).extend(
            [ends[i : i + 2] for i in range(0, len(ends), 3)]
        )
    drawn = [line for of_color in lines.values() for line in of_color]
    assert len(drawn) == len(STYLE)
    x, y, z = people.keypoints_3d_cam[0, STYLE[0].link[0]]
    starts = [line[0] for line in drawn]
    assert np.isclose(starts, (x, z, -y)).all(1).any()
    assert not scene_figure(someone(np.zeros(133))).data
    flat = someone(np.ones(133))
    flat.keypoints_3d_cam = flat.keypoints_3d = None
    assert not scene_figure(flat).data


def test_the_page_names_its_networks(estimator, run):
    service = Service(estimator, run, Limits())
    shipped = zoo.resolve_network('rtmw-t')
    run.networks = {'pose': shipped, 'second_look': run.networks['pose']}
    text = about(service)
    assert '- pose: `rtmw-t_photos-256x192.onnx`, trained on photos and' in text
    assert '- second look: `pose.onnx`, a file that says nothing of its data' in text
    app = add_page(build_app(service), service)
    with TestClient(app) as client:
        page = client.get('/')
        assert page.status_code == 200 and 'gradio' in page.text
        # Nothing is fetched from elsewhere.
        assert 'https://fonts.' not in page.text
        assert client.get('/healthz').json() == {'status': 'alive'}


def test_the_page_asks_for_the_token(estimator, run):
    service = Service(estimator, run, Limits())
    with TestClient(add_page(build_app(service, 'secret'), service)) as client:
        assert client.get('/').status_code == 401
        assert client.get('/?token=secret').status_code == 200
        assert client.get('/').status_code == 200
