"""Ray does the units: the same shards, also when a worker dies."""

import os
import signal
import threading
import time

import pyarrow.parquet as pq
import pytest

from label.conftest import png
from rtmw_ext.core.signals import handlers_kept
from rtmw_ext.label import places
from rtmw_ext.label.engines import EngineError, LocalEngine, RayEngine
from rtmw_ext.label.filters import Filter
from rtmw_ext.label.inputs import find_inputs
from rtmw_ext.label.places import Folder, StorageError
from rtmw_ext.label.work import Job

ray = pytest.importorskip('ray')
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings('ignore::DeprecationWarning'),
    pytest.mark.filterwarnings('ignore::FutureWarning'),
]


@pytest.fixture(scope='module', autouse=True)
def local_ray(tmp_path_factory):
    """A Ray of this machine with two cores."""
    with pytest.MonkeyPatch.context() as patch:
        # On a busy machine, it takes its time.
        patch.setenv('RAY_raylet_start_wait_time_s', '300')
        patch.setenv('RAY_worker_niceness', '0')
        with handlers_kept():
            ray.init('local', num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp('many')
    for number in range(60):
        (folder / f'{number:02d}.png').write_bytes(png(number % 20))
    (folder / '3a.png').write_bytes(b'no picture')
    return folder


def test_signals_stop_a_run_as_without_ray(build, tmp_path, monkeypatch):
    def init(*_, **__):
        signal.signal(signal.SIGTERM, lambda *_: None)

    begun = iter([False])
    monkeypatch.setattr(ray, 'is_initialized', lambda: next(begun, True))
    monkeypatch.setattr(ray, 'init', init)
    before = signal.getsignal(signal.SIGTERM)
    RayEngine(Job(build, Folder(str(tmp_path)), 1, Filter()))
    assert signal.getsignal(signal.SIGTERM) is before


def units_of(pictures, out, size=10):
    return find_inputs([str(pictures)], str(out)).units(size)


def content(out):
    return {path.name: path.read_bytes() for path in out.rglob('*.parquet')}


def test_the_same_shards_as_of_one_process_whatever_dies(build, pictures, tmp_path):
    alone, out = tmp_path / 'alone', tmp_path / 'ray'
    units = units_of(pictures, out)
    job = Job(build, Folder(str(alone)), 1, Filter())
    list(LocalEngine(job).run(units, lambda images, people: None))
    killed = []

    def slowly():
        killed_once = tmp_path / 'killed'
        if not killed_once.exists():
            killed_once.write_text(str(os.getpid()))
            # In the middle of a shard.
            threading.Timer(1, os.kill, (os.getpid(), signal.SIGKILL)).start()
            time.sleep(0.9)
        return build()

    job = Job(build, Folder(str(out)), 1, Filter())
    engine = RayEngine(job)
    engine._job = Job(slowly, job.folder, 1, Filter())
    done = list(engine.run(units, lambda images, people: killed.append(people)))
    assert (tmp_path / 'killed').exists()
    assert sorted(unit.number for unit in done) == [unit.number for unit in units]
    assert sum(unit.errors for unit in done) == 1
    assert content(out) == content(alone)
    table = pq.read_table(out)
    assert len(table) == sum(killed) == 2 * 57


def test_errors_of_workers_are_those_of_this_process(build, tmp_path, monkeypatch):
    """A storage that a worker cannot reach is no error of rtmw."""

    class Gone(Folder):
        def writing(self, name):
            raise StorageError('the bucket is gone')

    (tmp_path / '1.png').write_bytes(png(1))
    job = Job(build, Gone(str(tmp_path / 'out')), 1, Filter())
    units = units_of(tmp_path, tmp_path / 'out')
    with pytest.raises(
        EngineError, match='^a worker of Ray failed: the bucket is gone$'
    ):
        list(RayEngine(job).run(units, lambda images, people: None))
    assert places.Folder(str(tmp_path / 'out')).names() == set()


def test_a_worker_that_is_too_large_is_an_error(build, tmp_path):
    job = Job(build, Folder(str(tmp_path)), 1, Filter())
    with pytest.raises(EngineError, match='needs 99 cores'):
        RayEngine(job, cpus=99)
