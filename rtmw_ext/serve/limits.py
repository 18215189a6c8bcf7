"""What a service takes, and what it says of the rest."""

from dataclasses import dataclass, fields

from ..core.errors import RTMWError, UsageError


@dataclass(frozen=True)
class Limits:
    """
    Attributes:
        image_bytes: Of a body with an image.
        image_pixels: Of an image, whatever its file says before it is decoded.
        video_bytes: Of a body with a video.
        video_seconds: Of a video; frames behind that are left out.
        videos: That wait or run.
        waiting: Images that wait or run; more are told to come again.
        streams: WebSockets at once.
        seconds: In which a body has to arrive; that of a video has 20 times as many.
        keep: Seconds for which the results of a video are kept.
    """

    image_bytes: int = 32 << 20
    image_pixels: int = 50_000_000
    video_bytes: int = 512 << 20
    video_seconds: float = 600.0
    videos: int = 8
    waiting: int = 32
    streams: int = 4
    seconds: float = 30.0
    keep: float = 3600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                name = field.name.replace('_', '-')
                raise UsageError(f'--{name} must be more than 0')


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
