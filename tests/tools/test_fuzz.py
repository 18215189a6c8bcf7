"""The fuzzer: a short run, and whether it sees what is bad."""

import subprocess
import sys

import numpy as np
import pytest

from rtmw_ext.core.errors import VideoError
from support.paths import ROOT
from support.tools import load_tool

TOOL = ROOT / 'tools/fuzz.py'


@pytest.fixture
def fuzz():
    return load_tool('fuzz')


@pytest.mark.parametrize('kind', ['pictures', 'videos', 'networks'])
def test_short_run(kind, tmp_path):
    done = subprocess.run(
        [sys.executable, TOOL, kind, '--runs', '25', '--keep', tmp_path],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = list(map(int, done.stdout.splitlines()[-1].split()[1:]))
    assert counts[0] == sum(counts[1:3]) == 25 and not any(counts[3:7])


def test_sound_inputs_are_fine(fuzz, tmp_path, monkeypatch):
    """Errors are of the damage, not of the seeds."""
    monkeypatch.setattr(fuzz, 'damage', lambda data, rng: data)
    monkeypatch.setattr(fuzz, 'reshape', lambda value, rng: value)
    for kind in fuzz.KINDS.keys() - {'commands'}:
        place = fuzz.Place(tmp_path / kind / 'seeds', tmp_path / kind / 'work')
        place.seeds.mkdir(parents=True)
        fuzz.KINDS[kind][0](place.seeds)
        for number in range(4):
            assert fuzz.attempt(kind, place, 0, number) == ('fine', ''), kind


@pytest.mark.parametrize(
    'run, outcome',
    [
        (lambda place, rng: None, 'fine'),
        (lambda place, rng: (_ for _ in ()).throw(VideoError('a.mp4')), 'clear error'),
        (lambda place, rng: {}['a'], 'unclear error'),
        (lambda place, rng: (place.seeds / 'a').write_text('b'), 'changed input'),
    ],
)
def test_outcomes(fuzz, tmp_path, monkeypatch, run, outcome):
    monkeypatch.setitem(fuzz.KINDS, 'pictures', (None, run))
    place = fuzz.Place(tmp_path / 'seeds', tmp_path / 'work')
    place.seeds.mkdir()
    (place.seeds / 'a').write_text('a')
    assert fuzz.attempt('pictures', place, 0, 0)[0] == outcome


def test_outputs_beside_inputs_are_no_change(fuzz, tmp_path, monkeypatch):
    def run(place, rng):
        (place.seeds / 'out').mkdir()
        (place.seeds / 'out/a.json').write_text('[]')

    monkeypatch.setitem(fuzz.KINDS, 'pictures', (None, run))
    place = fuzz.Place(tmp_path / 'seeds', tmp_path / 'work')
    place.seeds.mkdir()
    (place.seeds / 'a').write_text('a')
    assert fuzz.attempt('pictures', place, 0, 0) == ('fine', '')
    assert [path.name for path in place.seeds.rglob('*')] == ['a']


BROKEN = """
import os, sys, time
sys.path.insert(0, {tools!r})
import fuzz
fuzz.__file__ = __file__
def run(place, rng):
    (place.work / 'input').write_text('kept')
    number = run.number = getattr(run, 'number', -1) + 1
    if {first!r} in sys.argv or number:
        return
    {act}
fuzz.KINDS['pictures'] = (lambda folder: None, run)
fuzz.main()
"""


@pytest.mark.parametrize(
    'act, outcome', [('os.abort()', 'crash'), ('time.sleep(60)', 'hang')]
)
def test_a_dead_worker_is_replaced(tmp_path, act, outcome):
    """Its input is kept, and the others are run."""
    script = tmp_path / 'broken.py'
    script.write_text(BROKEN.format(tools=str(TOOL.parent), act=act, first='1'))
    done = subprocess.run(
        [sys.executable, script, 'pictures', '--runs', '3', '--timeout', '3']
        + ['--keep', tmp_path / 'kept'],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 1, done.stderr
    (folder,) = (tmp_path / 'kept').iterdir()
    assert (folder / 'input').read_text() == 'kept'
    assert (folder / 'outcome.txt').read_text().startswith(outcome)
    assert done.stdout.splitlines()[-1].split()[1:4] == ['3', '2', '0']


def test_an_input_is_made_from_its_number(fuzz):
    data = bytes(range(256))
    made = [fuzz.damage(data, np.random.default_rng([0, 5])) for _ in range(2)]
    assert made[0] == made[1] != data
    tree = dict(a=[1, 2, dict(b='c')])
    first, second = (
        repr(fuzz.reshape(tree, np.random.default_rng([0, 5]))) for _ in range(2)
    )
    assert first == second and tree == dict(a=[1, 2, dict(b='c')])
