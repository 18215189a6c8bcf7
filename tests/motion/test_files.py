"""Files of motion, each read back by a reader that did not write it, or by the
library of the format."""

import csv
import importlib
import io
import json
import struct
import sys
import warnings

import bvhio
import c3d
import ezc3d
import numpy as np
import pandas
import pytest
import trimesh
from pose_format import Pose
from pose_format.utils.generic import detect_known_pose_format
from scipy.spatial.transform import Rotation

from rtmw_ext.core.people import Origin
from rtmw_ext.core.skeleton import HIPS, KEYPOINT_NAMES, side_pairs
from rtmw_ext.motion import MotionError
from rtmw_ext.motion.angles import angular_velocity
from rtmw_ext.motion.files import WRITERS, LibraryMissingError, check_libraries, write
from rtmw_ext.motion.files.base import even_times, sample
from rtmw_ext.motion.files.pose import FACE_LANDMARKS, LANDMARKS
from rtmw_ext.motion.rotations import (
    IS_END,
    JOINTS,
    NAMES,
    fit_rotations,
    joints_of,
)
from rtmw_ext.output import OutputError
from support.motion import motion_of, moving_animation, points_of, track_of

RATE = 30.0
TIMES = np.arange(30) / RATE + 0.5
#: Times of frames that come when they like.
UNEVEN = TIMES + np.random.default_rng(0).uniform(-0.012, 0.012, len(TIMES))
WRIST = KEYPOINT_NAMES.index('left_wrist')
FIRST = 6


def make_motion(times=TIMES, world=True):
    """Two people; the second comes later, is gone for two frames and misses a wrist
    and, in its first frame, the left hip."""
    points = points_of(moving_animation(0, times))
    other = points_of(moving_animation(1, times[FIRST:26])) + (1, 0, 0)
    other[5:7] = np.nan
    other[10:13, WRIST] = np.nan
    other[0, HIPS[0]] = np.nan
    return motion_of(
        track_of(3, points, np.arange(len(times)), times, world),
        track_of(7, other, np.arange(FIRST, 26), times[FIRST:26], world),
        times=times,
        rate=RATE,
    )


@pytest.fixture(scope='module')
def motion():
    return make_motion()


def encode(motion, name, person=1):
    """The content of the file of a person, or of all."""
    writer = WRITERS[name]
    if writer.one_person:
        motion = motion.with_tracks([motion.tracks[person]])
    return writer.encode(motion)


def animation_of(track):
    return fit_rotations(track.world, KEYPOINT_NAMES, track.times)


# -- the table of formats ---------------------------------------------------------


@pytest.mark.parametrize('name', WRITERS)
def test_files_of_every_format(name, motion, tmp_path):
    writer = WRITERS[name]
    path = tmp_path / 'new' / f'dance{writer.suffix}'
    files = write(motion, path)
    if writer.one_person:
        assert files == [path.with_name(f'dance-{i}{writer.suffix}') for i in (3, 7)]
        assert write(motion.with_tracks(motion.tracks[:1]), path) == [path]
        assert path.read_bytes() == files[0].read_bytes() or name in ('npz', 'c3d')
    else:
        assert files == [path]
    assert all(file.stat().st_size > 1000 for file in files)
    named = write(motion, tmp_path / 'named.data', name)
    assert len(named) == len(files) and named[0].suffix == '.data'
    assert not list(tmp_path.glob('**/*.part'))


def test_motion_writes_itself(motion, tmp_path):
    (path,) = motion.write(tmp_path / 'dance.glb')
    assert path.read_bytes() == WRITERS['glb'].encode(motion)
    for name in ('bvh', 'glb', 'trc', 'c3d', 'pose'):
        one = motion.with_tracks(motion.tracks[:1])
        path = tmp_path / f'{name}.data'
        assert getattr(one, f'to_{name}')(path) == [path]
        assert path.stat().st_size == len(WRITERS[name].encode(one))


def test_what_cannot_be_written(motion, tmp_path):
    with pytest.raises(MotionError, match=r'dance.fbx has no format .* \.trc'):
        write(motion, tmp_path / 'dance.fbx')
    with pytest.raises(MotionError, match='nobody to write'):
        write(motion.with_tracks([]), tmp_path / 'dance.bvh')
    with pytest.raises(MotionError, match='one person, not 2'):
        WRITERS['trc'].encode(motion)
    (tmp_path / 'folder.glb').mkdir()
    with pytest.raises(OutputError, match='cannot be written'):
        write(motion, tmp_path / 'folder.glb')


def test_2d_is_enough_for_tables_and_sign_language(tmp_path):
    motion = make_motion(world=False)
    for track in motion.tracks:
        track.keypoints_3d_cam = None
    for writer in WRITERS.values():
        path = tmp_path / f'dance{writer.suffix}'
        if writer.is_3d:
            with pytest.raises(MotionError, match='needs points in 3D'):
                write(motion, path)
        else:
            write(motion, path)
    pose = Pose.read((tmp_path / 'dance.pose').read_bytes())
    assert pose.body.data.shape == (30, 2, 133, 2)
    np.testing.assert_allclose(
        pose.body.data[:, 0].filled(np.nan), motion.tracks[0].keypoints, rtol=1e-6
    )


@pytest.mark.parametrize(
    'name, module',
    [
        ('c3d', 'ezc3d'),
        ('glb', 'pygltflib'),
        ('csv', 'pyarrow'),
        ('pose', 'pose_format'),
    ],
)
def test_a_library_that_is_missing(name, module, motion, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    message = rf'needs {module.replace("_", "-")}: pip install rtmw_ext\[motion\]'
    with pytest.raises(LibraryMissingError, match=message):
        encode(motion, name)


@pytest.mark.parametrize('name', WRITERS)
def test_libraries_are_those_that_are_needed(name, motion, monkeypatch):
    """So that a check before minutes of networks finds all of them."""
    used = set()
    module = importlib.import_module(WRITERS[name].encode.__module__)
    if hasattr(module, 'library'):

        def spy(item):
            used.add(item)
            return importlib.import_module(item)

        monkeypatch.setattr(module, 'library', spy)
    encode(motion, name)
    assert used == {*WRITERS[name].libraries}
    for item in used:
        monkeypatch.setitem(sys.modules, item, None)
        with pytest.raises(LibraryMissingError, match=r'rtmw_ext\[motion\]'):
            check_libraries([name])
        monkeypatch.undo()
    check_libraries([name])


def test_without_a_world_the_camera_is_level():
    one, other = make_motion(), make_motion(world=False)
    turned = np.array((1, -1, -1)) * other.tracks[1].keypoints_3d_cam
    # It is 1.5 m high and 4 m away.
    np.testing.assert_allclose(
        turned + (0, 1.5, 4), one.tracks[1].world, atol=1e-6, equal_nan=True
    )
    trc = read_trc(encode(other, 'trc'))
    np.testing.assert_allclose(trc['points'][:, :133], turned, atol=1e-6)


# -- times --------------------------------------------------------------------------


def test_even_times_are_kept():
    assert even_times(TIMES, RATE) is TIMES
    jitter = TIMES + np.random.default_rng(0).uniform(-0.001, 0.001, len(TIMES))
    assert even_times(jitter, RATE) is jitter
    assert even_times(TIMES[:1], RATE) is not None


def test_uneven_times_become_even():
    times = np.array([0.0, 0.1, 0.2, 0.45, 0.5])
    even = even_times(times, 10)
    np.testing.assert_allclose(even, [0, 0.1, 0.2, 0.3, 0.4, 0.5])
    values = np.array([0.0, 1, 2, 7, np.nan])
    np.testing.assert_allclose(
        sample(times, values, even), [0, 1, 2, 4, 6, np.nan], equal_nan=True
    )
    np.testing.assert_allclose(
        sample(times, values, np.array([-0.1, 0.45, 0.475, 0.6])),
        [np.nan, 7, np.nan, np.nan],
        equal_nan=True,
    )


@pytest.mark.parametrize('name', ['trc', 'c3d', 'bvh', 'pose'])
def test_files_at_a_constant_rate_hold_even_times(name, tmp_path):
    """What moves evenly is on its line, whenever its frames came."""
    motion = make_motion(UNEVEN)
    track = motion.tracks[0]
    line = np.linspace(0, 1, len(UNEVEN))
    moved = np.interp(UNEVEN, TIMES, line)[:, None, None] * (1, 0, 0)
    track.world = (track.world[:1] + moved).astype(np.float32)
    content = encode(motion, name, person=0)
    if name == 'trc':
        places = read_trc(content)['points'][:, HIPS, 0].mean(1)
    elif name == 'c3d':
        places = c3d_points(content)[:, HIPS, 0].mean(1) / 1000
    elif name == 'bvh':
        places = read_bvh(content, tmp_path)[0]['Hips'][:, 0]
    else:
        world = Pose.read(content).body.data[:, 0, -133:]
        places = world[:, HIPS, 0].mean(1)
    steps = np.diff(places)
    # Beyond the ends it stands still.
    np.testing.assert_allclose(steps[1:-1], 1 / 29, atol=2e-3)


# -- markers --------------------------------------------------------------------------


def read_trc(content):
    """A reader by the description of the format: tabs, five lines of a header,
    three columns a marker."""
    lines = [line.split('\t') for line in content.decode().split('\n')]
    assert lines[0][:3] == ['PathFileType', '4', '(X/Y/Z)']
    header = dict(zip(lines[1], lines[2], strict=True))
    labels = [label for label in lines[3][2:] if label]
    assert lines[3][:2] == ['Frame#', 'Time']
    assert lines[4][2:5] == ['X1', 'Y1', 'Z1'] and lines[4][-1] == f'Z{len(labels)}'
    rows = lines[5:-1]
    assert lines[-1] == ['']
    width = 2 + 3 * len(labels)
    assert {len(row) for row in rows} == {width} == {len(lines[3]), len(lines[4])}
    values = np.array([[float(cell or 'nan') for cell in row[2:]] for row in rows])
    return dict(
        header=header,
        labels=labels,
        numbers=[int(row[0]) for row in rows],
        times=np.array([float(row[1]) for row in rows]),
        points=values.reshape(len(rows), -1, 3),
        cells=[row[2:] for row in rows],
    )


def test_trc(motion):
    track = motion.tracks[1]
    file = read_trc(encode(motion, 'trc'))
    header = file['header']
    assert header['Units'] == 'm' and header['NumFrames'] == '20'
    assert header['NumMarkers'] == str(len(file['labels'])) == '135'
    assert float(header['DataRate']) == float(header['CameraRate']) == RATE
    assert file['numbers'] == track.frames.tolist()
    np.testing.assert_allclose(file['times'], track.times, atol=1e-6)
    np.testing.assert_allclose(file['points'][:, :133], track.world, atol=1e-6)
    # Missing ones are blank; OpenSim wants a line to end in a value.
    wrist = file['labels'].index('LWrist')
    assert file['cells'][10][3 * wrist : 3 * wrist + 3] == ['', '', '']
    assert file['cells'][5] == [''] * (3 * 135 - 1) + ['nan']


def test_markers_have_the_names_of_opensim(motion):
    labels = read_trc(encode(motion, 'trc'))['labels']
    assert len(set(labels)) == 135
    # Of the models of Pose2Sim for 133 points, by their numbers there.
    names = {
        0: 'Nose',
        1: 'LEye',
        4: 'REar',
        5: 'LShoulder',
        10: 'RWrist',
        12: 'RHip',
        15: 'LAnkle',
        17: 'LBigToe',
        21: 'RSmallToe',
        22: 'RHeel',
        23: 'Jaw1',
        39: 'Jaw17',
        40: 'EyebrowR1',
        49: 'EyebrowL5',
        58: 'Nose9',
        59: 'REye1',
        70: 'LEye6',
        90: 'Mouth20',
        92: 'LThumb1',
        93: 'LThumb',
        94: 'LThumb3',
        96: 'LIndex',
        97: 'LIndex2',
        100: 'LMiddle1',
        107: 'LRing4',
        108: 'LPinky',
        114: 'RThumb',
        117: 'RIndex',
        132: 'RPinky4',
    }
    assert {place: labels[place] for place in names} == names
    assert labels[133:] == ['Hip', 'Neck']


def c3d_points(content):
    """(T, M, 3) in the file's unit, by the package c3d."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        frames = list(c3d.Reader(io.BytesIO(content)).read_frames())
    return np.stack([points[:, :3] for _, points, _ in frames])


def test_c3d(motion, tmp_path):
    track = motion.tracks[1]
    content = encode(motion, 'c3d')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        reader = c3d.Reader(io.BytesIO(content))
        frames = list(reader.read_frames())
    assert reader.point_rate == RATE
    labels = [label.strip() for label in reader.point_labels]
    assert labels == read_trc(encode(motion, 'trc'))['labels']
    assert reader.get('POINT:UNITS').string_value.strip() == 'mm'
    assert reader.get('POINT:Y_SCREEN').string_value.strip() == '+Y'
    names = reader.get('POINT:DESCRIPTIONS').string_array
    assert [name.strip() for name in names[:133]] == list(KEYPOINT_NAMES)
    assert len(frames) == len(track)
    points = np.stack([points for _, points, _ in frames])[:, :133]
    missing = points[..., 3] == -1
    assert (missing == (track.origin == Origin.MISSING)).all()
    np.testing.assert_allclose(
        points[~missing][:, :3], track.world[~missing] * 1000, atol=1e-2
    )
    path = tmp_path / 'dance.c3d'
    path.write_bytes(content)
    again = ezc3d.c3d(str(path))
    # Half a second, and six frames.
    assert again['header']['points']['first_frame'] == 0.5 * RATE + FIRST
    assert np.isnan(again['data']['points'][:3, WRIST, 10:13]).all()


# -- rotations ------------------------------------------------------------------------


def read_bvh(content, folder):
    """{joint: (T, 3) places} and seconds of a frame, by the package bvhio."""
    path = folder / 'read.bvh'
    path.write_bytes(content)
    root = bvhio.readAsHierarchy(str(path))
    file = bvhio.readAsBvh(str(path))
    places = {joint.Name: [] for joint, _, _ in root.layout()}
    for frame in range(file.FrameCount):
        root.loadPose(frame)
        for joint, _, _ in root.layout():
            places[joint.Name].append(list(joint.PositionWorld))
    return {name: np.array(rows) for name, rows in places.items()}, file.FrameTime


def read_glb(content):
    """The document and a function that gives an accessor's array, by the
    description of the format."""
    magic, version, length = struct.unpack('<4sII', content[:12])
    assert (magic, version, length) == (b'glTF', 2, len(content))
    size, kind = struct.unpack('<I4s', content[12:20])
    assert kind == b'JSON'
    document = json.loads(content[20 : 20 + size])
    rest = content[20 + size :]
    size, kind = struct.unpack('<I4s', rest[:8])
    assert kind == b'BIN\0' and size == document['buffers'][0]['byteLength']
    types = {5126: '<f4', 5121: 'u1'}
    shapes = dict(SCALAR=(), VEC3=(3,), VEC4=(4,), MAT4=(4, 4))

    def array(number):
        accessor = document['accessors'][number]
        view = document['bufferViews'][accessor['bufferView']]
        assert view['byteOffset'] % 4 == 0
        shape = (accessor['count'], *shapes[accessor['type']])
        kind = np.dtype(types[accessor['componentType']])
        start = view['byteOffset']
        data = rest[8 + start : 8 + start + view['byteLength']]
        assert len(data) == np.prod(shape) * kind.itemsize
        return np.frombuffer(data, kind).reshape(shape)

    return document, array


def move_glb(document, array):
    """Times (T, ) of each node that moves, and {node: (T, 4, 4)} to the world, at the
    times of the person."""
    nodes = document['nodes']
    moved = {}
    for channel in document['animations'][0]['channels']:
        sampler = document['animations'][0]['samplers'][channel['sampler']]
        target = channel['target']
        moved[target['node'], target['path']] = (
            array(sampler['input']),
            array(sampler['output']),
        )
    times, world = {}, {}

    def walk(number, base, clock):
        node = nodes[number]
        clock, _ = moved.get((number, 'translation'), (clock, None))
        local = np.tile(np.eye(4), (len(clock), 1, 1))
        local[:, :3, 3] = node.get('translation', (0, 0, 0))
        for path in ('translation', 'rotation'):
            if (number, path) in moved:
                own, values = moved[number, path]
                np.testing.assert_array_equal(own, clock)
                if path == 'rotation':
                    local[:, :3, :3] = Rotation.from_quat(values).as_matrix()
                else:
                    local[:, :3, 3] = values
        world[number], times[number] = base @ local, clock
        for child in node.get('children', ()):
            walk(child, world[number], clock)

    for person in document['scenes'][0]['nodes']:
        walk(person, np.eye(4), np.zeros(1))
    return times, world


def check_skeleton(places, track):
    """Joints that a file moves are where the skeleton is and near the points.

    Args:
        places: {joint: (T, 3)} in metres, world.
        track: Of the person.
    """
    animation = animation_of(track)
    truth = dict(zip(NAMES, animation.positions().swapaxes(0, 1)))
    goals = dict(zip(NAMES, joints_of(track.world, KEYPOINT_NAMES).swapaxes(0, 1)))
    errors = []
    for name, found in places.items():
        np.testing.assert_allclose(found, truth[name], atol=2e-4, err_msg=name)
        if JOINTS[name].points:
            errors.append(np.linalg.norm(found - goals[name], axis=1))
    assert np.nanmedian(errors) < 0.01


def test_bvh(motion, tmp_path):
    track = motion.tracks[1]
    places, step = read_bvh(encode(motion, 'bvh'), tmp_path)
    assert list(sorted(places)) == sorted(
        name for name, end in zip(NAMES, IS_END) if not end
    )
    assert step == pytest.approx(1 / RATE, abs=1e-8)
    # It goes over the whole clip, and stands still where the person is not there.
    assert {len(rows) for rows in places.values()} == {len(motion.times)}
    check_skeleton({name: rows[FIRST:26] for name, rows in places.items()}, track)
    for rows in places.values():
        np.testing.assert_allclose(rows[:FIRST], rows[[FIRST] * FIRST], atol=1e-5)
        np.testing.assert_allclose(rows[26:], rows[[25] * 4], atol=1e-5)


def test_angles_of_bvh_do_not_jump(motion):
    """A person who turns round and round, past 180 degrees."""
    track = motion.tracks[0]
    angles = np.linspace(0, 900, len(track))
    turns = Rotation.from_euler('y', angles[:, None], degrees=True).as_matrix()
    world = np.einsum('tij,tkj->tki', turns, track.world[:1].repeat(len(track), 0))
    motion = motion_of(
        track_of(0, world, track.frames, track.times), times=motion.times
    )
    lines = encode(motion, 'bvh', person=0).decode().split('\n')
    start = lines.index('MOTION') + 3
    values = np.array([line.split() for line in lines[start:-1]], float)
    assert np.abs(np.diff(values[:, 3:], axis=0)).max() < 45
    assert values[-1, 5] - values[0, 5] == pytest.approx(900, abs=0.1)


def test_glb(motion):
    document, array = read_glb(encode(motion, 'glb'))
    times, world = move_glb(document, array)
    nodes = document['nodes']
    names = [node['name'] for node in nodes]
    assert len(set(names)) == len(names)
    assert len(document['animations']) == 1
    for number, track in enumerate(motion.tracks):
        skin = document['skins'][number]
        titles = [names[joint] for joint in skin['joints']]
        assert titles == [name + f'-{track.id}' * number for name in NAMES]
        root = skin['joints'][0]
        np.testing.assert_allclose(
            times[root], track.times - motion.times[0], atol=1e-6
        )
        places = {
            name: world[joint][:, :3, 3] for name, joint in zip(NAMES, skin['joints'])
        }
        check_skeleton(places, track)
        (person,) = (node for node in nodes if node['name'] == f'person-{track.id}')
        assert root in person['children']


def test_bones_of_glb_move_with_the_joints(motion):
    document, array = read_glb(encode(motion, 'glb'))
    _, world = move_glb(document, array)
    for number in range(2):
        skin = document['skins'][number]
        attributes = document['meshes'][number]['primitives'][0]['attributes']
        corners = array(attributes['POSITION'])
        joints = array(attributes['JOINTS_0'])[:, 0]
        assert (array(attributes['WEIGHTS_0']) == (255, 0, 0, 0)).all()
        # Columns come first.
        inverse = array(skin['inverseBindMatrices']).swapaxes(1, 2)
        moves = np.stack([world[joint][9] for joint in skin['joints']]) @ inverse
        ones = np.concatenate([corners, np.ones((len(corners), 1))], 1)
        moved = np.einsum('vij,vj->vi', moves[joints], ones)[:, :3]
        # Bones start and end at joints.
        places = np.stack([world[joint][9, :3, 3] for joint in skin['joints']])
        for place in places:
            assert np.linalg.norm(moved - place, axis=1).min() < 1e-5


def test_glb_opens_in_trimesh(motion):
    content = encode(motion, 'glb')
    scene = trimesh.load(io.BytesIO(content), file_type='glb')
    assert len(scene.geometry) == 2
    for mesh, track in zip(scene.geometry.values(), motion.tracks):
        # At rest it stands upright in a T; the triangles look outwards.
        rest = animation_of(track).offsets
        width = np.ptp(mesh.bounds[:, 0])
        arm = [
            rest[NAMES.index(f'Left{part}'), 0]
            for part in ('Shoulder', 'UpperArm', 'LowerArm', 'Hand', 'MiddleProximal')
        ]
        assert width > 2 * sum(arm)
        assert mesh.volume > 0
        assert 'Hips' in scene.graph.nodes


# -- tables ---------------------------------------------------------------------------


@pytest.mark.parametrize('name', ['csv', 'parquet'])
def test_tables(name, motion):
    track = motion.tracks[1]
    content = io.BytesIO(encode(motion, name))
    table = pandas.read_csv(content) if name == 'csv' else pandas.read_parquet(content)
    assert len(table) == len(track) * 133
    assert table.name.tolist() == list(KEYPOINT_NAMES) * len(track)
    assert (table.person == 7).all()
    assert table.point.tolist() == list(range(133)) * len(track)
    assert table.frame.tolist() == np.repeat(track.frames, 133).tolist()
    np.testing.assert_allclose(table.time, np.repeat(track.times, 133))
    for names, values in (
        (['x', 'y'], track.keypoints),
        (['score'], track.scores),
        (['x_3d', 'y_3d', 'z_3d'], track.keypoints_3d),
        (['x_cam', 'y_cam', 'z_cam'], track.keypoints_3d_cam),
        (['x_world', 'y_world', 'z_world'], track.world),
    ):
        found = table[names].to_numpy().reshape(len(track), 133, -1)
        np.testing.assert_allclose(
            found.squeeze(), values, rtol=1e-6, atol=1e-6, err_msg=str(names)
        )
    missing = table.origin == 'missing'
    assert missing.tolist() == (track.origin == Origin.MISSING).ravel().tolist()
    assert set(table.origin) == {'measured', 'missing'}


def test_csv_has_nothing_where_a_point_is_missing(motion):
    rows = list(csv.DictReader(io.StringIO(encode(motion, 'csv').decode())))
    row = rows[10 * 133 + WRIST]
    assert row['name'] == 'left_wrist' and row['origin'] == 'missing'
    assert row['x'] == row['z_world'] == ''


def test_npz(motion):
    track = motion.tracks[1]
    with np.load(io.BytesIO(encode(motion, 'npz'))) as file:
        for name, values in vars(track).items():
            np.testing.assert_array_equal(file[name], values, err_msg=name)
        assert file['names'].tolist() == list(KEYPOINT_NAMES)
        assert file['rate'] == RATE and file['size'].tolist() == [640, 480]
        np.testing.assert_array_equal(file['world_camera'], motion.world_camera)
        assert file['joints'].tolist() == list(NAMES)
        for name, values in vars(animation_of(track)).items():
            np.testing.assert_array_equal(file[name], values, err_msg=name)


def test_table_of_angles(motion):
    track = motion.tracks[1]
    rows = list(csv.DictReader(io.StringIO(encode(motion, 'angles').decode())))
    assert [int(row['frame']) for row in rows] == track.frames.tolist()
    np.testing.assert_allclose([float(row['time']) for row in rows], track.times)
    angles, wrist = track.angles(), track.speeds()['left_wrist']
    knee = angles['left_knee_flexion']
    for name, values in (
        ('left_knee_flexion_deg', knee),
        ('left_knee_flexion_deg_s', angular_velocity(knee, track.times)),
        ('left_wrist_m_s', wrist),
    ):
        found = [float(row[name] or 'nan') for row in rows]
        np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-4, err_msg=name)
    # Missing from frame 10 to 12, so that there is no speed beside them, either.
    gone = [number for number, row in enumerate(rows) if row['left_wrist_m_s'] == '']
    assert gone == [4, 5, 6, 7, 9, 10, 11, 12, 13]
    columns = [name.removesuffix('_deg') for name in rows[0] if name.endswith('_deg')]
    assert columns == list(angles)


# -- sign language -----------------------------------------------------------------


def component(pose, name):
    """(F, P, C, D) values and (F, P, C) confidences of a component."""
    start = 0
    for item in pose.header.components:
        stop = start + len(item.points)
        if item.name == name:
            return (
                pose.body.data[:, :, start:stop],
                pose.body.confidence[:, :, start:stop],
                item,
            )
        start = stop
    raise AssertionError(name)


def whole(motion, values):
    """(F, ...) of the second person over the clip, NaN where it is not."""
    spread = np.full((len(motion.times), *values.shape[1:]), np.nan)
    spread[FIRST:26] = values
    return spread


def test_pose(motion):
    pose = Pose.read(encode(motion, 'pose'))
    assert detect_known_pose_format(pose) == 'coco_wholebody_133'
    assert pose.body.fps == RATE
    dimensions = pose.header.dimensions
    assert (dimensions.width, dimensions.height) == (640, 480)
    track = motion.tracks[1]
    scores = np.nan_to_num(whole(motion, track.scores))
    pixels = whole(motion, track.keypoints)
    for name, part in (
        ('BODY', slice(0, 23)),
        ('FACE', slice(23, 91)),
        ('LEFT_HAND', slice(91, 112)),
        ('RIGHT_HAND', slice(112, 133)),
    ):
        data, confidence, item = component(pose, name)
        assert data.shape == (30, 2, part.stop - part.start, 3)
        np.testing.assert_allclose(confidence[:, 1], scores[:, part], rtol=1e-6)
        found = data[:, 1].filled(np.nan)
        np.testing.assert_allclose(found[..., :2], pixels[:, part], rtol=1e-6)
        assert max(map(max, item.limbs)) < len(item.points)
    body = component(pose, 'BODY')[2]
    ends = {(body.points[start], body.points[end]) for start, end in body.limbs}
    assert ('left_ankle', 'left_heel') in ends and ('nose', 'left_eye') in ends
    data, _, item = component(pose, 'WORLD')
    assert tuple(item.points) == KEYPOINT_NAMES
    np.testing.assert_allclose(
        data[:, 1].filled(np.nan), whole(motion, track.world), atol=1e-3
    )
    # A metre is as long in z as it is across at the hips' depth.
    data = component(pose, 'BODY')[0][:, 0].filled(np.nan)
    hips = motion.tracks[0].keypoints_3d_cam[:, HIPS].mean(1)[:, 2]
    expected = motion.tracks[0].keypoints_3d[:, :23, 2] * 500 / hips[:, None]
    np.testing.assert_allclose(data[..., 2], expected, atol=1e-3)


def test_holistic(motion):
    pose = Pose.read(encode(motion, 'holistic'))
    assert detect_known_pose_format(pose) == 'holistic'
    track = motion.tracks[0]
    data, _, item = component(pose, 'POSE_LANDMARKS')
    assert len(item.points) == 33 and item.points[:2] == ['NOSE', 'LEFT_EYE_INNER']
    for landmark, name in (
        ('RIGHT_WRIST', 'right_wrist'),
        ('LEFT_THUMB', 'left_thumb2'),
    ):
        np.testing.assert_allclose(
            data[:, 0, item.points.index(landmark), :2],
            track.keypoints[:, KEYPOINT_NAMES.index(name)],
            rtol=1e-6,
        )
    data, _, item = component(pose, 'POSE_WORLD_LANDMARKS')
    rows = [KEYPOINT_NAMES.index(name) for name in LANDMARKS.values()]
    np.testing.assert_allclose(data[:, 0], track.keypoints_3d[:, rows], atol=1e-6)
    data, _, item = component(pose, 'RIGHT_HAND_LANDMARKS')
    assert item.points[0] == 'WRIST' and item.points[8] == 'INDEX_FINGER_TIP'
    hips = track.keypoints_3d_cam[:, HIPS].mean(1)[:, 2]
    depth = track.keypoints_3d_cam[:, 120, 2] - track.keypoints_3d_cam[:, 112, 2]
    np.testing.assert_allclose(data[:, 0, 8, 2], depth * 500 / hips / 640, atol=1e-6)
    np.testing.assert_allclose(data[:, 0, 8, :2], track.keypoints[:, 120], rtol=1e-6)
    assert component(pose, 'FACE_LANDMARKS')[2].points == list(map(str, FACE_LANDMARKS))


def test_landmarks_of_the_face_mirror_each_other():
    """Left and right of the 68 are left and right of the mesh: by MediaPipe's
    numbers of some pairs."""
    mirrored = {
        33: 263, 133: 362, 61: 291, 78: 308, 234: 454, 93: 323, 70: 300, 107: 336,
        97: 326, 159: 386, 145: 374, 148: 377, 149: 378, 172: 397, 37: 267, 84: 314,
    }  # fmt: skip
    mirrored |= {right: left for left, right in mirrored.items()}
    checked = 0
    for left, right in side_pairs(KEYPOINT_NAMES):
        if left in range(23, 91):
            one, other = FACE_LANDMARKS[left - 23], FACE_LANDMARKS[right - 23]
            if one in mirrored:
                assert mirrored[one] == other
                checked += 1
    assert checked >= 10


def test_133_points_are_needed():
    motion = make_motion()
    motion.names = KEYPOINT_NAMES[:17]
    with pytest.raises(MotionError, match='need the 133 points'):
        WRITERS['pose'].encode(motion)
