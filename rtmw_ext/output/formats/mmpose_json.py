"""JSON in mmpose's layout."""

from pathlib import Path

from ...core.people import People
from ..base import RECORDS, ResultFormat, records_of, register
from ..files import ListFile, to_json, write_file
from ..records import RecordFile, person_records


@register('json', 'NAME.json, in the layout of mmpose')
class MMPoseJson(ResultFormat):
    """``NAME.json``: an image's list of persons (:func:`person_records`), or a
    video's list of ``frame_id``, ``time`` and ``instances``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._frames: dict[str, tuple[ListFile, RecordFile]] = {}

    @classmethod
    def files(cls, name: str, is_video: bool) -> list[str]:
        return [f'{name}.json', f'{name}.json{RECORDS}']

    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        path = self.folder / f'{name}.json'
        if frame is None:
            records = self._open_records(path)
            records.add(name, frame, time, people)
            records.close()
            write_file(path, to_json(person_records(people)).encode())
            return
        if name not in self._frames:
            self._frames[name] = ListFile(path), self._open_records(path)
        frames, records = self._frames[name]
        records.add(name, frame, time, people)
        frames.add(dict(frame_id=frame, time=time, instances=person_records(people)))

    def _open_records(self, path: Path) -> RecordFile:
        records = RecordFile(records_of(path), self.run)
        if self._source is not None:
            records.begin(self._source)
        return records

    def end(self) -> None:
        while self._frames:
            _, (frames, records) = self._frames.popitem()
            records.close()
            frames.close()

    def close(self) -> None:
        self.end()
