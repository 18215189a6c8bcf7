"""RTMO: people and their points at once."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.errors import UsageError
from rtmw_ext.runtime import OneStageModel, PoseError, PoseModel, WholeBody, load_pose
from support.deploy import onnx_runtime
from support.examples import examples
from support.networks import bright, brightest, toy
from support.paths import PEOPLE

#: Of the input of the small network.
SIZE = (96, 64)


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """(a file, the points as seen from the brightest pixel)"""
    return brightest(tmp_path_factory.mktemp('rtmo') / 'rtmo.onnx', SIZE)


def lit(size, center, radius):
    """A picture (w, h) with a white disc."""
    picture = np.zeros((*size[::-1], 3), np.uint8)
    cv2.circle(picture, center, radius, (255, 255, 255), cv2.FILLED)
    return picture


@examples(20)
@given(
    width=st.integers(40, 900),
    height=st.integers(40, 900),
    x=st.floats(0.3, 0.7),
    y=st.floats(0.3, 0.7),
)
def test_points_are_where_the_person_is(network, width, height, x, y):
    """In pictures of every shape."""
    file, offsets = network
    center = int(x * width), int(y * height)
    scale = max(width / SIZE[0], height / SIZE[1])
    radius = int(np.ceil(2 * scale))
    people = OneStageModel(file, threads=1)(lit((width, height), center, radius))
    assert len(people) == 1 and people.scores.shape == (1, len(offsets))
    # The first row and column of the disc.
    expected = np.array(center) - radius + offsets * scale
    assert np.abs(people.keypoints[0] - expected).max() <= 2.5 * scale + 1
    assert (people.boxes >= 0).all()
    assert (people.boxes <= (width, height, width, height)).all()
    assert people.box_scores == pytest.approx(1, abs=0.02)


def test_nobody_is_in_the_dark(network):
    people = OneStageModel(network[0])(np.zeros((50, 70, 3), np.uint8))
    assert len(people) == 0 and people.keypoints.shape == (0, 17, 2)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_backends(network, backend):
    if backend == 'openvino':
        pytest.importorskip('openvino')
    picture = lit((192, 128), (80, 60), 6)
    people = OneStageModel(network[0], backend=backend)(picture)
    # Twice as large as the input.
    assert np.abs(people.boxes[0] - (56, 36, 92, 72)).max() <= 4


def answer(model, dets, points):
    """The network gives these instead: (P, 5) and (P, K, 3)."""
    outputs = {'dets': dets[None], 'keypoints': points[None]}
    order = list(model.network.outputs)
    model.network = lambda _: [outputs[name] for name in order]


def test_what_is_left_of_candidates(network):
    """The more certain of two who overlap; nobody of padding, of margins, or without
    finite numbers."""
    model = OneStageModel(network[0], score_thr=0.4, iou_thr=0.65)
    dets = np.array(
        [
            (10, 10, 40, 50, 0.5),
            (11, 10, 41, 50, 0.9),
            (60, 20, 80, 60, 0.7),
            (60, 20, 80, 40, 0.3),
            (np.nan, 0, 9, 9, 0.9),
            (-np.inf, 0, np.inf, 9, 0.9),
            (10, -9, 40, -2, 0.8),
            (30, 30, 30, 30, 0.8),
            (0, 0, 0, 0, 0),
        ],
        np.float32,
    )
    points = np.zeros((len(dets), 17, 3), np.float32)
    points[..., 0] = np.arange(len(dets))[:, None]
    points[..., 2] = np.linspace(-0.1, 1.1, 17)
    answer(model, dets, points)
    people = model(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    assert people.boxes.tolist() == [[11, 10, 41, 50], [60, 20, 80, 60]]
    assert people.keypoints[:, 0, 0].tolist() == [1, 2]
    assert np.allclose(people.box_scores, [0.9, 0.7])
    assert people.scores.min() == 0 and people.scores.max() == 1
    assert np.allclose(people.raw_scores[0], points[0, :, 2])


def test_the_people_in_front(network):
    """Those with the largest boxes, as of two stages."""
    estimate = WholeBody(network[0], max_people=2)
    corners = [(0, 0, 20, 30), (30, 0, 90, 60), (60, 30, 75, 60), (5, 40, 25, 63)]
    scores = np.array([[0.9], [0.8], [0.7], [0.6]])
    dets = np.hstack([np.array(corners), scores]).astype(np.float32)
    answer(estimate.pose, dets, np.ones((4, 17, 3), np.float32))
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for boxes in (estimate(image).boxes, estimate.detect(image)[0]):
        assert boxes.tolist() == [list(corners[0]), list(corners[1])]


def test_a_video_keeps_ids(network):
    places = [(60 + 6 * number, 60) for number in range(5)]
    frames = [lit((192, 128), place, 5) for place in places]
    estimate = WholeBody(network[0])
    found = [people for _, people in estimate.video(frames, every=8, smooth=30)]
    assert [people.ids.tolist() for people in found] == [[0]] * 5
    middles = [people.keypoints[0, :, 0].mean() for people in found]
    assert np.all(np.diff(middles) > 0)
    assert middles[-1] - middles[0] > 12


def test_one_stage_in_whole_body(network):
    picture = lit((192, 128), (80, 60), 6)
    estimate = WholeBody(network[0])
    people = estimate(picture)
    for again in (estimate.whole_image(picture), *estimate.images([picture])):
        assert np.array_equal(again.keypoints, people.keypoints)
    boxes, scores = estimate.detect(picture)
    assert np.array_equal(boxes, people.boxes)
    assert np.array_equal(scores, people.box_scores)
    # Nobody is looked for in the whole image, as two stages do.
    assert len(estimate(np.zeros_like(picture))) == 0
    refused = pytest.raises(UsageError, match=r'rtmo.onnx finds the people itself')
    with refused:
        WholeBody(network[0], lambda image: None)
    with refused:
        estimate(picture, boxes=[])
    with refused:
        next(estimate.video([picture], boxes=[[]]))
    with pytest.raises(UsageError, match=r'rtmo.onnx .* leave skip_still out'):
        next(estimate.video([picture], skip_still=True))


def test_load_pose_tells_them_apart(network, tmp_path):
    two = bright(tmp_path / 'two.onnx', 0.9)
    assert isinstance(load_pose(network[0]), OneStageModel)
    assert isinstance(load_pose(two), PoseModel)
    with pytest.raises(PoseError, match=r'rtmo.onnx is a one-stage network .RTMO.'):
        PoseModel(network[0])
    with pytest.raises(PoseError, match=r'two.onnx is no one-stage network'):
        OneStageModel(two)
    with pytest.raises(PoseError, match='without a second look'):
        load_pose(network[0], second_look=two)


@pytest.mark.parametrize(
    'inputs, dets, message',
    [
        ({'input': [1, 3, 64]}, [1, 9, 5], 'is no one-stage network'),
        ({'input': [1, 3, 64, 64]}, [9, 5], 'is no one-stage network'),
        ({'input': [1, 3, 'h', 'w']}, [1, 9, 5], 'takes any input size'),
    ],
)
def test_other_layouts(inputs, dets, message, tmp_path):
    outputs = {'dets': dets, 'keypoints': [1, 9, 17, 3]}
    file = toy(tmp_path / 'odd.onnx', inputs, outputs)
    with pytest.raises(PoseError, match=message):
        OneStageModel(file, backend='onnxruntime')


#: Of mmdeploy's pose-detection_rtmo_onnxruntime_dynamic.py, by which the published
#: files are made.
POST_PROCESSING = dict(
    score_threshold=0.05,
    iou_threshold=0.5,
    max_output_boxes_per_class=200,
    pre_top_k=2000,
    keep_top_k=50,
    background_label_id=-1,
)


def random_rtmo(side):
    """(mmpose's RTMO-t for inputs of this side, its config); its random weights give
    boxes of the size of people."""
    import mmpose
    import torch
    from mmengine.config import Config
    from mmpose.apis import init_model

    folder = Path(mmpose.__file__).parent / '.mim/configs/body_2d_keypoint/rtmo'
    config = Config.fromfile(folder / 'body7/rtmo-t_8xb32-600e_body7-416x416.py')
    config.model.backbone.init_cfg = None
    config.codec.input_size = config.model.test_cfg.input_size = (side, side)
    config.test_dataloader.dataset.pipeline[1].input_size = (side, side)
    model = init_model(config, None, device='cpu')
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # Statistics of all that was seen.
    with torch.no_grad():
        model.train().extract_feat(255 * torch.rand(4, 3, side, side))
        head = model.head.head_module.train()
        head(model.extract_feat(255 * torch.rand(4, 3, side, side)))
        for layer in (*head.out_cls, *head.out_bbox):
            layer.weight /= 10 * layer.weight.abs().mean() * layer.weight[0].numel()
        for layer in head.out_bbox:
            layer.bias[:] = torch.tensor([0, 0, 0.5, 1])
        for layer in head.out_cls:
            layer.bias[:] = 0
    return model.eval(), config


@pytest.mark.torch
@pytest.mark.slow
# mmpose 1.3.2 has old names of mmcv's arguments.
@pytest.mark.filterwarnings('ignore::DeprecationWarning:mm')
def test_parity_with_mmpose(tmp_path):
    """The file that MMDeploy makes of mmpose's model gives what that gives."""
    import torch
    from mmdeploy.apis import torch2onnx
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.apis import inference_bottomup

    from rtmw_ext.compat.patches import legacy_onnx_export

    side = 160
    model, config = random_rtmo(side)
    outputs = ['dets', 'keypoints']
    deploy = onnx_runtime((side, side), outputs, post_processing=POST_PROCESSING)
    checkpoint = tmp_path / 'rtmo.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
    config.dump(tmp_path / 'config.py')
    photo = cv2.imread(str(PEOPLE))
    arguments = (photo, str(tmp_path), 'rtmo', Config(deploy))
    with legacy_onnx_export():
        torch2onnx(
            *arguments, str(tmp_path / 'config.py'), str(checkpoint), device='cpu'
        )
    init_default_scope('mmpose')
    for backend in ('onnxruntime', 'openvino'):
        ours = OneStageModel(
            tmp_path / 'rtmo.onnx', backend=backend, threads=1, score_thr=0.1
        )
        for image in (photo, photo[:, :150], photo[:90]):
            theirs = inference_bottomup(model, image)[0].pred_instances
            people = ours(image)
            assert 5 <= len(people) <= 50
            # Each of ours is one of theirs, which are more: ours end at 50.
            away = theirs.keypoints[None] - people.keypoints[:, None]
            numbers = np.abs(away).max((2, 3)).argmin(1)
            assert len({*numbers.tolist()}) == len(people)
            found = theirs[numbers]
            assert np.abs(found.keypoints - people.keypoints).max() < 1
            assert np.abs(found.keypoint_scores - people.scores).max() < 1e-3
            assert np.abs(found.bbox_scores - people.box_scores).max() < 1e-3
