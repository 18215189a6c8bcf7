"""Requests that share a network."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rtmw_ext.serve.batching import SharedNetwork, share


class Doubling:
    """A network whose batches a test lets through."""

    inputs = {'x': (None, 3)}
    name = 'doubling'

    def __init__(self):
        self.sizes, self.go, self.runs = [], threading.Event(), threading.Event()

    def __call__(self, batch):
        self.runs.set()
        assert self.go.wait(10)
        self.sizes.append(len(batch))
        if (batch < 0).any():
            raise ValueError('negative')
        return [batch * 2, batch.sum(1)]


def calls_while_it_runs(network, shared, batches):
    """The results of calls that wait while another one runs."""
    with ThreadPoolExecutor(len(batches) + 1) as pool:
        first = pool.submit(shared, np.zeros((1, 3)))
        assert network.runs.wait(10)
        futures = []
        for number, batch in enumerate(batches, 1):
            futures.append(pool.submit(shared, batch))
            while shared._waiting.qsize() < number:
                pass
        network.go.set()
        assert first.result()[0].shape == (1, 3)
        return [future.exception() or future.result() for future in futures]


def test_calls_that_wait_run_together():
    network = Doubling()
    sizes = []
    shared = SharedNetwork(network, seen=sizes.append)
    batches = [np.random.rand(count, 3) for count in (1, 4, 2)]
    results = calls_while_it_runs(network, shared, batches)
    assert network.sizes == sizes == [1, 7]
    for batch, (doubled, sums) in zip(batches, results):
        assert np.array_equal(doubled, batch * 2)
        assert np.array_equal(sums, batch.sum(1))
    assert shared.name == 'doubling'
    shared.close()


@pytest.mark.parametrize(
    'batches, sizes',
    [
        ([np.ones((3, 3)), np.ones((2, 3)), np.ones((2, 3))], [1, 3, 4]),
        # One that is too large alone.
        ([np.ones((9, 3)), np.ones((1, 3))], [1, 9, 1]),
        ([np.ones((1, 3)), np.ones((1, 2)), np.ones((1, 2))], [1, 1, 2]),
    ],
)
def test_what_does_not_fit_runs_next(batches, sizes):
    network = Doubling()
    shared = SharedNetwork(network, most=4)
    results = calls_while_it_runs(network, shared, batches)
    assert network.sizes == sizes
    assert [len(result[0]) for result in results] == list(map(len, batches))
    shared.close()


def test_an_error_reaches_all_of_its_batch_and_none_behind():
    network = Doubling()
    shared = SharedNetwork(network)
    results = calls_while_it_runs(network, shared, [-np.ones((1, 3)), np.ones((1, 3))])
    assert [str(error) for error in results] == ['negative'] * 2
    assert np.array_equal(shared(np.ones((1, 3)))[0], np.full((1, 3), 2))
    shared.close()


def test_networks_of_one_item_are_not_shared():
    network = Doubling()
    network.inputs = {'x': (1, 3)}
    assert share(network, print) is network
