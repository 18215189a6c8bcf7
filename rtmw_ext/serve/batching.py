"""Requests that wait together go through a network together.

Shapes: B items of one call, of any shape behind that.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from ..runtime.network import Network


class SharedNetwork:
    """A network that many threads call. While it runs, calls wait; those that wait
    then run as one batch, so that nobody waits for a batch to fill.

    All else is the network's: it has its attributes.

    Args:
        network: Takes batches of any size.
        most: Items of a batch, if more than one call is in it.
        seen: Gets the size of each batch.
    """

    def __init__(
        self,
        network: Network,
        most: int = 32,
        seen: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._network, self._most, self._seen = network, most, seen
        self._waiting: queue.SimpleQueue[tuple[np.ndarray, Future] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def __call__(self, batch: ArrayLike) -> list[np.ndarray]:
        """(B, ...) float32 -> list of (B, ...) float32, one an output."""
        future: Future[list[np.ndarray]] = Future()
        self._waiting.put((np.asarray(batch), future))
        return future.result()

    def close(self) -> None:
        """Ends its thread once all calls are answered."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        call = self._waiting.get()
        while call is not None:
            calls, size, shape = [call], len(call[0]), call[0].shape[1:]
            over = False
            while not self._waiting.empty() and not over:
                call = self._waiting.get()
                over = (
                    call is None
                    or size + len(call[0]) > self._most
                    or call[0].shape[1:] != shape
                )
                if call is not None and not over:
                    calls.append(call)
                    size += len(call[0])
            self._run(calls, size)
            # What did not fit is the first of the next.
            call = call if over else self._waiting.get()

    def _run(self, calls: list[tuple[np.ndarray, Future]], size: int) -> None:
        self._seen(size)
        try:
            outputs = self._network(np.concatenate([batch for batch, _ in calls]))
        except Exception as error:
            for _, future in calls:
                future.set_exception(error)
            return
        start = 0
        for batch, future in calls:
            stop = start + len(batch)
            future.set_result([output[start:stop] for output in outputs])
            start = stop


def share(network: Network, seen: Callable[[int], None]) -> Network:
    """The network as a :class:`SharedNetwork`, or itself if its file has a fixed
    batch."""
    (shape, *_) = network.inputs.values()
    if shape[0] is not None:
        return network
    return cast(Network, SharedNetwork(network, seen=seen))
