"""Poses, hands, faces and figures that look human, from named families with
joint limits.

Shapes: B = 104 bones.  Angles are in degrees.  Axes are those of the body
model: x to the person's left, y backwards, z up; the reference pose stands
with the arms 45 degrees down and the face to -y.
"""

import functools
from collections.abc import Sequence

import numpy as np
from numba import njit

from .body import Body

# Weights of the families of a whole body.
FAMILIES = {
    'standing': 5,
    'walking': 3,
    'sitting': 4,
    'crouching': 1.2,
    'sports': 2,
    'bending': 1,
    'lying': 0.8,
    'free': 2,
    'rest': 0.4,
}
# Weights of the families of one arm; each arm draws its own.
ARMS = {
    'hanging': 4,
    'bent': 4,
    'forward': 2,
    'raised': 1.6,
    'sideways': 1.2,
    'on_hip': 1,
    'to_face': 2.2,
    'crossed': 1,
    'behind': 0.5,
    'free': 2,
}
HANDS = {
    'relaxed': 5,
    'open': 3,
    'fist': 2,
    'pointing': 1.5,
    'pinch': 1.2,
    'grip': 2,
    'victory': 0.6,
    'thumb': 0.6,
    'free': 3,
}
FACES = {
    'neutral': 4,
    'smile': 3,
    'laugh': 1.5,
    'talk': 3,
    'surprise': 1,
    'anger': 1,
    'sad': 1,
    'pucker': 0.7,
    'squint': 0.7,
    'free': 2.5,
}


def _draw(rng, families):
    weights = np.array(list(families.values()), float)
    return list(families)[rng.choice(len(weights), p=weights / weights.sum())]


@njit(cache=True)
def _rotation(x, y, z, angle):
    size = np.sqrt(x * x + y * y + z * z)
    x, y, z = x / size, y / size, z / size
    c, s = np.cos(angle), np.sin(angle)
    d = 1 - c
    return np.array(
        [
            [c + x * x * d, x * y * d - z * s, x * z * d + y * s],
            [y * x * d + z * s, c + y * y * d, y * z * d - x * s],
            [z * x * d - y * s, z * y * d + x * s, c + z * z * d],
        ]
    )


def turn(axis: Sequence[float], degrees: float) -> np.ndarray:
    """(3, 3) rotation about an axis."""
    x, y, z = axis
    return _rotation(float(x), float(y), float(z), float(degrees) * np.pi / 180)


def _cross(a, b):
    """np.cross of two (3,), which is slow for single vectors."""
    return np.array(
        [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ]
    )


def _swing(start, end):
    """The smallest rotation of direction ``start`` to ``end``."""
    axis = _cross(start, end)
    size = np.sqrt(axis @ axis)
    if size < 1e-9:
        return np.eye(3) if start @ end > 0 else turn((1, 0, 0), 180)
    return turn(axis, np.degrees(np.arctan2(size, start @ end)))


def _normal(rng, mean, spread, low=-np.inf, high=np.inf):
    """A normal value, drawn again until it is within the limits."""
    while True:
        value = rng.normal(mean, spread)
        if low <= value <= high:
            return value


def _folded(rng, mean, spread):
    return abs(rng.normal(mean, spread))


def _uniform(rng, low, high):
    return rng.uniform(low, high)


# How each family of arms draws its flexion forward, spread outwards, inward
# twist and elbow.
ARM_ANGLES = {
    'hanging': (
        (_normal, 3, 14),
        (_uniform, 4, 22),
        (_normal, 0, 20),
        (_folded, 14, 14),
    ),
    'bent': (
        (_normal, 15, 20),
        (_uniform, 5, 35),
        (_normal, 25, 30),
        (_uniform, 50, 125),
    ),
    'forward': (
        (_uniform, 45, 105),
        (_uniform, -10, 30),
        (_normal, 0, 30),
        (_uniform, 0, 70),
    ),
    'raised': (
        (_uniform, 110, 170),
        (_uniform, 0, 35),
        (_normal, 0, 30),
        (_uniform, 0, 100),
    ),
    'sideways': (
        (_normal, 10, 15),
        (_uniform, 55, 115),
        (_normal, 0, 40),
        (_uniform, 0, 100),
    ),
    'on_hip': (
        (_normal, -8, 10),
        (_uniform, 30, 52),
        (_uniform, 40, 70),
        (_uniform, 75, 110),
    ),
    'to_face': (
        (_uniform, 25, 85),
        (_uniform, -5, 40),
        (_uniform, 0, 45),
        (_uniform, 105, 145),
    ),
    'crossed': (
        (_uniform, 15, 45),
        (_uniform, 0, 20),
        (_uniform, 45, 80),
        (_uniform, 75, 115),
    ),
    'behind': (
        (_uniform, -45, -15),
        (_uniform, 5, 30),
        (_normal, 40, 25),
        (_uniform, 10, 80),
    ),
    # Not drawn: a pose of people who move.
    'wave': (
        (_normal, 15, 8),
        (_uniform, 60, 85),
        (_uniform, -85, -65),
        (_uniform, 70, 105),
    ),
    'free': (
        (_normal, 45, 55, -45, 170),
        (_normal, 35, 35, -20, 110),
        (_normal, 15, 40, -60, 80),
        (_uniform, 0, 140),
    ),
}


class PoseSampler:
    """Draws poses for one body model.

    Args:
        body: Gives the reference pose and names of bones.
    """

    def __init__(self, body: Body) -> None:
        self.bones = body.bones
        self.actions = body.facial_actions
        self.heads = self._reference_heads(body)

    @staticmethod
    def _reference_heads(body):
        carry = body.references @ np.linalg.inv(_closest(body.turns))
        carry[0] = np.eye(3)
        heads = body.heads.copy()
        for bone in range(1, len(heads)):
            p = body.parents[bone]
            heads[bone] = heads[p] + carry[p] @ (body.heads[bone] - body.heads[p])
        return heads

    @functools.lru_cache(maxsize=None)  # noqa: B019 (one sampler a process)
    def direction(self, first: str, second: str) -> np.ndarray:
        """(3, ) from one bone's head to another's at the reference pose."""
        d = self.heads[self.bones[second]] - self.heads[self.bones[first]]
        return d / np.linalg.norm(d)

    def sample(
        self,
        rng: np.random.Generator,
        family: str | None = None,
        arms: tuple[str, str] | None = None,
    ) -> tuple[np.ndarray, str]:
        """One pose.

        Args:
            rng: Source of everything random.
            family: Of ``FAMILIES``. None draws one.
            arms: Of the left and the right arm, of ``ARM_ANGLES``. None draws them.

        Returns:
            Rotations (B, 3, 3) for :meth:`Body.pose`,
            with the root's lean but without the way the person faces, and
            the name of the family.
        """
        out = np.tile(np.eye(3), (len(self.bones), 1, 1))
        family = family or _draw(rng, FAMILIES)
        if family == 'rest':
            for side in 'LR':
                self._hand(rng, out, side, 'open' if rng.uniform() < 0.5 else 'relaxed')
            return out, family
        self._trunk(rng, out, family)
        self._legs(rng, out, family)
        arms = arms or self._arm_families(rng, family)
        for side, arm in zip('LR', arms):
            self._arm(rng, out, side, arm)
            hand = _draw(rng, HANDS)
            if arm == 'on_hip':
                hand = 'open' if rng.uniform() < 0.5 else 'fist'
            self._hand(rng, out, side, hand)
        for side in 'LR':
            for toe in range(1, 6):
                out[self.bones[f'toe{toe}-1.{side}']] = turn(
                    (1, 0, 0), rng.normal(0, 8)
                )
        return out, family

    def _set(self, out, bone, *turns) -> None:
        rotation = out[self.bones[bone]]
        for step in turns:
            rotation = rotation @ step
        out[self.bones[bone]] = rotation

    def _trunk(self, rng, out, family) -> None:
        bend = dict(bending=50, crouching=25, sitting=8, sports=15, free=10).get(
            family, 2
        )
        bend = _normal(rng, bend, 12, -25, 95)
        side = _normal(rng, 0, 8, -28, 28)
        twist = _normal(rng, 0, 12, -40, 40)
        for bone in ('spine05', 'spine04', 'spine03', 'spine02', 'spine01'):
            self._set(
                out,
                bone,
                turn((0, 0, 1), twist / 5),
                turn((0, 1, 0), side / 5),
                turn((1, 0, 0), bend / 5),
            )
        look = dict(
            nod=_normal(rng, 0.0 - 0.45 * max(bend - 20, 0), 16, -60, 45),
            tilt=_normal(rng, 0, 10, -32, 32),
            yaw=_normal(rng, 0, 28, -72, 72),
        )
        for bone, share in (
            ('neck01', 0.25),
            ('neck02', 0.2),
            ('neck03', 0.15),
            ('head', 0.4),
        ):
            self._set(
                out,
                bone,
                turn((0, 0, 1), share * look['yaw']),
                turn((0, 1, 0), share * look['tilt']),
                turn((1, 0, 0), share * look['nod']),
            )
        # The root carries how the whole person stands or lies.
        lean = turn((1, 0, 0), _normal(rng, 0, 5, -20, 20)) @ turn(
            (0, 1, 0), _normal(rng, 0, 4, -20, 20)
        )
        if family == 'lying':
            lean = turn((1, 0, 0), rng.choice([-90, 90]) + rng.normal(0, 8)) @ turn(
                (0, 0, 1), rng.choice([0, 0, 90, -90]) + rng.normal(0, 15)
            )
        elif family == 'sports':
            lean = turn((1, 0, 0), _normal(rng, 12, 14, -30, 60)) @ turn(
                (0, 1, 0), _normal(rng, 0, 12, -35, 35)
            )
        self._set(out, 'root', lean)

    def _leg(self, out, side, flex, spread, twist, knee, ankle) -> None:
        """Hip flexion forward, spread outwards, twist outwards, knee, foot
        down."""
        sign = 1 if side == 'L' else -1
        down = np.array([0, 0, -1.0])
        thigh = self.direction(f'upperleg01.{side}', f'lowerleg01.{side}')
        # Down first, so that the twist does not depend on the reference.
        self._set(
            out,
            f'upperleg01.{side}',
            turn((1, 0, 0), -flex)
            @ turn((0, 1, 0), -sign * spread)
            @ turn(down, -sign * twist),
            _swing(thigh, down),
        )
        shin = self.direction(f'lowerleg01.{side}', f'foot.{side}')
        hinge = _cross(thigh, np.array([0, -1.0, 0]))
        hinge /= np.linalg.norm(hinge)
        bent = np.degrees(np.arcsin(_cross(thigh, shin) @ hinge))
        # hinge is -x or so: bending backwards is a negative turn about it.
        self._set(out, f'lowerleg01.{side}', turn(hinge, -knee - bent))
        self._set(out, f'foot.{side}', turn((1, 0, 0), ankle))

    def _legs(self, rng, out, family) -> None:
        stride = rng.choice([-1, 1])
        for side, sign in (('L', 1), ('R', -1)):
            phase = stride * sign
            spread = _normal(rng, 5, 5, -8, 45)
            twist = _normal(rng, 8, 8, -25, 40)
            ankle = _normal(rng, 0, 8, -25, 45)
            if family == 'walking':
                flex = phase * rng.uniform(8, 38) + rng.normal(3, 5)
                knee = rng.uniform(0, 20) if phase > 0 else rng.uniform(5, 60)
            elif family == 'sitting':
                flex = _normal(rng, 82, 14, 45, 115)
                knee = _normal(rng, 80, 25, 0, 130)
                spread = _normal(rng, 10, 10, -10, 45)
            elif family == 'crouching':
                flex = _normal(rng, 85, 25, 25, 125)
                knee = _normal(rng, 105, 25, 40, 150)
                spread = _normal(rng, 14, 12, -5, 50)
                ankle = _normal(rng, -8, 12, -30, 30)
            elif family == 'sports':
                flex = _normal(rng, 30 + 15 * phase, 35, -35, 115)
                knee = _normal(rng, 45, 35, 0, 140)
                spread = _normal(rng, 14, 14, -10, 60)
                ankle = _normal(rng, 10, 15, -25, 50)
            elif family == 'bending':
                flex = _normal(rng, 25, 25, -10, 90)
                knee = _normal(rng, 20, 20, 0, 100)
            elif family == 'lying':
                flex = _normal(rng, 15, 25, -15, 100)
                knee = _normal(rng, 25, 28, 0, 120)
                ankle = _normal(rng, 25, 15, -20, 50)
            elif family == 'free':
                flex = _normal(rng, 30, 40, -30, 120)
                knee = _normal(rng, 40, 40, 0, 145)
                spread = _normal(rng, 12, 14, -15, 60)
            else:
                flex = _normal(rng, 2, 7, -15, 30)
                knee = abs(rng.normal(3, 7))
            self._leg(out, side, flex, spread, twist, knee, ankle)

    def _arm_families(self, rng, family):
        first, second = _draw(rng, ARMS), _draw(rng, ARMS)
        if rng.uniform() < 0.25:
            second = first
        if family == 'walking' and rng.uniform() < 0.6:
            first = second = 'hanging'
        return first, second

    def _arm(self, rng, out, side, family) -> None:
        flex, spread, twist, elbow = (
            draw(rng, *limits) for draw, *limits in ARM_ANGLES[family]
        )
        sign = 1 if side == 'L' else -1
        down = np.array([0, 0, -1.0])
        upper = self.direction(f'upperarm01.{side}', f'lowerarm01.{side}')
        fore = self.direction(f'lowerarm01.{side}', f'wrist.{side}')
        # Of a hanging arm the elbow folds forwards.
        level = _swing(upper, down)
        ahead = level @ fore
        forward = turn(
            down, -sign * np.degrees(np.arctan2(-sign * ahead[0], -ahead[1]))
        )
        settle = forward @ level
        whole = (
            turn((1, 0, 0), -flex)
            @ turn((0, 1, 0), -sign * spread)
            @ turn(down, sign * twist)
            @ settle
        )
        # The shoulder girdle follows a raised arm.
        lift = np.clip(
            (np.degrees(np.arccos(np.clip(-(whole @ upper)[2], -1, 1))) - 45) * 0.3,
            0,
            35,
        ) + rng.normal(0, 4)
        girdle = turn((0, 1, 0), -sign * lift)
        self._set(out, f'clavicle.{side}', turn((0, 1, 0), -sign * lift * 0.5))
        self._set(out, f'shoulder01.{side}', turn((0, 1, 0), -sign * lift * 0.5))
        self._set(out, f'upperarm01.{side}', girdle.T @ whole)
        hinge = _cross(upper, fore)
        hinge /= np.linalg.norm(hinge)
        bent = np.degrees(np.arccos(np.clip(upper @ fore, -1, 1)))
        self._set(out, f'lowerarm01.{side}', turn(hinge, elbow - bent))
        # Turning the palm is spread over the forearm.
        roll = _normal(rng, 0, 45, -95, 80) * sign
        self._set(out, f'lowerarm01.{side}', turn(fore, roll * 0.3))
        self._set(out, f'lowerarm02.{side}', turn(fore, roll * 0.5))
        self._set(
            out,
            f'wrist.{side}',
            turn(fore, roll * 0.2),
            turn(self._palm_axis(side), _normal(rng, 0, 22, -60, 65)),
            turn(_cross(self._palm_axis(side), fore), _normal(rng, 0, 10, -25, 22)),
        )

    def _palm_axis(self, side):
        """Across the palm: a positive turn folds the fingers to the palm."""
        across = self.direction(f'finger5-1.{side}', f'finger2-1.{side}')
        return across if side == 'R' else -across

    def _hand(self, rng, out, side, family) -> None:
        sign = 1 if side == 'L' else -1
        curl = np.zeros((5, 3))
        spread = rng.normal(0, 4)
        thumb = rng.normal(0, 10)
        jitter = rng.normal(0, 5, (5, 3))
        if family == 'relaxed':
            curl[1:] = rng.uniform(0, 35) + 4 * np.arange(4)[:, None]
            curl[0] = rng.uniform(-5, 20)
        elif family == 'open':
            curl[1:] = rng.uniform(-25, 0)
            curl[0] = rng.uniform(-20, 0)
            spread = rng.uniform(0, 14)
        elif family == 'fist':
            curl[1:] = rng.uniform(58, 78)
            curl[0] = (10, 30, 40)
            thumb = rng.uniform(15, 35)
        elif family == 'pointing':
            curl[2:] = rng.uniform(55, 75)
            curl[1] = rng.uniform(-20, 0)
            curl[0] = (10, 25, 30)
            thumb = rng.uniform(0, 30)
        elif family == 'pinch':
            curl[1] = (45, 30, 20)
            curl[2:] = rng.uniform(5, 60)
            curl[0] = (10, 10, 20)
            thumb = rng.uniform(20, 35)
        elif family == 'grip':
            curl[1:] = rng.uniform(25, 60)
            curl[0] = (5, 10, 20)
            thumb = rng.uniform(5, 30)
        elif family == 'victory':
            curl[1:3] = rng.uniform(-20, 0)
            curl[3:] = rng.uniform(55, 75)
            curl[0] = (10, 30, 35)
            spread = rng.uniform(8, 16)
            thumb = 25
        elif family == 'thumb':
            curl[1:] = rng.uniform(55, 75)
            curl[0] = rng.uniform(-20, 0)
            thumb = rng.uniform(-25, -5)
        else:
            curl[1:] = rng.uniform(-20, 75, (4, 1))
            curl[0] = rng.uniform(-15, 30)
            spread = rng.uniform(-4, 14)
            thumb = rng.uniform(-20, 35)
        curl = np.clip(curl + jitter, -30, 85)
        across = self._palm_axis(side)
        for finger in range(2, 6):
            names = [f'finger{finger}-{i}.{side}' for i in (1, 2, 3)]
            along = self.direction(names[0], names[1])
            axis = across - (across @ along) * along
            palm = _cross(axis, along)
            fan = spread * (3.2 - finger) * sign
            for i, name in enumerate(names):
                self._set(out, name, turn(axis, curl[finger - 1, i]))
            out[self.bones[names[0]]] = turn(palm, fan) @ out[self.bones[names[0]]]
        names = [f'finger1-{i}.{side}' for i in (1, 2, 3)]
        along = self.direction(names[1], names[2])
        first = self.direction(names[0], names[1])
        axis = _cross(first, along)
        axis /= np.linalg.norm(axis)
        wrist = self.direction(f'wrist.{side}', f'finger3-1.{side}')
        self._set(
            out, names[0], turn(wrist, -sign * thumb), turn(axis, curl[0, 0] * 0.5)
        )
        self._set(out, names[1], turn(axis, curl[0, 1]))
        self._set(out, names[2], turn(axis, curl[0, 2]))

    def face(
        self, rng: np.random.Generator
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Facial actions {name: 0 to 1} of one expression, and where the eyes
        look as rotations {bone: (3, 3)}."""
        family = _draw(rng, FACES)
        u = rng.uniform
        face = {}

        def both(name, value, skew=0.15) -> None:
            for side in ('Left', 'Right'):
                face[name + side] = value * (1 + u(-skew, skew))

        if family == 'smile':
            both('mouthSmile', u(0.3, 1))
            both('cheekSquint', u(0, 0.6))
            face['jawOpen'] = max(u(-0.2, 0.25), 0)
        elif family == 'laugh':
            both('mouthSmile', u(0.4, 1))
            face['jawOpen'] = u(0.2, 0.7)
            both('mouthUpperUp', u(0.1, 0.6))
            both('cheekSquint', u(0.2, 0.9))
            both('eyeSquint', u(0, 0.6))
        elif family == 'talk':
            face['jawOpen'] = u(0, 0.45)
            face[
                rng.choice(
                    ['mouthFunnel', 'mouthPucker', 'mouthShrugUpper', 'mouthRollLower']
                )
            ] = u(0, 0.6)
            both('mouthLowerDown', u(0, 0.5))
            both('mouthStretch', u(0, 0.4))
        elif family == 'surprise':
            face['jawOpen'] = u(0.2, 0.9)
            face['browInnerUp'] = u(0.4, 1)
            both('browOuterUp', u(0.3, 1))
            both('eyeWide', u(0.2, 1))
        elif family == 'anger':
            both('browDown', u(0.4, 1))
            both('noseSneer', u(0, 0.8))
            both('mouthPress', u(0, 0.7))
            face['jawOpen'] = max(u(-0.3, 0.4), 0)
        elif family == 'sad':
            face['browInnerUp'] = u(0.3, 1)
            both('mouthFrown', u(0.3, 1))
        elif family == 'pucker':
            face['mouthPucker'] = u(0.3, 1)
            face['cheekPuff'] = max(u(-0.5, 0.8), 0)
        elif family == 'squint':
            both('eyeSquint', u(0.4, 1))
            both('eyeBlink', u(0.2, 0.6))
        elif family == 'free':
            for name in rng.choice(self.actions, 6, replace=False):
                if not name.startswith(('eyeLook', 'tongue')):
                    face[name] = u(0, 0.7)
        if rng.uniform() < 0.12:
            both('eyeBlink', u(0.5, 0.85), 0)
        if rng.uniform() < 0.08:
            face['eyeBlink' + rng.choice(['Left', 'Right'])] = u(0.6, 0.85)
        for name in face:
            limit = 0.85 if name.startswith('eyeBlink') else 1
            face[name] = min(face[name], limit)
        gaze = turn((0, 0, 1), np.clip(rng.normal(0, 12), -30, 30)) @ turn(
            (1, 0, 0), np.clip(rng.normal(0, 8), -20, 20)
        )
        return face, {'eye.L': gaze, 'eye.R': gaze}


def _closest(matrices):
    """The rotations nearest to (B, 3, 3) matrices."""
    u, _, vt = np.linalg.svd(matrices)
    u[..., -1] *= np.linalg.det(u @ vt)[:, None]
    return u @ vt


def sample_phenotype(
    rng: np.random.Generator, body: Body
) -> tuple[dict[str, float], dict[str, float]]:
    """A random figure: phenotype and local changes, by name."""
    figure = {name: rng.uniform(0, 1) for name in body.phenotypes}
    # Mostly adults: 1/3 is a child, 2/3 young, 1 old.
    age = rng.uniform()
    figure['age'] = (
        rng.uniform(0.6, 1)
        if age < 0.72
        else rng.uniform(0.3, 0.6)
        if age < 0.93
        else rng.uniform(0, 0.3)
    )
    for name in ('weight', 'muscle', 'height', 'proportions'):
        figure[name] = np.clip(rng.normal(0.5, 0.25), 0, 1)
    races = rng.dirichlet((0.6, 0.6, 0.6))
    figure.update(zip(('african', 'asian', 'caucasian'), races))
    changes = {}
    pairs = {name[2:] for name in body.local_changes if name.startswith('l-')}
    single = [
        name
        for name in body.local_changes
        if name[:2] not in ('l-', 'r-')
        and not name.startswith(('breast', 'bulge', 'pelvis'))
    ]
    for name in sorted(pairs):
        if rng.uniform() < 0.35:
            value = np.clip(rng.normal(0, 0.3), -0.8, 0.8)
            for side in 'lr':
                changes[f'{side}-{name}'] = value + rng.normal(0, 0.04)
    for name in single:
        if rng.uniform() < 0.35:
            spread = 0.12 if name.startswith(('hip', 'torso', 'measure')) else 0.3
            changes[name] = np.clip(rng.normal(0, spread), -0.8, 0.8)
    return figure, changes
