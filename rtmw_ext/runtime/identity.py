"""Who is who from frame to frame: ids that survive crossings and missed detections.

Shapes: N persons of a frame, M known persons, K keypoints; boxes are x1, y1, x2, y2
in pixels, times are in seconds. Only the first ``BODY`` points count: those of the
body, which all skeletons share.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..core.people import MIN_SCORE, People

#: Points that count, and how far each may be off, in roots of the box's area: those
#: of COCO's OKS (2 sigma), three times as wide, as people move between frames.
BODY = 17
SIGMAS = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]
)
WIDTHS = (3 * 2 * SIGMAS / 1000).astype(np.float32)
#: Of fewer points nothing is said.
LEAST_POINTS = 3
#: Seconds for which somebody who is not found is remembered.
MEMORY = 2.0
#: Seconds since somebody was found for whom pose and box still say who it is.
PRESENT = 0.4
#: Least similarity to a known person.
LEAST = 0.2
#: Seconds until the speed of somebody who is not found has died down, and until a
#: new speed or size counts.
COAST, SETTLE = 0.6, 0.15
#: How far off a remembered person may be, in roots of its area: at once, and more
#: for each second.
NEAR, NEARER = 0.25, 0.8
#: How far its size may be off, as a logarithm.
GROWTH = 0.3
#: Points of two people that are so much alike are those of one.
SAME = 0.75


def similarity(
    points: np.ndarray, found: np.ndarray, others: np.ndarray, areas: np.ndarray
) -> np.ndarray:
    """OKS of points over those that are found in both.

    Args:
        points: (N, K, 2).
        found: (N, M, K) bool.
        others: (M, K, 2).
        areas: (M, ) square pixels.

    Returns:
        (N, M) in [0, 1]; 0 for people with fewer than ``LEAST_POINTS`` of them.
    """
    count = found.sum(-1)
    away = ((points[:, None] - others) ** 2).sum(-1)
    widths = WIDTHS[: points.shape[1]]
    scale = 2 * widths**2 * np.maximum(areas, 1)[:, None]
    likeness = (np.exp(-away / scale) * found).sum(-1) / np.maximum(count, 1)
    return np.where(count >= LEAST_POINTS, likeness, 0)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union: (N, 4), (M, 4) -> (N, M) in [0, 1]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clip(0).prod(-1)
    areas = [(box[:, 2:] - box[:, :2]).prod(-1) for box in (a, b)]
    return both / np.maximum(areas[0][:, None] + areas[1] - both, 1e-9)


def duplicates(people: People, rank: np.ndarray | None = None) -> np.ndarray:
    """Who is somebody else once more: people whose points are alike.

    Args:
        people: N persons.
        rank: (N, ), of those alike the one with the greatest is kept. None: mean
            scores.

    Returns:
        (N, ) bool.
    """
    count = len(people)
    twice = np.zeros(count, bool)
    if count < 2:
        return twice
    points, found = people.keypoints[:, :BODY], people.scores[:, :BODY] >= MIN_SCORE
    # At COCO's own widths: a third of the width is a ninth of the area.
    alike = similarity(points, found[:, None] & found, points, _areas(people.boxes) / 9)
    alike = np.maximum(alike, alike.T) >= SAME
    order = np.argsort(
        -(people.scores.mean(1) if rank is None else rank), kind='stable'
    )
    for place, number in enumerate(order):
        better = order[:place]
        twice[number] = alike[number, better[~twice[better]]].any()
    return twice


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).clip(0).prod(-1)


@dataclass
class Known:
    """People who were seen: where each was last.

    Attributes:
        ids: (M, ).
        points: (M, K, 2).
        found: (M, K) bool.
        boxes: (M, 4).
        areas: (M, ) square pixels, of the last moments.
        times: (M, ).
        speeds: (M, 2) pixels a second.
    """

    ids: np.ndarray
    points: np.ndarray
    found: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    times: np.ndarray
    speeds: np.ndarray

    @classmethod
    def of(cls, people: People, ids: np.ndarray, time: float) -> 'Known':
        """People who are seen now, and stand still."""
        count = len(people)
        return cls(
            ids,
            people.keypoints[:, :BODY].copy(),
            people.scores[:, :BODY] >= MIN_SCORE,
            people.boxes.copy(),
            _areas(people.boxes),
            np.full(count, time),
            np.zeros((count, 2), np.float32),
        )

    def __getitem__(self, rows: slice | np.ndarray) -> 'Known':
        if isinstance(rows, np.ndarray) and rows.dtype == bool and rows.all():
            return self
        return Known(*(values[rows] for values in vars(self).values()))

    def __add__(self, others: 'Known') -> 'Known':
        if not len(others.ids):
            return self
        if not len(self.ids):
            return others
        pairs = zip(vars(self).values(), vars(others).values())
        return Known(*map(np.concatenate, pairs))

    def later(self, time: float) -> 'Known':
        """Where they would be by their speeds, which die down."""
        past = time - self.times
        coast = COAST * (1 - np.exp(-past / COAST))
        shift = (self.speeds * coast[:, None]).astype(np.float32)
        return replace(
            self,
            points=self.points + shift[:, None],
            boxes=self.boxes + np.concatenate([shift, shift], 1),
        )

    def move(self, seen: 'Known') -> 'Known':
        """The same people where they are seen now, row by row."""
        past = np.maximum(seen.times - self.times, 1e-3)[:, None]
        # The median: limbs swing, and boxes shrink behind others.
        away = _shift(seen, self, np.arange(len(self.ids)), np.arange(len(self.ids)))
        share = 1 - np.exp(-past / SETTLE)
        speeds = self.speeds + share * (away / past - self.speeds)
        areas = self.areas + share[:, 0] * (seen.areas - self.areas)
        return replace(seen, ids=self.ids, speeds=speeds, areas=areas)


def likeness(seen: Known, known: Known) -> np.ndarray:
    """(N, M) in [0, 1], by pose and box: of people who were there a moment ago."""
    both = seen.found[:, None] & known.found
    alike = similarity(seen.points, both, known.points, known.areas)
    overlap = iou(seen.boxes, known.boxes)
    # Where there are no points to compare, the boxes count alone.
    return np.where(both.sum(-1) >= LEAST_POINTS, (alike + overlap) / 2, overlap)


def nearness(seen: Known, known: Known) -> np.ndarray:
    """(N, M) in [0, 1], by place and size: of people who were not found for a
    while."""
    rows, columns = np.indices((len(seen.ids), len(known.ids))).reshape(2, -1)
    shape = len(seen.ids), len(known.ids)
    away = (_shift(seen, known, rows, columns) ** 2).sum(-1).reshape(shape)
    past = seen.times[:, None] - known.times
    sizes = np.sqrt(np.maximum(known.areas, 1))
    reach = (NEAR + NEARER * past) * sizes
    ratio = np.log(np.sqrt(np.maximum(seen.areas, 1))[:, None] / sizes)
    return np.exp(-away / (2 * reach**2) - ratio**2 / (2 * GROWTH**2))


class Identities:
    """Gives the people of frames ids, one frame after the other.

    Those who were there a moment ago come first: similarity is the mean of OKS and of
    the overlap of boxes, at the place where each would be by its speed. Whoever is
    left may be somebody who was not found for a while: the place, which widens with
    the time, and the size have to fit. After a cut nobody fits: then all are new.

    Args:
        memory: Seconds for which those who are not found are remembered.
    """

    def __init__(self, memory: float = MEMORY) -> None:
        self.memory = memory
        self.known: Known | None = None
        self._next = 0

    def __call__(self, people: People, time: float) -> np.ndarray:
        """
        Args:
            people: N persons of a frame, without duplicates.
            time: Of the frame, later than the last one.

        Returns:
            (N, ) int.
        """
        count = len(people)
        seen = Known.of(people, np.full(count, -1), time)
        known = seen[:0] if self.known is None else self.known
        known = known[time - known.times <= self.memory]
        expected = known.later(time)
        owners = np.full(count, -1)
        free = np.ones(len(known.ids), bool)
        present = time - known.times <= PRESENT
        for group, measure in ((present, likeness), (~present, nearness)):
            left, there = owners < 0, group & free
            if not (left.any() and there.any()):
                continue
            rows, columns = np.flatnonzero(left), np.flatnonzero(there)
            fits = measure(seen[left], expected[there])
            for row, column in best_pairs(fits, LEAST):
                owners[rows[row]] = columns[column]
                free[columns[column]] = False
            if group is present and min(count, len(columns)) > 1 and free.all():
                # A cut: nobody is who stood there before.
                known, free = known[:0], free[:0]
                break
            # Who just was missed may be found near by.
            present &= ~free
        old = owners >= 0
        fresh = int(count - old.sum())
        seen.ids[~old] = self._next + np.arange(fresh)
        self._next += fresh
        if old.any():
            moved = known[owners[old]].move(seen[old])
            seen.ids[old] = moved.ids
            self.known = known[free] + moved + seen[~old]
        else:
            self.known = known[free] + seen
        return seen.ids

    def continuity(self, people: People, ids: np.ndarray, time: float) -> np.ndarray:
        """How well each person is where it would be: (N, ) in [0, 1].

        Args:
            people: N persons of a frame.
            ids: (N, ) whom they are said to be, of this object.
            time: Of the frame.
        """
        if self.known is None or not len(people):
            return np.ones(len(people))
        expected = self.known[self._rows(ids)].later(time)
        return np.diag(likeness(Known.of(people, ids, time), expected))

    def follow(self, people: People, ids: np.ndarray, time: float) -> None:
        """Takes where people are whose ids are known otherwise.

        Args:
            people: N persons of a frame.
            ids: (N, ) of this object.
            time: Of the frame, later than the last one.
        """
        if self.known is None or not len(people):
            return
        rows = self._rows(ids)
        moved = self.known[rows].move(Known.of(people, ids, time))
        self.known = self.known[~np.isin(self.known.ids, ids)] + moved

    def _rows(self, ids: np.ndarray) -> np.ndarray:
        """Where people with these ids stand in ``known``."""
        assert self.known is not None
        return (self.known.ids == ids[:, None]).argmax(1)


def _shift(
    seen: Known, known: Known, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """(P, 2) from known people to seen ones, by pairs: the median over the points
    that both show, else from middle to middle of the boxes."""
    both = seen.found[rows] & known.found[columns]
    away = seen.points[rows] - known.points[columns]
    middle = _median(np.where(both[..., None], away, np.inf), both.sum(1))
    boxes = (seen.boxes[rows] - known.boxes[columns]).reshape(-1, 2, 2).mean(1)
    return np.where((both.sum(1) >= LEAST_POINTS)[:, None], middle, boxes)


def _median(values: np.ndarray, count: np.ndarray) -> np.ndarray:
    """(P, 2) of (P, K, 2) whose first ``count`` (P, ), when sorted, count."""
    ordered = np.sort(values, axis=1)
    rows, middle = np.arange(len(values)), np.maximum(count - 1, 0)
    return (ordered[rows, middle // 2] + ordered[rows, (middle + 1) // 2]) / 2


def best_pairs(fits: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of a matrix (N, M), the best one first, each row and
    column once, down to ``least`` > 0."""
    fits, pairs = fits.copy(), []
    while fits.size and fits.max() >= least:
        row, column = np.unravel_index(fits.argmax(), fits.shape)
        pairs.append((int(row), int(column)))
        fits[row], fits[:, column] = 0, 0
    return pairs
