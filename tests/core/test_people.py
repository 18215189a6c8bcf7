"""Persons: selections, joins and conversions."""

import json
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.errors import RTMWError, UsageError
from rtmw_ext.core.people import ConversionError, People, PersonIndexError
from rtmw_ext.core.skeleton import BONES, KEYPOINT_NAMES, PARTS
from support.examples import examples

OPTIONAL = ('keypoints_3d', 'keypoints_3d_cam', 'ids', 'raw_scores', 'origin')


def make_people(count, keypoints=5, seed=0, present=OPTIONAL):
    """Random people with the optional arrays that ``present`` names."""
    rng = np.random.default_rng(seed)
    arrays = dict(
        keypoints_3d=rng.normal(size=(count, keypoints, 3)).astype(np.float32),
        keypoints_3d_cam=rng.normal(size=(count, keypoints, 3)).astype(np.float32),
        ids=rng.permutation(1000)[:count],
        raw_scores=rng.random((count, keypoints), np.float32),
        origin=rng.integers(0, 4, (count, keypoints), np.uint8),
    )
    return People(
        rng.random((count, keypoints, 2), np.float32),
        rng.random((count, keypoints), np.float32),
        rng.random((count, 4), np.float32),
        rng.random(count, np.float32),
        **{name: arrays[name] for name in present},
    )


def same(one, other):
    """Whether all arrays are equal, and None in both."""
    return vars(one).keys() == vars(other).keys() and all(
        (one_value is None and other_value is None)
        or np.array_equal(one_value, other_value)
        for one_value, other_value in zip(vars(one).values(), vars(other).values())
    )


presence = st.sets(st.sampled_from(OPTIONAL))
people_of = st.builds(
    make_people,
    count=st.integers(0, 5),
    seed=st.integers(0, 100),
    present=presence,
)


@given(people=people_of, data=st.data())
def test_an_index_selects_of_every_array(people, data):
    count = len(people)
    numbers = st.integers(-count, count - 1) if count else st.nothing()
    index = data.draw(
        st.one_of(
            numbers,
            lists := st.lists(numbers, max_size=6 if count else 0),
            lists.map(lambda row: np.array(row, int)),
            st.slices(count),
            masks := st.lists(st.booleans(), min_size=count, max_size=count),
            masks.map(lambda row: np.array(row, bool)),
        )
    )
    chosen = people[index]
    expected = np.atleast_1d(
        np.arange(count)[
            index if isinstance(index, (int, slice)) or len(index) else slice(0)
        ]
    )
    assert len(chosen) == len(expected)
    for name, value in vars(people).items():
        if value is None:
            assert getattr(chosen, name) is None
        else:
            assert np.array_equal(getattr(chosen, name), value[expected])


@given(people=people_of)
def test_people_are_their_persons(people):
    persons = list(people)
    assert [len(person) for person in persons] == [1] * len(people)
    if persons:
        assert same(People.concatenate(persons), people)
        assert same(persons[-1], people[-1])


@given(present=presence, counts=st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_concatenation_is_undone_by_slices(present, counts):
    groups = [
        make_people(count, seed=seed, present=present)
        for seed, count in enumerate(counts)
    ]
    joined = People.concatenate(iter(groups))
    assert len(joined) == sum(counts)
    stops = np.cumsum(counts)
    for group, stop in zip(groups, stops):
        assert same(joined[stop - len(group) : stop], group)


def test_nobody_goes_with_everybody():
    people = make_people(2)
    nobody = make_people(0, keypoints=3, present=())
    assert same(People.concatenate([nobody, people, nobody]), people)
    assert len(People.concatenate([nobody])) == 0


@pytest.mark.parametrize(
    'groups, text',
    [
        ([], 'at least one'),
        ([make_people(1), make_people(1, 7)], '5 and of 7 points'),
        ([make_people(1), make_people(1, present=('ids',))], 'without keypoints_3d, '),
    ],
)
def test_people_that_do_not_go_together(groups, text):
    with pytest.raises(UsageError, match=text):
        People.concatenate(groups)


@pytest.mark.parametrize(
    'index, text',
    [
        (3, r'people\[3\] of 3 people'),
        (-4, 'count from 0 to 2'),
        ([0, 7], 'of 3 people'),
        ([True, False], 'mask of 2 selects of 3'),
        ((0, 1), 'more than one axis'),
        ((slice(None), 1), 'more than one axis'),
        ([[0], [1]], 'more than one axis'),
        (1.0, 'is no person'),
        ('left', 'is no person'),
        (None, 'is no person'),
    ],
)
def test_an_index_of_nobody(index, text):
    with pytest.raises(PersonIndexError, match=text) as error:
        make_people(3)[index]
    assert isinstance(error.value, RTMWError)
    with pytest.raises(IndexError, match='nobody'):
        make_people(0)[0]


def test_filter():
    people = make_people(3, keypoints=133)
    people.scores[:] = 0.5
    people.scores[0, list(PARTS['left_hand'])] = 0.9
    people.scores[1] = 0.6
    people.box_scores[:] = (0.9, 0.9, 0.1)
    assert same(people.filter(), people)
    assert same(people.filter(0.55), people[[0, 1]])
    assert same(people.filter(0.8, part='left_hand'), people[0])
    assert same(people.filter(min_box_score=0.5), people[:2])
    assert len(people.filter(0.95)) == 0
    for wrong in (people, make_people(1)):
        with pytest.raises(UsageError, match='no part .*hand.*left_hand, right_hand'):
            wrong.filter(0.5, part='hand' if wrong is people else 'left_hand')


@given(people=people_of)
def test_to_dict_is_plain_data(people):
    content = json.loads(json.dumps(people.to_dict()))
    arrays = {name: value for name, value in vars(people).items() if value is not None}
    assert content.keys() == arrays.keys()
    for name, value in arrays.items():
        assert np.array_equal(
            np.array(content[name], value.dtype).reshape(value.shape), value
        )


@examples(15)
@given(count=st.integers(0, 3), present=presence, seed=st.integers(0, 9))
def test_to_pandas_has_a_row_for_each_point(count, present, seed):
    pytest.importorskip('pandas', reason='pandas is absent')
    people = make_people(count, 133, seed, present)
    table = people.to_pandas()
    assert len(table) == count * 133
    assert ('x_3d' in table) == ('keypoints_3d' in present)
    assert ('x_cam' in table) == ('keypoints_3d_cam' in present)
    persons = range(count) if people.ids is None else people.ids
    for number, person in enumerate(persons):
        rows = table[table['person'] == person]
        assert rows['name'].tolist() == list(KEYPOINT_NAMES)
        assert rows['point'].tolist() == list(range(133))
        assert np.array_equal(rows[['x', 'y']], people.keypoints[number])
        assert np.array_equal(rows['score'], people.scores[number])
        if people.keypoints_3d_cam is not None:
            columns = rows[['x_cam', 'y_cam', 'z_cam']]
            assert np.array_equal(columns, people.keypoints_3d_cam[number])


@pytest.fixture(scope='module')
def supervision():
    return pytest.importorskip('supervision', reason='supervision is absent')


@pytest.mark.parametrize('count', [0, 2])
@pytest.mark.parametrize('present', [(), OPTIONAL])
def test_to_supervision(supervision, count, present):
    people = make_people(count, 133, present=present)
    points = people.to_supervision(0.5)
    assert isinstance(points, supervision.KeyPoints) and len(points) == count
    assert np.array_equal(points.xy, people.keypoints)
    assert np.array_equal(points.keypoint_confidence, people.scores)
    assert np.array_equal(points.detection_confidence, people.box_scores)
    assert np.array_equal(points.visible, people.scores >= 0.5)
    assert np.array_equal(points.data['xyxy'], people.boxes)
    assert ('tracker_id' in points.data) == bool(present)


def test_supervision_draws_them(supervision):
    """Our links are its edges, which count from 1."""
    people = make_people(1, 133)
    people.keypoints *= 90
    people.scores[:] = 0
    people.scores[0, [5, 7]] = 1
    scene = np.zeros((100, 100, 3), np.uint8)
    edges = [(start + 1, stop + 1) for start, stop in BONES]
    supervision.EdgeAnnotator(edges=edges, thickness=1).annotate(
        scene, people.to_supervision()
    )
    rows, columns = np.nonzero(scene.any(2))
    ends = people.keypoints[0, [5, 7]]
    drawn = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
    assert np.abs(drawn - [*ends.min(0), *ends.max(0)]).max() <= 1.5


@pytest.mark.parametrize('name', ['pandas', 'supervision'])
def test_a_package_that_is_missing_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConversionError, match=f'pip install .?{name}') as error:
        getattr(make_people(1), f'to_{name}')()
    assert isinstance(error.value, RTMWError)


def test_an_old_supervision_is_named(monkeypatch):
    old = types.ModuleType('supervision')
    old.KeyPoints = type('KeyPoints', (), {'__annotations__': {'xy': 'ndarray'}})
    monkeypatch.setitem(sys.modules, 'supervision', old)
    with pytest.raises(ConversionError, match='supervision>=0.29'):
        make_people(1).to_supervision()
