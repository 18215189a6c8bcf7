"""The service, with a small network of bright points."""

import io
import json
import threading
import time
import zlib
from importlib.util import find_spec
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from rtmw_ext.core.images import read_image
from rtmw_ext.core.metadata import NetworkError
from rtmw_ext.output.records import person_records
from rtmw_ext.runtime.video import Video
from rtmw_ext.serve.limits import Limits
from support.openapi import check_answer
from support.videos import write_clip

pytest.importorskip('fastapi')

from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from rtmw_ext.serve.app import build_app
from rtmw_ext.serve.live import Newest
from rtmw_ext.serve.service import Service

LIMITS = Limits(image_bytes=100_000, image_pixels=10_000, seconds=1.0)


@pytest.fixture
def serve(estimator, run):
    """Makes a client of a service; both end with the test. All its answers are as
    OpenAPI says, if what checks that is there; ``called`` names their operations."""
    clients = []

    def start(limits=LIMITS, token=None):
        client = TestClient(build_app(Service(estimator, run, limits), token))
        client.called = set()

        def check(answer):
            answer.read()
            client.called.add(check_answer(client.app.openapi(), answer))

        if find_spec('openapi_spec_validator'):
            client.event_hooks = dict(response=[check])
        clients.append(client.__enter__())
        return client

    yield start
    for client in clients:
        folder = client.app.state.uploads.folder
        client.__exit__(None, None, None)
        assert not folder.exists()


@pytest.fixture
def client(serve):
    return serve()


def uploads(client):
    return list(client.app.state.uploads.folder.iterdir())


@pytest.mark.parametrize('form', [False, True])
def test_an_image_as_infer_writes_it(client, estimator, picture, png, form):
    sent = dict(files={'file': ('a/photo.png', png)}) if form else dict(content=png)
    answer = client.post('/v1/images', **sent)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    wanted = person_records(estimator(picture))
    assert content['people'] == json.loads(json.dumps(wanted))
    assert content['people'][0]['keypoints'][0] == pytest.approx([12.5, 22.5], abs=2)
    source = content['source']
    assert (source['width'], source['height']) == (96, 64)
    assert source['name'] == ('photo.png' if form else 'the body')
    assert content['run']['models']['pose']['sha256']
    assert uploads(client) == []


def test_a_drawn_image(client, picture, png):
    answer = client.post('/v1/images?draw=true&threshold=0', content=png)
    assert answer.headers['content-type'] == 'image/jpeg'
    drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape == picture.shape
    # The picture has no colours, the drawing does.
    assert np.ptp(drawn.astype(int), 2).max() > 10


def test_the_largest_people(client, png):
    (person,) = client.post('/v1/images?max_people=1', content=png).json()['people']
    # Of 36 x 58 and 40 x 52 pixels.
    assert person['bbox'] == [4, 2, 40, 60]


def jpeg(shape):
    noise = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    return cv2.imencode('.jpg', noise)[1].tobytes()


@pytest.mark.parametrize(
    'sent, status, says',
    [
        (dict(content=b''), 400, 'empty'),
        (dict(content=b'hello'), 415, 'no JPEG, PNG'),
        (dict(content=jpeg((40, 40, 3))[:-300]), 422, 'the body cannot be read'),
        (dict(content=jpeg((101, 100, 3))), 413, 'more than 10,000 pixels'),
        (dict(content=bytes(100_001)), 413, 'more than 100,000 bytes'),
        (dict(content=iter([bytes(60_000)] * 2)), 413, 'more than 100,000 bytes'),
        (dict(files={'file': ('x.png', b'')}), 400, 'empty'),
        (dict(files={'file': ('../x.png', b'hello')}), 415, 'x.png is no JPEG'),
        (dict(files={'file': ('x', bytes(100_001))}), 413, 'more than 100,000'),
        (dict(files=[('a', b'1'), ('b', b'2')]), 400, 'Too many files'),
        (
            dict(content=b'x', headers={'Content-Type': 'multipart/form-data'}),
            400,
            'the form is broken',
        ),
        (
            dict(
                content=b'--x\r\n\r\n',
                headers={'Content-Type': 'multipart/form-data; boundary=x'},
            ),
            400,
            'form',
        ),
    ],
)
def test_what_is_refused(client, png, sent, status, says):
    answer = client.post('/v1/images', **sent)
    assert answer.status_code == status, answer.text
    assert says in answer.json()['detail'] and '/tmp' not in answer.text
    assert uploads(client) == []
    assert client.post('/v1/images', content=png).status_code == 200


@pytest.mark.parametrize('query', ['max_people=0', 'threshold=2', 'draw=perhaps'])
def test_parameters_out_of_range(client, png, query):
    answer = client.post(f'/v1/images?{query}', content=png)
    assert answer.status_code == 422
    assert answer.json()['detail'].startswith(f'{query.split("=")[0]}: Input should be')


def test_headers_of_huge_images(client):
    """Their pixels are never decoded."""
    png = bytearray(cv2.imencode('.png', np.zeros((8, 8), np.uint8))[1].tobytes())
    png[16:24] = (30_000).to_bytes(4, 'big') * 2
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, 'big')
    answer = client.post('/v1/images', content=bytes(png))
    assert answer.status_code == 413 and 'pixels' in answer.text
    # Pillow does not know them, and OpenCV believes their headers.
    pfm = b'PF\n30000 30000\n-1.0\n' + bytes(100)
    assert client.post('/v1/images', content=pfm).status_code == 415


@pytest.fixture
def detector(estimator):
    """Of the service: it finds nobody, once it may ``go``, and says that it
    ``runs``."""
    events = SimpleNamespace(go=threading.Event(), runs=threading.Event())

    def wait(image):
        events.runs.set()
        assert events.go.wait(10)
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)

    estimator.detector = wait
    yield events
    events.go.set()


def test_more_than_can_wait_come_again(serve, detector, png):
    client = serve(Limits(waiting=1))
    codes = []
    thread = threading.Thread(
        target=lambda: codes.append(client.post('/v1/images', content=png).status_code)
    )
    thread.start()
    assert detector.runs.wait(10)
    answer = client.post('/v1/images', content=png)
    assert answer.status_code == 503 and answer.headers['retry-after'] == '1'
    assert client.get('/readyz').status_code == 503
    assert client.get('/healthz').status_code == 200
    detector.go.set()
    thread.join()
    assert codes == [200] and client.get('/readyz').status_code == 200


def test_tokens(serve, png):
    client = serve(token='secret')
    for headers in ({}, {'Authorization': 'Bearer wrong'}):
        answer = client.post('/v1/images', content=png, headers=headers)
        assert answer.status_code == 401 and 'token' in answer.json()['detail']
    with pytest.raises(WebSocketDisconnect):
        with client.websocket_connect('/v1/stream') as socket:
            socket.receive_text()
    assert client.get('/healthz').status_code == 200
    assert client.get('/metrics').status_code == 401
    good = {'Authorization': 'Bearer secret'}
    assert client.post('/v1/images', content=png, headers=good).status_code == 200
    # A browser shows it once.
    assert client.get('/v1/models?token=secret').status_code == 200
    assert client.get('/v1/models').status_code == 200


def finished(client, job):
    for _ in range(500):
        record = client.get(f'/v1/videos/{job["id"]}').json()
        if record['state'] in ('done', 'failed', 'cancelled'):
            return record
        time.sleep(0.02)
    raise AssertionError(f'{record} does not end')


@pytest.fixture(scope='module')
def clip(tmp_path_factory, picture):
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    return write_clip(path, size=(96, 64), frames=[picture] * 5)


def test_a_video_as_infer_writes_it(client, clip, estimator):
    answer = client.post('/v1/videos', files={'file': ('walk.mp4', clip.read_bytes())})
    assert answer.status_code == 202, answer.text
    job = finished(client, answer.json())
    assert job == dict(
        id=job['id'], name='walk.mp4', state='done', frames=5, total=5, error=None
    )
    lines = client.get(f'/v1/videos/{job["id"]}/results').text.splitlines()
    records = list(map(json.loads, lines))
    assert [row['type'] for row in records] == ['run', 'source', *['frame'] * 5]
    wanted = [
        json.loads(json.dumps(person_records(people)))
        for _, people in estimator.video(Video(clip))
    ]
    assert [row['people'] for row in records[2:]] == wanted
    drawn = client.get(f'/v1/videos/{job["id"]}/video')
    assert drawn.headers['content-type'] == 'video/mp4'
    assert drawn.content[4:8] == b'ftyp'
    assert client.delete(f'/v1/videos/{job["id"]}').status_code == 204
    for path in ('', '/results', '/video'):
        assert client.get(f'/v1/videos/{job["id"]}{path}').status_code == 404
    assert uploads(client) == []


@pytest.mark.parametrize(
    'body', [b'hello', b'#EXTM3U\nfile:///etc/passwd', b'ffconcat version 1.0\n']
)
def test_playlists_are_no_videos(client, body):
    answer = client.post('/v1/videos', content=body)
    assert answer.status_code == 415 and 'is no MP4' in answer.json()['detail']
    assert uploads(client) == []


def test_a_broken_video_says_so(client, clip):
    body = clip.read_bytes()[:400]
    job = finished(client, client.post('/v1/videos', content=body).json())
    assert job['state'] == 'failed' and 'the body' in job['error']
    assert 'rtmw-serve' not in job['error']


def test_frames_of_too_many_pixels(client, tmp_path):
    body = write_clip(tmp_path / 'large.mp4', size=(128, 96)).read_bytes()
    job = finished(client, client.post('/v1/videos', content=body).json())
    assert job['state'] == 'failed' and job['frames'] == 0
    assert job['error'] == 'the body has frames of 128 x 96 pixels: scale it down'


def test_videos_wait_and_are_cancelled(serve, clip, detector):
    client = serve(Limits(videos=2))
    body = clip.read_bytes()
    first, second = (client.post('/v1/videos', content=body).json() for _ in '12')
    assert detector.runs.wait(10)
    full = client.post('/v1/videos', content=body)
    assert full.status_code == 503 and full.headers['retry-after']
    for job in (first, second):
        assert client.delete(f'/v1/videos/{job["id"]}').status_code == 204
    detector.go.set()
    third = client.post('/v1/videos?draw=false', content=body).json()
    assert finished(client, third)['state'] == 'done'
    assert client.get(f'/v1/videos/{third["id"]}/video').status_code == 404
    assert len(uploads(client)) == 1


def test_videos_go_after_a_while(serve, clip):
    client = serve(Limits(keep=0.01))
    job = client.post('/v1/videos', content=clip.read_bytes()).json()
    for _ in range(500):
        if client.get(f'/v1/videos/{job["id"]}').status_code == 404:
            break
        time.sleep(0.02)
    assert uploads(client) == []


def test_a_stream_answers_the_newest_frame(client, estimator, picture, png):
    with client.websocket_connect('/v1/stream') as socket:
        socket.send_bytes(png)
        first = socket.receive_json()
        assert first['frame'] == 0 and first['dropped'] == 0
        assert [person['id'] for person in first['people']] == [0, 1]
        socket.send_bytes(b'hello')
        assert 'the frame is no JPEG, PNG' in socket.receive_json()['error']
        for _ in range(30):
            socket.send_bytes(png)
        answers = [socket.receive_json()]
        while answers[-1]['frame'] < 31:
            answers.append(socket.receive_json())
        # All frames were answered or dropped.
        assert answers[-1]['dropped'] == 30 - len(answers)


def test_frames_are_read_as_images_are(client, estimator, picture):
    """Upright, of any kind and depth, within the limits; see tests/core."""
    from PIL import Image

    turned, deep, large = (io.BytesIO() for _ in range(3))
    exif = Image.Exif()
    exif[0x112] = 6
    lying = Image.fromarray(np.rot90(picture[..., ::-1]).copy())
    lying.save(turned, 'WEBP', lossless=True, exif=exif)
    Image.fromarray(picture[..., 0].astype(np.uint16) << 4).save(deep, 'PNG')
    Image.new('RGB', (101, 100)).save(large, 'PNG')
    wanted, _ = person_records(estimator(picture))
    for file in (turned, deep):
        with client.websocket_connect('/v1/stream') as socket:
            socket.send_bytes(file.getvalue())
            person, _ = socket.receive_json()['people']
        assert np.abs(np.subtract(person['keypoints'], wanted['keypoints'])).max() < 1
        scores = pytest.approx(wanted['keypoint_scores'], abs=0.05)
        assert person['keypoint_scores'] == scores
    with client.websocket_connect('/v1/stream') as socket:
        socket.send_bytes(large.getvalue())
        assert 'more than 10,000 pixels' in socket.receive_json()['error']
        socket.send_bytes(deep.getvalue()[:-40])
        assert 'the frame cannot be read' in socket.receive_json()['error']


@pytest.mark.parametrize(
    'fault, says',
    [
        (ValueError('out of memory'), "an error of rtmw itself: ValueError('out of"),
        (NetworkError('pose.onnx fails: fetch it again'), 'pose.onnx fails: fetch'),
    ],
)
def test_a_network_that_fails_ends_its_stream(
    client, estimator, png, fault, says, caplog
):
    predict = estimator.pose

    def fail(image, *args):
        estimator.pose = broken
        return predict(image, *args)

    def broken(*args):
        raise fault

    estimator.pose = fail
    with client.websocket_connect('/v1/stream') as socket:
        socket.send_bytes(png)
        assert socket.receive_json()['people']
        socket.send_bytes(png)
        last = socket.receive_json()
        assert last['frame'] == 1 and says in last['error']
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1011
    assert [row.exc_info[1] for row in caplog.records] == [fault]
    # Others go on.
    estimator.pose = predict
    with client.websocket_connect('/v1/stream') as socket:
        socket.send_bytes(png)
        assert socket.receive_json()['people']


def test_frames_are_no_text(client, png):
    with client.websocket_connect('/v1/stream') as socket:
        socket.send_bytes(png)
        assert socket.receive_json()['people']
        socket.send_text('hello')
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1003


def test_clients_that_leave_are_no_fault(client, png, caplog):
    for _ in range(3):
        with client.websocket_connect('/v1/stream') as socket:
            socket.send_bytes(png)
    assert not caplog.records and client.app.state.streams == 0


def test_who_is_slow_gets_the_newest():
    newest = Newest()
    frames = iter(newest)
    newest.put(b'0')
    assert next(frames) == b'0' and newest.taken == 0
    for data in (b'1', b'2', b'3'):
        newest.put(data)
    assert next(frames) == b'3' and (newest.taken, newest.dropped) == (3, 2)
    newest.end()
    assert next(frames, None) is None


def test_streams_are_counted(serve, png):
    client = serve(Limits(streams=1))
    with client.websocket_connect('/v1/stream') as socket:
        socket.send_bytes(png)
        assert socket.receive_json()['people']
        with pytest.raises(WebSocketDisconnect):
            with client.websocket_connect('/v1/stream') as other:
                other.receive_text()
    with client.websocket_connect('/v1/stream') as socket:
        socket.send_bytes(png)
        assert socket.receive_json()['people']


def test_metrics(client, png):
    client.post('/v1/images', content=png)
    client.post('/v1/images', content=b'')
    text = client.get('/metrics').text
    for line in (
        'rtmw_requests_total{route="/v1/images",status="200"} 1.0',
        'rtmw_requests_total{route="/v1/images",status="400"} 1.0',
        'rtmw_people_total 2.0',
        'rtmw_images_waiting 0.0',
    ):
        assert line in text.splitlines()
    sums = client.app.state.service.metrics.batches.collect()[0].samples
    assert {row.name: row.value for row in sums}['rtmw_batch_size_sum'] >= 2


@pytest.mark.parametrize('token', [None, 'secret'])
def test_every_operation_is_as_openapi_says(serve, png, clip, token):
    """A generated client works; see `serve`."""
    pytest.importorskip('openapi_spec_validator').validate(serve().app.openapi())
    client = serve(token=token)
    assert client.get('/v1/models').status_code == (401 if token else 200)
    client.headers = {'Authorization': f'Bearer {token}'} if token else {}
    job = client.post('/v1/videos', content=clip.read_bytes()).json()
    assert finished(client, job)['state'] == 'done'
    video = f'/v1/videos/{job["id"]}'
    for path in (video, f'{video}/results', f'{video}/video', '/v1/models'):
        assert client.get(path).status_code == 200
    for path in ('/healthz', '/readyz', '/metrics'):
        assert client.get(path).status_code == 200
    assert client.delete(video).status_code == 204
    for query in ('', '?draw=true'):
        assert client.post(f'/v1/images{query}', content=png).status_code == 200
    spec = client.get('/openapi.json').json()
    operations = [row for path in spec['paths'].values() for row in path.values()]
    assert client.called - {None} == {row['operationId'] for row in operations}
    # Where there is a token, clients know where it goes.
    schemes = spec['components'].get('securitySchemes', {})
    assert [row['scheme'] for row in schemes.values()] == (['bearer'] if token else [])
    assert all(('security' in row) == bool(token) for row in operations)


def test_openapi_names_what_there_is(client):
    content = client.get('/openapi.json').json()
    operations = {
        row['operationId']: row
        for path in content['paths'].values()
        for row in path.values()
    }
    assert len(operations) == 10
    body = operations['find_people']['requestBody']['content']
    assert set(body) == {'multipart/form-data', 'application/octet-stream'}
    person = content['components']['schemas']['Person']
    assert set(person['required']) == {
        'keypoints',
        'keypoint_scores',
        'bbox',
        'bbox_score',
    }
    answers = operations['find_people']['responses']
    assert {'200', '400', '413', '415', '503'} <= set(answers)


def test_images_of_kinds_that_pillow_knows(client, picture):
    from PIL import Image

    for kind in ('JPEG', 'PNG', 'WEBP', 'GIF', 'TIFF', 'BMP'):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, kind)
        assert client.post('/v1/images', content=file.getvalue()).status_code == 200


def test_an_image_that_is_a_path_is_no_path(client, tmp_path, png):
    (tmp_path / 'secret.png').write_bytes(png)
    assert read_image(tmp_path / 'secret.png').shape
    answer = client.post('/v1/images', content=str(tmp_path / 'secret.png').encode())
    assert answer.status_code == 415
