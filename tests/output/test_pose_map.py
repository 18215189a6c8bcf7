"""Pose maps are those of controlnet_aux's DWPose annotator.

The expected pictures are made from the description of the format: lists of
limbs and colours written out, geometry in floating point.
"""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import KEYPOINT_NAMES, PARTS, keypoint_names
from rtmw_ext.output import ResultError
from rtmw_ext.output.pose_map import draw_pose_map, map_size

SIZE = (420, 380)
#: Of OpenPose: neck to right arm, left arm, right leg, left leg, head.
LIMBS = (
    'neck-rshoulder neck-lshoulder rshoulder-relbow relbow-rwrist lshoulder-lelbow '
    'lelbow-lwrist neck-rhip rhip-rknee rknee-rankle neck-lhip lhip-lknee '
    'lknee-lankle neck-nose nose-reye reye-rear nose-leye leye-lear'
).split()
ORDER = (
    'nose neck rshoulder relbow rwrist lshoulder lelbow lwrist rhip rknee rankle lhip '
    'lknee lankle reye leye rear lear'
).split()
OURS = (
    'nose leye reye lear rear lshoulder rshoulder lelbow relbow lwrist rwrist lhip '
    'rhip lknee rknee lankle rankle'
).split()
RED_TO_PINK = (
    'ff0000 ff5500 ffaa00 ffff00 aaff00 55ff00 00ff00 00ff55 00ffaa 00ffff 00aaff '
    '0055ff 0000ff 5500ff aa00ff ff00ff ff00aa ff0055'
).split()
COLORS = [tuple(bytes.fromhex(color)) for color in RED_TO_PINK]


def make_people(count=2, seed=0):
    """People whose parts stand apart, with points that are not found."""
    rng = np.random.default_rng(seed)
    points = np.zeros((count, 133, 2), np.float32)
    for person in points:
        person[:23] = rng.uniform(30, 350, (23, 2))
        for part in ('face', 'left_hand', 'right_hand'):
            middle = rng.uniform(50, 330, 2)
            person[list(PARTS[part])] = middle + rng.normal(
                0, 22, (len(PARTS[part]), 2)
            )
    # The reference rounds to pixels after a division: stay off their borders.
    points = np.floor(points) + 0.5
    scores = rng.uniform(0, 1.2, (count, 133)).clip(0, 1).astype(np.float32)
    boxes = np.zeros((count, 4), np.float32)
    return People(points, scores, boxes, np.ones(count, np.float32))


def bodies(people):
    """[{name: (x, y)}] of the points that are found."""
    found = []
    for points, scores in zip(people.keypoints, people.scores):
        body = {
            name: point
            for name, point, score in zip(OURS, points.astype(float), scores)
            if score >= 0.3
        }
        if 'lshoulder' in body and 'rshoulder' in body:
            body['neck'] = (body['lshoulder'] + body['rshoulder']) / 2
        found.append(body)
    return found


def distances(points):
    """(H, W) from pixels to the nearest of (P, 2)."""
    grid = np.stack(np.meshgrid(*map(np.arange, SIZE)), -1)
    nearest = np.full(SIZE[::-1], np.inf)
    for point in points:
        nearest = np.minimum(nearest, np.hypot(*(grid - np.floor(point)).T).T)
    return nearest


def ellipses(start, stop):
    """(H, W): below 1 inside the ellipse between two points, 4 pixels thick."""
    grid = np.stack(np.meshgrid(*map(np.arange, SIZE)), -1) - np.floor(
        (start + stop) / 2
    )
    along = (stop - start) / np.hypot(*(stop - start))
    long = np.hypot(*(stop - start)) / 2
    across = grid @ np.array([-along[1], along[0]])
    return np.hypot(grid @ along / long, across / 4)


def expected_body(people):
    """RGB, and whether a pixel is far enough from every border of a shape."""
    picture = np.zeros((SIZE[1], SIZE[0], 3))
    sure = np.ones(picture.shape[:2], bool)
    for limb, color in zip(LIMBS, COLORS):
        names = limb.split('-')
        for body in bodies(people):
            if all(name in body for name in names):
                inside = ellipses(*(body[name] for name in names))
                picture[inside <= 1] = np.multiply(color, 0.6)
                sure &= ~((inside > 0.6) & (inside < 1.5))
    for name, color in zip(ORDER, COLORS):
        for body in bodies(people):
            if name in body:
                away = distances([body[name]])
                picture[away <= 4] = color
                sure[np.abs(away - 4.2) <= 1] = False
                sure |= away < 3
    return picture, sure


def drawn(people, **options):
    return draw_pose_map(people, SIZE, **options)[..., ::-1].astype(int)


@pytest.mark.parametrize('seed', range(3))
def test_body(seed):
    people = make_people(seed=seed)
    picture, sure = expected_body(people)
    found = drawn(people, parts=['body'])
    shown = sure & (picture.any(2) | found.any(2))
    same = np.abs(found - picture).max(2) <= 1
    assert shown.sum() > 2000
    assert same[shown].mean() >= 0.99 and same[sure].mean() >= 0.995


def test_faces_are_white_dots():
    people = make_people()
    found = drawn(people, parts=['face'])
    face = list(PARTS['face'])
    away = distances(people.keypoints[:, face][people.scores[:, face] >= 0.3])
    assert (found[away <= 2.9] == 255).all() and not found[away > 3.9].any()


def test_hands_are_rainbows_with_blue_dots():
    people = make_people(1)
    people.scores[:] = 1
    found = drawn(people, parts=['hands'])
    for part in ('left_hand', 'right_hand'):
        assert (
            found[distances(people.keypoints[0, list(PARTS[part])]) <= 3.9][:, 2]
        ).all()
    # A finger alone: thumb is red, the tip of the little finger is pink.
    for link, color in (((0, 1), (255, 0, 0)), ((19, 20), (255, 0, 77))):
        people.scores[:] = 0
        ends = [PARTS['left_hand'][point] for point in link]
        people.scores[0, ends] = 1
        people.keypoints[0, ends] = (100.5, 200.5), (160.5, 200.5)
        found = drawn(people, parts=['hands'])
        assert np.abs(found[200, 130] - color).max() <= 1
        assert found[100:300, 130].any(1).sum() == 3  # as OpenCV draws 2
        assert (found[200, 100] == (0, 0, 255)).all()


def test_feet_are_of_body_25():
    people = make_people(1)
    people.scores[:] = 0
    people.scores[0, [15, 17]] = 1
    people.keypoints[0, [15, 17]] = (100.5, 200.5), (160.5, 200.5)
    assert not drawn(people, parts=['face', 'hands']).any()
    assert drawn(people, parts=['feet'])[200, 130].tolist() == [0, 0, 153]
    assert drawn(people, parts=['feet'])[200, 160].tolist() == [0, 0, 255]
    default = drawn(people)
    assert default[200, 100].any() and not default[200, 130].any()


def test_order_of_parts():
    """Faces over hands over bodies, of all people."""
    people = make_people(2)
    people.scores[:] = 0
    for person, point in ((0, 23), (1, 91), (1, 0)):
        people.scores[person, point] = 1
        people.keypoints[person, point] = (50, 50)
    assert drawn(people)[50, 50].tolist() == [255, 255, 255]
    assert drawn(people, parts=['body', 'hands'])[50, 50].tolist() == [0, 0, 255]
    assert drawn(people, parts=['body'])[50, 50].tolist() == [255, 0, 0]


def test_points_that_cannot_be_drawn():
    people = make_people(1)
    people.scores[:] = 1
    people.keypoints[0, ::2] = np.nan
    people.keypoints[0, 1::4] = 1e30
    assert drawn(people).shape == (SIZE[1], SIZE[0], 3)
    assert not drawn(people[:0]).any()


def test_sizes():
    assert map_size((1920, 1080), None) == (1920, 1080)
    assert map_size((1920, 1080), 512) == (896, 512)
    assert map_size((100, 2000), 64) == (64, 1280)
    people = make_people(1)
    large = draw_pose_map(people, SIZE, side=768)
    assert large.shape == (768, 832, 3)
    # Lines do not grow with the picture.
    assert 2 < large.any(2).sum() / drawn(people).any(2).sum() < 4


@pytest.mark.parametrize('count', [17, 26])
def test_pose_maps_of_bodies_alone(count):
    """They are drawn as bodies and feet of people with all points."""
    people = make_people(2)
    numbers = [
        KEYPOINT_NAMES.index(name) if name in KEYPOINT_NAMES else 0
        for name in keypoint_names(count)
    ]
    body = replace(
        people,
        keypoints=people.keypoints[:, numbers],
        scores=people.scores[:, numbers],
    )
    drawn_parts = ('body', 'feet') if count == 26 else ('body',)
    whole = draw_pose_map(people, SIZE, drawn_parts)
    alone = draw_pose_map(body, SIZE, ('body', 'face', 'hands', 'feet'))
    assert whole.any() and np.array_equal(whole, alone)


def test_pose_maps_need_a_skeleton():
    people = make_people(1)
    people.keypoints, people.scores = people.keypoints[:, :21], people.scores[:, :21]
    with pytest.raises(ResultError, match='pose map needs 133 points .* finds 21'):
        draw_pose_map(people, SIZE)


@pytest.fixture(scope='module')
def annotator():
    """The drawing functions of controlnet_aux, without its networks."""
    package = importlib.util.find_spec('controlnet_aux')
    if package is None:
        pytest.skip('controlnet_aux is absent')
    path = Path(package.submodule_search_locations[0]) / 'dwpose' / 'util.py'
    spec = importlib.util.spec_from_file_location('dwpose_util', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import matplotlib.colors  # noqa: F401  (it takes this as imported)

    return module


@pytest.mark.parametrize('count, seed', [(0, 0), (1, 1), (3, 2), (8, 3)])
def test_equals_controlnet_aux(annotator, count, seed):
    people = make_people(count, seed)
    width, height = SIZE
    candidate, subset = [], []
    for body in bodies(people):
        places = [body.get(name) for name in ORDER]
        subset.append(
            [-1 if p is None else len(candidate) + i for i, p in enumerate(places)]
        )
        candidate += [(-1, -1) if p is None else p / SIZE for p in places]
    shown = np.where(
        people.scores[..., None] >= 0.3, people.keypoints / np.float32(SIZE), -1
    )
    picture = np.zeros((height, width, 3), np.uint8)
    if count:
        picture = annotator.draw_bodypose(
            picture, np.array(candidate), np.array(subset)
        )
    hands = [*shown[:, list(PARTS['left_hand'])], *shown[:, list(PARTS['right_hand'])]]
    picture = annotator.draw_handpose(picture, hands)
    picture = annotator.draw_facepose(picture, shown[:, list(PARTS['face'])])
    found = draw_pose_map(people, SIZE)[..., ::-1]
    either = found.any(2) | picture.any(2)
    assert either.any() == bool(count)
    same = (found == picture).all(2)
    # Of the pixels that are drawn, not of the black ones.
    assert same[either].mean() >= 0.99 if count else same.all()
