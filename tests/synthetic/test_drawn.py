"""Drawn people: conventions of the points, annotations and files."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.synthetic import drawn
from support.examples import examples

SIZE = (320, 320)
LENGTHS = {
    'keypoints': 51,
    'foot_kpts': 18,
    'face_kpts': 204,
    'lefthand_kpts': 63,
    'righthand_kpts': 63,
}
SEEDS = st.integers(0, 2**32 - 1)


def _person(seed=0, center=(160, 160), height=250):
    return drawn.sample_person(np.random.default_rng(seed), center, height)


def _files(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob('*'))
        if path.is_file()
    }


def _points(ann):
    """(133, 3) points of an annotation, in the order of the model."""
    return np.array(sum((ann[name] for name in LENGTHS), [])).reshape(-1, 3)


@examples(50)
@given(SEEDS, st.floats(-500, 500), st.floats(-500, 500), st.floats(1, 2000))
def test_person_is_finite_and_scales(seed, x, y, height):
    unit = _person(seed, (0, 0), 1.0)
    assert unit.shape == (133, 2)
    assert np.isfinite(unit).all()
    np.testing.assert_array_equal(
        _person(seed, (x, y), height), np.array([x, y]) + height * unit
    )
    # No pose leaves the reach of the longest limbs around the pelvis.
    assert np.abs(unit).max() < 0.8


@examples(50)
@given(SEEDS)
def test_anatomy(seed):
    points = _person(seed)
    face = points[23:91]
    # The person's left is at the image's right, for each pair of the body.
    for left, right in [(1, 2), (3, 4), (5, 6), (11, 12), (13, 14)]:
        assert points[left, 0] > points[right, 0]
    np.testing.assert_allclose(points[11:13].mean(0), (160, 160))
    np.testing.assert_allclose(points[[9, 10]], points[[91, 112]])
    np.testing.assert_allclose(points[0], face[30])
    # Eyes over nose over mouth over chin; the jaw starts at the right ear.
    rows = [face[36:48], face[31:36], face[48:68], face[8:9]]
    heights = [row[:, 1].mean() for row in rows]
    assert heights == sorted(heights)
    assert face[0, 0] < face[8, 0] < face[16, 0]
    assert points[5:7, 1].max() < points[11:13, 1].min()


@examples(50)
@given(SEEDS)
def test_fingers_reach_away_from_the_wrist(seed):
    points = _person(seed)
    for start, sign in ((91, 1), (112, -1)):
        hand = points[start : start + 21]
        reach = np.linalg.norm(hand[1:] - hand[0], axis=1).reshape(5, 4)
        assert (np.diff(reach, axis=1) > 0).all()
        # With the palm to the viewer, fingers fan out from the thumb on.
        tips = hand[[4, 8, 12, 16, 20]] - hand[0]
        turns = tips[:-1, 0] * tips[1:, 1] - tips[:-1, 1] * tips[1:, 0]
        assert (sign * turns > 0).all()


def test_mirrors_agree_with_the_swaps_of_the_face():
    rng = np.random.default_rng(3)
    face = drawn._sample_face(rng)
    np.testing.assert_allclose(face[:17], face[16::-1] * (-1, 1), atol=1e-12)
    middle = face[27, 0]
    for left, right in [
        (36, 45),
        (37, 44),
        (41, 46),
        (17, 26),
        (31, 35),
        (48, 54),
        (49, 53),
        (59, 55),
        (60, 64),
        (67, 65),
    ]:
        np.testing.assert_allclose(
            face[left] - (middle, 0), (face[right] - (middle, 0)) * (-1, 1), atol=1e-12
        )


def test_annotation_of_a_whole_person():
    keypoints = _person()
    ann = drawn.annotation(keypoints, 7, 9, SIZE)
    assert {name: len(ann[name]) for name in LENGTHS} == LENGTHS
    assert (ann['image_id'], ann['id'], ann['category_id']) == (7, 9, 1)
    assert ann['iscrowd'] == 0
    assert ann['num_keypoints'] == 17
    assert all(
        ann[f'{part}_valid'] is True
        for part in ('foot', 'face', 'lefthand', 'righthand')
    )
    points = _points(ann)
    np.testing.assert_allclose(points[:, :2], keypoints, atol=0.005 + 1e-9)
    assert (points[:, 2] == 2).all()
    assert 0 < ann['area'] < ann['bbox'][2] * ann['bbox'][3]
    json.dumps(ann)


def test_annotation_of_a_cut_person():
    keypoints = _person()
    # The left elbow stays inside; the left wrist is the first point out.
    keypoints[:, 0] += 319.5 - keypoints[9, 0]
    ann = drawn.annotation(keypoints, 1, 1, SIZE)
    points = _points(ann)
    inside = ((keypoints >= 0) & (keypoints <= 319)).all(1)
    assert 0 < inside.sum() < 133
    assert not points[~inside].any()
    assert (points[inside, 2] == 2).all()
    assert ann['num_keypoints'] == inside[:17].sum() < 17
    assert inside[7] and not inside[9]
    assert ann['face_valid'] is True
    # The box ends at the last pixel the person is cut at.
    assert ann['bbox'][0] + ann['bbox'][2] == pytest.approx(319)


def test_annotation_of_a_person_without_a_visible_hand():
    keypoints = _person()
    keypoints[91:112] += 1000
    ann = drawn.annotation(keypoints, 1, 1, SIZE)
    assert ann['lefthand_valid'] is False
    assert ann['lefthand_box'] == [0, 0, 0, 0]
    assert not any(ann['lefthand_kpts'])
    assert ann['righthand_valid'] is True


@examples(25)
@given(SEEDS, st.integers(1, 3))
def test_boxes_hold_the_visible_points(seed, num_people):
    image, people = drawn.draw_scene(
        np.random.default_rng(seed), (200, 128), num_people
    )
    assert image.shape == (128, 200, 3) and image.dtype == np.uint8
    assert len(people) == num_people
    for keypoints in people:
        ann = drawn.annotation(keypoints, 1, 1, (200, 128))
        points = _points(ann)
        visible = points[points[:, 2] > 0]
        # People may be cut, but only slightly.
        assert len(visible) > 0.6 * 133
        boxes = {
            'bbox': visible,
            'face_box': points[23:91],
            'lefthand_box': points[91:112],
            'righthand_box': points[112:133],
        }
        for name, part in boxes.items():
            low, extent = np.split(np.array(ann[name]), 2)
            part = part[part[:, 2] > 0, :2]
            assert (low >= 0).all() and (extent >= 0).all()
            assert (low + extent <= np.array([199, 127]) + 1e-6).all()
            assert (part >= low - 1e-6).all()
            assert (part <= low + extent + 1e-6).all()


def test_drawing_changes_the_picture_at_the_points():
    image = np.full((320, 320, 3), 255, np.uint8)
    keypoints = _person()
    drawn.draw_person(image, keypoints, np.random.default_rng(0))
    x, y = np.round(keypoints).astype(int).T
    changed = (image[y, x] != 255).any(1)
    assert changed.all()
    # Nothing is drawn outside the box.
    left, top, width, height = drawn.annotation(keypoints, 1, 1, SIZE)['bbox']
    ys, xs = np.nonzero((image != 255).any(2))
    assert left - 1 <= xs.min() and xs.max() <= left + width + 1
    assert top - 1 <= ys.min() and ys.max() <= top + height + 1


def test_files_are_deterministic(tmp_path):
    for name in 'ab':
        drawn.write_dataset(tmp_path / name, 3, seed=5)
    first, second = _files(tmp_path / 'a'), _files(tmp_path / 'b')
    assert first == second
    drawn.write_dataset(tmp_path / 'c', 2, seed=5)
    drawn.write_dataset(tmp_path / 'c', 2, seed=5, split='val')
    drawn.write_dataset(tmp_path / 'd', 2, seed=6)
    third, fourth = _files(tmp_path / 'c'), _files(tmp_path / 'd')
    image = 'images/train/000000000001.jpg'
    assert third[image] == first[image] != fourth[image]
    assert third[image] != third[image.replace('train', 'val')]


def test_dataset_is_valid_coco(tmp_path):
    COCO = pytest.importorskip('xtcocotools.coco').COCO
    path = drawn.write_dataset(
        tmp_path, 3, seed=1, size=(256, 200), people=(2, 2), split='val'
    )
    assert path == tmp_path / 'annotations' / 'val.json'
    coco = COCO(str(path))
    assert coco.getCatIds(catNms=['person']) == [1]
    assert coco.getImgIds() == [1, 2, 3]
    assert sorted(coco.getAnnIds()) == [1, 2, 3, 4, 5, 6]
    for info in coco.loadImgs(coco.getImgIds()):
        image = cv2.imread(str(tmp_path / 'images/val' / info['file_name']))
        assert image.shape == (info['height'], info['width'], 3)
        assert len(coco.getAnnIds(imgIds=[info['id']])) == 2


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'num_images': 0}, r'num_images is 0; pass .* >= 1'),
        ({'num_images': 1.5}, r'num_images is 1.5; pass'),
        ({'seed': -1}, r'seed is -1; pass'),
        ({'size': (63, 320)}, r'size is \(63, 320\); pass .* >= 64'),
        ({'size': (320,)}, r'size is \(320,\); pass'),
        ({'people': (0, 1)}, r'people is \(0, 1\); pass'),
        ({'people': (2, 1)}, r'people is \(2, 1\); pass'),
        ({'people': (1,)}, r'people is \(1,\); pass'),
        ({'people': (1, 11)}, r'11 people do not fit .* at most 10'),
        ({'split': '../x'}, r"split is '\.\./x'; use"),
    ],
)
def test_bad_dataset_arguments(tmp_path, changes, message):
    arguments = {'num_images': 1, 'seed': 0, **changes}
    with pytest.raises(ValueError, match=message):
        drawn.write_dataset(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


def test_bad_points():
    with pytest.raises(ValueError, match='height is 0; pass'):
        _person(height=0)
    with pytest.raises(ValueError, match='center is .*; pass two'):
        _person(center=(1, np.nan))
    with pytest.raises(ValueError, match=r'shape \(17, 2\); pass'):
        drawn.annotation(np.zeros((17, 2)), 1, 1, SIZE)
    with pytest.raises(ValueError, match='NaN'):
        drawn.annotation(np.full((133, 2), np.nan), 1, 1, SIZE)
    with pytest.raises(ValueError, match='no keypoint is inside the 320x'):
        drawn.annotation(_person(center=(5000, 0)), 1, 1, SIZE)
    with pytest.raises(ValueError, match='image is float64'):
        drawn.draw_person(np.zeros((64, 64, 3)), _person(), np.random.default_rng(0))
