"""JSON lines: the format for streams."""

from pathlib import Path

from ...core.people import People
from ..base import ResultFormat, register
from ..records import RecordFile, person_records

SUFFIX = '.jsonl'


@register('jsonl', 'NAME.jsonl, a line a frame, written as it comes')
class JsonLines(ResultFormat):
    """``NAME.jsonl``: a line of the run, one of the image or video, and one of
    each frame with its ``people`` (:func:`person_records`).

    Args:
        folder: Where to write. None is the standard output, for all sources.
    """

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder or Path())
        self._standard = folder is None
        self._records: dict[str, RecordFile] = {}

    @classmethod
    def files(cls, name: str, is_video: bool) -> list[str]:
        return [name + SUFFIX]

    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        key = '' if self._standard else name
        if key not in self._records:
            path = None if self._standard else self.folder / f'{name}{SUFFIX}'
            self._records[key] = RecordFile(path, self.run)
        records = self._records[key]
        if self._source is not None:
            records.begin(self._source)
            self._source = None
        records.add(name, frame, time, people, dict(people=person_records(people)))
        if frame is None:
            self.end()

    def end(self) -> None:
        if not self._standard:
            self.close()

    def close(self) -> None:
        while self._records:
            self._records.popitem()[1].close()
