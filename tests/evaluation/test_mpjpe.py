"""MPJPE by part, by hand-computed cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmpose.registry import METRICS
from scipy.spatial.transform import Rotation

from rtmw_ext.evaluation.mpjpe_metric import MetricError, person_errors
from rtmw_ext.synthetic.drawn3d import sample_person_3d
from support.examples import examples


def truth(seed=0):
    return sample_person_3d(np.random.default_rng(seed)) + (0, 0, 4)


def evaluate(*pairs):
    """(found, true[, known]) of each sample -> results in mm."""
    metric = METRICS.build(dict(type='WholeBodyMPJPE'))
    samples = []
    for found, true, *known in pairs:
        samples.append(
            dict(
                id=1,
                keypoints_3d=true[None],
                pred_instances=dict(keypoints_3d=found[None]),
            )
        )
        if known:
            samples[-1]['keypoints_3d_visible'] = known[0][None]
    metric.process([], samples)
    return metric.evaluate(len(samples))


def test_truth_has_no_error():
    results = evaluate((truth(), truth()))
    assert set(results) == {
        'MPJPE',
        'MPJPE/body',
        'MPJPE/face',
        'MPJPE/hands',
        'MPJPE/face-nose',
        'MPJPE/hands-wrist',
        'P-MPJPE',
    }
    assert all(value == pytest.approx(0, abs=1e-6) for value in results.values())


def test_where_the_person_stands_does_not_count():
    results = evaluate((truth() - (1, 2, 3), truth()))
    assert all(value == pytest.approx(0, abs=1e-6) for value in results.values())


def test_moved_parts():
    """The left hand 30 mm and the face 10 mm away, nothing else."""
    found = truth()
    found[91:112, 0] += 0.03
    found[23:91, 2] -= 0.01
    results = evaluate((found, truth()))
    assert results['MPJPE'] == pytest.approx((21 * 30 + 68 * 10) / 133)
    assert results['MPJPE/body'] == pytest.approx(0, abs=1e-6)
    assert results['MPJPE/face'] == pytest.approx(10)
    assert results['MPJPE/hands'] == pytest.approx(15)
    # The nose stayed; the wrist of the hand moved with it.
    assert results['MPJPE/face-nose'] == pytest.approx(10)
    assert results['MPJPE/hands-wrist'] == pytest.approx(0, abs=1e-6)
    found[0, 2] -= 0.01
    assert evaluate((found, truth()))['MPJPE/face-nose'] == pytest.approx(0, abs=1e-6)


def test_moved_hips_move_all_else():
    found = truth()
    found[11, 1] += 0.04  # the pelvis moves by half of it
    results = evaluate((found, truth()))
    assert results['MPJPE'] == pytest.approx((132 * 20 + 20) / 133)
    assert results['MPJPE/face-nose'] == pytest.approx(0, abs=1e-6)


def test_samples_count_by_their_points():
    known = np.ones(133)
    known[23:] = 0
    known[13:] = 0
    moved = truth()
    moved[5, 0] += 0.13
    results = evaluate((moved, truth(), known), (truth(), truth()))
    assert results['MPJPE'] == pytest.approx(130 / (13 + 133))
    assert results['MPJPE/hands'] == pytest.approx(0, abs=1e-6)


def test_unknown_points_do_not_count():
    known = np.ones(133)
    known[[40, 100]] = 0
    found, true = truth(), truth()
    found[[40, 100]] += 5
    true[100] = np.nan
    results = evaluate((found, true, known))
    assert all(value == pytest.approx(0, abs=1e-6) for value in results.values())


@examples(25)
@given(st.integers(0, 10**6), st.floats(0.3, 3))
def test_procrustes_forgives_a_similarity(seed, scale):
    rng = np.random.default_rng(seed)
    turned = Rotation.random(random_state=seed).apply(truth(seed)) * scale
    found = turned + rng.uniform(-2, 2, 3)
    errors = person_errors(found, truth(seed), np.ones(133, bool))
    assert errors['P-MPJPE'].max() < 1e-9
    mirrored = person_errors(found * (-1, 1, 1), truth(seed), np.ones(133, bool))
    assert mirrored['P-MPJPE'].mean() > 1e-3


def test_collapsed_prediction_is_finite():
    errors = person_errors(np.zeros((133, 3)), truth(), np.ones(133, bool))
    spread = truth() - truth().mean(0)
    assert errors['P-MPJPE'] == pytest.approx(np.linalg.norm(spread, axis=1))


def test_unknown_pelvis_nose_and_wrist():
    known = np.ones(133)
    known[[11, 0, 91]] = 0
    results = evaluate((truth(), truth(), known))
    assert set(results) == {'MPJPE/hands-wrist', 'P-MPJPE'}
    known[112] = 0
    assert set(evaluate((truth(), truth(), known))) == {'P-MPJPE'}


def test_one_known_point():
    known = np.zeros(133)
    known[5] = 1
    with pytest.raises(MetricError, match='no sample has a point'):
        evaluate((truth(), truth(), known))


def test_bad_samples():
    metric = METRICS.build(dict(type='WholeBodyMPJPE'))
    with pytest.raises(MetricError, match='a.jpg has no keypoints_3d'):
        metric.process([], [dict(img_path='a.jpg', pred_instances={})])
    broken = truth()
    broken[3] = np.nan
    with pytest.raises(MetricError, match='NaN'):
        evaluate((broken, truth()))
    with pytest.raises(MetricError, match='no sample'):
        metric.compute_metrics([])
