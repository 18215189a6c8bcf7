"""Cameras, round trips, the depth of a person; real Human3.6M frames."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.geometry import (
    DEFAULT_DEPTH,
    DISTORTIONS,
    LIMBS,
    CameraError,
    back_project,
    check_camera,
    default_camera,
    estimate_root_depth,
    fit_camera,
    project,
    to_camera_space,
)
from support.examples import examples

SEEDS = st.integers(0, 10**6)
# Human3.6M's points that LIMBS needs: right hip, knee, ankle (1 2 3), left
# (4 5 6), left shoulder, elbow, wrist (11 12 13), right (14 15 16).
H36M_TO_COCO = {
    12: 1,
    14: 2,
    16: 3,
    11: 4,
    13: 5,
    15: 6,
    5: 11,
    7: 12,
    9: 13,
    6: 14,
    8: 15,
    10: 16,
}


def camera(rng, distorted=False, numbers=5):
    focal = rng.uniform(300, 2000, 2)
    result = dict(
        K=np.array([[focal[0], rng.uniform(-5, 5), 320], [0, focal[1], 240], [0, 0, 1]])
    )
    if distorted:
        size = [1, 1, 0.1, 0.1, 0.1, 0.1, *[0.01] * 8][:numbers]
        result['distortion'] = rng.uniform(-0.1, 0.1, numbers) * size
    return result


@examples(50)
@given(SEEDS, st.booleans(), st.sampled_from(DISTORTIONS))
def test_round_trip(seed, distorted, numbers):
    rng = np.random.default_rng(seed)
    lens = camera(rng, distorted, numbers)
    points = rng.uniform((-1, -1, 2), (1, 1, 8), (3, 5, 3))
    pixels = project(points, lens)
    assert pixels.shape == (3, 5, 2)
    back = back_project(pixels, points[..., 2], lens)
    assert np.abs(back - points).max() < 1e-5
    assert np.abs(project(back, lens) - pixels).max() < 1e-3


def test_projection_by_hand():
    lens = dict(K=[[1000, 0, 320], [0, 500, 240], [0, 0, 1]])
    assert project([0.5, -0.2, 2], lens) == pytest.approx([570, 190])
    assert back_project([570, 190], 2, lens) == pytest.approx([0.5, -0.2, 2])


@examples(50)
@given(SEEDS, st.booleans(), st.floats(0.1, 4))
def test_a_scaled_image_has_a_scaled_camera(seed, distorted, scale):
    """The edges of the image stay where they are in space."""
    rng = np.random.default_rng(seed)
    lens = dict(camera(rng, distorted), size=(640, 480))
    width, height = round(640 * scale), round(480 * scale)
    fitted = fit_camera(lens, width, height)
    points = rng.uniform((-1, -1, 2), (1, 1, 8), (5, 3))
    moved = (project(points, lens) + 0.5) * (width / 640, height / 480) - 0.5
    assert np.abs(project(points, fitted) - moved).max() < 1e-6 * max(width, height)
    # What was given is not changed.
    assert np.array_equal(lens['K'], camera(np.random.default_rng(seed))['K'])


@pytest.mark.parametrize('size', [(480, 640), (640, 640), (1280, 720), (100, 80)])
def test_a_camera_of_other_images(size):
    lens = dict(K=[[500, 0, 320], [0, 500, 240], [0, 0, 1]], size=(640, 480))
    with pytest.raises(CameraError, match=f'640 x 480 pixels.* {size[0]} x {size[1]}'):
        fit_camera(lens, *size)
    assert fit_camera(lens, 641, 481)['K'][0, 0] == pytest.approx(500 * 641 / 640)
    with pytest.raises(CameraError, match='size of the camera'):
        fit_camera(dict(lens, size=(0, 0)), 640, 480)


def test_default_camera():
    matrix = default_camera(640, 480)['K']
    assert matrix.tolist() == [[800, 0, 319.5], [0, 800, 239.5], [0, 0, 1]]


@pytest.mark.parametrize(
    'bad, text',
    [
        (dict(f=1), 'has no "K"'),
        (dict(K=None), 'has no "K"'),
        (np.eye(2), r'not \(3, 3\)'),
        (np.full((3, 3), np.nan), 'finite'),
        (np.zeros((3, 3)), 'fx and fy'),
        (np.diag([-1.0, 1, 1]), 'fx and fy'),
        (np.ones((3, 3)), '0, 0, 1'),
        (dict(K=np.eye(3), distortion=[0, 1]), '4, 5, 8'),
        (dict(K=np.eye(3), distortion=[np.inf] * 5), '14 finite'),
    ],
)
def test_bad_cameras(bad, text):
    with pytest.raises(CameraError, match=text):
        check_camera(bad)


def test_point_behind_the_camera():
    with pytest.raises(CameraError, match='not in front'):
        project([[0, 0, -1.0]], default_camera(10, 10))


@pytest.mark.torch
@examples(50)
@given(SEEDS, st.floats(1.5, 10), st.floats(1.4, 2.0))
def test_depth_is_where_the_limbs_fit(seed, depth, height):
    """A person of exactly the reference's squared limb lengths, anywhere."""
    from rtmw_ext.synthetic.drawn3d import sample_person_3d

    rng = np.random.default_rng(seed)
    points = sample_person_3d(rng, height)
    start, stop = np.transpose(list(LIMBS))
    lengths = height * np.array(list(LIMBS.values()))
    points *= np.sqrt((lengths**2).sum() / ((points[start] - points[stop]) ** 2).sum())
    points += (*rng.uniform(-0.3, 0.3, 2), depth)
    lens = camera(rng)
    root = points[[11, 12], 2].mean()
    pixels = project(points, lens)[None]
    z = (points[:, 2] - root)[None]
    seen = np.ones((1, 133), bool)
    found = estimate_root_depth(pixels, z, seen, lens, height)
    assert found == pytest.approx([root], rel=1e-6)
    absolute, relative = to_camera_space(pixels, z, found, lens)
    assert np.abs(absolute[0] - points).max() < 1e-5
    hips = points[[11, 12]].mean(0)
    # The root is on the hips' rays at one depth, not their exact mean.
    assert np.abs(relative[0] - (points - hips)).max() < 0.03
    assert np.abs(relative[0, :, 2] - z[0]).max() < 1e-6


@pytest.mark.parametrize(
    'lost, root', [([], 5), ([11], 6), ([12], 4), ([11, 12], 1), (range(15), 23 / 15)]
)
def test_root_of_lost_hips(lost, root):
    """One hip, the other, the middle of what was found, or of all."""
    pixels = np.full((1, 15, 2), 1.0)
    pixels[0, 11], pixels[0, 12] = 4, 6
    found = np.ones((1, 15), bool)
    found[0, list(lost)] = False
    lens = dict(K=np.eye(3))
    z = np.zeros((1, 15))
    absolute, relative = to_camera_space(pixels, z, [2.0], lens, found)
    assert (absolute - relative)[0] == pytest.approx(
        np.tile([2 * root, 2 * root, 2], (15, 1))
    )


def test_depth_without_limbs_is_the_default():
    pixels = np.zeros((3, 133, 2))
    pixels[2, :, 0] = np.arange(133)
    seen = np.zeros((3, 133), bool)
    seen[1] = True  # all on one spot
    seen[2, 0] = True  # one point
    depth = estimate_root_depth(
        pixels, np.zeros((3, 133)), seen, default_camera(640, 480)
    )
    assert depth.tolist() == [DEFAULT_DEPTH] * 3
    none = estimate_root_depth(
        pixels[:0], np.zeros((0, 133)), seen[:0], default_camera(640, 480)
    )
    assert none.shape == (0,)


def test_every_point_is_in_front_of_the_camera():
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 600, (4, 133, 2))
    z = rng.uniform(-2, 2, (4, 133))
    lens = default_camera(640, 480)
    depth = estimate_root_depth(pixels, z, np.ones((4, 133), bool), lens)
    assert (depth[:, None] + z > 0).all()


@pytest.mark.parametrize('height', [0, -1, np.nan])
def test_bad_height(height):
    with pytest.raises(CameraError, match='person_height'):
        estimate_root_depth(
            np.zeros((1, 133, 2)),
            np.zeros((1, 133)),
            np.ones((1, 133), bool),
            default_camera(9, 9),
            height,
        )


@pytest.fixture(scope='module')
def h36m(shared):
    """(points (17, 3) m, pixels (17, 2), camera) of each real frame."""
    folder = shared / 'samples' / 'h36m'
    data = np.load(folder / 'test_h36m_body3d.npz')
    cameras = pickle.loads((folder / 'cameras.pkl').read_bytes())
    frames = []
    for name, points, pixels in zip(data['imgname'], data['S'], data['part']):
        subject, serial = name.split('/')[0], name.split('.')[1].split('/')[0]
        lens = cameras[subject, serial]
        (fx, fy), (cx, cy) = lens['f'].ravel(), lens['c'].ravel()
        k1, k2, k3 = lens['k'].ravel()
        p1, p2 = lens['p'].ravel()
        frames.append(
            (
                points[:, :3],
                pixels[:, :2],
                dict(
                    K=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                    distortion=np.array([k1, k2, p1, p2, k3]),
                ),
            )
        )
    assert len(frames) == 4
    return frames


@pytest.mark.parametrize('distorted, limit', [(True, 0.2), (False, 2.0)])
def test_human36m_projects_onto_its_pixels(h36m, distorted, limit):
    for points, pixels, lens in h36m:
        lens = lens if distorted else dict(K=lens['K'])
        error = np.linalg.norm(project(points, lens) - pixels, axis=1)
        assert error.mean() < limit


def test_human36m_comes_back_from_pixels(h36m):
    for points, pixels, lens in h36m:
        back = back_project(pixels, points[:, 2], lens)
        assert np.linalg.norm(back - points, axis=1).mean() < 0.005


def test_human36m_depth_estimate(h36m):
    """The subjects are not all of one height: within a tenth."""
    for points, pixels, lens in h36m:
        coco = np.zeros((1, 133, 2))
        z = np.zeros((1, 133))
        seen = np.zeros((1, 133), bool)
        for ours, theirs in H36M_TO_COCO.items():
            coco[0, ours] = pixels[theirs]
            z[0, ours] = points[theirs, 2] - points[0, 2]
            seen[0, ours] = True
        depth = estimate_root_depth(coco, z, seen, lens, height=1.75)
        assert depth[0] == pytest.approx(points[0, 2], rel=0.1)
