"""``rtmw motion``: videos and results in, filtered results and files out."""

import json
import sys

import numpy as np
import pandas
import pytest

from motion.paths import moving_person, to_motion
from output.test_rerun_view import columns_of
from rtmw_ext.commands import cli
from rtmw_ext.core.people import Origin, People
from rtmw_ext.output import FORMATS, read
from rtmw_ext.output.records import Run, Source
from rtmw_ext.output.video_writer import VideoWriter
from rtmw_ext.runtime import video
from support.networks import bright


@pytest.fixture
def noisy(tmp_path):
    """Results of a person of 40 frames with noise and a gap, as JSON."""
    rng = np.random.default_rng(0)
    times, points = moving_person(count=40)
    points = points + rng.normal(0, 0.02, points.shape)
    scores = np.ones((40, 133))
    scores[10:14] = 0
    motion = to_motion(times, points, scores=scores)
    results = FORMATS['json'](tmp_path)
    results.run = Run(camera=motion.camera)
    results.begin(Source('clip', 'clip.mp4', 'video', motion.size, 30.0, 40))
    for frame in motion.to_people():
        results.add('clip', frame.frame, frame.people, frame.time)
    results.end()
    return tmp_path / 'clip.json'


def write_video(path, count=40):
    with VideoWriter(path, 30) as writer:
        for _ in range(count):
            writer.write(np.zeros((72, 128, 3), np.uint8))
    return path


def motion(*arguments):
    return cli.main(['motion', *map(str, arguments)])


def jitter(results):
    points = np.stack([frame.people.keypoints_3d_cam[0] for frame in results])
    return np.abs(np.diff(points[:, :17], 3, axis=0)).mean()


def test_results_become_motion(noisy, tmp_path, capsys):
    out = tmp_path / 'out'
    formats = ('--format', 'json', 'csv', '--files', 'bvh', 'trc')
    assert motion('--from', noisy, '--out', out, *formats) == 0
    assert motion('--from', noisy, '--out', out, '--files', 'trc', '--format') == 1
    for path in (out / 'clip.json', out / 'keypoints.csv'):
        world = np.stack([frame.people.world[0] for frame in read(path)])
        assert np.isfinite(world).all()
        ankles = world[:, 15:17, 1]
        assert -0.5 < np.median(ankles) < 0.5 and world[..., 1].max() > ankles.max()
    assert {path.suffix for path in out.iterdir()} >= {'.json', '.csv', '.bvh', '.trc'}
    flags = ('--no-solve', '--overwrite')
    assert motion('--from', noisy, '--out', out, *flags) == 0
    before, after = read(noisy), read(out / 'clip.json')
    assert [len(frame.people) for frame in after] == [1] * 40
    origin = np.stack([frame.people.origin[0] for frame in after])
    assert (origin[10:14] == Origin.FILLED).all()
    assert (origin[:10] == Origin.MEASURED).mean() > 0.9
    assert jitter(after[20:]) < 0.25 * jitter(before[20:])
    assert after.run['settings']['max_gap'] == 0.5
    assert 'person 1: 0.00 to 1.30 s' in capsys.readouterr().out


def test_flags_switch_steps_off(noisy, tmp_path):
    out = tmp_path / 'out'
    assert motion('--from', noisy, '--out', out, '--no-smooth', '--no-solve') == 0
    before, after = read(noisy), read(out / 'clip.json')
    for frame, twin in zip(before, after, strict=True):
        np.testing.assert_allclose(
            frame.people.keypoints, twin.people.keypoints, atol=1e-3
        )
    assert motion('--from', noisy, '--out', tmp_path / 'long', '--max-gap', 0.01) == 0
    after = read(tmp_path / 'long' / 'clip.json')
    assert len(after[11].people) == 0 and len(after[14].people) == 1


def test_numbers_of_a_person(noisy, tmp_path):
    out = tmp_path / 'out'
    clip = write_video(tmp_path / 'my.clip.mp4', 1)
    flags = (clip, '--from', noisy, '--no-draw', '--out', out, '--format')
    assert motion(*flags, '--files', 'csv', '--angles', '--plots') == 0
    (person,) = json.loads((out / 'my.clip.report.json').read_text())['people']
    assert person['shares']['filled'] == pytest.approx(0.1, abs=0.01)
    assert (out / 'my.clip.png').stat().st_size > 1e4
    table = pandas.read_csv(out / 'my.clip.angles.csv')
    assert len(table) == 40 and table.time.iloc[-1] == pytest.approx(1.3)
    assert {'left_knee_flexion_deg', 'hips_m_s'} <= {*table.columns}
    # A file of one person or of several stays.
    (out / 'my.clip.angles.csv').rename(out / 'my.clip-3.angles.csv')
    assert motion(*flags, '--angles') == 1
    assert motion(*flags) == 1
    (out / 'my.clip.report.json').unlink()
    assert motion(*flags, '--files', 'trc') == 0
    assert motion(*flags, '--angles', '--overwrite') == 0


@pytest.fixture
def crowd(tmp_path):
    """Results of three people who stand side by side, without ids, as JSON."""
    times, points = moving_person(count=8)
    # The middle one is far away.
    single = [
        to_motion(times, points + at) for at in ((-1, 0, 0), (0, 0, 4), (1, 0, 0))
    ]
    results = FORMATS['json'](tmp_path)
    results.run = Run(camera=single[0].camera)
    results.begin(Source('crowd', 'crowd.mp4', 'video', single[0].size, 30.0, 8))
    for moment in zip(*(motion.to_people() for motion in single)):
        people = People.concatenate(frame.people for frame in moment)
        people.ids = None
        results.add('crowd', moment[0].frame, people, moment[0].time)
    results.end()
    return tmp_path / 'crowd.json'


@pytest.mark.parametrize(
    'who, ids',
    [
        (None, [0, 1, 2]),
        ('central', [1]),
        ('central:2', [0, 1]),
        ('2,0', [0, 2]),
        ('850,300,1000,420@2', [2]),
    ],
)
def test_choice_of_persons(who, ids, crowd, tmp_path):
    flags = ('--persons', who) if who else ()
    out = tmp_path / 'out'
    assert motion('--from', crowd, '--out', out, '--no-solve', *flags) == 0
    results = read(out / 'crowd.json')
    for frame in results:
        assert frame.people.ids.tolist() == ids
    assert results.run['settings']['persons'] == who


@pytest.mark.parametrize(
    'who, message',
    [
        ('7', 'no person 7: there are 0, 1, 2'),
        ('0,0,9,9@0', 'nobody is in box [0.0, 0.0, 9.0, 9.0] in frame 0'),
        ('0,0,9,9@0', 'the ids of the clip are 0, 1, 2'),
        ('oldest', '--persons oldest names nobody: give largest or central'),
        ('largest:0', '--persons largest:0 names nobody'),
        ('largest:', '--persons largest: names nobody'),
        ('9,9,0,0@0', '--persons 9,9,0,0@0 names nobody'),
        ('0,0,9@0', '--persons 0,0,9@0 names nobody'),
        ('', '--persons names nobody'),
    ],
)
def test_persons_who_are_not_there(who, message, crowd, tmp_path, capsys):
    assert motion('--from', crowd, '--out', tmp_path / 'out', '--persons', who) == 1
    assert message in capsys.readouterr().err


def test_people_are_drawn_on_the_video(noisy, tmp_path):
    path = write_video(tmp_path / 'clip.mp4')
    assert motion(path, '--from', noisy, '--out', tmp_path / 'out') == 0
    frames = list(video.Video(tmp_path / 'out' / 'clip.mp4'))
    assert len(frames) == 40 and max(frame.max() for frame in frames) > 100


def test_a_recording_for_rerun(noisy, tmp_path, capsys, monkeypatch):
    flags = ('--from', noisy, '--format', '--no-solve', '--rerun', '--no-draw')
    monkeypatch.setitem(sys.modules, 'rerun', None)
    assert motion(*flags, '--out', tmp_path / 'out') == 1
    assert 'pip install rtmw_ext[rerun]' in capsys.readouterr().err
    monkeypatch.undo()
    pytest.importorskip('rerun', reason='rerun (an optional extra) is absent')
    path = write_video(tmp_path / 'clip.mp4', 30)
    assert motion(path, *flags, '--out', tmp_path / 'out') == 0
    found = columns_of(tmp_path / 'out' / 'clip.rrd')
    # People go on behind the end of the video.
    assert len(found['/world/camera', 'EncodedImage:blob']) == 30
    assert len(found['/world/people/1', 'LineStrips3D:strips']) == 40
    assert len(found['/curves/1/left_knee_flexion', 'Scalars:scalars']) == 40
    assert motion(path, *flags, '--out', tmp_path / 'out') == 1


def test_a_video_becomes_motion(tmp_path):
    network = bright(tmp_path / 'net.onnx', 1.0, points=133)
    path = write_video(tmp_path / 'dance.mp4', 8)
    flags = ('--pose', network, '--det', 'none', '--format', 'json', 'npz')
    assert motion(path, '--out', tmp_path / 'out', *flags) == 0
    assert len(read(tmp_path / 'out' / 'dance.json')) == 8
    record = json.loads((tmp_path / 'out' / 'dance.json.meta.jsonl').open().readline())
    assert record['models']['pose']['file'] == 'net.onnx'
    # Earlier outputs stay.
    assert motion(path, '--out', tmp_path / 'out', *flags) != 0
    assert motion(path, '--out', tmp_path / 'out', '--overwrite', *flags) == 0


def test_files_that_cannot_be_written_are_known_before_networks(
    tmp_path, capsys, monkeypatch
):
    def never(*args):
        raise AssertionError('a frame was estimated')

    monkeypatch.setattr('rtmw_ext.motion.Motion.from_video', never)
    path = write_video(tmp_path / 'dance.mp4', 2)
    network = bright(tmp_path / 'net.onnx', 1.0, points=133)
    flags = (path, '--out', tmp_path / 'out', '--pose', network, '--det', 'none')
    assert motion(*flags, '--files', 'pose', 'bvh') == 1
    assert 'bvh needs points in 3D, but' in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, 'pygltflib', None)
    assert motion(*flags, '--files', 'csv', 'glb') == 1
    message = 'this format needs pygltflib: pip install rtmw_ext[motion]'
    assert capsys.readouterr().err == f'rtmw: {message}\n'


@pytest.mark.parametrize(
    'flags, message',
    [
        ([], 'give a VIDEO'),
        (['clip.mp4', '--source', 'clip'], '--source is of --from'),
        (['--from', 'NOISY', '--cutoff', '0'], '--cutoff is 0'),
        (['--from', 'NOISY', '--max-gap', '-1'], '--max-gap is -1'),
        (['--from', 'NOISY', '--max-people', '0'], '--max-people is 0'),
        (['--from', 'NOISY', '--files', 'fbx'], '--files fbx is none of'),
        (['--from', 'NOISY', '--source', 'other'], "no video 'other', but clip"),
        (['--from', 'none.json'], 'none.json does not exist'),
        (['none.mp4'], 'none.mp4 does not exist'),
    ],
)
def test_bad_command_lines(flags, message, noisy, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = [str(noisy) if flag == 'NOISY' else flag for flag in flags]
    assert motion(*flags, '--out', 'out') == 1
    assert message in capsys.readouterr().err
