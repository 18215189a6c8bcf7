"""Work ahead and side by side in threads."""

import threading

import pytest

from rtmw_ext.runtime import video


def test_ahead_keeps_order_errors_and_stops():
    assert list(video.ahead(iter(range(100)))) == list(range(100))

    def broken():
        yield 1
        raise video.VideoError('in the thread')

    with pytest.raises(video.VideoError, match='in the thread'):
        list(video.ahead(broken()))
    closed = []

    def endless():
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed.append(number)

    items = video.ahead(endless())
    assert next(items) == 0
    items.close()
    assert closed and closed[0] < 10


def test_side_by_side():
    meet, done = threading.Barrier(3, timeout=20), []

    def work(item):
        if item < 3:
            meet.wait()
        done.append(item)
        return 1 / (item - 4)

    pairs = video.side_by_side(work, range(100), 3)
    for number in range(4):
        item, result = next(pairs)
        assert item == number and result() == 1 / (item - 4)
    with pytest.raises(ZeroDivisionError):
        next(pairs)[1]()
    pairs.close()
    assert len(done) < 12


def test_interruptible_gives_results_and_errors():
    assert video.interruptible(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        video.interruptible(lambda: 1 / 0)
