"""The fast training pipeline against mmpose's, seeded alike."""

import copy

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config
from mmpose.registry import DATASETS, TRANSFORMS
from scipy import stats

from rtmw_ext.core.images import ImageError, read_image
from rtmw_ext.datasets import RandomTopdownCrop
from rtmw_ext.datasets.mapping import META_KEYS, definition
from rtmw_ext.datasets.transforms import reduce_matrix, truncated_normal
from support.examples import examples
from support.paths import CONFIGS

SIZE = (192, 256)


@pytest.fixture(scope='module')
def people(drawn_root):
    dataset = DATASETS.build(
        dict(
            type='WholeBodyDataset',
            data_root=str(drawn_root),
            ann_file='annotations/train.json',
            data_prefix=dict(img='images/train/'),
            pipeline=[],
        )
    )
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def chain(steps, sample):
    sample = copy.deepcopy(sample)
    for step in steps:
        sample = step(sample)
    return sample


def theirs(**box):
    return [
        TRANSFORMS.build(step)
        for step in (
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='RandomFlip'),
            dict(type='RandomHalfBody'),
            dict(type='RandomBBoxTransform', **box),
            dict(type='TopdownAffine', input_size=SIZE),
        )
    ]


@pytest.mark.parametrize(
    'box',
    [
        dict(scale_factor=[0.5, 1.5], rotate_factor=90.0),
        dict(scale_factor=[0.6, 1.4], rotate_factor=80.0, shift_factor=0.0),
    ],
)
def test_crop_equals_mmposes(people, box):
    steps = theirs(**box)
    crop = RandomTopdownCrop(SIZE, **box)
    flips = 0
    for seed in range(60):
        sample = people[seed % len(people)]
        np.random.seed(seed)
        a = chain(steps, sample)
        np.random.seed(seed)
        b = chain([crop], sample)
        flips += b['flip']
        assert a['flip'] == b['flip']
        visible = a['keypoints_visible']
        assert np.array_equal(visible, b['keypoints_visible'])
        for key in (
            'keypoints',
            'transformed_keypoints',
            'input_center',
            'input_scale',
            'bbox',
        ):
            assert np.allclose(a[key], b[key], atol=0.02), key
        # Pixels between pixels are rounded on the way.
        difference = cv2.absdiff(a['img'], b['img'])
        assert difference.mean() < 1.5, difference.mean()
    assert 15 < flips < 45


def test_crop_draws_the_released_distributions():
    crop = RandomTopdownCrop(SIZE, scale_factor=(0.5, 1.5), rotate_factor=90.0)
    other = TRANSFORMS.build(
        dict(type='RandomBBoxTransform', scale_factor=[0.5, 1.5], rotate_factor=90)
    )
    np.random.seed(1)
    drawn = [crop.draw() for _ in range(3000)]
    np.random.seed(2)
    offset, scale, rotation = other._get_transform_params(3000)
    ours = {
        'x': [d[0][0] for d in drawn],
        'scale': [d[1] for d in drawn],
        'rotation': [d[2] for d in drawn],
    }
    expected = {'x': offset[:, 0], 'scale': scale[:, 0], 'rotation': rotation}
    for name, values in ours.items():
        assert stats.ks_2samp(values, expected[name]).pvalue > 1e-3, name
    values = truncated_normal(5000)
    assert np.abs(values).max() <= 1
    assert stats.kstest(values, stats.truncnorm(-1, 1).cdf).pvalue > 1e-3


def test_half_body_is_drawn_as_often(people):
    crop = RandomTopdownCrop(SIZE)
    other = TRANSFORMS.build(dict(type='RandomHalfBody'))
    sample = people[0]
    for seed in range(300):
        np.random.seed(seed)
        a = crop.half_body(sample)
        np.random.seed(seed)
        (b,) = other._random_select_half_body(
            sample['keypoints_visible'],
            sample['upper_body_ids'],
            sample['lower_body_ids'],
        )
        assert a == b


@pytest.mark.parametrize(
    'ours, reference',
    [('ColorDistortion', 'PhotometricDistortion'), ('HsvJitter', 'YOLOXHSVRandomAug')],
)
def test_colours_equal_mmposes_in_every_pixel(ours, reference):
    ours, reference = (TRANSFORMS.build(dict(type=name)) for name in (ours, reference))
    rng = np.random.default_rng(0)
    for seed in range(150):
        image = rng.integers(0, 256, (40, 30, 3), np.uint8)
        np.random.seed(seed)
        a = ours(dict(img=image.copy()))['img']
        np.random.seed(seed)
        b = reference(dict(img=image.copy()))['img']
        assert np.array_equal(a, b), seed


def sample_3d(rng):
    """A person with exact 2D, 3D and camera in a 200 x 150 image."""
    xyz = rng.normal(0, 0.4, (1, 133, 3)) + (0, 0, 4)
    camera = np.array([[150.0, 0, 90], [0, 150, 80], [0, 0, 1]], np.float32)
    pixels = xyz @ camera.T
    keypoints = pixels[..., :2] / pixels[..., 2:]
    meta = definition('coco_wholebody')
    low, high = keypoints[0].min(0), keypoints[0].max(0)
    return dict(
        {key: meta[key] for key in META_KEYS},
        img=rng.integers(0, 255, (150, 200, 3), np.uint8),
        bbox=np.concatenate([low, high])[None].astype(np.float32),
        keypoints=keypoints.astype(np.float32),
        keypoints_visible=np.ones((1, 133), np.float32),
        keypoints_3d=xyz.astype(np.float32),
        keypoints_3d_visible=rng.integers(0, 2, (1, 133)).astype(np.float32),
        camera_param=dict(K=camera),
    )


@given(st.integers(0, 2**32 - 1))
@examples(30)
def test_flip_keeps_2d_3d_and_camera_together(seed):
    sample = sample_3d(np.random.default_rng(seed))
    before = copy.deepcopy(sample)
    out = RandomTopdownCrop(SIZE, flip_prob=1.0)(sample)
    order = out['flip_indices']
    pixels = out['keypoints_3d'] @ out['camera_param']['K'].T
    assert np.allclose(pixels[..., :2] / pixels[..., 2:], out['keypoints'], atol=1e-2)
    assert np.array_equal(
        out['keypoints_3d'][..., 2], before['keypoints_3d'][:, order, 2]
    )
    assert np.array_equal(
        out['keypoints_3d_visible'], before['keypoints_3d_visible'][:, order]
    )
    assert np.allclose(out['keypoints'][..., 0], 199 - before['keypoints'][:, order, 0])
    assert before['camera_param']['K'][0, 2] == 90, 'the input was changed'


@given(st.integers(0, 2**32 - 1), st.floats(-90, 90), st.booleans(), st.floats(30, 300))
@examples(60)
def test_warp_is_a_similarity_with_the_box_in_the_middle(seed, rotation, flip, side):
    rng = np.random.default_rng(seed)
    crop = RandomTopdownCrop(SIZE)
    center = rng.uniform(0, 500, 2)
    scale = crop.fix_aspect(np.array([side, rng.uniform(30, 300)]))
    assert scale[0] / scale[1] == pytest.approx(192 / 256)
    matrix = crop.warp_matrix(
        center, scale, rotation, np.array([-1.0 if flip else 1.0, 1.0])
    )
    assert np.allclose(matrix[:, :2] @ center + matrix[:, 2], (96, 128))
    factor = 192 / scale[0]
    assert np.allclose(matrix[:, :2] @ matrix[:, :2].T, np.eye(2) * factor**2)
    assert np.linalg.det(matrix[:, :2]) * (-1 if flip else 1) > 0


@pytest.mark.parametrize('factor', [2, 4, 8])
def test_reduced_image_is_warped_to_the_same_place(factor):
    """A dot lands where it does without reduction."""
    image = np.zeros((256, 320, 3), np.uint8)
    cv2.circle(image, (200, 120), 20, (255,) * 3, -1)
    matrix = np.array([[0.3, 0.05, 5.0], [-0.05, 0.3, 9.0]])
    small = cv2.resize(
        image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA
    )
    centers = []
    for pixels, warp in ((image, matrix), (small, reduce_matrix(matrix, factor))):
        moments = cv2.moments(cv2.warpAffine(pixels, warp, (120, 100))[..., 0])
        centers.append(
            (moments['m10'] / moments['m00'], moments['m01'] / moments['m00'])
        )
    assert np.allclose(*centers, atol=0.1)


def test_reduced_decoding_changes_the_image_only(tmp_path):
    rng = np.random.default_rng(0)
    sample = sample_3d(rng)
    image = cv2.resize(
        rng.integers(0, 255, (24, 32, 3), np.uint8),
        (1600, 1200),
        interpolation=cv2.INTER_CUBIC,
    )
    path = tmp_path / 'large.jpg'
    cv2.imwrite(str(path), image)
    del sample['img']
    sample.update(
        img_path=str(path),
        ann_shape=(1200, 1600),
        bbox=np.array([[100, 50, 1500, 1150]], np.float32),
    )
    outs = []
    for reduce in (False, True):
        np.random.seed(3)
        outs.append(RandomTopdownCrop(SIZE, reduce=reduce)(copy.deepcopy(sample)))
    a, b = outs
    assert np.array_equal(a['transformed_keypoints'], b['transformed_keypoints'])
    assert not np.array_equal(a['img'], b['img'])
    assert cv2.absdiff(a['img'], b['img']).mean() < 8


def test_labels_are_those_of_mmposes_pipeline(people):
    """The whole configured pipeline gives mmpose's labels for one seed."""
    data = Config.fromfile(CONFIGS / '_base_/data/rtmw_256x192.py')
    ours = [
        step
        for step in data.train_dataloader.dataset.pipeline
        if not step['type'].startswith(('RandomBlur', 'RandomMedian', 'Coarse'))
    ]
    codec = dict(data.codec, type='SimCCLabel')
    reference = theirs(scale_factor=[0.5, 1.5], rotate_factor=90) + [
        TRANSFORMS.build(step)
        for step in (
            dict(type='PhotometricDistortion'),
            dict(
                type='GenerateTarget', encoder=codec, use_dataset_keypoint_weights=True
            ),
            dict(type='PackPoseInputs'),
        )
    ]
    ours = [TRANSFORMS.build(step) for step in ours]
    for seed in range(10):
        sample = people[seed % len(people)]
        np.random.seed(seed)
        a = chain(reference, sample)
        np.random.seed(seed)
        b = chain(ours, sample)
        assert a['inputs'].shape == b['inputs'].shape == (3, 256, 192)
        assert b['inputs'].dtype == torch.uint8
        for name in ('keypoint_x_labels', 'keypoint_y_labels', 'keypoint_weights'):
            x, y = (
                getattr(out['data_samples'].gt_instance_labels, name) for out in (a, b)
            )
            assert x.dtype == y.dtype and x.shape == y.shape
            # A point near the middle of two bins may fall into the other.
            same = (x - y).abs().reshape(133, -1).amax(1) < 1e-5
            assert same.float().mean() > 0.97, name


def test_faces_have_their_own_scale():
    sample = dict(bbox=np.array([[0, 0, 100, 50]], np.float32))
    step = TRANSFORMS.build(
        dict(type='RandomBoxScale', padding=1.25, scale_factor=(1.5, 2.0))
    )
    reference = [
        TRANSFORMS.build(dict(type='GetBBoxCenterScale')),
        TRANSFORMS.build(
            dict(
                type='RandomBBoxTransform',
                shift_factor=0.0,
                scale_factor=[1.5, 2.0],
                rotate_factor=0,
            )
        ),
    ]
    scales = [step(dict(sample))['bbox_scale'][0] for _ in range(2000)]
    expected = [chain(reference, sample)['bbox_scale'][0] for _ in range(2000)]
    assert (
        stats.ks_2samp(*(np.array(v)[:, 0] for v in (scales, expected))).pvalue > 1e-3
    )
    assert np.allclose(np.array(scales)[:, 0], 2 * np.array(scales)[:, 1])


# Images: EXIF, depth, truncation.


def write_jpeg(path, orientation=None):
    from PIL import Image

    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[:, 60:] = 250
    image = Image.fromarray(pixels)
    exif = image.getexif()
    if orientation:
        exif[0x0112] = orientation
    image.save(path, quality=95, exif=exif)


def test_exif_rotation_follows_the_annotation(tmp_path):
    path = tmp_path / 'rotated.jpg'
    write_jpeg(path, orientation=6)
    step = TRANSFORMS.build(dict(type='LoadImageOrSkip', skip=False))
    upright = step(dict(img_path=str(path)))['img']
    assert upright.shape == (100, 60, 3)
    assert step(dict(img_path=str(path), ann_shape=(100, 60)))['img'].shape == (
        100,
        60,
        3,
    )
    stored = step(dict(img_path=str(path), ann_shape=(60, 100)))['img']
    assert stored.shape == (60, 100, 3) and stored[30, 90].min() > 200
    with pytest.raises(ImageError, match='60 x 100.*for 31 x 40'):
        step(dict(img_path=str(path), ann_shape=(40, 31)))


def test_whole_files_are_decoded_once(tmp_path, monkeypatch):
    """Pillow, which decodes again, is asked about suspect files only."""
    from rtmw_ext.core import images

    asked = []
    original = images.Image.open
    monkeypatch.setattr(
        images.Image, 'open', lambda *a, **k: asked.append(a) or original(*a, **k)
    )
    jpeg, png, bmp = (tmp_path / f'a.{s}' for s in ('jpg', 'png', 'bmp'))
    write_jpeg(jpeg)
    for path in (png, bmp):
        cv2.imwrite(str(path), read_image(jpeg))
    asked.clear()
    assert np.array_equal(read_image(jpeg), cv2.imread(str(jpeg)))
    read_image(png)
    assert not asked
    read_image(bmp)
    assert len(asked) == 1
    data = jpeg.read_bytes()
    jpeg.write_bytes(data + b'\0' * 10)
    assert read_image(jpeg).shape == (60, 100, 3) and len(asked) == 2


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
@pytest.mark.parametrize('part', [0.3, 0.7, 0.99])
def test_truncated_files_are_caught(tmp_path, suffix, part):
    path = tmp_path / f'cut.{suffix}'
    rng = np.random.default_rng(0)
    cv2.imwrite(str(path), rng.integers(0, 255, (90, 90, 3), np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ImageError, match='cut off'):
        read_image(path)


def test_16_bit_png_in_the_pipeline(tmp_path, people):
    image = read_image(people[0]['img_path'])
    path = tmp_path / 'deep.png'
    cv2.imwrite(str(path), image.astype(np.uint16) * 257)
    crops = []
    for source in (people[0]['img_path'], str(path)):
        np.random.seed(0)
        crops.append(
            RandomTopdownCrop(SIZE)(dict(copy.deepcopy(people[0]), img_path=source))[
                'img'
            ]
        )
    assert crops[0].dtype == np.uint8 and np.array_equal(*crops)
