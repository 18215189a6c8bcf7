"""Mappings by name: what is refused, what they compile to, the recipe."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config

from rtmw_ext.core.skeleton import KEYPOINT_NAMES, side_pairs
from rtmw_ext.datasets import WholeBodyKeypointMapping, catalog
from rtmw_ext.datasets.mapping import MappingError, compile_mapping, definition
from support.paths import mmpose_configs

OURS = definition('coco_wholebody')
RELEASED = mmpose_configs() / 'cocktail14' / 'rtmw-l_8xb320-270e_cocktail14-384x288.py'
# Ours -> the variable of the released config that holds its pairs.
LISTS = {
    'halpe': 'halpe_coco133',
    'aic': 'aic_coco133',
    'crowdpose': 'crowdpose_coco133',
    'mpii': 'mpii_coco133',
    'jhmdb': 'jhmdb_coco133',
    'posetrack18': 'posetrack_coco133',
    'human_art': 'humanart_coco133',
    'wflw': 'wflw_coco133',
    '300w': 'mapping_300w_coco133',
    'cofw': 'cofw_coco133',
    'lapa': 'lapa_coco133',
    'interhand26m': 'interhand_coco133',
}


def mappings(name):
    for config in catalog.training_sets(catalog.config_file(name)):
        mapping = catalog.mapping_of(config)
        # COCO-WholeBody's own annotations need none.
        yield mapping or compile_mapping('coco_wholebody', same_names=True)


@pytest.mark.parametrize('name', catalog.names())
def test_names_uniqueness_and_symmetry(name):
    for mapping in mappings(name):
        theirs = definition(
            {'h3wb': 'coco_wholebody'}.get(
                mapping.name,
                {'300w': '300w', 'Human-Art': 'humanart21'}.get(
                    mapping.name, mapping.name
                ),
            )
        )
        assert mapping.num_source == theirs['num_keypoints']
        assert len(set(mapping.target)) == len(mapping.target) > 0
        assert (mapping.weights > 0).sum() == len(mapping.target)
        pairs = set(mapping.pairs)
        flip, source_flip = OURS['flip_indices'], theirs['flip_indices']
        assert {(source_flip[a], flip[b]) for a, b in pairs} == pairs
        assert np.array_equal(mapping.weights[flip], mapping.weights)
        # Names that both sides share mean the same point, but for the hand's
        # root, which InterHand2.6M calls wrist.
        for a, b in pairs:
            name_a, name_b = (
                theirs['keypoint_id2name'][a],
                OURS['keypoint_id2name'][b],
            )
            if name_a in OURS['keypoint_name2id'] and name_a != name_b:
                assert (name_a, name_b) in {
                    (f'{side}_wrist', f'{side}_hand_root') for side in ('left', 'right')
                }
            for side, other in (('left', 'right'), ('right', 'left')):
                assert not (name_a.startswith(side) and name_b.startswith(other))


@pytest.mark.parametrize('name', LISTS)
def test_released_index_lists(name):
    """Equal to the released recipe's in every pair."""
    released = Config.fromfile(RELEASED)[LISTS[name]]
    for mapping in mappings(name):
        assert sorted(map(tuple, released)) == sorted(mapping.pairs)


def test_released_datasets_are_ours():
    released = Config.fromfile(RELEASED)
    assert {key for key in released if key.endswith('coco133')} == set(LISTS.values())
    whole = [entry.type for entry in released.dataset_wb.datasets]
    assert whole == ['CocoWholeBodyDataset', 'HalpeDataset', 'CombinedDataset']


def test_ubody3d_has_all_points():
    (mapping,) = mappings('ubody3d')
    assert mapping.target.tolist() == list(range(133))
    names = definition('ubody3d')['keypoint_id2name']
    pairs = {OURS['keypoint_id2name'][b]: names[a] for a, b in mapping.pairs}
    assert pairs['face-17'] == 'Face_5' and pairs['face-67'] == 'Face_55'
    assert pairs['face-0'] == 'Face_56' and pairs['face-16'] == 'Face_72'
    assert pairs['left_hand_root'] == pairs['left_wrist'] == 'L_Wrist'
    assert pairs['right_forefinger4'] == 'R_Index_4'
    assert {names[a] for a in range(137)} - set(pairs.values()) == {
        'Pelvis',
        'Neck',
        'Face_1',
        'Face_2',
        'Face_3',
        'Face_4',
    }


def test_the_catalog_has_the_datasets_of_the_paper():
    assert set(catalog.cocktail()) <= set(catalog.names())
    assert catalog.cocktail('cocktail14') == catalog.cocktail()[:14]


def test_only_near_equivalents_have_a_lower_weight():
    lower = {}
    for name in catalog.cocktail():
        for mapping in mappings(name):
            lower[name] = {
                OURS['keypoint_id2name'][index]
                for index in np.flatnonzero(
                    (mapping.weights > 0) & (mapping.weights < 1)
                )
            }
    hips = {'left_hip', 'right_hip'}
    ends = {'left_forefinger4', 'right_forefinger4', 'left_big_toe', 'right_big_toe'}
    assert {name: points for name, points in lower.items() if points} == {
        'aic': hips,
        'mpii': hips,
        'human_art': ends,
    }


@pytest.mark.parametrize(
    'declaration, words',
    [
        (dict(source='no_such'), ('no_such', 'aic')),
        (dict(source='aic'), ('maps no point',)),
        (
            dict(source='aic', points=dict(left_foot='left_ankle')),
            ('left_foot', 'left_shoulder'),
        ),
        (
            dict(source='aic', points=dict(left_hip='left_hipp')),
            ('left_hipp', 'coco_wholebody'),
        ),
        (
            dict(
                source='aic', points=dict(left_hip='left_knee', left_knee='left_knee')
            ),
            ('left_hip', 'left_knee', 'both'),
        ),
        (
            dict(source='aic', points=dict(left_hip='left_hip')),
            ('symmetry', 'right_hip'),
        ),
        (
            dict(
                source='aic', points=dict(left_hip='right_hip', right_hip='right_knee')
            ),
            ('symmetry',),
        ),
        (dict(source='cofw', pairs=[(0, 40)]), ('symmetry', 'face-26')),
        (dict(source='cofw', pairs=[(77, 40)]), ('77',)),
        (dict(source='cofw', pairs=[(0, 500)]), ('500',)),
        (dict(source='aic', pairs=[(0, 6)]), ('right_shoulder', 'by name')),
        (
            dict(source='aic', same_names=True, weights=dict(left_hip=0.5)),
            ('left_hip', 'different weights'),
        ),
        (
            dict(source='aic', same_names=True, weights=dict(nose=0.5)),
            ('nose', 'no point is mapped'),
        ),
        (
            dict(
                source='aic', same_names=True, weights=dict(left_hip=0.3, right_hip=0.3)
            ),
            ('0.3', 'left_hip'),
        ),
    ],
)
def test_wrong_declarations_are_named(declaration, words):
    with pytest.raises(MappingError) as error:
        compile_mapping(**declaration)
    for word in words:
        assert word in str(error.value)


def test_mirrored_sides_are_refused():
    """Left to right and right to left is symmetric, and still wrong."""
    for source, left, right in (
        ('aic', 'left_hip', 'right_hip'),
        ('ubody3d', 'L_Hip', 'R_Hip'),
    ):
        with pytest.raises(MappingError, match='symmetry.*right_hip'):
            compile_mapping(source, points={left: 'right_hip', right: 'left_hip'})


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(['aic', 'lapa', 'interhand26m', 'ubody3d']),
)
def test_flip_commutes_with_the_mapping(seed, name):
    mapping = next(mappings(name))
    theirs = definition({'lapa': 'lapa', 'interhand26m': 'interhand3d'}.get(name, name))
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(1, mapping.num_source, 2))
    a = mapping.to_target(values)[:, OURS['flip_indices']]
    b = mapping.to_target(values[:, theirs['flip_indices']])
    assert np.array_equal(a, b)


@given(st.integers(0, 2**32 - 1))
def test_transform_moves_all_fields_alike(seed):
    rng = np.random.default_rng(seed)
    step = WholeBodyKeypointMapping(
        'aic', same_names=True, weights=dict(left_hip=0.5, right_hip=0.5)
    )
    visible = rng.integers(0, 2, (1, 14)).astype(np.float32)
    given_3d = rng.normal(size=(1, 14, 3))
    out = step.transform(
        dict(
            keypoints=rng.normal(size=(1, 14, 2)),
            keypoints_visible=visible,
            keypoints_3d=given_3d,
            keypoints_3d_visible=visible,
        )
    )
    source, target = step.mapping.source, step.mapping.target
    assert np.allclose(out['keypoints_3d'][:, target], given_3d[:, source])
    assert np.array_equal(out['keypoints_3d_visible'][:, target], visible[:, source])
    assert out['keypoints_visible'][0, 11] == 0.5 * visible[0, 9]
    rest = np.delete(np.arange(133), target)
    for field in (
        'keypoints',
        'keypoints_visible',
        'keypoints_3d',
        'keypoints_3d_visible',
    ):
        assert not out[field][:, rest].any()
    assert out['flip_indices'] == OURS['flip_indices']


def test_wrong_number_of_points():
    step = WholeBodyKeypointMapping('aic', same_names=True)
    with pytest.raises(MappingError, match='13 points, but aic has 14'):
        step.transform(
            dict(
                id=7, keypoints=np.zeros((1, 13, 2)), keypoints_visible=np.ones((1, 13))
            )
        )


def test_coverage_counts_what_is_mapped():
    table = catalog.coverage()
    assert table.shape == (133, 17)
    for column, name in enumerate(catalog.cocktail()):
        mapping = next(mappings(name))
        assert (table[:, column] > 0).sum() == len(mapping.target)
    with pytest.raises(catalog.CatalogError, match='no_such.*lapa'):
        catalog.config_file('no_such')


def test_sides_are_those_of_the_torch_free_rooms():
    pairs = side_pairs(KEYPOINT_NAMES)
    assert [OURS['flip_indices'][left] for left, _ in pairs] == [
        right for _, right in pairs
    ]
    moved = sum(a != b for a, b in enumerate(OURS['flip_indices']))
    assert moved == 2 * len(pairs)
