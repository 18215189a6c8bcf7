"""A skeleton with joint rotations, fitted to the 3D points of a person.

The joints have the names of VRM and of Unity's humanoid. At rest all rotations are
0: the person stands in a T, faces +z, the left arm along +x, palms down, y up.

Shapes: T frames, K keypoints, J joints; (T, 3, 3) are rotations from rest to the
world, a matrix with NaN is not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from .track import MotionError

#: What the joint is called that carries nothing: the tip of a finger, the toes, the
#: top of the head.
END = 'End'
#: VRM's names of the fingers, and COCO-WholeBody's.
FINGERS = {
    'Thumb': 'thumb',
    'Index': 'forefinger',
    'Middle': 'middle_finger',
    'Ring': 'ring_finger',
    'Little': 'pinky_finger',
}
PHALANGES = ('Proximal', 'Intermediate', 'Distal', END)
#: Metres from the wrist to the first joint of each finger, and lengths of its bones;
#: of a left hand at rest, palm down.
_HAND = {
    'Thumb': ((0.025, -0.005, 0.025), (0.045, 0.032, 0.028)),
    'Index': ((0.09, 0, 0.021), (0.042, 0.026, 0.022)),
    'Middle': ((0.092, 0, 0), (0.046, 0.03, 0.024)),
    'Ring': ((0.087, 0, -0.02), (0.042, 0.028, 0.024)),
    'Little': ((0.08, 0, -0.038), (0.033, 0.02, 0.021)),
}
_THUMB = np.array((0.7, 0, 0.7)) / np.hypot(0.7, 0.7)
#: Shares of the way from the hips to the shoulders that joints have from their parent.
TRUNK = {'Spine': 0.2, 'Chest': 0.3, 'Neck': 0.5}
#: Metres from hips to shoulders, and half the width of both, of a grown-up.
ADULT = dict(trunk=0.5, hip=0.09, shoulder=0.17)
#: Share of the way from the neck to a shoulder at which the clavicle starts.
CLAVICLE = 0.2
#: Share of the way from the ankle to the tips of the toes at which these bend.
BALL = 0.65
#: How much what carries an elbow or knee counts for its axis when it is straight, as
#: the sine of a bend; at a right angle it counts nothing.
STRAIGHT = 0.2
#: Degrees within which hinges bend; the negative ones are to spare.
KNEE = (-5.0, 160.0)
FINGER = (-15.0, 120.0)
#: Points of the head that move together: those of the body, brows, nose and eyes.
_HEAD = (
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
    *(f'face-{number}' for number in range(17, 48)),
)


class Joint(NamedTuple):
    """
    Attributes:
        parent: Name of the joint that carries it; None of the root.
        points: The joint is at their mean; empty where no point is.
        rest: Metres from the parent at rest, of a grown-up of 1.7 m.
    """

    parent: str | None
    points: tuple[str, ...]
    rest: tuple[float, float, float]


def _side(name: str, side: str, sign: int) -> dict[str, Joint]:
    """The joints of a side."""
    mirror = np.array((sign, 1, 1))

    def joint(
        parent: str, points: Sequence[str], rest: Sequence[float] | np.ndarray
    ) -> Joint:
        x, y, z = (np.array(rest) * mirror).tolist()
        at = tuple(f'{side}_{point}' for point in points)
        return Joint(parent, at, (x, y, z))

    joints = {
        f'{name}UpperLeg': joint('Hips', ['hip'], (0.09, 0, 0)),
        f'{name}LowerLeg': joint(f'{name}UpperLeg', ['knee'], (0, -0.42, 0)),
        f'{name}Foot': joint(f'{name}LowerLeg', ['ankle'], (0, -0.41, 0)),
        f'{name}Toes': joint(f'{name}Foot', [], (0, -0.08, 0.117)),
        f'{name}Toes{END}': joint(
            f'{name}Toes', ['big_toe', 'small_toe'], (0, 0, 0.063)
        ),
        f'{name}Shoulder': joint('Chest', [], (0.034, 0.25, 0)),
        f'{name}UpperArm': joint(f'{name}Shoulder', ['shoulder'], (0.136, 0, 0)),
        f'{name}LowerArm': joint(f'{name}UpperArm', ['elbow'], (0.28, 0, 0)),
        f'{name}Hand': joint(f'{name}LowerArm', ['wrist'], (0.25, 0, 0)),
    }
    for finger, points in FINGERS.items():
        first, lengths = _HAND[finger]
        along = _THUMB if finger == 'Thumb' else np.array((1, 0, 0))
        rests = [np.array(first), *(length * along for length in lengths)]
        parent = f'{name}Hand'
        for number, (phalanx, rest) in enumerate(zip(PHALANGES, rests), 1):
            joints[f'{name}{finger}{phalanx}'] = joint(
                parent, [f'{points}{number}'], rest
            )
            parent = f'{name}{finger}{phalanx}'
    return joints


#: {name: joint}; a parent stands before its children.
JOINTS: dict[str, Joint] = {
    'Hips': Joint(None, ('left_hip', 'right_hip'), (0, 0, 0)),
    'Spine': Joint('Hips', (), (0, 0.1, 0)),
    'Chest': Joint('Spine', (), (0, 0.15, 0)),
    'Neck': Joint('Chest', ('left_shoulder', 'right_shoulder'), (0, 0.25, 0)),
    'Head': Joint('Neck', ('left_ear', 'right_ear'), (0, 0.19, 0.03)),
    f'Head{END}': Joint('Head', (), (0, 0.13, 0)),
    **_side('Left', 'left', 1),
    **_side('Right', 'right', -1),
}
NAMES = tuple(JOINTS)
PARENTS = np.array(
    [
        -1 if joint.parent is None else NAMES.index(joint.parent)
        for joint in JOINTS.values()
    ]
)
IS_END = np.array([name.endswith(END) for name in NAMES])


@dataclass
class Animation:
    """Rotations of the joints of a person over time.

    Attributes:
        times: (T, ) float64 seconds, strictly increasing.
        offsets: (J, 3) float64 metres from the parent to the joint at rest; 0 of the
            root.
        root: (T, 3) float64 metres, the place of the root.
        rotations: (T, J, 4) float64 unit quaternions x, y, z, w, relative to the
            parent; of the root, to the world.
        known: (T, J) bool: the rotation follows from points of this frame. Others
            lie between those before and behind, or are 0 where there is none.
    """

    times: np.ndarray
    offsets: np.ndarray
    root: np.ndarray
    rotations: np.ndarray
    known: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    def world_rotations(self) -> np.ndarray:
        """(T, J, 3, 3) from rest to the world."""
        turns = Rotation.from_quat(self.rotations.reshape(-1, 4)).as_matrix()
        turns = turns.reshape(len(self), len(NAMES), 3, 3)
        for joint, parent in enumerate(PARENTS):
            if parent >= 0:
                turns[:, joint] = turns[:, parent] @ turns[:, joint]
        return turns

    def positions(self) -> np.ndarray:
        """(T, J, 3) metres: where the joints are, by forward kinematics."""
        turns = self.world_rotations()
        places = np.empty((len(self), len(NAMES), 3))
        for joint, parent in enumerate(PARENTS):
            if parent < 0:
                places[:, joint] = self.root
            else:
                step = turns[:, parent] @ self.offsets[joint]
                places[:, joint] = places[:, parent] + step
        return places

    def at(self, times: np.ndarray) -> 'Animation':
        """The same at other times: rotations turn evenly in between, and stay as
        they are before the first time and behind the last.

        Args:
            times: (N, ) seconds, strictly increasing.
        """
        inside = np.clip(times, self.times[0], self.times[-1])
        root = np.stack(
            [np.interp(inside, self.times, column) for column in self.root.T], 1
        )
        rotations = np.stack(
            [
                _slerp(self.times, self.rotations[:, joint], inside)
                for joint in range(len(NAMES))
            ],
            1,
        )
        nearest = np.abs(self.times[:, None] - inside).argmin(0)
        return replace(
            self,
            times=np.asarray(times, float),
            root=root,
            rotations=rotations,
            known=self.known[nearest],
        )


def joints_of(points: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Where the joints are by the points.

    Args:
        points: (T, K, 3) metres; NaN where a point is missing.
        names: (K, ) of the points.

    Returns:
        (T, J, 3); NaN where a point is missing or a joint has none.
    """
    at = Points(points, names)
    nowhere = np.full((len(points), 3), np.nan)
    return np.stack(
        [
            at.mean(*joint.points) if joint.points else nowhere
            for joint in JOINTS.values()
        ],
        1,
    )


def fit_rotations(
    points: np.ndarray, names: Sequence[str], times: np.ndarray
) -> Animation:
    """Fits the skeleton to points.

    Offsets are medians over all frames. Rotations of hips, head, hands and feet are
    those of their points; a bone between two joints swings to the next point from
    where the skeleton has its joint, so that errors do not add up. Elbows and knees
    are hinges, and their axes say how the bones above twist; the twist of a hand is
    that of the forearm. Knees and the outer joints of fingers bend only within
    ``KNEE`` and ``FINGER``.

    Args:
        points: (T, K, 3) metres, y up; NaN where a point is missing.
        names: (K, ) of the points, as of COCO-WholeBody. Parts without points stay
            at rest.
        times: (T, ) seconds, strictly increasing.

    Raises:
        MotionError: Both shoulders are in no frame together.
    """
    return _Fit(np.asarray(points, float), names, np.asarray(times, float)).run()


class Points:
    """Points by their names."""

    def __init__(self, points: np.ndarray, names: Sequence[str]) -> None:
        self.points = points
        self.rows: Mapping[str, int] = {name: row for row, name in enumerate(names)}

    def all(self, *names: str) -> np.ndarray:
        """(T, N, 3); NaN for points that people do not have."""
        nowhere = np.full((len(self.points), 3), np.nan)
        return np.stack(
            [
                self.points[:, self.rows[name]] if name in self.rows else nowhere
                for name in names
            ],
            1,
        ).astype(float)

    def mean(self, *names: str) -> np.ndarray:
        """(T, 3) middle of points; NaN where one is missing."""
        return self.all(*names).mean(1)


class _Fit:
    """One fit; the joints are settled from the root on."""

    def __init__(
        self, points: np.ndarray, names: Sequence[str], times: np.ndarray
    ) -> None:
        self.at = Points(points, names)
        self.times = times
        self.goals = dict(zip(NAMES, joints_of(points, names).swapaxes(0, 1)))
        self.rest = {name: np.array(joint.rest) for name, joint in JOINTS.items()}
        # Of what is settled: from rest to the world, relative to the parent, places.
        self.turns: dict[str, np.ndarray] = {}
        self.locals: dict[str, np.ndarray] = {}
        self.known: dict[str, np.ndarray] = {}
        self.places: dict[str, np.ndarray] = {}

    def run(self) -> Animation:
        if not np.isfinite(self.goals['Neck']).any():
            raise MotionError(
                'a skeleton needs both shoulders in 3D, but no frame has them'
            )
        self.lines = {
            part: self.at.mean(f'left_{part}') - self.at.mean(f'right_{part}')
            for part in ('hip', 'shoulder')
        }
        head = self._head()
        hands = {side: self._hand(side) for side in ('Left', 'Right')}
        feet = {side: self._foot(side) for side in ('Left', 'Right')}
        self._measure()
        self._root()
        across = unit(self.lines['hip']) + unit(self.lines['shoulder'])
        self._point('Spine', 'Neck', Y, X, across)
        self._point('Chest', 'Neck', Y, X, self.lines['shoulder'])
        across = unit(self.lines['shoulder']) + head[..., 0]
        self._point('Neck', 'Head', self.rest['Head'], X, across)
        self._settle('Head', head)
        for side, sign in (('Left', 1), ('Right', -1)):
            self._leg(side, feet[side])
            self._arm(side, sign, hands[side])
        for name in NAMES:
            if name not in self.turns:
                # It moves with what carries it.
                parent = JOINTS[name].parent or ''
                self._settle(name, self.turns[parent])
                self.known[name] = self.known[parent]
        local = np.stack([self.locals[name] for name in NAMES], 1)
        rotations = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_quat()
        rotations = rotations.reshape(*local.shape[:2], 4)
        # A quaternion and its negative are the same: neighbours are near each other.
        near = (rotations[1:] * rotations[:-1]).sum(2, keepdims=True) >= 0
        rotations[1:] *= np.cumprod(np.where(near, 1, -1), 0)
        return Animation(
            self.times,
            np.stack([self.rest[name] for name in NAMES]),
            self.places['Hips'],
            rotations,
            np.stack([self.known[name] for name in NAMES], 1),
        )

    def _root(self) -> None:
        """Hips that are missing keep their way to the shoulders; those that were never
        there are upright below them."""
        hips, neck = self.goals['Hips'], self.goals['Neck']
        trunk = neck - hips
        if np.isfinite(trunk).all(1).any():
            trunk = _fill(self.times, trunk)
        else:
            trunk = np.tile(sum(self.rest[name] for name in TRUNK), (len(neck), 1))
            self.lines['hip'] = self.lines['shoulder']
        found = np.where(np.isfinite(hips), hips, neck - trunk)
        self.places['Hips'] = _fill(self.times, found)
        self._settle('Hips', _aim(X, Y, self.lines['hip'], trunk))

    # -- bodies of several points ----------------------------------------------

    def _head(self) -> np.ndarray:
        """The way the head looks is between eyes and nose from the ears, about
        horizontal when a person looks ahead."""
        ears = self.at.mean('left_ear', 'right_ear')
        eyes = self.at.mean('left_eye', 'right_eye')
        ahead = (eyes + self.at.mean('nose')) / 2 - ears
        across = self.at.mean('left_ear') - self.at.mean('right_ear')
        return _rigid(self.at.all(*_HEAD), _aim(X, Z, across, ahead))

    def _hand(self, side: str) -> np.ndarray:
        knuckles = [f'{side}{finger}Proximal' for finger in list(FINGERS)[1:]]
        index, middle, _, little = (self.goals[name] for name in knuckles)
        wrist = self.goals[f'{side}Hand']
        sign = 1 if side == 'Left' else -1
        rough = _aim(sign * X, Z, middle - wrist, index - little)
        names = [JOINTS[name].points[0] for name in knuckles]
        turns = _rigid(self.at.all(f'{side.lower()}_wrist', *names), rough)
        for finger in FINGERS:
            name = f'{side}{finger}Proximal'
            self._learn(name, turns, self.goals[name] - wrist)
        return turns

    def _foot(self, side: str) -> np.ndarray:
        low = side.lower()
        heel, big, small = (
            self.at.mean(f'{low}_{name}') for name in ('heel', 'big_toe', 'small_toe')
        )
        across = small - big if side == 'Left' else big - small
        rough = _aim(Z, X, (big + small) / 2 - heel, across)
        names = [f'{low}_{name}' for name in ('ankle', 'heel', 'big_toe', 'small_toe')]
        turns = _rigid(self.at.all(*names), rough)
        toes, tips = f'{side}Toes', f'{side}Toes{END}'
        self.rest[tips] = self.rest[toes] + self.rest[tips]
        self._learn(tips, turns, self.goals[tips] - self.goals[f'{side}Foot'])
        whole = self.rest[tips]
        # On the line from below the ankle to the tips, above the ground.
        self.rest[toes] = whole * (BALL, 1, BALL)
        self.rest[tips] = whole - self.rest[toes]
        return turns

    def _learn(self, name: str, turns: np.ndarray, offsets: np.ndarray) -> None:
        """Takes the median offset in the axes of what carries it."""
        local = np.einsum('tji,tj->ti', turns, offsets)
        known = np.isfinite(local).all(1)
        if known.any():
            self.rest[name] = np.median(local[known], 0)

    # -- lengths ----------------------------------------------------------------

    def _measure(self) -> None:
        """Lengths of bones are medians; those never seen have the same proportion
        to the others as a grown-up's."""
        lengths: dict[str, float] = {}

        def measure(name: str, vectors: np.ndarray) -> None:
            found = np.linalg.norm(vectors, axis=1)
            found = found[np.isfinite(found)]
            if len(found):
                lengths[name] = float(np.median(found))

        measure('trunk', self.goals['Neck'] - self.goals['Hips'])
        for part, line in self.lines.items():
            measure(part, line / 2)
        learnt = set()
        for name, joint in JOINTS.items():
            if joint.parent is None:
                continue
            if tuple(self.rest[name]) != joint.rest:
                learnt.add(name)
            elif JOINTS[joint.parent].points and joint.points:
                measure(name, self.goals[name] - self.goals[joint.parent])
        usual = {
            name: ADULT.get(name) or np.linalg.norm(JOINTS[name].rest)
            for name in lengths
        }
        scale = np.median([lengths[name] / usual[name] for name in lengths])
        for name, joint in JOINTS.items():
            if name not in learnt:
                size = np.linalg.norm(joint.rest)
                length = lengths.get(name, scale * size)
                self.rest[name] = np.array(joint.rest) * (length / size if size else 0)
        trunk, hip, shoulder = (
            lengths.get(name, scale * length) for name, length in ADULT.items()
        )
        for name, share in TRUNK.items():
            self.rest[name] = share * trunk * Y
        for side, sign in (('Left', 1), ('Right', -1)):
            self.rest[f'{side}UpperLeg'] = sign * hip * X
            clavicle = sign * CLAVICLE * shoulder * X
            self.rest[f'{side}Shoulder'] = self.rest['Neck'] + clavicle
            self.rest[f'{side}UpperArm'] = sign * (1 - CLAVICLE) * shoulder * X

    # -- joints, from the root on -------------------------------------------------

    def _settle(self, name: str, turns: np.ndarray) -> None:
        """Takes the rotations of a joint; those that are not known lie between
        the others, relative to the parent."""
        parent = JOINTS[name].parent
        base = self.turns[parent] if parent else np.eye(3)
        if parent:
            offset = self.rest[name]
            self.places[name] = self.places[parent] + self.turns[parent] @ offset
        known = np.isfinite(turns).all((1, 2))
        local = np.tile(np.eye(3), (len(turns), 1, 1))
        if known.any():
            local = np.swapaxes(base, -1, -2) @ turns
            if not known.all():
                inside = np.clip(self.times, *self.times[known][[0, -1]])
                quaternions = Rotation.from_matrix(local[known]).as_quat()
                filled = _slerp(self.times[known], quaternions, inside)
                local = Rotation.from_quat(filled).as_matrix()
        self.locals[name], self.known[name] = local, known
        self.turns[name] = base @ local

    def _toward(self, name: str, child: str) -> np.ndarray:
        """(T, 3) from the joint of the skeleton to the points of its child."""
        parent = JOINTS[name].parent or ''
        place = self.places[parent] + self.turns[parent] @ self.rest[name]
        return self.goals[child] - place

    def _point(
        self,
        name: str,
        child: str,
        along: np.ndarray,
        side: np.ndarray,
        sideways: np.ndarray,
    ) -> None:
        """Points a bone to the points of its child, and its side that way."""
        self._settle(name, _aim(along, side, self._toward(name, child), sideways))

    def _swing(self, name: str, child: str) -> np.ndarray:
        """Rotations that point a bone to its child and twist nothing."""
        base = self.turns[JOINTS[name].parent or '']
        along = base @ unit(self.rest[child])
        return _swings(along, self._toward(name, child)) @ base

    def _leg(self, side: str, foot: np.ndarray) -> None:
        upper, lower = f'{side}UpperLeg', f'{side}LowerLeg'
        thigh = self._toward(upper, lower)
        shank = self.goals[f'{side}Foot'] - self.goals[lower]
        bend = np.cross(unit(thigh), unit(shank))
        # The foot says where the knee looks, else the hips.
        usual = np.where(
            np.isfinite(foot[..., 0]), foot[..., 0], self.turns['Hips'][..., 0]
        )
        axis = knee_axis(bend, usual)
        self._point(upper, lower, -Y, X, axis)
        turns = _aim(-Y, X, self._toward(lower, f'{side}Foot'), axis)
        self._settle(lower, _hinge(self.turns[upper], turns, -Y, X, KNEE))
        self._settle(f'{side}Foot', foot)

    def _arm(self, side: str, sign: int, hand: np.ndarray) -> None:
        shoulder, upper, lower, wrist = (
            f'{side}{part}' for part in ('Shoulder', 'UpperArm', 'LowerArm', 'Hand')
        )
        along = sign * X
        self._point(shoulder, upper, along, Y, self.turns['Chest'][..., 1])
        fore = self.goals[wrist] - self.goals[lower]
        bend = np.cross(unit(self._toward(upper, lower)), unit(fore))
        # A straight arm does not say where the elbow looks.
        usual = self._swing(upper, lower) @ (-sign * Y)
        axis = hinge_axis(bend, usual)
        self._point(upper, lower, along, -sign * Y, axis)
        turns = _aim(along, -sign * Y, self._toward(lower, wrist), axis)
        # A wrist cannot twist: the forearm does.
        twisted = _swings(hand @ along, self._toward(lower, wrist)) @ hand
        angles = _twist(turns, twisted, along)
        found = np.isfinite(angles)
        if found.any():
            angles = np.interp(self.times, self.times[found], np.unwrap(angles[found]))
            turns = turns @ _turns(along, angles)
        self._settle(lower, turns)
        self._settle(wrist, hand)
        for finger in FINGERS:
            names = [f'{side}{finger}{phalanx}' for phalanx in PHALANGES]
            for number, (name, child) in enumerate(zip(names, names[1:])):
                turns = self._swing(name, child)
                if number and finger != 'Thumb':
                    base = self.turns[names[number - 1]]
                    turns = _hinge(base, turns, along, -sign * Z, FINGER)
                self._settle(name, turns)


X, Y, Z = np.eye(3)


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) of length 1; NaN where there is no direction."""
    size = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(size > 1e-9, size, np.nan)


def _basis(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(..., 3, 3) with columns along the first, in the plane of both, and across."""
    one = unit(first)
    two = unit(second - (second * one).sum(-1, keepdims=True) * one)
    return np.stack([one, two, np.cross(one, two)], -1)


def _aim(
    along: np.ndarray, side: np.ndarray, forward: np.ndarray, sideways: np.ndarray
) -> np.ndarray:
    """(T, 3, 3) that turn ``along`` (3, ) to ``forward`` (T, 3), and ``side`` as
    near to ``sideways`` as that leaves."""
    return _basis(forward, sideways) @ _basis(along, side).T


def hinge_axis(bend: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """(T, 3) axis of a hinge.

    Args:
        bend: (T, 3) along the axis, as long as the sine of the bend; NaN where that
            is not known.
        usual: (T, 3) unit axis when it is straight.
    """
    known = np.where(np.isfinite(bend), bend, 0)
    straight = 1 - np.linalg.norm(known, axis=1, keepdims=True)
    return known + STRAIGHT * np.maximum(straight, 0) * usual


def knee_axis(bend: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """:func:`hinge_axis` of a knee: what bends it backwards is no axis."""
    backwards = np.minimum((bend * usual).sum(-1, keepdims=True), 0)
    return hinge_axis(bend - backwards * usual, usual)


def _swings(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(T, 3, 3) smallest rotations that turn directions to others."""
    one, two = unit(start), unit(end)
    cosine = (one * two).sum(-1)[..., None, None]
    cross = _cross_matrix(np.cross(one, two))
    return np.eye(3) + cross + cross @ cross / np.maximum(1 + cosine, 1e-9)


def _turns(axis: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(T, 3, 3) by radians (T, ) about a unit axis (3, )."""
    cross = _cross_matrix(axis)
    sine, rest = np.sin(angles), 1 - np.cos(angles)
    return np.eye(3) + sine[:, None, None] * cross + rest[:, None, None] * cross @ cross


def _cross_matrix(vectors: np.ndarray) -> np.ndarray:
    """(..., 3, 3) that are multiplied to others in place of a cross product."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def _twist(start: np.ndarray, end: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(T, ) radians about an axis of rest from one rotation to the other, which
    turn it to the same direction."""
    side = unit(np.cross(axis, axis[[1, 2, 0]]))
    local = np.einsum('tji,tj->ti', start, end @ side)
    return np.arctan2(local @ np.cross(axis, side), local @ side)


def _hinge(
    base: np.ndarray,
    turns: np.ndarray,
    along: np.ndarray,
    axis: np.ndarray,
    limits: tuple[float, float],
) -> np.ndarray:
    """Keeps only what turns ``along`` about an axis of the parent within limits.

    Args:
        base: (T, 3, 3) of the parent.
        turns: (T, 3, 3) that are wanted.
        along: (3, ) of the bone at rest.
        axis: (3, ) at rest, across it.
        limits: Degrees.
    """
    local = np.einsum('tji,tj->ti', base, turns @ along)
    angles = np.arctan2(local @ np.cross(axis, along), local @ along)
    return base @ _turns(axis, np.clip(angles, *np.radians(limits)))


def _rigid(points: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """Rotations of a rigid body by all of its points (Kabsch): W. Kabsch, "A
    solution for the best rotation to relate two sets of vectors", 1976. Its shape is
    the median over the frames.

    Args:
        points: (T, N, 3).
        rough: (T, 3, 3) by some of them.

    Returns:
        (T, 3, 3); the rough ones where fewer than three points are known.
    """
    known = np.isfinite(points).all(-1)
    rough_known = np.isfinite(rough).all((1, 2))
    if not rough_known.any():
        return rough
    weights = known[..., None].astype(float)
    count = np.maximum(weights.sum(1, keepdims=True), 1)
    filled = np.where(weights > 0, points, 0)
    around = np.where(
        weights > 0, points - filled.sum(1, keepdims=True) / count, np.nan
    )
    local = (around @ rough)[rough_known]
    seen = np.isfinite(local).any((0, 2))
    shape = np.zeros(points.shape[1:])
    shape[seen] = np.nanmedian(local[:, seen], 0)
    weights = weights * seen[:, None]
    middle = (weights * shape).sum(1, keepdims=True) / count
    matrices = np.swapaxes(weights * (shape - middle), 1, 2) @ np.nan_to_num(around)
    left, sizes, right = np.linalg.svd(matrices)
    flip = np.ones((len(points), 3))
    flip[:, 2] = np.sign(np.linalg.det(left @ right))
    turns = np.swapaxes((left * flip[:, None]) @ right, 1, 2)
    sure = (weights.sum((1, 2)) >= 3) & (sizes[:, 1] > 1e-3 * sizes[:, 0])
    return np.where(sure[:, None, None], turns, rough)


def _slerp(times: np.ndarray, quaternions: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(N, 4) rotations at other times, all within the first and the last."""
    if len(times) == 1:
        return np.repeat(quaternions, len(at), 0)
    return Slerp(times, Rotation.from_quat(quaternions))(at).as_quat()


def _fill(times: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(T, 3) with NaN filled on the line between those before and behind."""
    known = np.isfinite(places).all(1)
    return np.stack(
        [np.interp(times, times[known], column[known]) for column in places.T], 1
    )
