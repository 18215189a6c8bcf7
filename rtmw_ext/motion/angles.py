"""Joint angles and speeds by the points of a person; docs/motion.md defines each.

Segments have axes as of the ISB: x forward, y up, z to the person's right. Angles of
hips, shoulders and the neck are those of Grood and Suntay: about z of the segment
nearer the trunk, about the axis across both, about y of the other.

Shapes: T frames, K keypoints; angles are (T, ) degrees, NaN where a point is missing.
Sources: Grood, Suntay: A joint coordinate system for the clinical description of
three-dimensional motions, 1983; Wu et al.: ISB recommendation on definitions of joint
coordinate systems, 2002 and 2005.
"""

import numpy as np

from ..core.skeleton import BODY_NAMES, PARTS, keypoint_names
from .filters import low_pass
from .rotations import Points, knee_axis, unit
from .track import Track, world_of

SIDES = ('left', 'right')
#: Angles that a person seen from the side shows in the image plane.
IN_IMAGE = (
    *('hip_flexion', 'knee_flexion', 'ankle_dorsiflexion', 'shoulder_flexion'),
    *('shoulder_elevation', 'elbow_flexion', 'neck_flexion', 'trunk_tilt'),
)
#: Ends the names of angles in the image plane.
FLAT = '_2d'
#: Degrees an elbow or, without points of the foot, a knee bends at least where its
#: axis tells how the bone above turns.
LEAST_BEND = 20.0
#: Degrees from which a limb that points sideways has no flexion and rotation (gimbal
#: lock).
GIMBAL = 80.0
#: Extension of hips and shoulders ends here; below are angles over 180 degrees.
MOST_EXTENSION = -90.0
#: Hz: how fast a person may turn to the other side of the image.
TURNING = 1.0


def joint_angles(track: Track) -> dict[str, np.ndarray]:
    """Angles of a person whose points begin with those of COCO's body.

    Args:
        track: In 3D, best in the world; in 2D it counts as seen from the side.

    Returns:
        {name: (T, ) degrees}; of 2D those of :data:`IN_IMAGE`, with :data:`FLAT`.
        Nothing for other skeletons.
    """
    names = keypoint_names(track.keypoints.shape[1])
    if names[: len(BODY_NAMES)] != BODY_NAMES:
        return {}
    if track.keypoints_3d_cam is not None:
        found = _Body(Points(world_of(track), names)).angles()
    else:
        flat = np.pad(track.keypoints * (1.0, -1.0), ((0, 0), (0, 0), (0, 1)))
        at = Points(flat, names)
        # Who faces right has the right side towards the camera.
        across = _facing(at, track.times)[:, None] * (0.0, 0.0, 1.0)
        found = _Body(at, across).angles()
        found = {
            f'{name}{FLAT}': values
            for name, values in found.items()
            if name.removeprefix('left_').removeprefix('right_') in IN_IMAGE
        }
    return found


def _facing(at: Points, times: np.ndarray) -> np.ndarray:
    """(T, ) 1 for a person who faces the right of the image, else -1: by feet and
    head."""
    ahead = [at.mean('nose') - at.mean('left_ear', 'right_ear')]
    for side in SIDES:
        toes = at.mean(f'{side}_big_toe', f'{side}_small_toe')
        ahead.append(toes - at.mean(f'{side}_heel'))
    steps = np.stack(ahead, 1)[..., 0]
    known = np.isfinite(steps)
    total = np.where(known, steps, 0).sum(1)
    total[~known.any(1)] = np.nan
    return np.where(low_pass(total[:, None, None], times, TURNING)[:, 0, 0] < 0, -1, 1)


class _Body:
    """Segments of a person.

    Args:
        at: The points, y up.
        across: (T, 3) to the right of every segment. None: as the points say.
    """

    def __init__(self, at: Points, across: np.ndarray | None = None) -> None:
        self.at, self.across = at, across
        middle = at.mean('left_shoulder', 'right_shoulder')
        self.up = unit(middle - at.mean('left_hip', 'right_hip'))
        self.hips, self.shoulders = (
            at.mean(f'right_{part}') - at.mean(f'left_{part}')
            if across is None
            else across
            for part in ('hip', 'shoulder')
        )
        right = unit(self.hips)
        self.pelvis = _axes(_beside(self.up, right), right)
        self.trunk = _axes(self.up, self.shoulders)

    def angles(self) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for side in SIDES:
            limbs = {**self._leg(side), **self._arm(side), **self._hand(side)}
            found |= {f'{side}_{name}': values for name, values in limbs.items()}
        return {**found, **self._trunk(), **self._neck()}

    def _leg(self, side: str) -> dict[str, np.ndarray]:
        hip, knee, ankle, heel = (
            self.at.mean(f'{side}_{part}') for part in ('hip', 'knee', 'ankle', 'heel')
        )
        toes = self.at.mean(f'{side}_big_toe', f'{side}_small_toe')
        thigh, shank, foot = unit(knee - hip), unit(ankle - knee), unit(toes - heel)
        bend = np.cross(shank, thigh)
        if self.across is None:
            usual = unit(np.cross(foot, -shank))
        else:
            usual = self.across
        # A straight knee does not tell its axis: the foot does.
        known = np.isfinite(usual).all(1, keepdims=True)
        axis = np.where(known & np.isfinite(bend), knee_axis(bend, usual), bend)
        axis = unit(axis)
        sine = np.where(np.isfinite(axis), bend * axis, 0).sum(1)
        flexion = np.degrees(np.arctan2(sine, (thigh * shank).sum(1)))
        axis[~known[:, 0] & ~(flexion >= LEAST_BEND)] = np.nan
        return {
            **_limb('hip', side, self.pelvis, _axes(-thigh, axis)),
            'knee_flexion': flexion,
            'ankle_dorsiflexion': 90 - _between(foot, -shank),
        }

    def _arm(self, side: str) -> dict[str, np.ndarray]:
        shoulder, elbow, wrist = (
            self.at.mean(f'{side}_{part}') for part in ('shoulder', 'elbow', 'wrist')
        )
        upper, fore = unit(elbow - shoulder), unit(wrist - elbow)
        flexion = _between(upper, fore)
        axis = np.cross(upper, fore)
        axis[~(flexion >= LEAST_BEND)] = np.nan
        return {
            **_limb('shoulder', side, self.trunk, _axes(-upper, axis)),
            'shoulder_elevation': _between(upper, -self.up),
            'elbow_flexion': flexion,
        }

    def _hand(self, side: str) -> dict[str, np.ndarray]:
        wrist = self.at.mean(f'{side}_wrist')
        index, middle, little = (
            self.at.mean(f'{side}_{finger}1')
            for finger in ('forefinger', 'middle_finger', 'pinky_finger')
        )
        fore = unit(wrist - self.at.mean(f'{side}_elbow'))
        along = unit(middle - wrist)
        thumb = unit(_beside(index - little, along))
        palm = np.cross(along, thumb) if side == 'left' else np.cross(thumb, along)
        flexion = -np.arcsin(np.clip((fore * palm).sum(1), -1, 1))
        deviation = np.arctan2(-(fore * thumb).sum(1), (fore * along).sum(1))
        return {
            'wrist_flexion': np.degrees(flexion),
            'wrist_deviation': np.degrees(deviation),
        }

    def _trunk(self) -> dict[str, np.ndarray]:
        vertical = np.array((0.0, 1, 0))
        right = unit(self.shoulders * (1, 0, 1))
        tilt = np.arctan2((self.up * np.cross(vertical, right)).sum(1), self.up[:, 1])
        lean = np.arcsin(np.clip((self.up * right).sum(1), -1, 1))
        # Of the line of the shoulders against that of the hips.
        line = self.pelvis[..., 2]
        turn = np.arctan2(
            (np.cross(line, self.trunk[..., 2]) * self.up).sum(1),
            (line * self.trunk[..., 2]).sum(1),
        )
        ahead = np.cross(vertical, line)
        found = dict(
            trunk_tilt=tilt,
            trunk_lean=lean,
            trunk_rotation=turn,
            pelvis_list=-np.arcsin(np.clip(line[:, 1], -1, 1)),
            pelvis_rotation=np.arctan2(ahead[:, 0], ahead[:, 2]),
        )
        return {name: np.degrees(values) for name, values in found.items()}

    def _neck(self) -> dict[str, np.ndarray]:
        left, right = self.at.mean('left_ear'), self.at.mean('right_ear')
        eyes = self.at.mean('left_eye', 'right_eye')
        ahead = (eyes + self.at.mean('nose') - left - right) / 2
        across = unit(right - left if self.across is None else self.across)
        head = _axes(np.cross(across, ahead), across)
        extension, lean, rotation = _joint(self.trunk, head)
        return dict(neck_flexion=-extension, neck_lean=lean, neck_rotation=rotation)


def _beside(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(T, 3) without what is along a unit axis (T, 3)."""
    return vectors - (vectors * axis).sum(1, keepdims=True) * axis


def _axes(up: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(T, 3, 3) axes of a segment in columns: y is up, z as near to the right as that
    leaves."""
    y = unit(up)
    z = unit(_beside(right, y))
    return np.stack([np.cross(y, z), y, z], 2)


def _between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(T, ) degrees between unit directions, 0 to 180."""
    cosine = (one * other).sum(1)
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other), axis=1), cosine))


def _joint(
    base: np.ndarray, segment: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, ) degrees about z of ``base``, about x between, about y of ``segment``, by
    their axes (T, 3, 3)."""
    x, y, z = np.moveaxis(np.einsum('tji,tjk->tik', base, segment), 1, 0)
    first = np.degrees(np.arctan2(-x[:, 1], y[:, 1]))
    second = np.degrees(np.arcsin(np.clip(z[:, 1], -1, 1)))
    third = np.degrees(np.arctan2(-z[:, 0], z[:, 2]))
    locked = np.abs(second) > GIMBAL
    first[locked] = third[locked] = np.nan
    return first, second, third


def _limb(
    name: str, side: str, base: np.ndarray, segment: np.ndarray
) -> dict[str, np.ndarray]:
    """Angles of an upper arm or thigh; both sides count towards the middle."""
    flexion, adduction, rotation = _joint(base, segment)
    sign = 1 if side == 'right' else -1
    return {
        f'{name}_flexion': (flexion - MOST_EXTENSION) % 360 + MOST_EXTENSION,
        f'{name}_adduction': sign * adduction,
        f'{name}_rotation': sign * rotation,
    }


def angular_velocity(angles: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T, ) degrees a second of an angle; NaN beside missing ones.

    Args:
        angles: (T, ) degrees; a step of more than 180 goes the other way round.
        times: (T, ) seconds, strictly increasing.
    """
    turned = np.array(angles, float)
    known = np.isfinite(turned)
    turned[known] = np.unwrap(turned[known], period=360)
    return _slope(turned, times)


def speeds(track: Track) -> dict[str, np.ndarray]:
    """Speeds of the middle of the hips and of the points of body and feet.

    Returns:
        {name: (T, ) metres a second, of 2D pixels a second}; NaN beside missing
        points.
    """
    names = keypoint_names(track.keypoints.shape[1])
    space = track.keypoints if track.keypoints_3d_cam is None else world_of(track)
    rows = range(min(len(names), PARTS['feet'].stop))
    places = {names[row]: space[:, row] for row in rows}
    if names[: len(BODY_NAMES)] == BODY_NAMES:
        middle = Points(space, names).mean('left_hip', 'right_hip')
        places = {'hips': middle, **places}
    return {
        name: np.linalg.norm(_slope(values.astype(float), track.times), axis=1)
        for name, values in places.items()
    }


def _slope(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Change a second of (T, ...) values; NaN at and beside NaN, and of one frame."""
    if len(times) < 2:
        return np.full(values.shape, np.nan)
    return np.gradient(values, times, axis=0) + 0 * values
