"""How good a track is, in numbers.

Shapes: T frames, K keypoints.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..core.geometry import Camera
from ..core.people import Origin
from ..core.skeleton import PARTS
from ..output.files import write_file
from .solve import ANKLES, bone_vectors, bones_of, feet_of, standing
from .track import Motion, Track

#: Body and feet: points of one size, whose jitter means are comparable.
TRUNK = slice(0, PARTS['feet'].stop)


@dataclass(frozen=True)
class Quality:
    """Of a track. What cannot be told is None.

    Attributes:
        id: Of the person.
        start, end: Seconds of the first and the last frame.
        shares: {name of an origin: share of all points of all frames}.
        score: Mean score of the points that are not missing.
        jitter: Mean length of the third difference of body and feet in pixels a
            frame ** 3.
        jitter_3d: The same in millimetres.
        bone_spread: Largest standard deviation of the length of a bone over its mean,
            without bones within feet.
        foot_slide: Mean speed of points of feet that stand, in millimetres a second.
    """

    id: int
    start: float
    end: float
    shares: dict[str, float]
    score: float
    jitter: float | None
    jitter_3d: float | None
    bone_spread: float | None
    foot_slide: float | None


#: Of the numbers of :class:`Quality`.
UNITS = dict(
    start='seconds',
    end='seconds',
    shares='of all points of all frames',
    score='0 to 1, mean of the points that are not missing',
    jitter='pixels a frame^3, mean third difference of body and feet',
    jitter_3d='millimetres a frame^3',
    bone_spread='largest standard deviation of a length of a bone over its mean',
    foot_slide='millimetres a second, mean speed of feet that stand',
)


def write_report(motion: Motion, path: Path) -> list[Quality]:
    """Writes the quality of each track as JSON: ``source``, ``units`` and ``people``,
    a :class:`Quality` each; what cannot be told is null.

    Raises:
        OutputError: The file cannot be written.
    """
    rows = measure(motion)
    content = dict(
        source=motion.source, units=UNITS, people=[asdict(row) for row in rows]
    )
    write_file(path, json.dumps(content, indent=1).encode() + b'\n')
    return rows


def measure(motion: Motion) -> list[Quality]:
    """The quality of each track."""
    return [_measure(track, motion) for track in motion.tracks]


def _measure(track: Track, motion: Motion) -> Quality:
    known = track.origin != Origin.MISSING
    space = track.keypoints_3d_cam if track.world is None else track.world
    spread = slide = None
    if space is not None:
        vectors = bone_vectors(space)
        bones = [
            point for point, parent in bones_of(len(known[0])) if parent not in ANKLES
        ]
        sizes = np.linalg.norm(vectors[:, bones], axis=-1)
        seen = np.isfinite(sizes).sum(0) > 1
        if seen.any():
            sizes = sizes[:, seen]
            # A hand may begin where the wrist is.
            usual = np.maximum(np.nanmean(sizes, 0), 1e-9)
            spread = float((np.nanstd(sizes, 0) / usual).max())
        slide = _slide(track, space, motion)
    return Quality(
        track.id,
        float(track.times[0]),
        float(track.times[-1]),
        {
            origin.name.lower(): float(np.mean(track.origin == origin))
            for origin in Origin
        },
        float(track.scores[known].mean()) if known.any() else 0.0,
        _jitter(track.keypoints, 1.0),
        None if space is None else _jitter(space, 1000.0),
        spread,
        slide,
    )


def _jitter(points: np.ndarray, unit: float) -> float | None:
    third = np.linalg.norm(np.diff(points[:, TRUNK].astype(float), 3, axis=0), axis=-1)
    third = third[np.isfinite(third)]
    return float(third.mean() * unit) if third.size else None


def contacts(track: Track, camera: Camera) -> list[tuple[list[int], np.ndarray]]:
    """Points of the left and of the right foot, and (T, F) bool where these F stand;
    of a track in 3D."""
    assert track.keypoints_3d_cam is not None
    depths = np.nan_to_num(track.keypoints_3d_cam[..., 2])
    return [
        (part, standing(track, depths, part, camera))
        for part in feet_of(depths.shape[1])
    ]


def _slide(track: Track, space: np.ndarray, motion: Motion) -> float | None:
    if motion.camera is None or len(track) < 3 or track.keypoints_3d_cam is None:
        return None
    speeds = []
    for part, still in contacts(track, motion.camera):
        moved = np.gradient(space[:, part].astype(float), track.times, axis=0)
        # At the ends of a stand, the foot comes and goes.
        inner = still.copy()
        inner[1:-1] &= still[:-2] & still[2:]
        speed = np.linalg.norm(moved, axis=-1)[inner]
        speeds.append(speed[np.isfinite(speed)])
    found = np.concatenate(speeds)
    return float(found.mean() * 1000) if found.size else None
