"""``MMPoseInferencer(pose3d=...)``: images, folders, videos, persons."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.apis import MMPoseInferencer

from rtmw_ext import zoo
from rtmw_ext.apis.inferencer import RTMW3DInferencer
from rtmw_ext.core.crops import BoxError
from rtmw_ext.core.geometry import CameraError, project
from rtmw_ext.synthetic.drawn3d import draw_person_3d
from support.models import build
from support.paths import CONFIGS

RTMW3D_T = CONFIGS / 'rtmw3d' / 'rtmw3d-t_cocktail17-256x192.py'
LENGTHS = dict(
    keypoints=(133, 2),
    keypoint_scores=(133,),
    keypoints_3d=(133, 3),
    keypoints_3d_cam=(133, 3),
    keypoints_simcc=(133, 3),
    root_depth=(),
    camera_k=(3, 3),
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two pictures."""
    path = tmp_path_factory.mktemp('pictures')
    for number in range(2):
        image, _, _ = draw_person_3d(np.random.default_rng(number), (160, 160))
        cv2.imwrite(str(path / f'{number}.png'), image)
    return path


@pytest.fixture(scope='module')
def inferencer(tmp_path_factory):
    init_default_scope('mmpose')
    path = tmp_path_factory.mktemp('model')
    model, config = build(RTMW3D_T)
    # Random weights whose scores are high enough to be drawn.
    for classifier in model.head.classifiers:
        torch.nn.init.normal_(classifier.weight, std=3)
    config.dump(path / 'config.py')
    torch.save(dict(state_dict=model.state_dict(), meta={}), path / 'model.pth')
    return MMPoseInferencer(
        pose3d=str(path / 'config.py'),
        pose3d_weights=str(path / 'model.pth'),
        det_model='whole_image',
        device='cpu',
    )


def check(person):
    for name, shape in LENGTHS.items():
        assert np.shape(person[name]) == shape, name
        assert np.isfinite(person[name]).all()
    assert len(person['bbox']) == 4 and person['bbox_score'] == 1
    points = np.array(person['keypoints_3d_cam'])
    camera = dict(K=np.array(person['camera_k']))
    assert np.abs(project(points, camera) - person['keypoints']).max() < 0.05
    relative = points - np.array(person['keypoints_3d'])
    assert np.ptp(relative, axis=0).max() < 1e-4
    assert relative[0, 2] == pytest.approx(person['root_depth'], abs=1e-4)


def test_image(inferencer, folder):
    assert isinstance(inferencer.inferencer, RTMW3DInferencer)
    result = next(inferencer(str(folder / '0.png'), return_vis=True))
    (person,) = result['predictions'][0]
    check(person)
    # The picture is enlarged to 480, the two views are 720 wide.
    assert result['visualization'][0].shape == (480, 480 + 720, 3)


def test_folder_with_results_on_disk(inferencer, folder, tmp_path):
    results = list(inferencer(str(folder), out_dir=str(tmp_path)))
    assert len(results) == 2
    for name in '01':
        check(json.loads((tmp_path / 'predictions' / f'{name}.json').read_text())[0])
        assert (
            cv2.imread(str(tmp_path / 'visualizations' / f'{name}.png')).shape[1]
            == 1200
        )


def test_video(inferencer, folder, tmp_path):
    path = tmp_path / 'clip.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (160, 160))
    for name in '010':
        writer.write(cv2.imread(str(folder / f'{name}.png')))
    writer.release()
    assert len(list(inferencer(str(path), out_dir=str(tmp_path)))) == 3
    frames = json.loads((tmp_path / 'predictions' / 'clip.json').read_text())
    assert [frame['frame_id'] for frame in frames] == [0, 1, 2]
    check(frames[2]['instances'][0])
    video = cv2.VideoCapture(str(tmp_path / 'visualizations' / 'clip.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert video.read()[1].shape == (480, 1200, 3)


def test_camera_and_depth(inferencer, folder):
    path = str(folder / '0.png')
    camera = [[200.0, 0, 80], [0, 210, 75], [0, 0, 1]]
    person = next(inferencer(path, camera=camera, root_depth=4.0))['predictions'][0][0]
    check(person)
    assert person['root_depth'] == 4 and person['camera_k'] == camera
    # The next call knows nothing of it.
    person = next(inferencer(path))['predictions'][0][0]
    assert person['camera_k'][0][0] == pytest.approx(160 * 2**0.5)


@pytest.mark.parametrize(
    'arguments',
    [dict(camera=dict(focal=3)), dict(root_depth=-1), dict(person_height=0)],
)
def test_bad_arguments(inferencer, folder, arguments):
    with pytest.raises(CameraError):
        next(inferencer(str(folder / '0.png'), **arguments))


def test_several_persons(inferencer, folder, monkeypatch):
    """Boxes as a detector gives them, each its own crop and place."""
    from mmengine.structures import InstanceData
    from mmpose.structures import PoseDataSample

    boxes = torch.tensor([[0.0, 0, 70, 160], [60, 10, 150, 150], [5, 5, 50, 60]])

    def detect(*_, **__):
        sample = PoseDataSample()
        sample.pred_instances = InstanceData(
            bboxes=boxes,
            scores=torch.tensor([0.9, 0.8, 0.1]),
            labels=torch.zeros(3, dtype=int),
        )
        return dict(predictions=[sample])

    monkeypatch.setattr(inferencer.inferencer, 'detector', detect)
    monkeypatch.setattr(inferencer.inferencer, 'det_cat_ids', (0,), raising=False)
    result = next(inferencer(str(folder / '0.png'), return_vis=True))
    people = result['predictions'][0]
    assert [person['bbox'] for person in people] == boxes[:2].tolist()
    assert people[0]['keypoints_3d'] != people[1]['keypoints_3d']
    assert result['visualization'][0].shape == (480, 1200, 3)


def test_boxes_of_your_own(inferencer, folder):
    boxes = [[[0.0, 0, 70, 160], [60, 10, 150, 150]], [[5.0, 5, 155, 155]]]
    paths = [str(folder / f'{name}.png') for name in '01']
    for inputs in (paths, [cv2.imread(path) for path in paths]):
        results = list(inferencer(inputs, bboxes=boxes, root_depth=3.0))
        for result, expected in zip(results, boxes):
            people = result['predictions'][0]
            assert [person['bbox'] for person in people] == expected
            for person in people:
                check(person)
                assert person['root_depth'] == 3
    with pytest.raises(BoxError, match='box 0'):
        next(inferencer(paths[0], bboxes=[[[5, 5, 5, 9]]]))


@pytest.mark.parametrize('name', ['rtmw3d-l', 'rtmw3d-x', 'RTMW3D-L-384x288'])
def test_names(name, monkeypatch):
    """``pose3d='rtmw3d-l'`` is ours, with the released weights' address."""
    seen = []
    monkeypatch.setattr(
        RTMW3DInferencer, '__init__', lambda self, *arguments: seen.append(arguments)
    )
    MMPoseInferencer(pose3d=name, device='cpu')
    assert seen[0][:3] == (name, None, 'cpu')
    assert 'rtmw3d/rtmw3d-' in zoo.get(name).weights
    assert zoo.get(name).task == 'Wholebody 3D Keypoint'


def test_released_address(file_server, monkeypatch, tmp_path, folder):
    """From a server, by name, to 3D."""
    root, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    entry = zoo.get('rtmw3d-l')
    model, _ = build(entry.config)
    path = root / entry.weights[len(address) + 1 :]
    path.parent.mkdir(parents=True)
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    by_name = MMPoseInferencer(pose3d='rtmw3d-l', det_model='whole_image', device='cpu')
    check(next(by_name(str(folder / '0.png')))['predictions'][0][0])


def test_mmposes_lifting_is_left_alone(monkeypatch):
    from mmpose.apis.inferencers import Pose3DInferencer

    seen = []
    monkeypatch.setattr(
        Pose3DInferencer, '__init__', lambda self, *arguments: seen.append(arguments)
    )
    made = MMPoseInferencer(pose3d='human3d', device='cpu').inferencer
    assert type(made) is Pose3DInferencer and seen[0][0] == 'human3d'
