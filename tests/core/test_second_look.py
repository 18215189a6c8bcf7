"""The second look at faces and hands.

Shapes: N persons, K keypoints, P parts, A axes.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.crops import crop_matrices, points_to_image, variances_to_image
from rtmw_ext.core.second_look import (
    CONTEXTS,
    merge,
    part_boxes,
    part_tilts,
    refine_parts,
)
from rtmw_ext.core.skeleton import CROP_POINTS, PARTS, ROOTS, UPRIGHT

SEEDS = st.integers(0, 2**32 - 1)
MOVED = [point for part in ROOTS for point in CROP_POINTS[part]]
# Of each point, with the right hand for the left.
OTHER = np.arange(133)
OTHER[[9, *PARTS['left_hand']]] = [10, *PARTS['right_hand']]
OTHER[[10, *PARTS['right_hand']]] = [9, *PARTS['left_hand']]


def looks(seed, axes=3):
    rng = np.random.default_rng(seed)
    first = (
        rng.normal(size=(2, 133, axes)),
        rng.random((2, 133)),
        rng.uniform(1, 2, (2, 133, axes)),
    )
    again = (
        rng.normal(size=(2, 3, 133, axes)),
        rng.random((2, 3, 133)),
        rng.uniform(1, 2, (2, 3, 133, axes)),
    )
    return first, again


@given(SEEDS, st.sampled_from([(2, 2), (3, 3), (2, 3), (3, 2)]))
def test_only_heads_and_hands_move(seed, axes):
    """In 2D and 3D, and where one look knows no depth."""
    first, again = looks(seed, axes[0])[0], looks(seed, axes[1])[1]
    known = min(axes)
    before = [value.copy() for value in (*first, *again)]
    points, scores, variances = merge(first, again)
    still = np.setdiff1d(np.arange(133), MOVED)
    assert np.array_equal(points[:, still], first[0][:, still])
    assert np.array_equal(scores[:, still], first[1][:, still])
    assert np.array_equal(variances[:, still], first[2][:, still])
    assert (points[:, MOVED, :2] != first[0][:, MOVED, :2]).all()
    # Two looks are surer than the surer of them.
    assert (variances[:, MOVED] < first[2][:, MOVED])[..., :known].all()
    for value, old in zip((points, variances), (first[0], first[2])):
        assert value.shape == old.shape
        assert np.array_equal(value[..., known:], old[..., known:])
    # What came in is as it was.
    for value, old in zip((*first, *again), before):
        assert np.array_equal(value, old)


@given(SEEDS)
def test_the_surer_look_counts(seed):
    (points, scores, variances), (again, sure, again_variances) = looks(seed)
    for number, part in enumerate(ROOTS):
        chosen = list(CROP_POINTS[part])
        shown = OTHER[chosen] if part == 'right_hand' else chosen
        for mine, theirs, expected in [
            (1.0, 1e9, points[:, chosen, :2]),
            (1e9, 1.0, again[:, number, shown, :2]),
            (2.0, 2.0, (points[:, chosen, :2] + again[:, number, shown, :2]) / 2),
        ]:
            found, *_ = merge(
                (points, scores, np.full_like(variances, mine)),
                (again, sure, np.full_like(again_variances, theirs)),
            )
            assert np.allclose(found[:, chosen, :2], expected, atol=1e-5)


@given(SEEDS, st.floats(-5, 5))
def test_depth_goes_on_from_the_root(seed, offset):
    first, again = looks(seed)
    found, *_ = merge(first, again)
    moved = again[0].copy()
    moved[..., 2] += offset
    same, *_ = merge(first, (moved, *again[1:]))
    assert np.allclose(found, same)
    # The wrists, in their own parts, are the roots that stay.
    for root in (91, 112):
        assert np.allclose(found[:, root, 2], first[0][:, root, 2])


def test_part_boxes_by_hand():
    points, scores = np.full((1, 133, 2), 50.0), np.ones((1, 133))
    points[0, 23], points[0, 24] = (40, 60), (60, 64)
    scores[0, 91:112] = 0
    face, left, right = part_boxes(points, scores, np.array([[0.0, 0, 100, 200]]), 3.5)[
        0
    ]
    # From 40, 50 to 60, 64: 20 wide around 50, 57.
    assert face.tolist() == [15, 22, 85, 92]
    # None is seen: as large as the person. All on one spot: a little.
    assert left.tolist() == [-300, -250, 400, 450]
    assert right.tolist() == [46.5, 46.5, 53.5, 53.5]


@given(SEEDS)
def test_each_look_is_nearer_and_around_the_last(seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 100, (2, 133, 2))
    first = (truth + 1, np.ones((2, 133)), np.ones((2, 133, 2)))
    boxes = np.tile([0.0, 0, 100, 100], (2, 1))
    asked = []

    def look(where, turned, mirrored):
        asked.append(where.reshape(2, 3, 4))
        # They are off by the same everywhere.
        assert np.allclose(turned.reshape(2, 3), part_tilts(truth, first[1]))
        assert mirrored.tolist() == [False, False, True] * 2
        # What is in the mirror is found as the other hand.
        shown = np.where(
            mirrored[:, None, None], truth[:, OTHER].repeat(3, 0), truth.repeat(3, 0)
        )
        return (shown, np.ones((6, 133)), np.full((6, 133, 2), 0.5 ** (len(asked) - 1)))

    points, scores = refine_parts(first, boxes, look)
    for number, (where, context) in enumerate(zip(asked, CONTEXTS)):
        # The mean of two equals halves the distance.
        expected = part_boxes(truth + 0.5**number, first[1], boxes, context)
        assert np.allclose(where, expected)
    assert len(asked) == len(CONTEXTS)
    assert list(CONTEXTS) == sorted(CONTEXTS, reverse=True)
    assert np.allclose((points - truth)[:, MOVED], 0.5 ** len(asked))
    assert np.array_equal(scores, first[1])


@given(SEEDS, st.booleans())
def test_parts_are_shown_upright(seed, mirrored):
    rng = np.random.default_rng(seed)
    points, scores = rng.uniform(0, 300, (2, 133, 2)), np.ones((2, 133))
    scores[1, UPRIGHT['face'][0]] = 0
    boxes, turned = (
        part_boxes(points, scores, np.float64([[0, 0, 300, 300]] * 2), 2.0),
        part_tilts(points, scores),
    )
    assert turned[1, 0] == 0
    for number, (part, (start, stop)) in enumerate(UPRIGHT.items()):
        (matrix,) = crop_matrices(
            boxes[:1, number], (192, 256), turned[:1, number], [mirrored]
        )
        inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
        shown = np.c_[points[0], np.ones(133)] @ inverse[:2].T
        x, y = shown[stop] - shown[start]
        assert abs(x) < 1e-6 and y < 0
        assert (np.linalg.det(inverse) < 0) == mirrored
        # The whole part is there, and in the middle.
        low, high = (
            function(shown[list(PARTS[part])], 0) for function in (np.min, np.max)
        )
        assert (low > 0).all() and (high < (192, 256)).all()
        center = boxes[0, number].reshape(2, 2).mean(0)
        there = np.array([191 - 96 if mirrored else 96, 128.0, 1]) @ matrix.T
        assert np.allclose(there, center)
        # What is found in the crop is put back.
        variances = rng.uniform(1, 2, (1, 133, 3))
        again = points_to_image(matrix[None], np.c_[shown, scores[0]][None])
        wide = variances_to_image(matrix[None], variances)
        assert np.allclose(again[0, :, :2], points[0])
        assert np.array_equal(again[0, :, 2], scores[0])
        scale = abs(np.linalg.det(matrix[:, :2]))
        assert np.allclose(wide[..., :2].sum(2), variances[..., :2].sum(2) * scale)
        assert np.array_equal(wide[..., 2], variances[..., 2])
