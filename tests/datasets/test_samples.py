"""Real annotations of the owners: mapped points sit where they say."""

import json

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS

from rtmw_ext.datasets import catalog
from rtmw_ext.datasets.mapping import definition

IDS = definition('coco_wholebody')['keypoint_name2id']
FILES = {
    'coco-wholebody': ('coco', 'test_coco_wholebody.json'),
    'aic': ('aic', 'test_aic.json'),
    'crowdpose': ('crowdpose', 'test_crowdpose.json'),
    'mpii': ('mpii', 'test_mpii.json'),
    'wflw': ('wflw', 'test_wflw.json'),
    'interhand26m': ('interhand2.6m', 'test_interhand2.6m_data.json'),
    'ubody3d': ('ubody3d', 'ubody3d_train.json'),
}


@pytest.fixture
def load(shared):
    """name -> (samples, content of the annotation file)."""

    def load(name):
        folder, file = FILES[name]
        root = shared / 'samples' / folder
        config = dict(catalog.training_sets(catalog.config_file(name))[0])
        config.pop('share', None)
        config.update(data_root=str(root), ann_file=file, data_prefix=dict(img=''))
        if name == 'ubody3d':
            config['layout'] = 'osx133'
        if name == 'interhand26m':
            config.update(
                camera_param_file='test_interhand2.6m_camera.json',
                joint_file='test_interhand2.6m_joint_3d.json',
            )
        dataset = DATASETS.build(config)
        return (
            [dataset[index] for index in range(len(dataset))],
            json.loads((root / file).read_text()),
        )

    return load


def check_images(samples):
    for sample in samples:
        height, width = cv2.imread(sample['img_path']).shape[:2]
        seen = sample['keypoints'][0][sample['keypoints_visible'][0] > 0]
        assert len(seen)
        inside = ((seen >= -1) & (seen <= (width, height))).all(1)
        assert inside.mean() > 0.9


def by_id(content):
    return {row['id']: row for row in content['annotations']}


@pytest.mark.parametrize('name', ['aic', 'crowdpose'])
def test_body_points_by_the_files_own_names(name, load):
    """The files list their points' names themselves."""
    samples, content = load(name)
    names = [
        point.lower().replace(' ', '_')
        for point in content['categories'][0]['keypoints']
    ]
    rows = by_id(content)
    assert len(samples) >= 4
    labelled = 0
    for sample in samples:
        values = np.reshape(rows[sample['id']]['keypoints'], (-1, 3))
        for point, (x, y, v) in zip(names, values):
            if point not in IDS:
                assert point in ('head_top', 'neck', 'head')
                continue
            index = IDS[point]
            weight = sample['keypoints_visible'][0, index]
            assert (weight > 0) == (v > 0)
            if v > 0:
                labelled += 1
                assert np.allclose(sample['keypoints'][0, index], (x, y))
                assert weight == (0.5 if name == 'aic' and 'hip' in point else 1)
    assert labelled > 20
    check_images(samples)


def test_mpii_counts_from_one(load):
    samples, people = load('mpii')
    assert len(samples) == len(people) == 5
    order = (
        'right_ankle right_knee right_hip left_hip left_knee left_ankle '
        '- - - - right_wrist right_elbow right_shoulder left_shoulder '
        'left_elbow left_wrist'
    ).split()
    for sample, person in zip(samples, people):
        assert sample['img_path'].endswith(person['image'])
        for index, name in enumerate(order):
            if name != '-' and person['joints_vis'][index]:
                assert np.allclose(
                    sample['keypoints'][0, IDS[name]],
                    np.subtract(person['joints'][index], 1),
                )
    check_images(samples)


def test_coco_wholebody_is_itself(load):
    samples, content = load('coco-wholebody')
    rows = by_id(content)
    for sample in samples:
        row = rows[sample['id']]
        raw = np.reshape(
            sum(
                (
                    row[part]
                    for part in (
                        'keypoints',
                        'foot_kpts',
                        'face_kpts',
                        'lefthand_kpts',
                        'righthand_kpts',
                    )
                ),
                [],
            ),
            (133, 3),
        )
        assert np.allclose(sample['keypoints'][0], raw[:, :2])
        assert np.array_equal(sample['keypoints_visible'][0], raw[:, 2] > 0)
    check_images(samples)


def test_wflw_faces_have_the_shape_of_a_face(load):
    samples, content = load('wflw')
    for sample in samples:
        assert sample['keypoints_visible'][0].sum() == 68
        face = sample['keypoints'][0, 23:91]
        # In the head's own axes: x from its right eye to its left one.
        right, left = face[36:42].mean(0), face[42:48].mean(0)
        x = (left - right) / np.linalg.norm(left - right)
        y = np.array([-x[1], x[0]])
        u, v = (face - (left + right) / 2) @ x, (face - (left + right) / 2) @ y
        # Outer corner, upper lid, inner corner, lower lid, on both sides.
        assert u[36] < u[37] < u[38] < u[39] and u[42] < u[43] < u[44] < u[45]
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            assert v[upper] < v[lower]
        assert (v[17:27] < v[36:48].mean()).all()
        assert (np.diff(u[17:27]) > 0).all(), 'brows from right to left'
        assert (np.diff(v[27:31]) > 0).all(), 'bridge from top to tip'
        assert (np.diff(u[31:36]) > 0).all(), 'nostrils'
        assert u[48] < u[51] < u[54] and u[60] < u[62] < u[64]
        assert v[50:53].mean() < v[56:59].mean(), 'outer lips'
        assert u[0] < u[8] < u[16] and v[8] == v.max(), 'contour and chin'
    rows = by_id(content)
    row = np.reshape(rows[samples[0]['id']]['keypoints'], (98, 3))
    # WFLW's 16 is the chin, 60 the outer corner of the right eye.
    assert np.allclose(samples[0]['keypoints'][0, 31], row[16, :2])
    assert np.allclose(samples[0]['keypoints'][0, 59], row[60, :2])
    check_images(samples)


def test_interhand_fingers_and_sides(load, shared):
    samples, content = load('interhand26m')
    folder = shared / 'samples/interhand2.6m'
    cameras = json.loads((folder / 'test_interhand2.6m_camera.json').read_text())
    joints = json.loads((folder / 'test_interhand2.6m_joint_3d.json').read_text())
    images = {row['id']: row for row in content['images']}
    rows = by_id(content)
    mapping = catalog.mapping_of(
        catalog.training_sets(catalog.config_file('interhand26m'))[0]
    )
    origin = dict((target, source) for source, target in mapping.pairs)
    kinds = set()
    for sample in samples:
        row, image = rows[sample['id']], images[sample['img_id']]
        kind = row['hand_type']
        kinds.add(kind)
        # A hand that the file does not have is not labelled.
        for side, start in (('left', 91), ('right', 112)):
            seen = sample['keypoints_visible'][0, start : start + 21]
            assert seen.any() == (kind in (side, 'interacting'))
        world = np.array(
            joints[str(image['capture'])][str(image['frame_idx'])]['world_coord']
        )
        camera = {
            key: np.array(value[image['camera']])
            for key, value in cameras[str(image['capture'])].items()
        }
        for side, start in (('left', 91), ('right', 112)):
            for finger in range(5):
                chain = [start, *range(start + 1 + 4 * finger, start + 5 + 4 * finger)]
                if not sample['keypoints_visible'][0, chain].all():
                    continue
                hand = world[[origin[index] for index in chain]]
                bones = np.linalg.norm(np.diff(hand, axis=0), axis=1)
                # From the wrist to the palm's end, then ever shorter bones
                # to the tip, in millimetres.
                assert (bones[0] > 60) == (finger > 0), (side, finger, bones)
                assert bones[0] > bones[3] and bones[3] < 45
                assert bones[1] > bones[2] * 0.9
                point = camera['camrot'] @ (hand[4] - camera['campos'])
                pixel = point[:2] / point[2] * camera['focal'] + camera['princpt']
                assert np.allclose(sample['keypoints'][0, chain[4]], pixel, atol=0.1)
    assert len(kinds) >= 2
    check_images(samples)


def test_ubody3d_agrees_with_the_2d_of_the_same_person(load):
    """The record has 2D points in COCO-WholeBody's order beside the 3D."""
    (sample,), content = load('ubody3d')
    row = content['annotations'][0]
    for part, start in (
        ('lefthand_kpts', 91),
        ('righthand_kpts', 112),
        ('face_kpts', 23),
    ):
        flat = np.reshape(row[part], (-1, 3))
        seen = np.flatnonzero(flat[:, 2] > 0)
        mapped = sample['keypoints'][0, start + seen]
        # The fitted model's hands are smaller than the picture's.
        matrix, _ = cv2.estimateAffinePartial2D(mapped, flat[seen, :2])
        placed = mapped @ matrix[:, :2].T + matrix[:, 2]
        distance = np.linalg.norm(placed[None] - flat[seen][:, None, :2], axis=2)
        # Each point is the nearest or nearly so to the one of its name.
        rank = (distance < np.diag(distance)[:, None]).sum(1)
        assert np.median(rank) == 0 and rank.mean() < 1, part
        angle = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
        assert abs(angle) < 20, part
    # Without hips there is no root, so no depth is claimed.
    assert not sample['keypoints_3d_visible'].any()
    assert not sample['keypoints_visible'][0, [11, 12, 13]].any()
    assert sample['keypoints_visible'][0, 14] > 0


def test_h3wb_file(shared):
    config = dict(catalog.training_sets(catalog.config_file('h3wb'))[0])
    config.update(
        data_root=str(shared / 'samples/h3wb'), ann_file='h3wb_train_bbox_subset.npz'
    )
    sample = DATASETS.build(config)[0]
    assert sample['keypoints'].shape == (1, 133, 2)
    assert sample['keypoints_3d_visible'].all()
    assert sample['camera_param']['K'].shape == (3, 3)
