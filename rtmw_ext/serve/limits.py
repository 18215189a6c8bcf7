"""What a service takes, and what it says of the rest."""

from dataclasses import dataclass, field, fields
from typing import Any

from ..core.errors import RTMWError, UsageError

#: Times as many seconds as that of an image has the body of a video to arrive.
VIDEO_PATIENCE = 20


def _limit(default: Any, help: str) -> Any:
    return field(default=default, metadata=dict(help=help))


@dataclass(frozen=True)
class Limits:
    """What a service takes: each field has its ``help`` in its metadata, which
    ``rtmw serve --help`` and docs/serve.md show."""

    image_bytes: int = _limit(32 << 20, 'bytes of a body with an image')
    image_pixels: int = _limit(
        50_000_000, 'pixels of an image or a frame, counted before it is decoded'
    )
    video_bytes: int = _limit(512 << 20, 'bytes of a body with a video')
    video_seconds: float = _limit(
        600.0, 'seconds of a video; frames behind are left out'
    )
    videos: int = _limit(8, 'videos that wait or run, one after another')
    waiting: int = _limit(32, 'images that wait or run')
    streams: int = _limit(4, 'WebSockets at once')
    seconds: float = _limit(
        30.0,
        'seconds in which a body has to arrive; one with a video has '
        f'{VIDEO_PATIENCE} times as many',
    )
    keep: float = _limit(3600.0, 'seconds for which results of a video are kept')

    def __post_init__(self) -> None:
        for limit in fields(self):
            if not getattr(self, limit.name) > 0:
                raise UsageError(f'{flag_of(limit.name)} must be more than 0')


def flag_of(name: str) -> str:
    """The flag of ``rtmw serve`` that sets a field of :class:`Limits`."""
    return f'--{name.replace("_", "-")}'


def reason_of(error: BaseException) -> str:
    """What clients are told of an error; one that is no :class:`RTMWError` says
    little to them."""
    if isinstance(error, (RTMWError, OSError)):
        return str(error)
    return f'an error of rtmw itself: {error!r}'


class Refused(RTMWError):
    """A request that is answered with a status of its own.

    Args:
        status: Of HTTP, 400 to 599.
        text: What is wrong, and what to do.
        retry: Seconds after which it may come again.
    """

    def __init__(self, status: int, text: str, retry: int | None = None) -> None:
        super().__init__(text)
        self.status, self.retry = status, retry
