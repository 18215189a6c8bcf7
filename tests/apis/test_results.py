"""What ``MMPoseInferencer`` takes and gives: the same in 2D and in 3D."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.apis import MMPoseInferencer
from mmpose.structures import PoseDataSample
from PIL import Image

from rtmw_ext.apis.inferencer import _is_video
from rtmw_ext.apis.topdown import as_records, estimate_poses
from rtmw_ext.core.crops import BoxError
from rtmw_ext.core.errors import UsageError
from rtmw_ext.core.images import ImageError
from rtmw_ext.runtime import PoseModel
from rtmw_ext.zoo import resolve_network
from support.paths import PEOPLE

BOXES = [[0.5, 60, 213, 454], [217, 139, 360, 353]]


@pytest.fixture(scope='module', params=['2D', '3D'])
def inferencer(request):
    if request.param == '2D':
        return MMPoseInferencer('rtmw-t', det_model='whole_image')
    return MMPoseInferencer(pose3d='rtmw3d-t', det_model='whole_image')


@pytest.fixture
def detecting(inferencer, monkeypatch):
    """A function that sets what the detector finds, boxes (N, 4) and scores."""

    def set_detector(boxes, scores):
        sample = PoseDataSample()
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor(boxes).reshape(-1, 4),
            scores=torch.tensor(scores),
            labels=torch.zeros(len(scores), dtype=int),
        )
        found = dict(predictions=[sample])
        monkeypatch.setattr(inferencer.inferencer, 'detector', lambda *_, **__: found)
        monkeypatch.setattr(inferencer.inferencer, 'det_cat_ids', (0,), raising=False)

    return set_detector


@pytest.fixture
def clips(tmp_path):
    """Two videos, of 2 and 3 frames."""
    paths = []
    image = cv2.resize(cv2.imread(str(PEOPLE)), (160, 120))
    for frames in (2, 3):
        paths.append(tmp_path / f'{frames}.mp4')
        writer = cv2.VideoWriter(
            str(paths[-1]), cv2.VideoWriter_fourcc(*'mp4v'), 10, (160, 120)
        )
        for _ in range(frames):
            writer.write(image)
        writer.release()
    return paths


def people(results):
    return [len(result['predictions'][0]) for result in results]


def plain(value):
    """Whether it is made of Python's own types alone."""
    if type(value) in (list, dict):
        return all(map(plain, value.values() if type(value) is dict else value))
    return type(value) in (float, int, str, bool)


def test_results_are_plain_data(inferencer, tmp_path):
    (result,) = inferencer(str(PEOPLE), bboxes=[BOXES], pred_out_dir=str(tmp_path))
    found = result['predictions'][0]
    assert plain(found) and [person['bbox'] for person in found] == BOXES
    written = json.loads((tmp_path / f'{PEOPLE.stem}.json').read_text())
    assert json.loads(json.dumps(found)) == written


def test_scores_are_those_of_the_runtime(inferencer):
    name = 'rtmw3d-t' if 'RTMW3D' in str(type(inferencer.inferencer)) else ('rtmw-t')
    (result,) = inferencer(str(PEOPLE), bboxes=[BOXES])
    expected = PoseModel(resolve_network(name))(PEOPLE, BOXES)
    for number, person in enumerate(result['predictions'][0]):
        # The flip test of the config averages two crops.
        difference = person['keypoint_scores'] - expected.scores[number]
        assert np.abs(difference).mean() < 0.1
        assert 0 <= min(person['keypoint_scores']) < max(person['keypoint_scores']) <= 1
    samples = estimate_poses(inferencer.inferencer.model, PEOPLE, np.float32(BOXES))
    scores = [person['keypoint_scores'] for person in as_records(samples)]
    assert 0 <= np.min(scores) and np.max(scores) <= 1


@pytest.mark.parametrize('scores', [[], [0.2, 0.1]])
def test_a_detector_that_finds_nobody(inferencer, detecting, scores, tmp_path):
    detecting(BOXES[: len(scores)], scores)
    image = np.full((120, 160, 3), 127, np.uint8)
    (result,) = inferencer(
        image,
        return_vis=True,
        draw_bbox=True,
        out_dir=str(tmp_path),
        pose_based_nms=True,
    )
    assert people([result]) == [0]
    assert json.loads((tmp_path / 'predictions' / '000000.json').read_text()) == []
    assert (tmp_path / 'visualizations' / '000000.jpg').is_file()
    (sample,) = next(inferencer(image, return_datasamples=True))['predictions']
    assert len(sample.pred_instances) == 0


def test_given_boxes_come_first(inferencer, detecting):
    detecting(BOXES, [0.9, 0.4])
    image = cv2.imread(str(PEOPLE))
    assert people(inferencer([image] * 2)) == [2, 2]
    given = [[], BOXES[:1], None, np.zeros((0, 5))]
    assert people(inferencer([image] * 4, bboxes=given)) == [0, 1, 2, 0]
    assert people(inferencer([image] * 2, bboxes=[])) == [0, 0]
    (result,) = inferencer(image, bbox_thr=0.5)
    (person,) = result['predictions'][0]
    assert person['bbox'] == BOXES[0] and person['bbox_score'] == pytest.approx(0.9)


@pytest.mark.parametrize('kind', ['list', 'array', 'of one picture'])
def test_boxes_with_scores(inferencer, kind):
    table = np.c_[BOXES, [0.75, 0.5]]
    given = {'list': [table.tolist()], 'array': table[None]}.get(kind, table)
    (result,) = inferencer(str(PEOPLE), bboxes=given)
    found = result['predictions'][0]
    assert [person['bbox'] for person in found] == BOXES
    assert [person['bbox_score'] for person in found] == [0.75, 0.5]


def test_boxes_of_too_few_pictures(inferencer, clips):
    with pytest.raises(BoxError, match='of 1 pictures, not of 3'):
        next(inferencer([str(PEOPLE)] * 3, bboxes=[BOXES]))
    with pytest.raises(BoxError, match='of 1 frames, but the video has more'):
        list(inferencer(str(clips[0]), bboxes=[[[5, 5, 90, 100]]]))
    with pytest.raises(BoxError, match='shape'):
        next(inferencer(str(PEOPLE), bboxes=[[[1, 2, 3]]]))


def test_paths_of_any_kind(inferencer, tmp_path):
    image = cv2.imread(str(PEOPLE))
    for inputs, count in (
        (PEOPLE, 1),
        ([PEOPLE, str(PEOPLE), image], 3),
        ((PEOPLE, PEOPLE), 2),
        ((path for path in (PEOPLE, PEOPLE)), 2),
        (np.stack([image] * 2), 2),
        (PEOPLE.parent / 'missing.jpg', None),
    ):
        if count is None:
            with pytest.raises(ImageError, match='missing.jpg'):
                list(inferencer(inputs))
        else:
            assert people(inferencer(inputs)) == [1] * count


def test_lists_of_videos(inferencer, clips, tmp_path):
    results = list(inferencer([*clips, PEOPLE], out_dir=str(tmp_path / 'out')))
    assert people(results) == [1] * 6
    predictions = tmp_path / 'out' / 'predictions'
    for frames, path in zip((2, 3), clips):
        content = json.loads((predictions / f'{path.stem}.json').read_text())
        assert [row['frame_id'] for row in content] == list(range(frames))
    assert len(json.loads((predictions / f'{PEOPLE.stem}.json').read_text())) == 1
    box = [5, 5, 90, 100]
    given = [[[box], []], [[box, box], [], [box]], BOXES]
    assert people(inferencer([*clips, PEOPLE], bboxes=given)) == [1, 0, 2, 0, 1, 2]


@pytest.mark.parametrize('name', ['clip.ts', 'clip.3gp', 'CLIP.MTS', 'clip'])
def test_videos_are_known_by_their_content(inferencer, clips, name, tmp_path):
    path = clips[0].rename(tmp_path / name)
    results = list(inferencer(path, out_dir=str(tmp_path / 'out')))
    assert people(results) == [1, 1]
    (predictions,) = (tmp_path / 'out' / 'predictions').iterdir()
    assert [row['frame_id'] for row in json.loads(predictions.read_text())] == [0, 1]


@pytest.mark.parametrize(
    'name, known', [('clip.mp4', True), ('CLIP.TS', True), ('photo.jpg', False)]
)
def test_videos_on_a_server_are_known_by_their_name(name, known):
    assert _is_video(f'http://127.0.0.1:9/{name}') == known


def test_the_first_image_of_an_animation(inferencer, tmp_path):
    image = Image.fromarray(cv2.imread(str(PEOPLE))[::2, ::2, ::-1])
    path = tmp_path / 'moving.gif'
    image.save(path, save_all=True, append_images=[image.rotate(9)])
    assert people(inferencer(path)) == [1]


def test_16_bit_pictures_are_read_as_everywhere(inferencer, tmp_path):
    grey = cv2.cvtColor(cv2.imread(str(PEOPLE)), cv2.COLOR_BGR2GRAY)
    cv2.imwrite(str(tmp_path / '8.png'), grey)
    cv2.imwrite(str(tmp_path / '12.png'), grey.astype(np.uint16) << 4)
    first, second = (
        next(inferencer(str(tmp_path / f'{bits}.png')))['predictions'][0][0]
        for bits in (8, 12)
    )
    assert first == second


@pytest.mark.parametrize('flag', ['vis_out_dir', 'out_dir'])
def test_output_over_an_input(inferencer, flag, tmp_path):
    folder = tmp_path if flag == 'vis_out_dir' else tmp_path / 'visualizations'
    folder.mkdir(exist_ok=True)
    photo = folder / 'photo.png'
    photo.write_bytes(PEOPLE.read_bytes())
    link = tmp_path / 'other.png'
    link.symlink_to(photo)
    for inputs in (photo, str(folder), [link, photo]):
        with pytest.raises(UsageError, match='would replace the input'):
            list(inferencer(inputs, **{flag: str(tmp_path)}))
    assert photo.read_bytes() == PEOPLE.read_bytes()


def test_outputs_of_one_name(inferencer, tmp_path):
    paths = [tmp_path / 'a/photo.png', tmp_path / 'b/photo.jpg']
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(PEOPLE.read_bytes())
    with pytest.raises(UsageError, match='photo.json would be the output of both'):
        list(inferencer(paths, pred_out_dir=str(tmp_path / 'out')))
    results = list(inferencer(paths, vis_out_dir=str(tmp_path / 'out')))
    assert len(results) == 2 and len(list((tmp_path / 'out').iterdir())) == 2
