"""The codecs: labels, masks, decoding, bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mmpose.codecs import SimCCLabel
from mmpose.registry import KEYPOINT_CODECS

from rtmw_ext.codecs import CodecError, FastSimCCLabel, SimCC3DLabel
from support.examples import examples
from support.tools import load_tool

encode_3d_by_loop = load_tool('bench/codec').encode_3d_by_loop

SIZE = (64, 96)
K = 15
POINTS = arrays.arrays(np.float32, (1, K, 2), elements=st.floats(-40, 140, width=32))
WEIGHTS = arrays.arrays(
    np.float32, (1, K), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0])
)
POINTS_3D = arrays.arrays(np.float32, (1, K, 3), elements=st.floats(-4, 4, width=32))
KNOWN = arrays.arrays(np.float32, (1, K), elements=st.sampled_from([0.0, 1.0]))


def codec_3d(**changes):
    return SimCC3DLabel(
        **{**dict(input_size=(64, 96, 64), sigma=(2.0, 3.0, 2.5)), **changes}
    )


@examples(50)
@given(POINTS, WEIGHTS, st.booleans(), st.sampled_from([1.0, 2.0, 3.0]))
def test_2d_labels_are_mmposes(points, weights, normalize, ratio):
    arguments = dict(
        input_size=SIZE, sigma=(4.9, 5.66), normalize=normalize, simcc_split_ratio=ratio
    )
    before = points.copy(), weights.copy()
    ours = FastSimCCLabel(**arguments).encode(points, weights)
    theirs = SimCCLabel(**arguments).encode(points, weights)
    assert ours.keys() == theirs.keys()
    for key, expected in theirs.items():
        assert ours[key].dtype == expected.dtype
        assert np.array_equal(ours[key], expected), key
    assert np.array_equal(points, before[0])
    assert np.array_equal(weights, before[1])


@pytest.mark.parametrize(
    'changes',
    [
        dict(use_dark=True),
        dict(decode_visibility=True),
        dict(sigma=6),
        dict(smoothing_type='standard', label_smooth_weight=0.1),
    ],
)
def test_2d_options_are_mmposes(changes):
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 64, (1, K, 2)).astype(np.float32)
    codecs = [
        kind(**{**dict(input_size=SIZE, normalize=False), **changes})
        for kind in (FastSimCCLabel, SimCCLabel)
    ]
    ours, theirs = (codec.encode(points) for codec in codecs)
    for key, expected in theirs.items():
        assert np.array_equal(ours[key], expected)
    simcc = [theirs['keypoint_x_labels'], theirs['keypoint_y_labels']]
    mine, expected = (
        codec.decode(*(axis.copy() for axis in simcc)) for codec in codecs
    )
    for a, b in zip(flat(mine), flat(expected)):
        assert np.array_equal(a, b)


def flat(decoded):
    keypoints, scores = decoded
    return keypoints, *(scores if isinstance(scores, tuple) else (scores,))


def test_they_are_registered():
    for kind, size in (('FastSimCCLabel', SIZE), ('SimCC3DLabel', (*SIZE, 64))):
        codec = KEYPOINT_CODECS.build(dict(type=kind, input_size=size))
        assert type(codec).__name__ == kind


@examples(50)
@given(POINTS, WEIGHTS, POINTS_3D, KNOWN)
def test_3d_labels_are_the_loops(points, weights, points_3d, known):
    codec = codec_3d()
    ours = codec.encode(points, weights, points_3d, known)
    expected = encode_3d_by_loop(codec, points, weights, points_3d, known)
    assert ours.keys() == expected.keys() == set(codec.label_mapping_table)
    for key in ours:
        assert ours[key].dtype == np.float32
        assert np.array_equal(ours[key], expected[key]), key


@examples(50)
@given(POINTS, WEIGHTS, POINTS_3D, KNOWN)
def test_x_and_y_do_not_depend_on_z(points, weights, points_3d, known):
    codec = codec_3d()
    flat = codec.encode(points, weights)
    deep = codec.encode(points, weights, points_3d, known)
    assert not flat['keypoint_z_weights'].any()
    assert not flat['keypoint_z_labels'].any()
    for key in ('keypoint_x_labels', 'keypoint_y_labels', 'keypoint_weights'):
        assert np.array_equal(flat[key], deep[key])
    # And they are the 2D codec's.
    plain = SimCCLabel(SIZE, sigma=(2.0, 3.0), normalize=False).encode(points, weights)
    for key in plain:
        assert np.array_equal(flat[key], plain[key])


@examples(50)
@given(st.integers(0, 10**6), st.booleans())
def test_decode_finds_what_encode_wrote(seed, dark):
    rng = np.random.default_rng(seed)
    codec = codec_3d(use_dark=dark)
    points = rng.uniform(8, 56, (1, K, 2)).astype(np.float32)
    points_3d = rng.uniform(-1.5, 1.5, (1, K, 3)).astype(np.float32)
    encoded = codec.encode(points, None, points_3d)
    found, scores = codec.decode(
        *(encoded[f'keypoint_{axis}_labels'] for axis in 'xyz')
    )
    assert found.shape == (1, K, 3) and scores.shape == (1, K)
    z = points_3d[..., 2] - points_3d[:, [11, 12], 2].mean(1, keepdims=True)
    # Half a bin, and the bend of DARK's parabola, which needs both flanks.
    known = np.abs(z) < (1.5 if dark else codec.z_range - 0.04)
    assert np.abs(found[..., :2] - points).max() <= 0.25 + 0.3 * dark
    half_bin = codec.z_range / codec.input_size[2] / 2
    error = np.abs(found[..., 2] - z)[known].max()
    assert error <= half_bin * (1 + dark) + 1e-5


def test_released_depth_formula():
    codec = SimCC3DLabel((288, 384, 288))
    z = np.array([-2.1744869, 0, 1.0, 2.1744869])
    assert codec.z_to_pixels(z) == pytest.approx(
        [0, 144, (1 / 2.1744869 + 1) * 144, 288]
    )
    simcc = np.zeros((1, 3, 576), np.float32)
    simcc[0, range(3), [0, 300, 575]] = 1
    points, _ = codec.decode(simcc, np.ones((1, 3, 768), np.float32), simcc)
    assert (
        np.abs(points[0, :, 2] - (np.array([0, 300, 575]) / 288 - 1) * 2.1744869).max()
        < 1e-6
    )


@given(st.floats(-2.1, 2.1))
def test_depth_and_pixels_are_inverse(z):
    codec = SimCC3DLabel((288, 384, 288))
    assert codec.pixels_to_z(codec.z_to_pixels(z)) == pytest.approx(z, abs=1e-9)


def test_depth_off_the_axis_keeps_x_and_y():
    points = np.full((1, K, 2), 30, np.float32)
    points_3d = np.zeros((1, K, 3), np.float32)
    points_3d[0, 3, 2] = 2.5
    encoded = codec_3d().encode(points, None, points_3d)
    assert (encoded['keypoint_weights'] == 1).all()
    assert encoded['keypoint_z_weights'][0].tolist() == [
        float(k != 3) for k in range(K)
    ]
    assert not encoded['keypoint_z_labels'][0, 3].any()


def test_depth_of_a_point_outside_the_crop_is_not_asked_for():
    points = np.full((1, K, 2), 30, np.float32)
    points[0, 3, 0] = 500
    encoded = codec_3d().encode(points, None, np.zeros((1, K, 3)))
    for name in ('keypoint_weights', 'keypoint_z_weights'):
        assert encoded[name][0].tolist() == [float(k != 3) for k in range(K)]


@pytest.mark.parametrize(
    'known_hips, root', [([1, 1], 0.3), ([1, 0], 0.2), ([0, 1], 0.4), ([0, 0], None)]
)
def test_root_with_unseen_hips(known_hips, root):
    codec = SimCC3DLabel((64, 96, 288))
    points_3d = np.zeros((1, K, 3), np.float32)
    points_3d[0, 11:13, 2] = 0.2, 0.4
    points_3d[0, 0, 2] = 1.0
    known = np.ones((1, K), np.float32)
    known[0, 11:13] = known_hips
    points = np.full((1, K, 2), 30, np.float32)
    encoded = codec.encode(points, None, points_3d, known)
    assert (encoded['keypoint_weights'] == 1).all()
    if root is None:
        assert not encoded['keypoint_z_weights'].any()
        return
    z = codec.pixels_to_z(encoded['keypoint_z_labels'][0, 0].argmax() / 2)
    assert z == pytest.approx(1.0 - root, abs=0.004)
    assert (encoded['keypoint_z_weights'] == known).all()


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_bad_numbers_are_named(value):
    codec = codec_3d()
    points = np.full((1, K, 2), 30, np.float32)
    points_3d = np.zeros((1, K, 3), np.float32)
    points_3d[0, 4, 1] = value
    with pytest.raises(CodecError, match='keypoints_3d of person 0.*point 4'):
        codec.encode(points, None, points_3d)
    # What is not visible may hold anything.
    known = np.ones((1, K), np.float32)
    known[0, 4] = 0
    assert (
        codec.encode(points, None, points_3d, known)['keypoint_z_weights'].sum()
        == K - 1
    )
    points[0, 7] = value
    with pytest.raises(CodecError, match='keypoints of person 0.*point 7'):
        codec.encode(points)
    visible = np.ones((1, K), np.float32)
    visible[0, 7] = 0
    assert codec.encode(points, visible)['keypoint_weights'].sum() == K - 1


@pytest.mark.parametrize('count', [0, 3])
def test_number_of_persons(count):
    encoded = codec_3d().encode(
        np.full((count, K, 2), 30.0), None, np.zeros((count, K, 3))
    )
    assert encoded['keypoint_z_labels'].shape == (count, K, 128)
    assert (encoded['keypoint_z_weights'] == 1).all()


def test_one_visible_point():
    points = np.full((1, K, 2), np.nan, np.float32)
    points[0, 5] = 20
    visible = np.zeros((1, K), np.float32)
    visible[0, 5] = 1
    points_3d = np.full((1, K, 3), np.nan, np.float32)
    points_3d[0, 5] = 1
    encoded = codec_3d().encode(points, visible, points_3d, visible)
    assert encoded['keypoint_weights'].sum() == 1
    # Without a hip nothing says what its z counts from.
    assert not encoded['keypoint_z_weights'].any()


def test_nothing_found():
    empty = np.zeros((1, 2, 128), np.float32)
    points, scores = codec_3d().decode(empty, empty, empty)
    assert not scores.any()
    assert points.tolist() == [[[-0.5, -0.5, 0]] * 2]


@pytest.mark.parametrize(
    'changes, text',
    [
        (dict(input_size=(64, 96)), 'width, height, depth'),
        (dict(z_range=0), 'z_range=0'),
        (dict(z_range=np.nan), 'z_range=nan'),
    ],
)
def test_bad_arguments(changes, text):
    with pytest.raises(CodecError, match=text):
        codec_3d(**changes)


def test_bad_shapes():
    with pytest.raises(CodecError, match='keypoints are'):
        codec_3d().encode(np.zeros((1, K, 3)))
    with pytest.raises(CodecError, match='keypoints_3d are'):
        codec_3d().encode(np.zeros((1, K, 2)), None, np.zeros((1, K, 2)))
