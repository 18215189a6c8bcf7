"""The command ``rtmw``: outputs, formats, errors, exit codes."""

import csv
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from rtmw_ext.commands import cli, estimator_flags, info
from rtmw_ext.commands import infer as runs
from rtmw_ext.commands.bench_rtmlib import moving
from rtmw_ext.commands.exit_codes import ExitCode
from rtmw_ext.core.images import read_image
from rtmw_ext.core.signals import Stopped
from rtmw_ext.output import FORMATS
from rtmw_ext.output.draw2d import draw_people
from rtmw_ext.output.folder import OutputFolder
from rtmw_ext.output.formats.openpose_json import BODY_25
from rtmw_ext.output.pose_map import draw_pose_map
from rtmw_ext.output.style import LEFT, bgr
from rtmw_ext.output.video_writer import VideoWriter
from rtmw_ext.runtime import NetworkError, WholeBody, video
from rtmw_ext.zoo import get, resolve_network
from support.paths import ROOT


@pytest.fixture(scope='module')
def photo(drawn_root):
    return sorted((drawn_root / 'images' / 'train').iterdir())[0]


@pytest.fixture(scope='module')
def clip(photo, tmp_path_factory):
    """A video of 12 frames at 10 frames a second."""
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    image = cv2.resize(cv2.imread(str(photo)), (320, 240))
    with VideoWriter(path, 10) as writer:
        for frame in moving(image, 12):
            writer.write(frame)
    return path


def rtmw(capsys, *arguments):
    """(exit code, standard error but for what an environment without PyAV
    adds)"""
    code = cli.main(list(map(str, arguments)))
    lines = capsys.readouterr().err.splitlines(keepends=True)
    return code, ''.join(line for line in lines if 'pip install av' not in line)


def infer(capsys, network, out, *arguments):
    return rtmw(
        capsys,
        'infer',
        *arguments,
        '--pose',
        network,
        '--det',
        'none',
        '--out',
        out,
        '--threads',
        1,
        '--overwrite',
    )


def test_images_in_every_format(capsys, drawn_root, loud_t_file, tmp_path):
    folder = drawn_root / 'images' / 'val'
    code, err = infer(
        capsys,
        loud_t_file,
        tmp_path,
        folder,
        '--format',
        *FORMATS,
        '--picture',
        'png',
        '--draw-boxes',
    )
    assert code == 0 and err == ''
    stems = sorted(path.stem for path in folder.iterdir())
    for stem in stems:
        source = next(folder.glob(f'{stem}.*'))
        people = WholeBody(loud_t_file, threads=1)(source)
        assert read_image(tmp_path / f'{stem}.png').shape == read_image(source).shape
        (record,) = json.loads((tmp_path / f'{stem}.json').read_text())
        assert np.allclose(record['keypoints'], people.keypoints[0])
        (pose,) = json.loads((tmp_path / f'{stem}_keypoints.json').read_text())[
            'people'
        ]
        lengths = {
            part: len(values) // 3
            for part, values in pose.items()
            if part.endswith('2d')
        }
        assert list(lengths.values()) == [25, 70, 21, 21]
        body = np.reshape(pose['pose_keypoints_2d'], (25, 3))
        for place, ours in enumerate(BODY_25):
            assert np.allclose(
                body[place, :2],
                np.mean(people.keypoints[0][np.atleast_1d(ours)], 0),
                atol=1e-3,
            )
    coco = json.loads((tmp_path / 'coco_results.json').read_text())
    assert [row['file_name'] for row in coco] == stems
    assert len(coco[0]['lefthand_kpts']) == 63
    with (tmp_path / 'keypoints.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 133 * len(stems) and rows[9]['name'] == 'left_wrist'
    arrays = np.load(tmp_path / 'keypoints.npz')
    assert arrays['keypoints'].shape == (len(stems), 133, 2)
    assert arrays['image'].tolist() == stems


def test_threshold_is_of_scores_from_0_to_1(capsys, photo, loud_t_file, tmp_path):
    """Though raw scores of this network are higher than both thresholds."""
    people = WholeBody(loud_t_file, threads=1)(photo)
    assert people.raw_scores.max() > 3 and 0.3 < people.scores.max() <= 1
    for threshold, same in ((1.01, True), (0.3, False)):
        infer(
            capsys,
            loud_t_file,
            tmp_path,
            photo,
            '--picture',
            'png',
            '--threshold',
            threshold,
        )
        drawn = read_image(tmp_path / f'{photo.stem}.png')
        assert np.array_equal(drawn, read_image(photo)) == same


def test_3d_results(capsys, photo, rtmw3d_t_file, tmp_path):
    code, _ = infer(
        capsys, rtmw3d_t_file[0], tmp_path, photo, '--format', 'json', 'csv', 'npz'
    )
    (record,) = json.loads((tmp_path / f'{photo.stem}.json').read_text())
    assert code == 0 and np.shape(record['keypoints_3d']) == (133, 3)
    hips = np.mean([record['keypoints_3d'][n] for n in (11, 12)], 0)
    assert np.abs(hips).max() < 2.2
    arrays = np.load(tmp_path / 'keypoints.npz')
    for name in ('keypoints_3d', 'keypoints_3d_cam'):
        assert np.allclose(arrays[name], [record[name]])
    # The same person, here from the camera.
    root = np.subtract(record['keypoints_3d_cam'], record['keypoints_3d'])
    assert np.ptp(root, axis=0).max() < 1e-4 and root[0, 2] > 0.5


@pytest.mark.slow
def test_3d_scene(capsys, photo, clip, rtmw_t_file, rtmw3d_t_file, tmp_path):
    """Beside the picture and the video; it needs 3D."""
    code, err = infer(
        capsys, rtmw3d_t_file[0], tmp_path, photo, clip, '--scene', '--threshold', '-1'
    )
    assert (code, err) == (0, '')
    drawn = [
        cv2.imread(str(tmp_path / f'{photo.stem}.jpg')),
        next(iter(video.Video(str(tmp_path / 'clip.mp4')))),
    ]
    for picture, (height, width) in zip(
        drawn, (read_image(photo).shape[:2], (240, 320))
    ):
        tall = max(height, 480)
        scene = picture[:, round(width * tall / height) :]
        assert scene.shape[:2] == (tall, round(1.5 * tall))
        found = (scene.astype(int) - bgr(LEFT)) ** 2
        assert (found.sum(2) < 3000).sum() > 20
    code, err = infer(capsys, rtmw_t_file[0], tmp_path, photo, '--scene')
    assert code == 1 and 'is a 2D model: give --pose an RTMW3D' in err


def test_pose_maps(capsys, photo, clip, loud_t_file, tmp_path):
    """In place of pictures and of the video, as PNG."""
    arguments = (photo, clip, '--pose-map', '--parts', 'body', '--threshold', '0')
    arguments += ('--precision', 'fp32')
    assert infer(capsys, loud_t_file, tmp_path, *arguments) == (0, '')
    people = WholeBody(loud_t_file, threads=1)(photo)
    drawn = cv2.imread(str(tmp_path / f'{photo.stem}.png'))
    size = read_image(photo).shape[1::-1]
    assert np.array_equal(drawn, draw_pose_map(people, size, ['body'], 0))
    frame = next(iter(video.Video(str(tmp_path / 'clip.mp4'))))
    assert frame.shape == (240, 320, 3) and (frame < 40).mean() > 0.7
    code, err = infer(
        capsys, loud_t_file, tmp_path / 'b', photo, '--pose-map', '--pose-map-side', 128
    )
    assert (code, err) == (0, '')
    assert min(cv2.imread(str(tmp_path / 'b' / f'{photo.stem}.png')).shape[:2]) == 128
    for flags, said in [
        (['--pose-map', '--draw-boxes'], 'leave --draw-boxes, --ids, --labels'),
        (['--pose-map-side', 512], 'give --pose-map'),
        (['--pose-map', '--pose-map-side', 9], '--pose-map-side is 9'),
    ]:
        code, err = infer(capsys, loud_t_file, tmp_path / 'c', photo, *flags)
        assert code == 1 and said in err and err.count('\n') == 1


def test_drawn_parts_and_ids(capsys, photo, clip, loud_t_file, tmp_path):
    options = ('--parts', 'hands', '--picture', 'png', '--threshold', 0)
    assert infer(capsys, loud_t_file, tmp_path, photo, *options) == (0, '')
    people = WholeBody(loud_t_file, threads=1)(photo)
    drawn = cv2.imread(str(tmp_path / f'{photo.stem}.png'))
    assert np.array_equal(
        drawn, draw_people(read_image(photo), people, 0, parts=['hands'])
    )
    frames = []
    for number, flags in enumerate(([], ['--ids'])):
        out = tmp_path / str(number)
        assert infer(capsys, loud_t_file, out, clip, *flags, '--frames', 1) == (0, '')
        frames += video.Video(str(out / 'clip.mp4'))
    assert np.abs(frames[0].astype(int) - frames[1]).max() > 100


def test_video(capsys, clip, loud_t_file, tmp_path):
    code, err = infer(
        capsys,
        loud_t_file,
        tmp_path,
        clip,
        '--stride',
        4,
        '--smooth',
        '--format',
        'json',
        'openpose',
    )
    assert (code, err) == (0, '')
    drawn = video.Video(tmp_path / 'clip.mp4')
    assert len(list(drawn)) == 12 and drawn.rate == 10
    frames = json.loads((tmp_path / 'clip.json').read_text())
    assert [frame['frame_id'] for frame in frames] == list(range(12))
    assert 'id' in frames[5]['instances'][0]
    assert (tmp_path / 'clip_000000000011_keypoints.json').exists()
    code, _ = infer(capsys, loud_t_file, tmp_path / 'b', clip, '--frames', 5)
    assert code == 0
    assert len(json.loads((tmp_path / 'b' / 'clip.json').read_text())) == 5


def test_who_stands_still(capsys, photo, loud_t_file, tmp_path):
    clip = tmp_path / 'still.mp4'
    with VideoWriter(clip, 10) as writer:
        for _ in range(3):
            writer.write(read_image(photo))
    flags = ('--stride', 1, '--skip-still', '--no-draw')
    assert infer(capsys, loud_t_file, tmp_path / 'out', clip, *flags) == (0, '')
    frames = json.loads((tmp_path / 'out' / 'still.json').read_text())
    people = [frame['instances'][0] for frame in frames]
    assert [{*person['origin']} for person in people] == [{0}, {4}, {4}]
    for person in people:
        assert person['keypoints'] == people[0]['keypoints']


def test_video_cut_off(capsys, clip, loud_t_file, tmp_path):
    """An AVI keeps its header in front: half of it says the full count."""
    path, whole = tmp_path / 'cut.avi', tmp_path / 'whole.avi'
    writer = cv2.VideoWriter(
        str(whole), cv2.VideoWriter_fourcc(*'MJPG'), 10, (320, 240)
    )
    for frame in video.Video(clip):
        writer.write(frame)
    writer.release()
    content = whole.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    code, err = infer(capsys, loud_t_file, tmp_path / 'out', path)
    done = json.loads((tmp_path / 'out' / 'cut.json').read_text())
    assert code == ExitCode.PARTLY and 0 < len(done) < 12
    assert f'cut.avi ends after {len(done)} of 12 frames' in err
    assert len(list(video.Video(tmp_path / 'out' / 'cut.mp4'))) == len(done)
    path.write_bytes(content[:200])
    code, err = infer(capsys, loud_t_file, tmp_path / 'none', path)
    assert code == 1 and 'cut.avi' in err and err.count('\n') == 1


def test_one_line_errors(capsys, photo, loud_t_file, tmp_path):
    text = tmp_path / 'text.mp4'
    text.write_text('no video')
    file = tmp_path / 'file'
    file.touch()
    empty = tmp_path / 'empty'
    empty.mkdir()
    huge = tmp_path / 'huge.png'
    Image.new('1', (20000, 20000)).save(huge)
    out = tmp_path / 'out'
    for inputs, where, said in [
        (['none.jpg'], out, 'image none.jpg '),
        (['none.mp4'], out, 'none.mp4 does not exist'),
        ([text], out, 'text.mp4 cannot be opened'),
        ([empty], out, 'empty holds no image'),
        ([f'{tmp_path}/*.gif'], out, 'no file matches'),
        (['77'], out, 'webcam 77 cannot be opened'),
        ([huge], out, 'huge.png has more than 100,000,000 pixels'),
        ([photo], file / 'sub', 'file/sub cannot be made'),
    ]:
        code, err = infer(capsys, loud_t_file, where, *inputs)
        assert code == 1 and said in err, (said, err)
        assert err.startswith('rtmw: ') and err.count('\n') == 1, err
    for flags, said in [
        (['--pose', photo], 'neither .onnx nor .xml'),
        (['--pose', 'rtmw-q'], 'unknown network "rtmw-q"'),
        (['--det', loud_t_file], 'detector'),
        (['--device', 'cuda'], 'no device "cuda"'),
        (['--stride', '0'], '--stride is 0: it must be 1 or more'),
        (['--batch', '0'], '--batch is 0: it must be 1 or more'),
        (['--frames', '0'], '--frames is 0: it must be 1 or more'),
        (['--threads', '-1'], '--threads is -1: it must be 0 or more'),
    ]:
        code, err = rtmw(
            capsys,
            'infer',
            photo,
            '--out',
            out,
            '--pose',
            loud_t_file,
            '--det',
            'none',
            *flags,
        )
        assert code == 1 and said in err and err.count('\n') == 1, err
    # Before a network is looked for.
    code, err = infer(capsys, 'none.onnx', file / 'sub', photo)
    assert code == 1 and 'file/sub cannot be made' in err, err
    with pytest.raises(SystemExit) as error:
        cli.main(['infer'])
    assert error.value.code == 2


def test_a_bad_input_among_good_ones_is_skipped(capsys, photo, loud_t_file, tmp_path):
    code, err = infer(capsys, loud_t_file, tmp_path, 'none.jpg', photo)
    assert code == ExitCode.PARTLY and 'skipped: image none.jpg' in err
    assert (tmp_path / f'{photo.stem}.jpg').exists()


def test_many_images_at_once(capsys, photo, loud_t_file, tmp_path):
    copies = [photo] + [tmp_path / f'{number}.png' for number in range(4)]
    for path in copies[1:]:
        path.write_bytes(photo.read_bytes())
    copies[2].write_bytes(b'')
    out = tmp_path / 'out'
    code, err = rtmw(
        capsys,
        'infer',
        *copies,
        '--pose',
        loud_t_file,
        '--det',
        'none',
        '--out',
        out,
        '--threads',
        2,
    )
    assert code == ExitCode.PARTLY and err.count('skipped') == 1
    records = [
        json.loads((out / f'{path.stem}.json').read_text())
        for path in copies
        if path != copies[2]
    ]
    assert len(records) == 4 and all(record == records[0] for record in records)


@pytest.mark.parametrize(
    'images, flags, backend',
    [
        (1, [], 'OnnxRuntime'),
        (estimator_flags.FEW_IMAGES, [], 'OnnxRuntime'),
        (estimator_flags.FEW_IMAGES + 1, [], 'OpenVino'),
        (None, [], 'OpenVino'),
        (1, ['--backend', 'openvino'], 'OpenVino'),
    ],
)
def test_few_images_take_the_backend_that_starts_first(
    images, flags, backend, loud_t_file
):
    pytest.importorskip('openvino')
    flags = cli._parser().parse_args(
        ['infer', 'x.jpg', '--pose', str(loud_t_file), '--det', 'none', *flags]
    )
    estimator_flags.complete(flags, images)
    estimator = estimator_flags.build_estimator(flags, images)
    assert type(estimator.pose.network).__name__ == backend


def test_few_images_of_an_openvino_file(loud_t_file, tmp_path):
    openvino = pytest.importorskip('openvino')
    openvino.save_model(openvino.convert_model(loud_t_file), tmp_path / 'loud.xml')
    flags = cli._parser().parse_args(
        ['infer', 'x.jpg', '--pose', str(tmp_path / 'loud.xml'), '--det', 'none']
    )
    estimator_flags.complete(flags, 1)
    assert (
        type(estimator_flags.build_estimator(flags, 1).pose.network).__name__
        == 'OpenVino'
    )


def test_detector_and_pose_network_load_side_by_side(monkeypatch):
    flags = cli._parser().parse_args(
        ['infer', 'x.jpg', '--pose', 'rtmw-t', '--det', 'rtmdet-nano']
    )
    estimator_flags.complete(flags, 1)
    both = threading.Barrier(2)

    def beside(load):
        def wait(*arguments, **options):
            both.wait(60)
            return load(*arguments, **options)

        return wait

    for name in ('Detector', 'load_pose'):
        monkeypatch.setattr(
            estimator_flags, name, beside(getattr(estimator_flags, name))
        )
    estimator = estimator_flags.build_estimator(flags, 1)
    assert set(estimator.networks) == {'pose', 'detector'}


def test_nobody_in_the_picture(photo, loud_t_file, tmp_path):
    def nobody(image):
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)

    outputs = OutputFolder(tmp_path, FORMATS, boxes=True)
    estimator = WholeBody(loud_t_file, nobody, fallback=False)
    assert runs.infer(estimator, [str(photo)], outputs, 8)
    assert json.loads((tmp_path / f'{photo.stem}.json').read_text()) == []
    assert np.array_equal(
        outputs.draw(read_image(photo), estimator(photo)), read_image(photo)
    )
    assert np.load(tmp_path / 'keypoints.npz')['keypoints'].shape == (0, 133, 2)


@pytest.mark.parametrize('flags, people', [([], 1), (['--no-fallback'], 0)])
def test_fallback_flag(flags, people, loud_t_file, tmp_path, capsys):
    """The shipped detector finds nobody in a grey image."""
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((90, 60, 3), 99, np.uint8))
    code, err = rtmw(
        capsys,
        'infer',
        tmp_path / 'grey.png',
        '--out',
        tmp_path / 'out',
        '--pose',
        loud_t_file,
        '--det',
        'rtmdet-nano',
        '--no-draw',
        *flags,
    )
    assert (code, err) == (0, '')
    found = json.loads((tmp_path / 'out' / 'grey.json').read_text())
    assert len(found) == people


def test_unwritable_picture(photo, loud_t_file, tmp_path, capsys):
    (tmp_path / f'{photo.stem}.jpg').mkdir()
    code, err = infer(capsys, loud_t_file, tmp_path, photo)
    assert code == 1 and f'{photo.stem}.jpg cannot be written' in err


def test_ctrl_c_keeps_what_is_done(clip, loud_t_file, tmp_path):
    command = [
        sys.executable,
        '-m',
        'rtmw_ext.commands.cli',
        'infer',
        *[str(clip)] * 60,
        '--pose',
        str(loud_t_file),
        '--det',
        'none',
        '--out',
        str(tmp_path),
        '--format',
        'json',
        'csv',
        '--threads',
        '1',
    ]
    # A background job is started with Ctrl-C ignored; a person's shell isn't.
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / 'clip_2.mp4').exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate(timeout=120)[1]
    assert process.returncode == ExitCode.STOPPED, err
    assert err.strip().endswith('finished outputs are kept')
    assert len(json.loads((tmp_path / 'clip.json').read_text())) == 12
    for path in tmp_path.glob('*.mp4'):
        frames = json.loads(path.with_suffix('.json').read_text())
        assert len(list(video.Video(path))) == len(frames)


@pytest.fixture
def heeded():
    """Ctrl-C is not ignored, as it is in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures('heeded')
@pytest.mark.parametrize('number', [1, 4])
def test_ctrl_c_waits_for_a_frame_to_be_written(
    number, clip, loud_t_file, tmp_path, monkeypatch, capsys
):
    add, calls = OutputFolder.add, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            signal.raise_signal(signal.SIGINT)
        return add(*arguments)

    monkeypatch.setattr(OutputFolder, 'add', interrupted)
    code, err = infer(capsys, loud_t_file, tmp_path, clip, '--format', *FORMATS)
    assert code == ExitCode.STOPPED, err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(json.loads((tmp_path / 'clip.json').read_text())) == number
    assert len(list(video.Video(tmp_path / 'clip.mp4'))) == number
    with np.load(tmp_path / 'keypoints.npz') as columns:
        assert len(columns['frame']) == number
    with (tmp_path / 'keypoints.csv').open() as file:
        assert {row['frame'] for row in csv.DictReader(file)} == set(
            map(str, range(number))
        )


def test_published_networks_are_fetched_once(
    file_server, loud_t_file, tmp_path, monkeypatch
):
    folder, address = file_server
    monkeypatch.setenv('RTMW_WEIGHTS_MIRROR', address)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    place = folder / get('rtmw-m').onnx.removeprefix(f'{address}/')
    place.parent.mkdir(parents=True)
    with pytest.raises(NetworkError, match='cannot be fetched from http'):
        resolve_network('rtmw-m')
    place.write_bytes(b'no archive')
    with pytest.raises(NetworkError, match='cannot be fetched'):
        resolve_network('rtmw-m')
    cache = tmp_path / 'rtmw_ext'
    assert not [path for path in cache.rglob('*') if path.is_file()]
    with zipfile.ZipFile(place, 'w') as archive:
        archive.write(loud_t_file, '20231122/rtmw/end2end.onnx')
    path = resolve_network('rtmw-m')
    assert path.read_bytes() == loud_t_file.read_bytes()
    place.unlink()
    assert resolve_network('rtmw-m') == path


def test_models_and_info(capsys, loud_t_file):
    assert cli.main(['models', 'rtmw-l']) == 0
    out = capsys.readouterr().out
    assert 'rtmw-l-256x192' in out and 'yolox' not in out
    assert cli.main(['info']) == 0
    assert 'CPUExecutionProvider' in capsys.readouterr().out
    assert cli.main(['info', str(loud_t_file)]) == 0
    assert 'split_ratio' in capsys.readouterr().out


def test_a_bug_shows_its_traceback(capsys, monkeypatch):
    def divide(*_):
        return 1 / 0

    monkeypatch.setattr(runs, 'find_inputs', divide)
    code, err = rtmw(capsys, 'infer', 'any.jpg')
    assert code == ExitCode.BUG
    assert 'Traceback' in err and 'ZeroDivisionError' in err
    assert 'please report it' in err and '`rtmw info`' in err


def test_debug_shows_the_traceback_of_every_error(capsys, tmp_path):
    code, err = rtmw(capsys, '--debug', 'infer', tmp_path)
    assert code == ExitCode.FAILED
    assert 'Traceback' in err and 'holds no image' in err.splitlines()[-1]
    assert 'please report' not in err


@pytest.mark.parametrize(
    'error, code',
    [
        (ImportError('the view needs rerun: pip install rerun'), ExitCode.FAILED),
        (ModuleNotFoundError('No module', name='mmengine'), ExitCode.FAILED),
        (ModuleNotFoundError('No module', name='rtmw_ext.cor'), ExitCode.BUG),
        (ImportError('cannot import name', name='cv2'), ExitCode.BUG),
        (ValueError('of somebody'), ExitCode.BUG),
        (NetworkError('no such file'), ExitCode.FAILED),
        (PermissionError('no right'), ExitCode.FAILED),
    ],
)
def test_exit_code_of_an_error(error, code, capsys, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(runs, 'find_inputs', fail)
    found, err = rtmw(capsys, 'infer', 'any.jpg')
    assert found == code and str(error) in err
    assert ('Traceback' in err) == (code == ExitCode.BUG)


def test_a_signal_ends_at_once(capsys, monkeypatch):
    """To free networks would take longer than all else."""
    networks, ends = [], []

    def run(_):
        network = Network()
        networks.append(weakref.ref(network))
        raise Stopped(signal.SIGTERM)

    class Network:
        """Stands for what takes long to be freed."""

    monkeypatch.setattr(info, 'run', run)
    monkeypatch.setattr(sys, 'argv', ['rtmw', 'info'])
    monkeypatch.setattr(os, '_exit', lambda code: ends.append((code, networks[0]())))
    with pytest.raises(SystemExit):
        cli.script()
    ((code, network),) = ends
    assert code == 143 and isinstance(network, Network)
    assert 'finished outputs are kept' in capsys.readouterr().err
