"""The points of COCO-WholeBody."""

import pytest

from rtmw_ext.core.skeleton import (
    BODY_NAMES,
    COCO_PARTS,
    CROP_POINTS,
    FIELDS,
    HALPE26_NAMES,
    KEYPOINT_NAMES,
    LINKS,
    NUM_KEYPOINTS,
    PARTS,
    ROOTS,
    keypoint_names,
    links_of,
)


@pytest.mark.torch
def test_tables_match_mmpose():
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    meta = parse_pose_metainfo(
        dict(from_file='configs/_base_/datasets/coco_wholebody.py')
    )
    names = [meta['keypoint_id2name'][number] for number in range(133)]
    assert list(KEYPOINT_NAMES) == names
    theirs = {tuple(sorted(link)) for link in meta['skeleton_links']}
    ours = {
        tuple(sorted(link))
        for part in ('feet', 'left_hand', 'right_hand')
        for link in LINKS[part]
    }
    assert ours <= theirs


def test_parts_cover_the_points_in_order():
    points = [point for part in PARTS.values() for point in part]
    assert points == list(range(NUM_KEYPOINTS)) and NUM_KEYPOINTS == 133
    assert [len(part) for part in PARTS.values()] == [17, 6, 68, 21, 21]
    assert BODY_NAMES[0] == 'nose' and BODY_NAMES[-1] == 'right_ankle'
    assert KEYPOINT_NAMES[PARTS['face'][0]] == 'face-0'
    for hand in ('left_hand', 'right_hand'):
        assert KEYPOINT_NAMES[ROOTS[hand]] == f'{hand}_root'
        assert set(PARTS[hand]) < set(CROP_POINTS[hand])


def test_fields_are_cocos():
    assert list(FIELDS) == [
        'keypoints',
        'foot_kpts',
        'face_kpts',
        'lefthand_kpts',
        'righthand_kpts',
    ]
    for field, part in zip(FIELDS.values(), COCO_PARTS.values()):
        assert list(range(NUM_KEYPOINTS))[field] == list(part)


def test_keypoint_names():
    assert keypoint_names(133) == KEYPOINT_NAMES
    assert keypoint_names(17) == BODY_NAMES
    assert keypoint_names(26) == HALPE26_NAMES
    assert keypoint_names(3) == ('0', '1', '2')


@pytest.mark.torch
def test_halpe_matches_mmpose():
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    meta = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/halpe26.py'))
    names = [meta['keypoint_id2name'][number] for number in range(26)]
    assert list(HALPE26_NAMES) == names


@pytest.mark.parametrize('count', [17, 26, 133])
def test_links_join_the_points_of_a_side(count):
    """A line of the left never ends on the right, but for the trunk and the head."""
    names = keypoint_names(count)
    links = [link for links in links_of(count).values() for link in links]
    assert len(links) == len(set(links)) and max(map(max, links)) < count
    joined = {names[point] for link in links for point in link}
    assert {'left_ankle', 'right_wrist', 'nose'} <= joined
    if count == 26:
        assert joined == set(names)
    for start, stop in links:
        sides = {names[start].split('_')[0], names[stop].split('_')[0]}
        if {'left', 'right'} <= sides:
            kinds = {names[start].split('_')[1], names[stop].split('_')[1]}
            assert kinds in ({'shoulder'}, {'hip'})


def test_other_points_have_no_links():
    assert links_of(21) == {}
