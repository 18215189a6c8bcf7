"""Clips of moving people: who is where, and the exact truth of every frame.

Shapes: T frames, P people, K = 133 points, B = 104 bones. The world has y up and
the floor at y = 0; at heading 0 a person faces z. Camera axes: x right, y down, z
away. Both are in metres, pixels have whole numbers at their centres, times are in
seconds. A clip comes from a seed and its number alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from ..core.people import People
from ..core.skeleton import HIPS, PARTS
from ..output import FORMATS
from ..output.records import Run, Source
from ..output.video_writer import VideoWriter
from . import raster
from .body import Body
from .motions import RATE, Actor
from .poses import PoseSampler, turn
from .scene import flat_bounds, one_thread, rng_of, visibility

#: From the axes of the body model to the world.
TO_WORLD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
#: Metres between the lanes in which people walk past each other.
LANE = 0.85
#: Seconds before and after a clip that courses last at least.
MARGIN = 0.5
#: Frames a second that clips have.
RATES = (24, 25, 30, 30)
#: Cameras: on a tripod, in a hand, following somebody, on a dolly.
CAMERAS = ('tripod', 'hand', 'pan', 'dolly')
#: A foot's point stands below this height and speed, in metres (a second).
FLOOR, STILL = 0.1, 0.02
#: Of whom less is shown in a frame is not in it.
SHOWN = 0.04


@dataclass
class Box:
    """Something with six sides on the floor.

    Attributes:
        place: (3, ) middle of its underside in the world.
        sides: (3, ) width, height, depth.
        heading: Degrees about y.
    """

    place: np.ndarray
    sides: np.ndarray
    heading: float = 0.0

    def mesh(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(24, 3) vertices in the world, (12, 3) faces, (24, 3) where they are in
        the box."""
        corners, faces = [], []
        for axis in range(3):
            for end in (-1, 1):
                first = len(corners)
                for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                    corner = np.empty(3)
                    corner[axis], corner[axis - 2], corner[axis - 1] = end, a * end, b
                    corners.append(corner)
                faces += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
        rest = (np.array(corners) / 2 + (0, 0.5, 0)) * self.sides
        vertices = rest @ turn((0, 1, 0), self.heading).T + self.place
        return (
            vertices.astype(np.float32),
            np.array(faces, np.int32),
            rest.astype(np.float32),
        )


@dataclass
class Shot:
    """A camera over time.

    Attributes:
        place: (3, ) in the world at the start.
        target: (N, 3) where it looks to, at ``RATE`` a second from ``-MARGIN`` on.
        drift: (3, ) metres a second.
        shake: (2, M, 3) of x, y and roll: degrees, Hz, phase of M sines.
    """

    place: np.ndarray
    target: np.ndarray
    drift: np.ndarray
    shake: np.ndarray

    def at(self, time: float) -> np.ndarray:
        """(3, 4) from the world to camera axes."""
        at = (time + MARGIN) * RATE
        rows = np.arange(len(self.target))
        target = np.array([np.interp(at, rows, axis) for axis in self.target.T])
        place = self.place + self.drift * time
        away = target - place
        away /= np.linalg.norm(away)
        right = np.cross(away, (0, 1, 0))
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(away, right), away])
        for axis, (sizes, rates, phases) in zip(np.eye(3), self.shake):
            angle = (sizes * np.sin(2 * np.pi * rates * time + phases)).sum()
            rotation = turn(axis, angle) @ rotation
        return np.concatenate([rotation, -rotation @ place[:, None]], 1)


@dataclass
class Clip:
    """What happens, as functions of time.

    Attributes:
        size: (w, h) in pixels.
        rate: Frames a second; where some are missing, as if they were not.
        times: (T, ) in seconds.
        camera: (3, 3) intrinsics.
        shots: Cameras, and the times of the cuts between them.
        actors: The people; their numbers are their ids.
        things: Others that stand there.
        seed, number: Of the clip.
    """

    size: tuple[int, int]
    rate: float
    times: np.ndarray
    camera: np.ndarray
    shots: list[Shot]
    cuts: list[float]
    actors: list[Actor]
    things: list[Box]
    seed: int
    number: int

    def extrinsics(self, time: float) -> np.ndarray:
        """(3, 4) from the world to camera axes."""
        return self.shots[int(np.searchsorted(self.cuts, time, 'right'))].at(time)


@dataclass
class Truth:
    """What is known of every frame; points of people outside the image, too.

    Attributes:
        times: (T, ).
        size: (w, h) in pixels.
        rate: Nominal frames a second.
        camera: (3, 3) intrinsics.
        extrinsics: (T, 3, 4) from the world to camera axes.
        cuts: Times of cuts.
        keypoints: (T, P, 133, 2) pixels; NaN behind the camera.
        keypoints_3d_cam: (T, P, 133, 3) camera axes.
        world: (T, P, 133, 3).
        visible: (T, P, 133) uint8: 2 seen, 1 hidden, 0 outside the image.
        boxes: (T, P, 4) x1, y1, x2, y2 of the part within the image.
        shown: (T, P) share of the person's own pixels in the image that others and
            things leave uncovered; 0 outside.
        contacts: (T, P, 6): this point of the feet (17 to 22) stands.
        bones, parents: Names (B, ), and numbers of the parents, -1 of the root.
        joints: (T, P, B, 3) heads of the bones in the world.
        offsets: (P, B, 3) from a bone's parent to the bone where all rotations are
            0: the person stands upright with the arms 45 degrees down.
        rotations: (T, P, B, 4) unit quaternions x, y, z, w from there, relative to
            the parent, about the axes of the world.
    """

    times: np.ndarray
    size: tuple[int, int]
    rate: float
    camera: np.ndarray
    extrinsics: np.ndarray
    cuts: np.ndarray
    keypoints: np.ndarray
    keypoints_3d_cam: np.ndarray
    world: np.ndarray
    visible: np.ndarray
    boxes: np.ndarray
    shown: np.ndarray
    contacts: np.ndarray
    bones: np.ndarray
    parents: np.ndarray
    joints: np.ndarray
    offsets: np.ndarray
    rotations: np.ndarray

    def people(self, frame: int) -> People:
        """Those of whom ``SHOWN`` or more is seen in a frame, as results: points
        in the image score 1, others 0; the ids are the numbers of the people."""
        who = np.flatnonzero(self.shown[frame] >= SHOWN)
        points = self.keypoints_3d_cam[frame, who]
        return People(
            keypoints=self.keypoints[frame, who],
            scores=(self.visible[frame, who] > 0).astype(np.float32),
            boxes=self.boxes[frame, who],
            box_scores=np.ones(len(who), np.float32),
            keypoints_3d=points - points[:, HIPS].mean(1, keepdims=True),
            keypoints_3d_cam=points,
            ids=who,
        )

    def write(self, path: Path) -> None:
        """Writes an NPZ of the attributes."""
        np.savez_compressed(path, **vars(self))

    @classmethod
    def read(cls, path: str | Path) -> 'Truth':
        """Reads an NPZ of :meth:`write`."""
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        arrays['size'] = tuple(arrays['size'].tolist())
        arrays['rate'] = float(arrays['rate'])
        return cls(**arrays)


# -- what happens -------------------------------------------------------------


def make_clip(
    seed: int,
    number: int,
    body: Body,
    seconds: float = 10.0,
    size: tuple[int, int] = (480, 360),
    people: tuple[int, int] = (1, 5),
) -> Clip:
    """One clip of a set. Numbers say what is in it, so that any ten have
    everything: one person to most in turn, all kinds of cameras, things in front in
    every second one, a cut in every tenth, missing frames in every tenth.

    Args:
        seed: Of the set.
        number: Of the clip, from 0.
        body: The body model.
        seconds: > 0.
        size: (w, h) in pixels.
        people: Least and most of them.
    """
    rng = rng_of(seed, number)
    poses = PoseSampler(body)
    least, most = people
    count = least + number % (most - least + 1)
    actors = _people(rng, poses, body, count, seconds)
    rate = float(RATES[number % len(RATES)])
    times = np.arange(max(int(round(seconds * rate)), 1)) / rate
    if number % 10 == 3:
        times = times[(rng.uniform(size=len(times)) > 0.15) | (times == 0)]
    near = LANE * (count - 1) / 2
    focal = size[0] * rng.uniform(0.85, 1.1)
    camera = np.array(
        [[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]]
    )
    distance = near + rng.uniform(3.4, 4.4)
    cuts = [seconds * rng.uniform(0.4, 0.6)] if number % 10 == 7 else []
    kind = CAMERAS[number // 2 % len(CAMERAS)]
    shots = [_shot(rng, kind, actors, distance, seconds) for _ in range(len(cuts) + 1)]
    things = _things(rng, shots[0], near) if number % 2 else []
    for actor in actors:
        for seat in actor.course.seats:
            place = TO_WORLD @ seat.place
            sides = np.array([0.42, place[1], 0.4])
            things.append(Box(place * (1, 0, 1), sides, seat.heading))
    return Clip(size, rate, times, camera, shots, cuts, actors, things, seed, number)


def _people(rng, poses, body, count, seconds):
    """People in lanes, the first in the front one: they pass each other on the
    image, not in space."""
    actors = []
    walkers = rng.permutation(count) < max(1, round(0.6 * count))
    for lane in range(count):
        y = LANE * (lane - (count - 1) / 2)
        side = rng.choice([-1, 1])
        walks = walkers[lane] and count > 1
        x = side * rng.uniform(1.2, 2.6) if walks else rng.uniform(-0.8, 0.8)
        heading = -side * 90.0 if walks else rng.normal(0, 35)
        actor = Actor(rng, poses, body, np.array([x, y]), heading, -MARGIN)
        while actor.course.end < seconds + MARGIN:
            if walks:
                _cross(rng, actor, y)
            else:
                _stay(rng, actor, y, deepest=lane == count - 1, alone=count == 1)
        _gesture(rng, actor)
        actors.append(actor)
    return actors


def _cross(rng, actor, y) -> None:
    """Walks to the other side along a lane."""
    if rng.uniform() < 0.3:
        actor.course.stand(rng.uniform(0.2, 1.2))
    x = -np.sign(actor.course.place[0]) * rng.uniform(0.8, 2.8)
    actor.course.walk((x, y + rng.uniform(-0.1, 0.1)), rng.uniform(0.8, 1.5))


def _stay(rng, actor, y, deepest, alone) -> None:
    """Does something at one place; alone, walks about as well."""
    course = actor.course
    kinds = ['stand', 'turn', 'squat'] + ['sit'] * deepest + ['walk'] * 3 * alone
    kind = rng.choice(kinds)
    if kind == 'stand':
        course.stand(rng.uniform(0.8, 2.5))
    elif kind == 'turn':
        course.turn(rng.normal(0, 60))
    elif kind == 'squat':
        course.squat()
    elif kind == 'sit':
        course.turn(rng.normal(0, 40))
        course.sit(rng.uniform(0.8, 2))
    else:
        course.walk(rng.uniform((-1.1, -0.8), (1.1, 1.2)), rng.uniform(0.7, 1.4))


def _gesture(rng, actor) -> None:
    """Poses of trunk, arms, hands and face, one after the other."""
    course = actor.course
    time = course.start
    actor.hold(rng, time, 0.5)
    while (time := time + 0.5) < course.end:
        seconds = rng.uniform(0.6, 1.3)
        walks = any(start - 0.5 < time < end for start, end in course.walks)
        if walks and rng.uniform() < 0.75:
            actor.hold(rng, time, seconds, ('hanging', 'hanging'))
        elif rng.uniform() < 0.2:
            seconds = rng.uniform(2, 3.5)
            actor.wave(rng, time, seconds)
        else:
            actor.hold(rng, time, seconds)
        time += seconds + (rng.uniform(0, 1.2) if rng.uniform() < 0.6 else 0)


def _shot(rng, kind, actors, distance, seconds) -> Shot:
    azimuth = np.radians(rng.uniform(-30, 30))
    height = rng.uniform(0.9, 2.1)
    place = np.array([distance * np.sin(azimuth), height, distance * np.cos(azimuth)])
    count = int((seconds + 2 * MARGIN) * RATE) + 1
    target = np.tile([rng.normal(0, 0.1), rng.uniform(0.8, 1.0), 0], (count, 1))
    drift = np.zeros(3)
    shake = np.zeros((3, 3, 1))
    if kind == 'pan':
        # Follows one of them, slowly.
        rows = np.concatenate(actors[rng.integers(len(actors))].course.rows)[:count]
        wanted = rows[:, :2] @ TO_WORLD[[0, 2], :2].T
        target[:, [0, 2]] = gaussian_filter1d(0.8 * wanted, 0.4 * RATE, axis=0)
    elif kind == 'dolly':
        drift = np.array([rng.choice([-1, 1]) * rng.uniform(0.1, 0.25), 0, 0])
        drift[2] = rng.uniform(-0.08, 0.08)
        place = place - drift * seconds / 2
    if kind in ('hand', 'pan'):
        shake = np.stack(
            [
                rng.uniform(0.05, 0.35, (3, 4)),
                rng.uniform(0.2, 2.5, (3, 4)),
                rng.uniform(0, 2 * np.pi, (3, 4)),
            ],
            1,
        )
    return Shot(place, target, drift, shake)


def _things(rng, shot, near) -> list[Box]:
    """One or two things between the camera and the people."""
    boxes = []
    for x in rng.permutation([-0.7, 0.8])[: rng.integers(1, 3)]:
        sides = [(0.25, 2.3, 0.25), (0.9, 1.7, 0.08), (1.2, 0.75, 0.5)][rng.integers(3)]
        place = np.array([x + rng.normal(0, 0.2), 0, near + rng.uniform(0.75, 0.95)])
        boxes.append(Box(place, np.array(sides), rng.uniform(-20, 20)))
    return boxes


# -- the truth ------------------------------------------------------------------


def in_camera(points: np.ndarray, extrinsics: np.ndarray) -> np.ndarray:
    """(..., 3) of the world in camera axes, of the same type."""
    moved = points @ extrinsics[:, :3].T + extrinsics[:, 3]
    return moved.astype(points.dtype)


@one_thread
def find_truth(clip: Clip) -> Truth:
    """The truth of all frames; no pictures are needed."""
    body = clip.actors[0].body
    frames = [_frame(clip, time) for time in clip.times]
    arrays = {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}
    feet = arrays['world'][:, :, PARTS['feet'].start : PARTS['feet'].stop]
    speed = np.zeros(feet.shape[:3])
    if len(clip.times) > 1:
        speed = np.linalg.norm(np.gradient(feet, clip.times, axis=0), axis=-1)
    return Truth(
        times=clip.times,
        size=clip.size,
        rate=clip.rate,
        camera=clip.camera,
        cuts=np.array(clip.cuts),
        contacts=(feet[..., 1] < FLOOR) & (speed < STILL),
        bones=np.array(list(body.bones)),
        parents=np.array(body.parents),
        offsets=np.stack([_offsets(actor) for actor in clip.actors]).astype(np.float32),
        **arrays,
    )


def _offsets(actor):
    body = actor.body
    upright = np.tile(np.eye(3), (len(body.bones), 1, 1))
    heads = body.pose(body.shape(actor.figure, actor.changes), upright)[1] @ TO_WORLD.T
    return heads - np.where(body.parents[:, None] < 0, 0, heads[body.parents])


def _frame(clip, time):
    """The arrays of one frame."""
    extrinsics = clip.extrinsics(time)
    camera = clip.camera.astype(np.float32)
    shape = clip.size[::-1]
    body = clip.actors[0].body
    nothing = np.zeros(len(body.faces), bool)
    rows, layers = [], []
    for actor in clip.actors:
        vertices, heads, rotations = actor.at(time)
        space = in_camera(vertices @ TO_WORLD.T.astype(np.float32), extrinsics)
        world = body.keypoints(vertices, heads) @ TO_WORLD.T
        rows.append(
            dict(
                world=world,
                keypoints_3d_cam=in_camera(world, extrinsics),
                joints=heads @ TO_WORLD.T,
                rotations=Rotation.from_matrix(
                    TO_WORLD @ rotations @ TO_WORLD.T
                ).as_quat(),
                boxes=flat_bounds(space) @ clip.camera[:2, :2].T + clip.camera[:2, 2],
            )
        )
        layers.append(_depth(space, body.faces, nothing, camera, shape))
    for thing in clip.things:
        vertices, faces, _ = thing.mesh()
        space = in_camera(vertices, extrinsics)
        layers.append(_depth(space, faces, np.zeros(len(faces), bool), camera, shape))
    layers = np.stack(layers)
    owner, depth = layers.argmax(0), layers.max(0)
    last = np.array(clip.size) - 1
    for number, row in enumerate(rows):
        space = row['keypoints_3d_cam']
        ahead = space[:, 2] > raster.NEAR
        points = space @ clip.camera.T
        with np.errstate(divide='ignore', invalid='ignore'):
            points = np.where(ahead[:, None], points[:, :2] / points[:, 2:], np.nan)
        inside = ahead & (points >= -0.5).all(1) & (points <= last + 0.5).all(1)
        row['keypoints'] = points
        row['visible'] = visibility(space, points, inside, depth, owner, number)
        row['boxes'] = row['boxes'].clip(0, last).reshape(4)
        alone = (layers[number] > 0).sum()
        left = ((owner == number) & (depth > 0)).sum()
        row['shown'] = left / alone if alone else 0.0
    arrays = {
        name: np.stack([row[name] for row in rows]).astype(np.float32)
        for name in rows[0]
    }
    arrays['visible'] = arrays['visible'].astype(np.uint8)
    return dict(arrays, extrinsics=extrinsics)


def _depth(space, faces, hidden, camera, shape):
    """(H, W) float32: 1 / z of a mesh alone, 0 where it is not."""
    depth = np.zeros(shape, np.float32)
    ids = np.empty(shape, np.int32)
    raster.rasterise(raster.project(space, camera), faces, hidden, 0, depth, ids)
    return depth


def write_clip(
    clip: Clip, folder: Path, pictures: Iterable[np.ndarray] | None = None
) -> Truth:
    """Writes ``truth.npz``, which :meth:`Truth.read` reads, ``keypoints.npz``, the
    same as results, which :func:`rtmw_ext.output.read` reads, and the video, whose
    name is that of the folder with ``.mp4``.

    Args:
        clip: What happens.
        folder: Made if missing.
        pictures: (H, W, 3) uint8 BGR of each frame. None writes no video.

    Returns:
        The truth.
    """
    truth = find_truth(clip)
    folder.mkdir(parents=True, exist_ok=True)
    if pictures is not None:
        with VideoWriter(folder.with_suffix('.mp4'), clip.rate) as video:
            for time, picture in zip(clip.times.tolist(), pictures):
                video.write(picture, time)
    name, count = folder.name, len(clip.times)
    results = FORMATS['npz'](folder)
    settings = dict(seed=clip.seed, number=clip.number)
    results.run = Run(settings=settings, camera=dict(K=clip.camera, size=clip.size))
    results.begin(Source(name, None, 'video', clip.size, clip.rate, count))
    for frame, time in enumerate(clip.times.tolist()):
        results.add(name, frame, truth.people(frame), time)
    results.end()
    results.close()
    # Last: where it is, the clip is whole.
    part = folder / '.truth.npz'
    truth.write(part)
    part.replace(folder / 'truth.npz')
    return truth
