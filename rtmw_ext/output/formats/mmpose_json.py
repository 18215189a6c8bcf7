"""JSON in mmpose's layout."""

import json
from pathlib import Path

from ...core.people import People
from ..base import ResultFormat, records, register


@register('json', 'NAME.json, in the layout of mmpose')
class MMPoseJson(ResultFormat):
    """``NAME.json``: an image's list of persons (:func:`records`), or a
    video's list of ``frame_id`` and ``instances``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.videos: dict[str, list[dict]] = {}

    def add(self, name: str, frame: int | None, people: People) -> None:
        if frame is None:
            self._write(name, records(people))
        else:
            self.videos.setdefault(name, []).append(
                dict(frame_id=frame, instances=records(people))
            )

    def close(self) -> None:
        for name, frames in self.videos.items():
            self._write(name, frames)

    def _write(self, name: str, content: list[dict]) -> None:
        (self.folder / f'{name}.json').write_text(json.dumps(content))
