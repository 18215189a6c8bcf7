"""Names of the zoo in MMPoseInferencer: downloaded, checked, loaded."""

import pytest
import torch
from mmengine.config import Config
from mmpose.apis import MMPoseInferencer

from rtmw_ext import zoo
from rtmw_ext.models.loading import CheckpointError
from support.models import build


def test_unknown_alias_lists_the_right_ones():
    with pytest.raises(zoo.UnknownModelError) as error:
        MMPoseInferencer('rtmw-q', device='cpu')
    for name in ('rtmw-q', 'rtmw-m', 'rtmw-l-256x192', 'rtmw-x'):
        assert name in str(error.value)


@pytest.mark.parametrize('name', ['yolox-tiny', 'rtmdet-nano'])
def test_an_onnx_file_is_no_detector_of_mmdet(name):
    message = f'"{name}" has no PyTorch checkpoint'
    with pytest.raises(zoo.UnknownModelError, match=message):
        MMPoseInferencer('rtmw-t', det_model=name, device='cpu')


def test_mmpose_names_still_work():
    from mmpose.apis import Pose2DInferencer

    inferencer = Pose2DInferencer.__new__(Pose2DInferencer)
    inferencer.scope = 'mmpose'
    config, weights = inferencer._load_model_from_metafile('wholebody')
    assert config.model.type == 'TopdownPoseEstimator' and weights


@pytest.fixture
def served(file_server, rtmw_t, monkeypatch, tmp_path):
    """A server with a checkpoint at rtmw-m's address, and a cold cache."""
    folder, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    path = folder / zoo.get('rtmw-m').weights[len(address) + 1 :]
    path.parent.mkdir(parents=True)
    return path


def test_download_and_infer(served, drawn_root):
    model, _ = build(zoo.get('rtmw-m').config)
    torch.save(dict(state_dict=model.state_dict(), meta={}), served)
    inferencer = MMPoseInferencer('rtmw-m', det_model='whole_image', device='cpu')
    loaded = inferencer.inferencer.model.state_dict()
    for key, tensor in model.state_dict().items():
        assert torch.equal(loaded[key], tensor), key
    picture = sorted((drawn_root / 'images' / 'val').iterdir())[0]
    result = next(inferencer(str(picture)))
    assert len(result['predictions'][0][0]['keypoints']) == 133


def test_nothing_is_said_of_the_depth_that_a_2d_model_leaves_out(capfd):
    """`rtmw-t` reads the weights of `rtmw3d-t`."""
    MMPoseInferencer('rtmw-t', det_model='whole_image', device='cpu')
    out, err = capfd.readouterr()
    assert 'rtmw3d-t' in out + err and 'unexpected key' not in out + err


def test_download_of_another_model(served, rtmw_t):
    torch.save(dict(state_dict=rtmw_t[0].state_dict(), meta={}), served)
    with pytest.raises(CheckpointError, match='rtmw-m_cocktail14-256x192'):
        MMPoseInferencer('rtmw-m', det_model='whole_image', device='cpu')


def test_detector_by_alias(file_server, rtmw_t, monkeypatch, tmp_path, drawn_root):
    """RTMDet-nano from a server; its boxes are what is cropped."""
    from mmdet.registry import MODELS as DETECTORS
    from mmengine.registry import DefaultScope

    folder, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    entry = zoo.get('rtmdet-nano-person')
    with DefaultScope.overwrite_default_scope('mmdet'):
        detector = DETECTORS.build(Config.fromfile(entry.config).model)
    for number, (score, reach) in enumerate(
        zip(detector.bbox_head.rtm_cls, detector.bbox_head.rtm_reg)
    ):
        torch.nn.init.zeros_(score.weight)
        torch.nn.init.zeros_(reach.weight)
        # Only the coarsest level finds anything: boxes of 4 cells.
        torch.nn.init.constant_(score.bias, 3.0 if number == 2 else -9.0)
        torch.nn.init.constant_(reach.bias, 2.0)
    path = folder / entry.weights[len(address) + 1 :]
    path.parent.mkdir(parents=True)
    torch.save(
        dict(
            state_dict=detector.state_dict(),
            meta=dict(dataset_meta=dict(classes=('person',))),
        ),
        path,
    )
    model, config = rtmw_t
    config.dump(tmp_path / 'config.py')
    torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / 'model.pth')
    inferencer = MMPoseInferencer(
        str(tmp_path / 'config.py'),
        str(tmp_path / 'model.pth'),
        det_model='rtmdet-nano-person',
        device='cpu',
    )
    picture = sorted((drawn_root / 'images' / 'val').iterdir())[0]
    people = next(inferencer(str(picture)))['predictions'][0]
    assert len(people) > 1
    for person in people:
        x1, y1, x2, y2 = person['bbox']
        assert 0 < x2 - x1 <= 130 and 0 < y2 - y1 <= 130
        assert person['bbox_score'] > 0.9
