"""The persons of an image or frame.

Shapes: N persons, K keypoints.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import RTMWError, UsageError
from .skeleton import NUM_KEYPOINTS, PARTS, keypoint_names

if TYPE_CHECKING:
    import pandas
    import supervision

#: Score from which a point counts as found, by default.
MIN_SCORE = 0.3
#: Columns of a table for each array of 3D points.
COLUMNS_3D = {
    'keypoints_3d': ('x_3d', 'y_3d', 'z_3d'),
    'keypoints_3d_cam': ('x_cam', 'y_cam', 'z_cam'),
    'world': ('x_world', 'y_world', 'z_world'),
}


class Origin(IntEnum):
    """Where a point of a person in a frame of a video comes from."""

    #: Found in this frame. It may be smoothed.
    MEASURED = 0
    #: Not found in this frame: it follows from the frames before and behind.
    FILLED = 1
    #: Found, but an outlier that was replaced, or on the other side of the body:
    #: left and right were swapped back.
    CHANGED = 2
    #: Neither found nor filled.
    MISSING = 3
    #: Found in an earlier frame, since which the person has not moved.
    KEPT = 4


class PersonIndexError(RTMWError, IndexError):
    """There is no such person, or the index is none; the text says why."""


class ConversionError(RTMWError, ImportError):
    """The package that people are to be converted for is missing or too old."""


@dataclass
class People:
    """N may be 0. ``people[index]`` are people again, ``for person in people``
    gives people of one.

    Attributes:
        keypoints: (N, K, 2) float32, pixels of the image.
        scores: (N, K) float32 in [0, 1], of every network: 0 for a point that
            was not found, 1 for a sure one. See
            :class:`rtmw_ext.runtime.PoseModel`.
        boxes: (N, 4) float32 x1, y1, x2, y2 in pixels: the detector's or the
            tracker's.
        box_scores: (N, ) float32 in [0, 1].
        keypoints_3d: (N, K, 3) float32 metres from the middle of the hips: z of
            the model, x and y scaled to it (see
            :class:`rtmw_ext.runtime.PoseModel`). None in 2D.
        keypoints_3d_cam: The same from the camera.
        ids: (N, ) int, the same for a person in all frames. None outside
            videos.
        raw_scores: (N, K) float32, the scores as the network gives them, in its
            own unit. None where they are not known.
        origin: (N, K) uint8 of :class:`Origin`: which points were not measured.
            None where all were.
        world: (N, K, 3) float32 metres in a world that stands still, y up, the
            ground at 0, by ``rtmw motion``. None elsewhere.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    keypoints_3d: np.ndarray | None = None
    keypoints_3d_cam: np.ndarray | None = None
    ids: np.ndarray | None = None
    raw_scores: np.ndarray | None = None
    origin: np.ndarray | None = None
    world: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keypoints)

    def __iter__(self) -> Iterator['People']:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, index: int | slice | Sequence | np.ndarray) -> 'People':
        """The persons that a number, numbers, a slice or a mask select, in this
        order.

        Raises:
            PersonIndexError: There is no such person, or the index is none of
                these.
        """
        if not isinstance(index, slice):
            index = self._numbers(index)
        return replace(
            self, **{name: value[index] for name, value in self._arrays().items()}
        )

    def _numbers(self, index: Any) -> np.ndarray:
        """Numbers of persons that an index names; negative ones count from the
        end."""
        count = len(self)
        numbers = None if isinstance(index, tuple) else np.atleast_1d(index)
        if numbers is None or numbers.ndim != 1:
            raise PersonIndexError(
                f'people[{index}] has more than one axis: index an array, such as '
                'people.keypoints'
            )
        if numbers.dtype == bool:
            if len(numbers) != count:
                raise PersonIndexError(
                    f'a mask of {len(numbers)} selects of {count} people: give {count}'
                )
            return np.flatnonzero(numbers)
        if not len(numbers):
            return np.zeros(0, int)
        if numbers.dtype.kind not in 'iu':
            raise PersonIndexError(
                f'people[{index!r}] is no person: give numbers, a slice or a mask'
            )
        if numbers.min() < -count or numbers.max() >= count:
            raise PersonIndexError(
                f'people[{index}] of {count} people: count from 0 to {count - 1}'
                if count
                else f'people[{index}] of nobody: check len(people)'
            )
        return numbers

    def _arrays(self) -> dict[str, np.ndarray]:
        """Those that are there."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @property
    def root_depth(self) -> np.ndarray | None:
        """(N, ) metres from the camera to the hips. None in 2D."""
        if self.keypoints_3d is None or self.keypoints_3d_cam is None:
            return None
        return np.median((self.keypoints_3d_cam - self.keypoints_3d)[..., 2], axis=1)

    def filter(
        self,
        min_score: float = 0.0,
        part: str | None = None,
        min_box_score: float = 0.0,
    ) -> 'People':
        """People who are sure enough.

        Args:
            min_score: Least mean score of the points, 0 to 1.
            part: Only its points count: ``body``, ``feet``, ``face``,
                ``left_hand`` or ``right_hand``. None counts all.
            min_box_score: Least score of the box, 0 to 1.

        Raises:
            UsageError: There is no such part.
        """
        scores = self.scores
        if part is not None:
            if part not in PARTS or scores.shape[1] != NUM_KEYPOINTS:
                raise UsageError(
                    f'people of {scores.shape[1]} points have no part {part!r}: the '
                    f'{NUM_KEYPOINTS} have {", ".join(PARTS)}'
                )
            scores = scores[:, list(PARTS[part])]
        sure = scores.mean(1) >= min_score
        return self[sure & (self.box_scores >= min_box_score)]

    @classmethod
    def concatenate(cls, groups: Iterable['People']) -> 'People':
        """All people of several groups, in their order.

        Args:
            groups: With the same points; all or none of them have 3D, ids, raw
                scores. What groups of nobody have does not matter.

        Raises:
            UsageError: There is no group, or they do not go together.
        """
        groups = list(groups)
        if not groups:
            raise UsageError('no people to concatenate: give at least one group')
        groups = [group for group in groups if len(group)] or groups[:1]
        first, *others = groups
        for group in others:
            if group.keypoints.shape[1] != first.keypoints.shape[1]:
                raise UsageError(
                    f'people of {first.keypoints.shape[1]} and of '
                    f'{group.keypoints.shape[1]} points do not go together: '
                    'concatenate those of one model'
                )
            unlike = first._arrays().keys() ^ group._arrays().keys()
            if unlike:
                raise UsageError(
                    f'people with and without {", ".join(sorted(unlike))} do not go '
                    'together: set it for all, or to None'
                )
        return cls(
            **{
                name: np.concatenate([getattr(group, name) for group in groups])
                for name in first._arrays()
            }
        )

    def to_dict(self) -> dict[str, list]:
        """{attribute: nested lists of Python numbers}, without attributes that
        are None."""
        return {name: value.tolist() for name, value in self._arrays().items()}

    def to_pandas(self) -> 'pandas.DataFrame':
        """A table with a row for each point of each person, with the columns of
        ``rtmw infer --format csv``: ``person`` (the id, or the number),
        ``point``, ``name``, ``x`` and ``y`` in pixels, ``score``, and where they
        are known ``x_3d`` ... from the hips, ``x_cam`` ... from the camera and
        ``x_world`` ..., in metres, and ``origin``.

        Raises:
            ConversionError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ConversionError('tables need pandas: pip install pandas') from None
        count, points = self.scores.shape
        persons = np.arange(count) if self.ids is None else self.ids
        table = {
            'person': np.repeat(persons, points),
            'point': np.tile(np.arange(points), count),
            'name': [*keypoint_names(points)] * count,
            'x': self.keypoints[..., 0].ravel(),
            'y': self.keypoints[..., 1].ravel(),
            'score': self.scores.ravel(),
        }
        for name, columns in COLUMNS_3D.items():
            if (metres := getattr(self, name)) is not None:
                table |= zip(columns, metres.reshape(-1, 3).T)
        if self.origin is not None:
            table['origin'] = self.origin.ravel()
        return pandas.DataFrame(table)

    def to_supervision(self, min_score: float = MIN_SCORE) -> 'supervision.KeyPoints':
        """``supervision.KeyPoints`` for its annotators.

        Args:
            min_score: Points with a lower score are not ``visible``.

        Returns:
            Class 0 is a person. ``data`` has ``xyxy``, the boxes, and where they
            are known ``tracker_id``, ``keypoints_3d`` and ``keypoints_3d_cam``.

        Raises:
            ConversionError: supervision 0.29 or later is not installed.
        """
        try:
            import supervision

            make = supervision.KeyPoints
            known = {'detection_confidence', 'visible'} <= make.__annotations__.keys()
        except (ImportError, AttributeError):
            known = False
        if not known:
            raise ConversionError(
                "this needs supervision: pip install 'supervision>=0.29'"
            )
        data = dict(
            xyxy=self.boxes,
            tracker_id=self.ids,
            keypoints_3d=self.keypoints_3d,
            keypoints_3d_cam=self.keypoints_3d_cam,
        )
        return make(
            xy=self.keypoints,
            class_id=np.zeros(len(self), int),
            keypoint_confidence=self.scores,
            detection_confidence=self.box_scores,
            visible=self.scores >= min_score,
            data={name: value for name, value in data.items() if value is not None},
        )
