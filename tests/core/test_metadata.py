"""The metadata of network files."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.metadata import KINDS, NetworkError, NetworkMetadata

TEXTS = st.text(max_size=20)
POSITIVE = st.floats(1e-3, 1e3)
INDICES = st.integers(0, 132)


def some(values):
    return st.none() | values


def some_tuple(values, *, least=0, most=5):
    return some(st.lists(values, min_size=least, max_size=most).map(tuple))


VALUES = dict(
    kind=some(st.sampled_from(KINDS)),
    name=some(TEXTS),
    weights=some(TEXTS),
    input_size=some_tuple(st.integers(1, 999), least=2, most=2),
    split_ratio=some(POSITIVE),
    mean=some_tuple(st.floats(0, 255), least=3, most=3),
    std=some_tuple(POSITIVE, least=3, most=3),
    rgb=some(st.booleans()),
    keypoints=some_tuple(TEXTS),
    licence=some(TEXTS),
    made_by=some(TEXTS),
    beta=some(POSITIVE),
    score_scale=some(POSITIVE),
    expected_beta=some(POSITIVE),
    z_range=some(POSITIVE),
    root=some_tuple(INDICES),
    calibration=some(
        st.sampled_from([{}, {'body': [[0.5], [1]], 'hand': [[1, 2.5], [0, 0.75]]}])
    ),
)


@given(st.builds(NetworkMetadata, **VALUES))
def test_round_trip(metadata):
    assert NetworkMetadata.from_json(metadata.to_json()) == metadata


def test_every_value_is_in_the_round_trip():
    assert set(VALUES) == set(vars(NetworkMetadata()))


@pytest.mark.parametrize('text', [None, '', '{}'])
def test_files_without_metadata(text):
    metadata = NetworkMetadata.from_json(text)
    assert metadata == NetworkMetadata() and metadata.known() == {}
    assert metadata.to_json() == '{}'


def test_keys_of_newer_versions_are_tolerated():
    text = json.dumps(dict(kind='pose', beta=10, depth_of_field=[1, 2]))
    assert NetworkMetadata.from_json(text) == NetworkMetadata(kind='pose', beta=10)


@pytest.mark.parametrize(
    'name, value, wanted',
    [
        ('kind', 'segmenter', 'one of pose, rtmdet, yolox'),
        ('kind', [1], 'one of pose, rtmdet, yolox'),
        ('name', 3, 'text'),
        ('input_size', [192], 'two whole numbers > 0'),
        ('input_size', [192, 0], 'two whole numbers > 0'),
        ('input_size', [192.0, 256.0], 'two whole numbers > 0'),
        ('input_size', 192, 'two whole numbers > 0'),
        ('split_ratio', 0, 'a number > 0'),
        ('split_ratio', True, 'a number > 0'),
        ('beta', '10', 'a number > 0'),
        ('z_range', float('nan'), 'a number > 0'),
        ('score_scale', float('inf'), 'a number > 0'),
        ('expected_beta', -1, 'a number > 0'),
        ('split_ratio', 10**400, 'a number > 0'),
        ('mean', [1, 2], 'three numbers'),
        ('mean', [1, 2, -(10**400)], 'three numbers'),
        ('std', [1, 2, 0], 'three numbers > 0'),
        ('rgb', 1, 'true or false'),
        ('keypoints', ['nose', 2], 'a list of names'),
        ('keypoints', 'nose', 'a list of names'),
        ('root', [-1], 'a list of whole numbers'),
    ],
)
def test_bad_values_are_named(name, value, wanted):
    with pytest.raises(NetworkError, match=f'metadata "{name}" is .*, not {wanted}'):
        NetworkMetadata.from_json(json.dumps({name: value}))


@pytest.mark.parametrize(
    'text, error',
    [
        ('{"kind"', 'is no JSON'),
        ('[' * 100_000, 'is no JSON'),
        ('[1, 2]', 'not a JSON object'),
    ],
)
def test_bad_text(text, error):
    with pytest.raises(NetworkError, match=error):
        NetworkMetadata.from_json(text)


def test_normalisation():
    """The file's statistics, else ImageNet's in the order of the channels."""
    given = NetworkMetadata(mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 8.0))
    for rgb in (True, False):
        mean, scale = given.normalisation(rgb)
        assert mean.shape == scale.shape == (3, 1, 1)
        assert mean.dtype == scale.dtype == np.float32
        assert mean.ravel().tolist() == [1, 2, 3]
        assert scale.ravel().tolist() == [0.5, 0.25, 0.125]
    red, blue = (NetworkMetadata().normalisation(rgb) for rgb in (True, False))
    assert red[0][0, 0, 0] == np.float32(123.675)
    for forwards, backwards in zip(red, blue):
        assert np.array_equal(forwards, backwards[::-1])
    half = replace(given, std=None)
    assert np.array_equal(half.normalisation()[0], given.normalisation()[0])
    assert np.array_equal(half.normalisation()[1], red[1])
