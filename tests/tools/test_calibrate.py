"""Curves of scores: one command writes them, both programs use them."""

import shutil
import sys

import numpy as np
import onnx
import pytest
import torch
from mmpose.apis import MMPoseInferencer, inference_topdown, init_model

from rtmw_ext import zoo
from rtmw_ext.apis.topdown import estimate_poses
from rtmw_ext.core.calibration import calibrate
from rtmw_ext.core.images import read_image
from rtmw_ext.core.metadata import NetworkError
from rtmw_ext.core.skeleton import CROP_POINTS, PARTS, ROOTS
from rtmw_ext.engine.safetensors import load_from_safetensors, save_safetensors
from rtmw_ext.export.external_data import set_calibration
from rtmw_ext.models.loading import CheckpointError, load_model
from rtmw_ext.zoo import registry
from support.networks import PoseModel
from support.paths import PEOPLE
from support.tools import load_tool

WEIGHTS = 'rtmw3d-t_photos-256x192.safetensors'
GRAPHS = ['rtmw-t_photos-256x192.onnx', 'rtmw3d-t_photos-256x192.onnx']
PARTS_WEIGHTS = 'rtmw3d-t-parts_photos-128x128.safetensors'
PARTS_GRAPH = 'rtmw3d-t-parts_photos-128x128.onnx'
FIRST = {
    'body': [[2.0, 6.0, 9.0], [0.1, 0.5, 0.95]],
    'face': [[1.0, 9.0], [0.0, 0.4]],
    'hand': [[1.0, 9.0], [0.05, 0.3]],
}
SECOND = {'face': [[0.5, 8.0], [0.5, 1.0]]}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Copies of the shipped files, without curves, where the names find them."""
    folder = tmp_path / 'weights'
    folder.mkdir()
    for name in (WEIGHTS, *GRAPHS, PARTS_WEIGHTS, PARTS_GRAPH):
        shutil.copy(zoo.SHIPPED / name, folder)
    set_calibration(folder / WEIGHTS, None)
    set_calibration(folder / PARTS_WEIGHTS, None)
    monkeypatch.setattr(registry, 'SHIPPED', folder)
    return folder


@pytest.fixture
def calibrated(package):
    set_calibration(package / WEIGHTS, FIRST)
    set_calibration(package / PARTS_WEIGHTS, SECOND)
    return package


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def torch_model(name, **test_cfg):
    return init_model(
        str(zoo.get(name).config),
        zoo.resolve_checkpoint(name),
        device='cpu',
        cfg_options=dict(model=dict(test_cfg=dict(flip_test=False, **test_cfg))),
    )


@pytest.mark.parametrize('name', [WEIGHTS, *GRAPHS])
def test_curves_are_in_every_file_of_a_network(name, package):
    before = contents(package)
    written = set_calibration(package / name, FIRST)
    assert sorted(path.name for path in written) == sorted([WEIGHTS, *GRAPHS])
    assert load_from_safetensors(str(package / WEIGHTS))['meta']['calibration'] == FIRST
    for graph in GRAPHS:
        onnx.checker.check_model(str(package / graph), full_check=True)
        pose = PoseModel(package / graph)
        assert pose.calibration == FIRST
    # Nothing but the curves and the places of the weights is new.
    set_calibration(package / name, None)
    assert contents(package) == before


def test_a_graph_computes_what_it_did(package):
    box = np.array([[10.0, 10, 200, 300]])
    before = PoseModel(package / GRAPHS[0])(PEOPLE, box)
    set_calibration(package / WEIGHTS, FIRST)
    pose = PoseModel(package / GRAPHS[0])
    found = pose(PEOPLE, box)
    assert np.array_equal(found.raw_scores, before.raw_scores)
    assert np.array_equal(found.keypoints, before.keypoints)
    expected = calibrate(found.raw_scores, FIRST, pose.score_scale)
    assert np.array_equal(found.scores, expected)
    assert not np.allclose(found.scores, before.scores, atol=0.01)


@pytest.mark.parametrize('name', ['rtmw-t', 'rtmw3d-t'])
def test_both_programs_give_the_same_scores(name, calibrated, people_image):
    boxes = np.float32([[0, 60, 214, 455], [217, 140, 360, 354]])
    pose = PoseModel(zoo.resolve_network(name))
    found = pose(people_image, boxes)
    samples = estimate_poses(torch_model(name), people_image, boxes)
    theirs = np.concatenate([one.pred_instances.keypoint_scores for one in samples])
    assert np.abs(found.scores - theirs).max() < 1e-3
    assert 0 <= theirs.min() and theirs.max() <= 0.95
    # Curves of their own, not the factor alone.
    assert np.abs(theirs - found.raw_scores * pose.score_scale).max() > 0.05
    kind = dict(pose3d=name) if '3d' in name else dict(pose2d=name)
    inferencer = MMPoseInferencer(**kind, det_model='whole_image', device='cpu')
    inferencer.inferencer.model.test_cfg['flip_test'] = False
    (result,) = inferencer(people_image, bboxes=[boxes])
    scores = [person['keypoint_scores'] for person in result['predictions'][0]]
    assert np.abs(found.scores - scores).max() < 1e-3
    if pose.is_3d:
        # Of which points the depth of the root is estimated, too.
        depth = [one.pred_instances.keypoints_3d_cam[0] for one in samples]
        assert np.abs(found.keypoints_3d_cam - depth).max() < 0.02


@pytest.mark.parametrize('name', ['rtmw-t', 'rtmw3d-t'])
def test_both_programs_look_again(name, calibrated, people_image):
    box = np.float32([[0, 60, 214, 455]])
    model = torch_model(name, second_look='rtmw-t-parts')
    (sample,) = estimate_poses(model, people_image, box)
    theirs = sample.pred_instances.keypoint_scores
    again = zoo.resolve_network('rtmw-t-parts')
    pose = PoseModel(zoo.resolve_network(name), second_look=again)
    # They cut faces and hands out of the input, or of the picture: there the raw
    # scores differ, not the curves. tests/models/test_second_look_models.py
    # compares scores of the same cut.
    ours = pose(people_image, box)
    face = list(PARTS['face'])
    moved = [point for part in ROOTS for point in CROP_POINTS[part]]
    still = np.setdiff1d(np.arange(133), moved)
    assert np.abs(ours.scores - theirs)[:, still].max() < 1e-3
    assert theirs[:, face].min() >= 0.5 and ours.scores[:, face].min() >= 0.5
    (raw,) = inference_topdown(model, people_image, box)
    expected = calibrate(
        raw.pred_instances.keypoint_scores, {**FIRST, **SECOND}, pose.score_scale
    )
    assert np.allclose(theirs, expected, atol=1e-6)


def test_samples_of_a_model_keep_raw_scores(package, people_image):
    """AP is comparable with that of released weights."""
    box = np.float32([[0, 60, 214, 455]])
    plain = torch_model('rtmw-t')
    set_calibration(package / WEIGHTS, FIRST)
    model = torch_model('rtmw-t')
    assert model.curves == FIRST and plain.curves == {}
    found = []
    for one in (plain, model):
        (sample,) = inference_topdown(one, people_image, box)
        found.append(sample.pred_instances.keypoint_scores)
    assert np.array_equal(*found) and found[0].max() > 1


def test_a_file_without_curves_has_a_factor(package, people_image):
    box = np.float32([[0, 60, 214, 455]])
    (sample,) = estimate_poses(torch_model('rtmw-t'), people_image, box)
    pose = PoseModel(zoo.resolve_network('rtmw-t'))
    assert pose.calibration is None
    found = pose(people_image, box)
    theirs = sample.pred_instances.keypoint_scores
    assert np.abs(found.scores - theirs).max() < 1e-3
    expected = np.minimum(found.raw_scores * 0.1, 1)
    assert np.abs(theirs - expected).max() < 1e-3


def test_curves_go_with_the_weights(calibrated, tmp_path):
    """Into exports and published copies, not into a training that begins with
    them."""
    model, _, _ = load_model('rtmw3d-t')
    assert model.calibration == FIRST
    model.load_state_dict(model.state_dict())
    assert model.calibration is None
    tool = load_tool('ship_weights')
    path = tmp_path / WEIGHTS
    tool.publish(
        str(calibrated / WEIGHTS), str(zoo.get('rtmw3d-t').config), path, 'fp32'
    )
    assert load_from_safetensors(str(path))['meta']['calibration'] == FIRST


def test_curves_that_cannot_be_used(package):
    before = contents(package)
    with pytest.raises(NetworkError, match='calibration'):
        set_calibration(package / WEIGHTS, {'nose': FIRST['body']})
    assert contents(package) == before
    path = package / WEIGHTS
    save_safetensors(dict(a=torch.ones(2)), dict(calibration={'body': 3}), path)
    with pytest.raises(CheckpointError, match=f'{WEIGHTS}: "calibration"'):
        load_from_safetensors(str(path))


@pytest.fixture
def people(drawn_root, tmp_path):
    """Drawn people as a set of photos."""
    folder = tmp_path / 'people'
    folder.mkdir()
    (folder / 'images').symlink_to(drawn_root / 'images' / 'val')
    shutil.copy(drawn_root / 'annotations' / 'val.json', folder)
    return folder


def calibrate_command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['calibrate', *map(str, arguments)])
    load_tool('calibrate').main()


def test_one_command(package, people, drawn_root, tmp_path, monkeypatch, capsys):
    names = {path.name for path in package.iterdir()}
    picture = tmp_path / 'docs' / 'reliability.png'
    both = ('rtmw-t', '--parts', 'rtmw-t-parts', '--diagram', picture)
    calibrate_command(monkeypatch, *both, '--sets', people)
    out = capsys.readouterr().out
    assert 'one look, body: expected calibration error 0.' in out
    assert 'second look, face: expected calibration error 0.' in out
    assert read_image(picture).shape[1] == 720
    first = PoseModel(package / GRAPHS[0]).calibration
    assert set(first) == {'body', 'face', 'hand'}
    assert PoseModel(package / GRAPHS[1]).calibration == first
    assert set(PoseModel(package / PARTS_GRAPH).calibration) == {'face', 'hand'}
    written = contents(package)
    assert set(written) == names
    # From raw scores, so that it can be done again; rendered people are laid out
    # in another way.
    calibrate_command(monkeypatch, 'rtmw-t', '--sets', drawn_root)
    assert contents(package) == written


def test_the_same_points_make_the_same_diagram(tmp_path):
    tool = load_tool('calibrate')
    rng = np.random.default_rng(0)
    scores = rng.random(500)
    looks = {
        'one look': {'body': (scores, rng.random(500) < scores)},
        'second look': {'face': (scores / 2, rng.random(500) < scores)},
    }
    files = [tmp_path / name for name in ('one.png', 'two.png', 'other.png')]
    for path in files[:2]:
        tool.draw_diagram(looks, path)
    tool.draw_diagram({'one look': looks['second look']}, files[2])
    one, two, other = (path.read_bytes() for path in files)
    assert one == two != other and len(one) < 100_000


def test_a_few_points_make_no_curve(capsys):
    tool = load_tool('calibrate')
    half = np.arange(100) % 2
    outcomes = {
        'body': tool.Outcomes(np.linspace(1, 2, 100), half == 0, half),
        'face': tool.Outcomes(np.linspace(1, 2, 100), half == 0, 0 * half),
    }
    curves, held_out = tool.fit_parts(outcomes, ['body', 'face'], 'one look')
    assert list(curves) == list(held_out) == ['body']
    assert 'one look, face: 100 points are too few' in capsys.readouterr().out


def test_a_published_file(package, people, monkeypatch, tmp_path):
    path = tmp_path / 'mine.safetensors'
    shutil.copy(package / WEIGHTS, path)
    name = f'{zoo.get("rtmw-t").config}={path}'
    calibrate_command(monkeypatch, name, '--sets', people)
    curves = load_from_safetensors(str(path))['meta']['calibration']
    assert set(curves) == {'body', 'face', 'hand'}
    model, _, _ = load_model(str(zoo.get('rtmw-t').config), str(path))
    assert model.calibration == curves


def test_what_cannot_be_given_curves(package, people, monkeypatch, tmp_path):
    for name in ('a.py=a.pth', f'a.py={tmp_path / "none.safetensors"}'):
        with pytest.raises(SystemExit, match='error: .* cannot be given curves'):
            calibrate_command(monkeypatch, name, '--sets', people)
    with pytest.raises(SystemExit, match='error: .*val.json'):
        calibrate_command(monkeypatch, 'rtmw-t', '--sets', tmp_path)
