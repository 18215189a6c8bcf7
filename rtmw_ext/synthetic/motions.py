"""People that move: they stand, walk, turn, sit down and squat on feet that do not
slide, and move trunk, arms, hands and face between poses.

Shapes: B = 104 bones. Axes are those of the body model (x to the left of a person
who faces -y, z up, metres); the floor is z = 0. A heading is in degrees about z,
0 faces -y. Everything is a function of time in seconds, at any time.

Moves between poses and swings of feet are minimum-jerk: Flash, Hogan: The
coordination of arm movements, J. Neurosci. 1985.
"""

import bisect
import functools
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import maximum_filter1d
from scipy.signal import fftconvolve
from scipy.spatial.transform import Rotation

from .body import Body
from .poses import PoseSampler, sample_phenotype, turn

#: Rows a second of a course.
RATE = 100
SIDES = ('L', 'R')
#: Sides of standing and walking feet, in those of the reference pose.
STANCE, TRACK = 0.8, 0.55
#: Share of a leg's length that hips and ankles are apart at most.
REACH = 0.997
#: Share of a step for which both feet stand, and of a foot's stance in which its
#: heel rises.
BOTH, HEEL = 0.12, 0.4
#: Degrees by which feet point outwards.
SPLAY = 7.0
#: Metres of an adult's leg.
LEG = 0.85
SPINE = ('spine05', 'spine04', 'spine03', 'spine02', 'spine01')


def smooth(share: np.ndarray | float) -> np.ndarray:
    """Minimum-jerk way from 0 to 1."""
    u = np.clip(share, 0, 1)
    return u**3 * (10 - 15 * u + 6 * u**2)


def bump(share: np.ndarray | float) -> np.ndarray:
    """0 at 0 and 1, 1 in the middle, without jumps of acceleration."""
    u = np.clip(share, 0, 1)
    return 64 * (u * (1 - u)) ** 3


def forward(heading: np.ndarray | float) -> np.ndarray:
    """(..., 2) the direction of a heading on the floor."""
    angle = np.radians(heading)
    return np.stack([np.sin(angle), -np.cos(angle)], -1)


def _unit(vector):
    return vector / np.linalg.norm(vector)


class Leg:
    """One leg at the reference pose, and how it reaches a foot.

    Args:
        body: The body model.
        heads: (B, 3) bone heads of a person in the reference pose, root at 0.
        sole: z of the soles there.
        side: 0 left, 1 right.

    Attributes:
        hip: (3, ) from the root.
        ball: (2, ) of the foot, from the root, on the floor.
        length: Of thigh and shin in metres.
    """

    def __init__(self, body: Body, heads: np.ndarray, sole: float, side: int) -> None:
        self.bones = [
            body.bones[f'{name}.{SIDES[side]}']
            for name in ('upperleg01', 'lowerleg01', 'foot')
        ]
        toes = [body.bones[f'toe{toe}-1.{SIDES[side]}'] for toe in range(1, 6)]
        hip, knee, ankle = heads[self.bones]
        self.toes, self.hip = toes, hip
        self.thigh, self.shin = knee - hip, ankle - knee
        self.length = np.linalg.norm(self.thigh) + np.linalg.norm(self.shin)
        ball = heads[toes].mean(0)
        self.ball = ball[:2]
        self.ankle = ankle - (*ball[:2], sole)
        # Knees bend by negative turns about it.
        self.hinge = _unit(np.cross(self.thigh, (0, -1.0, 0)))

    def foot(self, heading: float, pitch: float) -> tuple[np.ndarray, np.ndarray]:
        """The turn of a foot whose heel is risen by ``pitch`` degrees, and the
        ankle from the ball of the foot."""
        rotation = turn((0, 0, 1), heading) @ turn((1, 0, 0), pitch)
        return rotation, rotation @ self.ankle

    def reach(
        self, hip: np.ndarray, ankle: np.ndarray, facing: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Turns of thigh and knee that bring the ankle to its place.

        Args:
            hip: (3, ).
            ankle: (3, ); one out of reach is approached.
            facing: (3, ) where the knee points.

        Returns:
            (3, 3) of the thigh in space, (3, 3) of the shin in the thigh.
        """
        far = np.linalg.norm(ankle - hip)
        # thigh . turned shin = along cos(angle) + across sin(angle)
        along = self.thigh @ self.shin
        across = self.thigh @ np.cross(self.hinge, self.shin)
        product = (far**2 - self.thigh @ self.thigh - self.shin @ self.shin) / 2
        size = np.hypot(along, across)
        angle = np.arctan2(across, along) - np.arccos(np.clip(product / size, -1, 1))
        knee = turn(self.hinge, np.degrees(angle))
        start, end = _unit(self.thigh + knee @ self.shin), (ankle - hip) / far
        frames = []
        for axis, side in (
            (start, self.hinge - (self.hinge @ start) * start),
            (end, np.cross(end, facing)),
        ):
            side = _unit(side)
            frames.append(np.stack([axis, np.cross(side, axis), side], 1))
        return frames[1] @ frames[0].T, knee


@dataclass
class Step:
    """A foot's way to its next place.

    Attributes:
        side: 0 left, 1 right.
        times: When the heel rises, the foot lifts and lands.
        ball: (2, ) where the ball of the foot lands.
        heading: Of the foot.
        pitch: Degrees by which its heel rises.
        height: Metres by which it is lifted.
    """

    side: int
    times: tuple[float, float, float]
    ball: np.ndarray
    heading: float
    pitch: float = 0.0
    height: float = 0.04


@dataclass
class Foot:
    """Where a foot is: its turn (3, 3), the ankle (3, ), its heading, and the
    degrees by which its heel is risen."""

    rotation: np.ndarray
    ankle: np.ndarray
    heading: float
    pitch: float


@dataclass
class Seat:
    """Something to sit on: the middle of its top, and the heading of who sits."""

    place: np.ndarray
    heading: float


class Course:
    """Where a person's root and feet are over time; each method appends to it.

    Args:
        legs: Both.
        height: Of the root over the soles in the reference pose.
        place: (2, ) on the floor.
        heading: At the start.
        start: Second of the start.

    Attributes:
        steps: All steps in order of time.
        walks: When it starts and ends to walk.
        seats: All that people sit on.
    """

    def __init__(
        self,
        legs: list[Leg],
        height: float,
        place: np.ndarray,
        heading: float,
        start: float,
    ) -> None:
        self.legs, self.height, self.start = legs, height, start
        self.place, self.heading = np.array(place, float), float(heading)
        # x, y, heading, how much lower than standing, how far bent.
        self.rows = [np.array([[*self.place, self.heading, 0, 0]])]
        self.feet = [self._ball(side, self.place, self.heading) for side in (0, 1)]
        self.first = [(ball, self.heading) for ball in self.feet]
        self.steps: list[Step] = []
        self.walks: list[tuple[float, float]] = []
        self.seats: list[Seat] = []

    @property
    def end(self) -> float:
        """Second of the last row."""
        return self.start + (sum(map(len, self.rows)) - 1) / RATE

    def _ball(self, side, place, heading, width=STANCE):
        """Where the ball of a foot stands below a root."""
        ball = self.legs[side].ball * (width, 1)
        return place + turn((0, 0, 1), heading)[:2, :2] @ ball

    def _append(self, place, heading, drop=0.0, bend=0.0) -> None:
        count = len(np.atleast_1d(heading))
        rows = np.empty((count, 5))
        rows[:, :2], rows[:, 2], rows[:, 3], rows[:, 4] = place, heading, drop, bend
        self.rows.append(rows)
        self.place, self.heading = rows[-1, :2], float(rows[-1, 2])

    def _shares(self, seconds):
        count = max(int(round(seconds * RATE)), 1)
        return np.arange(1, count + 1) / count

    def stand(self, seconds: float) -> None:
        """Stays."""
        u = self._shares(seconds)
        self._append(self.place, np.full(len(u), self.heading))

    def turn(self, heading: float) -> None:
        """Turns to a heading, the shorter way, in steps of 50 degrees at most."""
        start, begin = self.heading, self.end
        angle = (heading - start + 180) % 360 - 180
        count = 2 * max(int(np.ceil(abs(angle) / 50)), 1)
        seconds = 0.42 * count
        self._append(self.place, start + angle * smooth(self._shares(seconds)))
        # The foot of the side that it turns to goes first.
        first = int(angle < 0)
        for number in range(count):
            side = (first + number) % 2
            to = start + angle * (number // 2 + 1) * 2 / count
            lift = begin + seconds * (number + 0.1) / count
            land = begin + seconds * (number + 0.9) / count
            ball = self._ball(side, self.place, to)
            self._step(side, lift - 0.05, lift, land, ball, to, 12, 0.03)

    def _step(self, side, rise, lift, land, ball, heading, pitch, height) -> None:
        self.feet[side] = ball
        self.steps.append(Step(side, (rise, lift, land), ball, heading, pitch, height))

    def walk(self, target: np.ndarray, speed: float) -> None:
        """Walks along an arc; turns first where that would be a sharp one.

        Args:
            target: (2, ) on the floor.
            speed: Metres a second, of legs of ``LEG``; shorter ones are slower.
        """
        chord = np.asarray(target, float) - self.place
        distance = np.linalg.norm(chord)
        if distance < 0.2:
            return
        to = np.degrees(np.arctan2(chord[0], -chord[1]))
        off = (to - self.heading + 180) % 360 - 180
        if abs(off) > 40:
            self.turn(to)
            off = 0.0
        # The arc that starts along the heading and goes through the target.
        half = np.radians(off)
        length = distance * (half / np.sin(half) if abs(half) > 1e-6 else 1)
        ramp = 0.7
        size = self.legs[0].length / LEG
        speed *= np.sqrt(size)
        speed = min(speed, length / (1.3 * ramp))
        seconds = length / speed + ramp
        time = np.arange(1, int(round(seconds * RATE)) + 1) / RATE
        pace = smooth(time / ramp) * smooth((seconds - time) / ramp)
        way = np.cumsum(pace)
        way *= length / way[-1]
        headings = self.heading + 2 * off * way / length
        steps = np.diff(way, prepend=0)[:, None] * forward(headings)
        places = self.place + np.cumsum(steps, 0)
        begin, begin_heading, begin_place = self.end, self.heading, self.place
        self._append(places, headings)
        self.walks.append((begin, self.end))

        def time_of(at):
            return begin + float(np.interp(at, way, time))

        def place_of(at):
            return np.array(
                [
                    np.interp(at, [0, *way], [p, *q])
                    for p, q in zip(begin_place, places.T)
                ]
            )

        count = max(
            int(round(length / (size * 0.36 + np.sqrt(size) * 0.27 * speed))), 1
        )
        stride = length / count
        first = int(off < 0)
        for number in range(1, count + 2):
            side = (first + number) % 2
            last = number == count + 1  # the other foot comes beside
            at = min(number * stride, length)
            heading = begin_heading + 2 * off * at / length
            ball = self._ball(
                side, place_of(at), heading, STANCE if number >= count else TRACK
            )
            # Where the root is when the foot lifts and lands.
            lift = max((number - 1.5 + BOTH) * stride, 0.02 * stride)
            land = length if last else (number - 0.5) * stride
            stood = max((number - 2.5) * stride, 0)
            rise = time_of(lift - HEEL * (lift - stood))
            lift, land = time_of(lift), time_of(land)
            lift, rise = max(lift, begin + 0.06), max(rise, begin + 0.02)
            land = max(land, lift + 0.18)
            far = min(np.linalg.norm(ball - self.feet[side]) / 1.2, 1)
            self._step(
                side, rise, lift, land, ball, heading, 40 * far, 0.03 + 0.03 * far
            )

    def sit(self, seconds: float) -> None:
        """Sits down on a seat behind, and stands up again."""
        leg = self.legs[0].length
        back, drop = 0.42 * leg, 0.47 * leg
        move = 1.3
        start = self.place.copy()
        to = start - back * forward(self.heading)
        down = smooth(self._shares(move))
        for share, bend in (
            (down, 38 * bump(self._shares(move))),
            (np.ones(int(seconds * RATE)), 0.0),
            (1 - down, 42 * bump(self._shares(move))),
        ):
            # Backwards first on the way down, forwards first on the way up.
            place = start + (to - start) * share[:, None]
            self._append(place, np.full(len(share), self.heading), drop * share, bend)
        top = self.height - drop - 0.115
        self.seats.append(Seat(np.array([*to, top]), self.heading))

    def squat(self, times: int = 1) -> None:
        """Goes down on both feet and up again."""
        leg = self.legs[0].length
        for _ in range(times):
            down = bump(self._shares(2.2))
            place = self.place - 0.2 * leg * down[:, None] * forward(self.heading)
            self._append(
                place, np.full(len(down), self.heading), 0.36 * leg * down, 32 * down
            )


@dataclass
class Wave:
    """A forearm that swings to and fro about its upper arm."""

    side: int
    start: float
    end: float
    rate: float
    angle: float

    def at(self, time: float) -> float:
        """Degrees."""
        ease = smooth((time - self.start) / 0.5) * smooth((self.end - time) / 0.5)
        phase = 2 * np.pi * self.rate * (time - self.start)
        return float(self.angle * ease * np.sin(phase))


@dataclass
class KeyPose:
    """What a person holds from ``end`` on, and moves to from ``start`` on.

    Attributes:
        rotations: (B, 3, 3) as of :meth:`Body.pose`; those of the legs do not
            count.
        rest: Vertices (V, 3) and heads (B, 3) of the person's expression.
    """

    start: float
    end: float
    rotations: np.ndarray
    rest: tuple[np.ndarray, np.ndarray]


def _start(key: KeyPose) -> float:
    return key.start


class Actor:
    """A person with a course and key poses.

    Args:
        rng: Source of everything random.
        poses: Draws the poses.
        body: The body model.
        place: (2, ) on the floor at the start.
        heading: At the start.
        start: Second of the start.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        poses: PoseSampler,
        body: Body,
        place: np.ndarray,
        heading: float,
        start: float,
    ) -> None:
        self.body, self.poses = body, poses
        self.figure, self.changes = sample_phenotype(rng, body)
        shaped = body.shape(self.figure, self.changes)
        self.turns = shaped[2]
        upright = np.tile(np.eye(3), (len(body.bones), 1, 1))
        vertices, heads = body.pose(shaped, upright)
        sole = float(vertices[:, 2].min())
        self.legs = [Leg(body, heads, sole, side) for side in (0, 1)]
        self.course = Course(self.legs, -sole, place, heading, start)
        self.keys: list[KeyPose] = []
        self.waves: list[Wave] = []
        # How it sways while it stands: metres, Hz, phase.
        self.sway = [
            np.array(
                [
                    rng.uniform(0.002, 0.006, 3),
                    rng.uniform(0.1, 0.6, 3),
                    rng.uniform(0, 6.3, 3),
                ]
            )
            for _ in range(2)
        ]
        self.swing = rng.uniform(0.6, 1.2)

    def hold(
        self,
        rng: np.random.Generator,
        start: float,
        seconds: float,
        arms: tuple[str, str] | None = None,
    ) -> None:
        """Moves to a new pose from ``start`` on, in ``seconds``.

        Args:
            rng: Draws the pose.
            start: After the end of the last one.
            seconds: > 0.
            arms: Families of the left and the right arm. None draws them.
        """
        rotations, _ = self.poses.sample(rng, 'standing', arms)
        actions, gaze = self.poses.face(rng)
        for bone, rotation in gaze.items():
            rotations[self.body.bones[bone]] = rotation
        rest, heads, _ = self.body.shape(self.figure, self.changes, actions)
        self.keys.append(KeyPose(start, start + seconds, rotations, (rest, heads)))

    def wave(self, rng: np.random.Generator, start: float, seconds: float) -> None:
        """Waves with one hand."""
        side = int(rng.integers(2))
        arms = ['hanging', 'hanging']
        arms[side] = 'wave'
        self.hold(rng, start, 0.8, tuple(arms))
        self.waves.append(
            Wave(
                side,
                start + 0.5,
                start + seconds,
                rng.uniform(1, 2.2),
                rng.uniform(18, 32),
            )
        )

    # -- at a time ----------------------------------------------------------

    @functools.cached_property
    def _root(self) -> CubicSpline:
        """Time -> x, y, heading, height, bend; heights are such that both feet
        are within reach."""
        rows = np.concatenate(self.course.rows)
        times = self.course.start + np.arange(len(rows)) / RATE
        for axis, (size, rate, phase) in enumerate(self.sway):
            rows[:, axis] += (
                size * np.sin(2 * np.pi * rate * times[:, None] + phase)
            ).sum(1)
        wanted = self.course.height - rows[:, 3]
        most = np.full(len(rows), np.inf)
        for number, (time, (x, y, heading, _, bend)) in enumerate(zip(times, rows)):
            feet = [self._foot(time, side) for side in (0, 1)]
            root = self._pelvis(time, heading, bend, feet)
            for leg, foot in zip(self.legs, feet):
                hip = root @ leg.hip
                flat = foot.ankle[:2] - (x, y) - hip[:2]
                rise = np.sqrt(max((REACH * leg.length) ** 2 - flat @ flat, 0.01))
                most[number] = min(most[number], foot.ankle[2] + rise - hip[2])
        # The mean of the greatest lacks around is never less than the lack.
        window = 2 * (RATE // 8) + 1
        lack = maximum_filter1d(np.maximum(wanted - most, 0), window)
        kernel = np.hanning(window + 2)[1:-1]
        lack = np.pad(lack, window // 2, mode='edge')
        rows[:, 3] = wanted - fftconvolve(lack, kernel / kernel.sum(), 'valid')
        return CubicSpline(times, rows)

    def _pelvis(self, time, heading, bend, feet):
        """The root's turn: how the person stands, where to, and with which foot
        ahead."""
        ahead = self._ahead(heading, feet)
        stance = self._posed(time, 0)
        return (
            turn((0, 0, 1), heading - 9 * ahead) @ turn((1, 0, 0), 0.6 * bend) @ stance
        )

    @staticmethod
    def _ahead(heading, feet):
        """Metres by which the left foot is ahead of the right one."""
        return (feet[0].ankle - feet[1].ankle)[:2] @ forward(heading)

    def _place(self, time):
        """The key pose at a time, and the share of the way to it."""
        number = max(bisect.bisect_right(self.keys, time, key=_start) - 1, 0)
        key = self.keys[number]
        share = float(smooth((time - key.start) / (key.end - key.start)))
        return number, share if number else 1.0

    def _posed(self, time, bones=slice(None)):
        """(B, 3, 3), or that of one bone, between the key poses."""
        number, share = self._place(time)
        if share == 1:
            return self.keys[number].rotations[bones]
        way = Rotation.from_rotvec(share * self._way(number)[bones])
        return self.keys[number - 1].rotations[bones] @ way.as_matrix()

    def _rest(self, time):
        """Vertices and heads at rest, between the expressions."""
        number, share = self._place(time)
        rest = self.keys[number].rest
        if share == 1:
            return rest
        return tuple(
            (1 - np.float32(share)) * first + np.float32(share) * second
            for first, second in zip(self.keys[number - 1].rest, rest)
        )

    @functools.lru_cache(maxsize=None)  # noqa: B019
    def _way(self, number):
        """(B, 3) rotation vectors from a key pose to the next."""
        first, second = (key.rotations for key in self.keys[number - 1 : number + 1])
        return Rotation.from_matrix(first.transpose(0, 2, 1) @ second).as_rotvec()

    def _foot(self, time, side):
        ball, heading = self.course.first[side]
        pitch = height = 0.0
        for step in self.course.steps:
            if step.side != side or time <= step.times[0]:
                continue
            rise, lift, land = step.times
            share = float(smooth((time - lift) / (land - lift)))
            ball = ball + (step.ball - ball) * share
            heading = heading + (step.heading - heading) * share
            height = step.height * float(bump((time - lift) / (land - lift)))
            # The heel is highest soon after the foot lifted.
            top = lift + 0.15 * (land - lift)
            pitch = step.pitch * float(
                smooth((time - rise) / (top - rise))
                * (1 - smooth((time - top) / (0.95 * land + 0.05 * lift - top)))
            )
        leg = self.legs[side]
        splay = (1 - 2 * side) * SPLAY
        rotation, ankle = leg.foot(heading + splay, pitch)
        return Foot(rotation, ankle + (*ball, height), heading + splay, pitch)

    def at(self, time: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """
        Args:
            time: In seconds, within the course.

        Returns:
            Vertices (V, 3), bone heads (B, 3), and rotations (B, 3, 3) of each bone
            relative to its parent, as of :meth:`Body.pose`.
        """
        bones = self.body.bones
        x, y, heading, height, bend = self._root(time)
        rotations = self._posed(time).copy()
        feet = [self._foot(time, side) for side in (0, 1)]
        ahead = self._ahead(heading, feet)
        rotations[0] = root = self._pelvis(time, heading, bend, feet)
        place = np.array([x, y, height])
        for bone in SPINE:
            rotations[bones[bone]] = (
                turn((0, 0, 1), 4 * ahead)
                @ turn((1, 0, 0), 0.08 * bend)
                @ rotations[bones[bone]]
            )
        for side, (leg, foot) in enumerate(zip(self.legs, feet)):
            facing = np.array([*forward(foot.heading), 0])
            thigh, knee = leg.reach(place + root @ leg.hip, foot.ankle, facing)
            upper, lower, end = leg.bones
            rotations[upper] = root.T @ thigh
            rotations[lower] = knee
            rotations[end] = (thigh @ knee).T @ foot.rotation
            rotations[leg.toes] = turn((1, 0, 0), -foot.pitch)
            arm = bones[f'upperarm01.{SIDES[side]}']
            swing = 38 * self.swing * ahead * (1 - 2 * side)
            rotations[arm] = turn((1, 0, 0), swing) @ rotations[arm]
        for wave in self.waves:
            names = [
                f'{name}.{SIDES[wave.side]}' for name in ('upperarm01', 'lowerarm01')
            ]
            arm = bones[names[0]]
            rotations[arm] = rotations[arm] @ turn(
                self.poses.direction(*names), wave.at(time)
            )
        vertices, heads = self.body.pose(
            (*self._rest(time), self.turns), rotations, place
        )
        return vertices, heads, rotations
