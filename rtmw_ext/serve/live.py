"""Frames of a WebSocket: the newest one counts."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from ..output.files import to_json
from ..output.records import person_records
from ..runtime.estimator import EVERY
from .limits import Refused, reason_of
from .service import Service

LOG = logging.getLogger(__name__)


class Newest:
    """Frames of one thread for another one, which gets the newest.

    Attributes:
        sent: Frames so far.
        taken: Number of the frame that was taken last, from 0.
        dropped: Frames that newer ones replaced.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._data: bytes | None = None
        self._over = False
        self.sent, self.taken, self.dropped = 0, -1, 0

    def put(self, data: bytes) -> None:
        """Replaces what was not taken yet."""
        with self._change:
            self.dropped += self._data is not None
            self._data = data
            self.sent += 1
            self._change.notify()

    def end(self) -> None:
        """Nothing comes any more."""
        with self._change:
            self._over = True
            self._change.notify()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._over or self._data is not None)
                if self._over or self._data is None:
                    return
                data, self._data = self._data, None
                self.taken = self.sent - 1
            yield data


async def answer_frames(socket: WebSocket, service: Service) -> None:
    """Takes images, such as JPEGs, and answers with the people of the newest one:
    JSON with ``frame``, its number among those sent, ``dropped``, and ``people``
    with ids; or with ``frame`` and ``error``. Where the networks fail, that is the
    last answer.

    Args:
        socket: Of a client. It is closed with 1003 if the client sends text, with
            1011 if the networks fail.
        service: Finds the people.
    """
    await socket.accept()
    loop = asyncio.get_running_loop()
    newest = Newest()

    async def say(**record: Any) -> None:
        record = dict(frame=newest.taken, dropped=newest.dropped, **record)
        await socket.send_text(to_json(record))

    def say_from_thread(**record: Any) -> None:
        asyncio.run_coroutine_threadsafe(say(**record), loop).result()

    def frames() -> Iterator[np.ndarray]:
        for data in newest:
            try:
                frame = service.read(data, 'the frame')
            except Refused as error:
                say_from_thread(error=str(error))
            else:
                yield frame

    def work() -> None:
        for _, people in service.estimator.video(frames(), EVERY, live=True):
            service.metrics.people.inc(len(people))
            say_from_thread(people=person_records(people))

    async def receive() -> None:
        while True:
            newest.put(await socket.receive_bytes())

    receiving = asyncio.create_task(receive())
    answering = loop.run_in_executor(None, work)
    try:
        await asyncio.wait([receiving, answering], return_when=asyncio.FIRST_COMPLETED)
    finally:
        newest.end()
        receiving.cancel()
        ends = await asyncio.gather(receiving, answering, return_exceptions=True)
    # Either sees it when the client is gone, which ends a stream as it should.
    came, failed = (
        None if isinstance(end, WebSocketDisconnect) else end for end in ends
    )
    with contextlib.suppress(WebSocketDisconnect):
        if failed is not None:
            LOG.error('a stream failed', exc_info=failed)
            await say(error=reason_of(failed))
            await socket.close(1011, 'the service failed')
        elif isinstance(came, KeyError):
            await socket.close(1003, 'frames are bytes, not text')
