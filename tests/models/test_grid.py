"""Weights on a coarse grid."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.models.grid import round_off


@given(st.integers(0, 2**32 - 1), st.floats(1, 20), st.floats(-6, 6))
def test_round_off(seed, steps, exponent):
    rows = (
        torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(seed))
        * 10**exponent
    )
    rows[0] = 0
    found = round_off(rows, steps)
    assert found.shape == rows.shape and not found[0].any()
    for row, place in zip(rows[1:], found[1:]):
        size = row.square().mean().sqrt()
        (step,) = (
            2.0**k for k in range(-40, 40) if size / steps / 2 < 2.0**k <= size / steps
        )
        step = max(step, 2.0**-24)  # float16's finest
        assert (row - place).abs().max() <= step / 2
        assert torch.equal(place / step, (place / step).round())
    # What lies on the grid stays there.
    step = 2.0 ** round(exponent)
    whole = torch.tensor([[1.0, -2, 3, 0, 5, 2]]) * step
    assert torch.equal(round_off(whole, 4.0), whole)


def test_no_grid():
    with pytest.raises(ValueError, match='steps=0 is none'):
        round_off(torch.ones(1, 2), 0)
