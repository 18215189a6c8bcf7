"""What all of this room works on: a person over time, and all of a clip.

Shapes: T frames of a track, F frames of a clip, K keypoints, N persons of a frame.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partialmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import RTMWError
from ..core.geometry import (
    Camera,
    camera_of,
    check_camera,
    estimate_root_depth,
    to_camera_space,
)
from ..core.people import MIN_SCORE, Origin, People
from ..core.skeleton import HIPS, NUM_KEYPOINTS, keypoint_names
from ..output import Frame, read
from ..runtime.estimator import EVERY, WholeBody
from ..runtime.video import DEFAULT_RATE, Video

#: Frames of a clip at most, so that a damaged number of a frame takes no memory.
MOST_FRAMES = 10_000_000


class MotionError(RTMWError, ValueError):
    """Motion cannot be made, changed or written; the text says why."""


@dataclass
class Track:
    """A person over time, from its first frame to its last. Functions of this room
    return new tracks and leave the given ones as they are.

    Attributes:
        id: Of the person, the same as ``People.ids``.
        frames: (T, ) int, consecutive numbers of frames of the clip. A frame in
            which the person is not there has origin ``MISSING`` for all points.
        times: (T, ) float64 seconds, true timestamps, strictly increasing; the
            steps need not be equal.
        keypoints: (T, K, 2) float32, pixels of the image, x right, y down, (0, 0)
            the middle of the first pixel. NaN where a point is missing.
        scores: (T, K) float32 in [0, 1]; 0 where a point is missing.
        boxes: (T, 4) float32 x1, y1, x2, y2 in pixels; NaN where the person is not
            there.
        box_scores: (T, ) float32 in [0, 1]; 0 where the person is not there.
        origin: (T, K) uint8 of :class:`rtmw_ext.core.people.Origin`. It counts for
            2D and 3D of a point alike.
        keypoints_3d_cam: (T, K, 3) float32 metres from the camera, x right, y down,
            z away; NaN where a point is missing. None in 2D.
        world: (T, K, 3) float32 metres in the world of :attr:`Motion.world_camera`:
            y up, the ground at y = 0; NaN where a point is missing. None before
            the 3D solution.
    """

    id: int
    frames: np.ndarray
    times: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    origin: np.ndarray
    keypoints_3d_cam: np.ndarray | None = None
    world: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, part: slice) -> 'Track':
        """The frames of a slice with step 1."""
        arrays: dict[str, Any] = {
            item.name: value[part]
            for item in fields(self)
            if isinstance(value := getattr(self, item.name), np.ndarray)
        }
        return replace(self, **arrays)

    @property
    def there(self) -> np.ndarray:
        """(T, ) bool: some point of the person is not missing."""
        return (self.origin != Origin.MISSING).any(1)

    @property
    def keypoints_3d(self) -> np.ndarray | None:
        """(T, K, 3) float32 metres from the middle of the hips, as of
        ``People.keypoints_3d``; where both hips are missing, from the mean of the
        other points. None in 2D."""
        points = self.keypoints_3d_cam
        return None if points is None else points - roots(points)[:, None]

    def angles(self) -> dict[str, np.ndarray]:
        """{name: (T, ) degrees} of joints: :func:`.angles.joint_angles`."""
        from .angles import joint_angles

        return joint_angles(self)

    def speeds(self) -> dict[str, np.ndarray]:
        """{name: (T, ) metres a second, of 2D pixels a second}:
        :func:`.angles.speeds`."""
        from .angles import speeds

        return speeds(self)


def roots(points: np.ndarray) -> np.ndarray:
    """(T, 3) of (T, K, 3): the mean of the hips that are finite, else of all points
    that are; NaN where none is."""
    hips = list(HIPS) if points.shape[1] > max(HIPS) else []
    known = np.isfinite(points).all(-1)
    use = known.copy()
    with_hips = known[:, hips].any(1)
    use[with_hips] = False
    use[np.ix_(with_hips, hips)] = known[np.ix_(with_hips, hips)]
    count = use.sum(1, keepdims=True)
    total = np.where(use[..., None], points, 0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(
        points.dtype
    )


def world_of(track: Track) -> np.ndarray:
    """(T, K, 3) metres, y up: the world, or before its solution that of a camera
    which is level: x right, y up, z to the camera, which is at (0, 0, 0).

    Raises:
        MotionError: The track is in 2D.
    """
    if track.world is not None:
        return track.world
    if track.keypoints_3d_cam is None:
        raise MotionError(
            f'person {track.id} is in 2D: run a 3D model, such as rtmw3d-l'
        )
    return track.keypoints_3d_cam * np.array((1, -1, -1), np.float32)


@dataclass
class Motion:
    """All tracks of a clip.

    Attributes:
        tracks: By their ids.
        names: (K, ) of the points, those of all tracks.
        frames: (F, ) int, consecutive numbers of all frames of the clip, also of
            those with nobody.
        times: (F, ) float64 seconds of them, strictly increasing.
        rate: Nominal frames a second, > 0, for files that need one.
        size: (width, height) in pixels; None where it is not known.
        camera: As of :func:`rtmw_ext.core.geometry.check_camera`, in pixels of the
            clip; None where neither it nor the size is known.
        source: Name of the clip: the stem of the video.
        run: What the results say of the run that made them
            (``rtmw_ext.output.Results.run``); empty where they say nothing.
        world_camera: (4, 4) float64, takes homogeneous points of the camera to
            the world (metres, y up, the ground at y = 0). None before the 3D
            solution.
    """

    tracks: list[Track]
    names: tuple[str, ...]
    frames: np.ndarray
    times: np.ndarray
    rate: float
    size: tuple[int, int] | None = None
    camera: dict[str, np.ndarray] | None = None
    source: str = ''
    run: Mapping[str, Any] = field(default_factory=dict)
    world_camera: np.ndarray | None = None

    @property
    def is_3d(self) -> bool:
        """Whether there are tracks, and all are in 3D."""
        return bool(self.tracks) and all(
            track.keypoints_3d_cam is not None for track in self.tracks
        )

    def with_tracks(self, tracks: Iterable[Track]) -> 'Motion':
        """The same clip with other tracks."""
        return replace(self, tracks=list(tracks))

    @classmethod
    def from_results(
        cls,
        path: str | Path,
        source: str | None = None,
        *,
        camera: Camera | ArrayLike | None = None,
        rate: float | None = None,
    ) -> 'Motion':
        """Reads a result file of any format of :func:`rtmw_ext.output.read`.

        Args:
            path: The file, or the folder of OpenPose's files.
            source: Name of the video in it; needed where there are several.
            camera: As of :mod:`rtmw_ext.core.geometry`. None: that of the results,
                else that assumed for the size.
            rate: Frames a second, > 0. None: that of the results, else the
                times', else ``DEFAULT_RATE``.

        Raises:
            ResultError: The file cannot be read.
            MotionError: It holds no video or several, or as :meth:`from_people`.
            CameraError: The camera is not of such images.
        """
        results = read(path)
        videos = list(
            dict.fromkeys(frame.source for frame in results if frame.frame is not None)
        )
        if not videos:
            raise MotionError(f'{path} holds no frames of a video: give results of one')
        if source is None and len(videos) > 1:
            raise MotionError(
                f'{path} holds {len(videos)} videos ({", ".join(videos[:5])}): name one'
            )
        if source is not None and source not in videos:
            raise MotionError(
                f'{path} holds no video {source!r}, but {", ".join(videos[:5])}'
            )
        source = videos[0] if source is None else source
        record = results.sources.get(source, {})
        width, height = record.get('width'), record.get('height')
        return cls.from_people(
            [frame for frame in results if frame.source == source],
            rate=rate or record.get('rate'),
            size=(width, height) if width and height else None,
            camera=record.get('camera') if camera is None else camera,
            run=results.run or {},
        )

    @classmethod
    def from_video(
        cls,
        video: str | Path | Video,
        estimator: WholeBody,
        every: int = EVERY,
        *,
        camera: Camera | ArrayLike | None = None,
        progress: Callable[[Iterator], Iterator] = iter,
    ) -> 'Motion':
        """The people of a video file, found frame by frame.

        Args:
            video: The file, or one that is opened.
            estimator: Finds them.
            every: Detect in every n-th frame, >= 1.
            camera: As of :mod:`rtmw_ext.core.geometry`. Networks of 3D need the same.
            progress: Wraps the frames, such as ``tqdm``.

        Raises:
            VideoError: The video cannot be opened, or has no frame.
            CameraError: The camera is not of such images.
        """
        frames = video if isinstance(video, Video) else Video(video)
        found: list[Frame] = []
        size = (0, 0)
        for picture, people in progress(estimator.video(frames, every)):
            size = picture.shape[1], picture.shape[0]
            time = frames.times.popleft()
            found.append(Frame(Path(frames.name).stem, len(found), time, people))
        return cls.from_people(found, rate=frames.rate, size=size, camera=camera)

    @classmethod
    def from_people(
        cls,
        frames: Sequence[Frame],
        *,
        rate: float | None = None,
        size: tuple[int, int] | None = None,
        camera: Camera | ArrayLike | None = None,
        run: Mapping[str, Any] = {},
    ) -> 'Motion':
        """Tracks of the people of frames, by their ids. Points with a score of 0,
        or that are not finite, are missing; others have the origin that the people
        say, else they are measured. People without ids get them by
        :func:`.identity.identify`; where there is at most one a frame, all are one
        person.

        Args:
            frames: Of one clip. Frames may be left out; their times lie between
                the others'.
            rate: Frames a second, > 0. None: the times', else ``DEFAULT_RATE``.
            size: (width, height) of the frames.
            camera: As of :mod:`rtmw_ext.core.geometry`. None: that assumed for the
                size.
            run: What the results say of themselves.

        Raises:
            MotionError: There is no frame, one is an image or stands twice, times
                do not increase, people differ in their points, have an id
                twice in a frame, or some have none.
            CameraError: The camera is not of such images.
        """
        if not frames:
            raise MotionError('there is no frame to make motion of: give at least one')
        frames = _in_order(frames)
        numbers, times, rate = _clock(frames, rate)
        points = {
            frame.people.keypoints.shape[1] for frame in frames if len(frame.people)
        }
        if len(points) > 1:
            raise MotionError(
                f'people have {" and ".join(map(str, sorted(points)))} points: give '
                'those of one model'
            )
        fitted = None
        if size is not None:
            fitted = camera_of(*size, camera)
        elif camera is not None:
            fitted = check_camera(camera)
        rows = _rows(_with_ids(frames, numbers, times), fitted)
        motion = cls(
            [
                _make_track(number, persons, numbers, times)
                for number, persons in sorted(rows.items())
            ],
            keypoint_names(points.pop() if points else NUM_KEYPOINTS),
            numbers,
            times,
            rate,
            size,
            fitted and check_camera(fitted),
            frames[0].source,
            run,
        )
        if len({track.keypoints_3d_cam is None for track in motion.tracks}) > 1:
            raise MotionError(
                'some tracks are in 3D, others in 2D: give results of one model'
            )
        return motion

    def smooth(
        self,
        cutoff: float | None = None,
        max_gap: float = 0.5,
        swaps: bool = True,
        threshold: float = 4.0,
    ) -> 'Motion':
        """Left and right swaps undone, outliers replaced, short gaps filled, noise
        smoothed: :func:`.swaps.undo_swaps`, then :func:`.filters.smooth`.

        Args:
            cutoff: Hz, > 0. None: chosen by cross-validation, 6 at most.
            max_gap: Seconds up to which gaps are filled, >= 0.
            swaps: Undo them.
            threshold: Robust standard deviations of an outlier, > 0.

        Raises:
            UsageError: A number is out of range.
        """
        from .filters import smooth
        from .swaps import undo_swaps

        return self.with_tracks(
            smooth(
                undo_swaps(track, self.names) if swaps else track,
                cutoff,
                max_gap,
                threshold,
            )
            for track in self.tracks
        )

    def solve(self) -> 'Motion':
        """3D that holds still, and the world: :func:`.solve.solve`.

        Raises:
            MotionError: The motion is in 2D, has no camera, or points that are no
                body.
        """
        from .solve import solve

        return solve(self)

    def write(self, path: str | Path, format: str | None = None) -> list[Path]:
        """Writes files for animation, sports, sign language or statistics:
        :func:`rtmw_ext.motion.files.write`."""
        from .files import write

        return write(self, path, format)

    to_bvh = partialmethod(write, format='bvh')
    to_glb = partialmethod(write, format='glb')
    to_trc = partialmethod(write, format='trc')
    to_c3d = partialmethod(write, format='c3d')
    to_pose = partialmethod(write, format='pose')

    def to_people(self) -> Iterator[Frame]:
        """The people of each frame of the clip, as results have them: those who are
        there, with ids, NaN for points that are missing."""
        has_world = all(track.world is not None for track in self.tracks)
        arrays = ['keypoints_3d', 'keypoints_3d_cam', *['world'] * has_world]
        arrays = arrays if self.is_3d else []
        nobody = _people_of([], len(self.names), arrays)
        for number, time in zip(self.frames.tolist(), self.times.tolist()):
            there = []
            for track in self.tracks:
                place = number - int(track.frames[0])
                if 0 <= place < len(track) and track.there[place]:
                    there.append(track[place : place + 1])
            people = _people_of(there, len(self.names), arrays) if there else nobody
            yield Frame(self.source, number, time, people)


def _in_order(frames: Sequence[Frame]) -> list[Frame]:
    numbers = [frame.frame for frame in frames]
    if None in numbers:
        raise MotionError(
            f'{frames[numbers.index(None)].source} is an image, without a number of a '
            'frame: give frames of a video'
        )
    ordered = sorted(frames, key=lambda frame: frame.frame or 0)
    for before, after in zip(ordered, ordered[1:]):
        if before.frame == after.frame:
            raise MotionError(
                f'frame {after.frame} stands twice: give every frame of one clip once'
            )
    if (ordered[-1].frame or 0) - (ordered[0].frame or 0) >= MOST_FRAMES:
        raise MotionError(
            f'frames go from {ordered[0].frame} to {ordered[-1].frame}, more than '
            f'{MOST_FRAMES:,}: check their numbers'
        )
    return ordered


def _clock(
    frames: list[Frame], rate: float | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Numbers and times of all frames from the first to the last, and the rate."""
    if rate is not None and not (np.isfinite(rate) and rate > 0):
        raise MotionError(f'rate={rate} must be > 0 frames a second')
    given = np.array([frame.frame for frame in frames])
    numbers = np.arange(given[0], given[-1] + 1)
    known = [frame.time is not None and np.isfinite(frame.time) for frame in frames]
    if sum(known) < 2:
        # Formats such as OpenPose's know no times.
        rate = rate or DEFAULT_RATE
        first = frames[known.index(True)] if any(known) else None
        start = (first.time or 0) - (first.frame or 0) / rate if first else 0.0
        return numbers, start + numbers / rate, rate
    places = given[known]
    times = np.array([frame.time for frame in frames if frame.time is not None], float)
    times = times[np.isfinite(times)]
    steps = np.diff(times)
    if (steps <= 0).any():
        place = int(np.argmax(steps <= 0)) + 1
        raise MotionError(
            f'frame {places[place]} is at {times[place]:g} s, not after frame '
            f'{places[place - 1]} at {times[place - 1]:g} s: give increasing times'
        )
    step = (times[-1] - times[0]) / (places[-1] - places[0])
    all_times = np.interp(numbers, places, times)
    # Frames before the first known time and after the last keep the mean step.
    all_times += np.minimum(numbers - places[0], 0) * step
    all_times += np.maximum(numbers - places[-1], 0) * step
    return numbers, all_times, rate or float(1 / np.median(steps / np.diff(places)))


def _with_ids(
    frames: list[Frame], numbers: np.ndarray, times: np.ndarray
) -> list[Frame]:
    """Frames whose people have ids, if none had any and one person is not all.

    Args:
        frames: In order.
        numbers: Of all frames of the clip.
        times: Theirs.
    """
    people = [frame.people for frame in frames if len(frame.people)]
    named = any(group.ids is not None for group in people)
    if named or all(len(group) == 1 for group in people):
        return frames
    from .identity import identify

    return identify(
        replace(frame, time=float(times[(frame.frame or 0) - numbers[0]]))
        for frame in frames
    )


#: Number of a frame, and the person in it.
Row = tuple[int, People]


def _rows(frames: list[Frame], camera: Camera | None) -> dict[int, list[Row]]:
    """{id: the person in each frame where it is}, in 3D if there is a camera for
    people with ``keypoints_3d`` alone."""
    rows: dict[int, list[Row]] = {}
    for frame in frames:
        people = frame.people
        if people.ids is None and len(people) > 1:
            raise MotionError(
                f'the {len(people)} people of frame {frame.frame} have no ids: give '
                'results with ids'
            )
        ids = [0] * len(people) if people.ids is None else people.ids.tolist()
        if len(set(ids)) < len(ids):
            twice = next(number for number in ids if ids.count(number) > 1)
            raise MotionError(
                f'id {twice} stands twice in frame {frame.frame}: give every person '
                'one of its own'
            )
        if camera is not None:
            people = _from_camera(people, camera)
        for number, person in zip(ids, people):
            rows.setdefault(number, []).append((frame.frame or 0, person))
    return rows


def _from_camera(people: People, camera: Camera) -> People:
    """People with ``keypoints_3d_cam`` if they have ``keypoints_3d`` alone."""
    if people.keypoints_3d is None or people.keypoints_3d_cam is not None:
        return people
    depth = people.keypoints_3d[..., 2]
    root = estimate_root_depth(
        people.keypoints, depth, people.scores > MIN_SCORE, camera
    )
    absolute, _ = to_camera_space(people.keypoints, depth, root, camera)
    return replace(people, keypoints_3d_cam=absolute.astype(np.float32))


def _make_track(
    number: int, persons: list[Row], numbers: np.ndarray, times: np.ndarray
) -> Track:
    """The track of a person.

    Args:
        number: Its id.
        persons: In the order of the frames.
        numbers: Of all frames of the clip.
        times: Theirs.
    """
    first, last = persons[0][0], persons[-1][0]
    places = np.array([frame for frame, _ in persons]) - first
    people = People.concatenate(
        replace(person, ids=None, raw_scores=None, origin=None) for _, person in persons
    )
    origins = [
        np.zeros(len(scores), np.uint8) if person.origin is None else person.origin[0]
        for _, person in persons
        for scores in person.scores
    ]
    length = last - first + 1

    def spread(values: np.ndarray, fill: float) -> np.ndarray:
        """Values at their frames, ``fill`` in the others."""
        whole = np.full((length, *values.shape[1:]), fill, np.float32)
        whole[places] = values
        return whole

    scores = spread(people.scores, 0)
    keypoints = spread(people.keypoints, np.nan)
    found = (scores > 0) & np.isfinite(keypoints).all(-1)
    space = people.keypoints_3d_cam
    if space is not None:
        space = spread(space, np.nan)
        found &= np.isfinite(space).all(-1)
        space[~found] = np.nan
    keypoints[~found] = np.nan
    scores[~found] = 0
    start = first - int(numbers[0])
    return Track(
        number,
        numbers[start : start + length],
        times[start : start + length],
        keypoints,
        scores,
        spread(people.boxes, np.nan),
        spread(people.box_scores, 0),
        np.where(found, spread(np.array(origins), 0), Origin.MISSING).astype(np.uint8),
        space,
        None if people.world is None else spread(people.world, np.nan),
    )


def _people_of(moments: list[Track], count: int, arrays: Sequence[str]) -> People:
    """The people of tracks of one frame each.

    Args:
        moments: The tracks.
        count: Of points.
        arrays: Names of those of metres.
    """

    def column(name: str, *shape: int) -> np.ndarray:
        rows = [getattr(track, name) for track in moments]
        return np.concatenate([np.zeros((0, *shape), np.float32), *rows])

    return People(
        column('keypoints', count, 2),
        column('scores', count),
        column('boxes', 4),
        column('box_scores'),
        ids=np.array([track.id for track in moments], int),
        origin=column('origin', count).astype(np.uint8),
        **{name: column(name, count, 3) for name in arrays},
    )
