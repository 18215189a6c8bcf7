"""Files of weights come out of the package as they went in."""

import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rtmw_ext.zoo import packed

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


def grid(rows, columns, seed=0):
    """(rows, columns) float16, small multiples of a step of each row."""
    rng = np.random.default_rng(seed)
    steps = np.exp2(rng.integers(-12, -4, rows))[:, None]
    return (rng.normal(0, 1.5, (rows, columns)).round() * steps + 0).astype(packed.HALF)


def through(tmp_path, content, matrices):
    """The bytes that unpack() gives for a file of these."""
    folder = tmp_path / f'package of {len(matrices)}'
    folder.mkdir()
    (folder / 'a.pth').write_bytes(content)
    path = packed.pack(folder / 'a.pth', matrices)
    assert [*folder.iterdir()] == [path]
    return path, (packed.unpack(folder) / 'a.pth').read_bytes()


def test_on_a_grid_they_take_less(tmp_path):
    matrices = [grid(64, 300), grid(128, 200, seed=1)]
    content = (
        b'head' + matrices[0].tobytes() + b'middle' + matrices[1].tobytes() + b'end'
    )
    places = [(4, 64, 300), (4 + 2 * 64 * 300 + 6, 128, 200)]
    path, found = through(tmp_path, content, places)
    assert found == content and path.name == 'a.pth.npz.xz'
    assert path.stat().st_size < 0.93 * len(lzma.compress(content))
    path, found = through(tmp_path, content, ())
    assert found == content and path.name == 'a.pth.xz'


@pytest.mark.parametrize('change', [-0.0, 1 / 3, np.nan, np.inf, 65504.0])
def test_what_is_off_the_grid_stays_as_it_is(tmp_path, change):
    """Of two matrices one; the other becomes integers all the same."""
    matrices = np.stack([grid(8, 20), grid(8, 20, seed=1)])
    matrices[0, 3, 5] = change
    content = matrices.tobytes()
    places = [(0, 8, 20), (320, 8, 20)]
    split = packed.split(content, places)
    assert split['places'].tolist() == [[320, 8, 20]]
    assert (split['integers'].shape, split['exponents'].shape) == ((160,), (8,))
    assert split['rest'].tobytes() == content[:320]
    assert through(tmp_path, content, places)[1] == content


@given(st.data())
def test_every_matrix_comes_back(data):
    values = data.draw(
        st.one_of(
            arrays.arrays(packed.HALF, SHAPES),
            arrays.arrays(np.int8, SHAPES).map(
                lambda integers: integers.astype(packed.HALF) / 32
            ),
        )
    )
    before, after = data.draw(st.binary()), data.draw(st.binary())
    content = before + values.tobytes() + after
    places = [(len(before), *values.shape)]
    assert packed.join(packed.split(content, places)) == content


@given(
    arrays.arrays(np.int8, SHAPES, elements=st.integers(-127, 127)), st.integers(-24, 8)
)
def test_every_grid_becomes_integers(integers, exponent):
    """Also the finest one that float16 has, and rows of nothing but 0."""
    values = packed.as_floats(np.full(len(integers), exponent, np.int8), integers)
    found = packed.as_integers(values)
    assert found is not None
    assert np.abs(found[1].astype(int)).max() <= np.abs(integers.astype(int)).max()
    assert np.array_equal(packed.as_floats(*found), values)
