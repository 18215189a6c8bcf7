"""Results outlast a kill, and take no memory with the length of a video."""

import sys
import tracemalloc

import pytest

from rtmw_ext.output.formats import npz_arrays
from support.tools import load_tool

kill = load_tool('bench/kill')
memory = load_tool('bench/memory')


@pytest.mark.slow
def test_two_moments(monkeypatch, capsys):
    pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
    options = '--moments 1 --seconds 10 --longest 2 --seed 3'.split()
    monkeypatch.setattr(sys, 'argv', ['kill.py', *options])
    with pytest.raises(SystemExit) as end:
        kill.main()
    assert end.value.code == 0, capsys.readouterr().out


def test_memory_does_not_grow(capsys, monkeypatch):
    """For 4 frames and for 44; the whole measurement is `make bench-results`."""
    monkeypatch.setattr(npz_arrays, 'CHUNK', 8)
    for name in (*memory.FORMATS, memory.VIDEO):
        peaks = []
        for frames in (4, 4, 44):
            tracemalloc.start()
            memory.write(name, frames, 4)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[2] < peaks[1] + 200_000, name
    assert 'json' in capsys.readouterr().out
