"""Scenes of synthetic people: cameras, lights, backgrounds, things in front,
and the picture with its exact truth.

Shapes: P people, K = 133 points; images are (H, W, 3) uint8 BGR; sizes are
(W, H); pixels have whole numbers at their centres.  Camera axes: x right, y
down, z away, in metres.  Every scene comes from a seed alone and renders
bit-equal again.

Visibility of a point, as in COCO: 2 seen, 1 hidden (by the body itself, by
others, by things) but labelled, 0 outside the image.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from threadpoolctl import ThreadpoolController

from ..core.skeleton import FIELDS, NUM_KEYPOINTS
from . import raster
from .appearance import Appearance, Wardrobe, any_color
from .body import Body, vertex_normals
from .poses import PoseSampler, sample_phenotype, turn

TO_CAMERA = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
# How far under the surface a point may lie to count as seen, in metres:
# joints of the trunk and limbs are inside the body, under clothes.
TOLERANCE = np.concatenate(
    [
        np.full(5, 0.05),
        np.full(2, 0.12),
        np.full(4, 0.075),
        np.full(2, 0.16),
        np.full(4, 0.09),
        np.full(6, 0.05),
        np.full(68, 0.02),
        np.full(42, 0.03),
    ]
)


@dataclass
class Person:
    """A posed person in camera axes."""

    vertices: np.ndarray
    keypoints_3d: np.ndarray
    appearance: object
    family: str


@dataclass
class Mesh:
    """Something to draw, in camera axes.

    Attributes:
        owner: Number of the person or thing.
        vertices: (V, 3) float32.
        faces: (F, 3) int32.
        rest: (V, 3) float32, where patterns are fixed.
        hidden: (F, ) bool, triangles to leave out.
        kinds: (F, ) uint8, rows of the materials.
        appearance: Of the owner.
        bare: Nothing is worn over it, and it has no face.
    """

    owner: int
    vertices: np.ndarray
    faces: np.ndarray
    rest: np.ndarray
    hidden: np.ndarray
    kinds: np.ndarray
    appearance: Appearance
    bare: bool = True


@dataclass
class Sample:
    """A picture and its truth.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        camera: (3, 3) intrinsics in pixels of the image.
        keypoints: (P, 133, 2) pixels, also of points outside the image.
        keypoints_3d: (P, 133, 3) camera axes, metres.
        visible: (P, 133) uint8, 2 seen, 1 hidden, 0 outside.
        boxes: (P, 4) x1, y1, x2, y2 of the part within the image.
        shown: (P,) share of the person's own pixels that others and things
            leave uncovered.
        photo_box: x1, y1, x2, y2 of the photo within the image; black around it.
        families: Names of the poses.
    """

    image: np.ndarray
    camera: np.ndarray
    keypoints: np.ndarray
    keypoints_3d: np.ndarray
    visible: np.ndarray
    boxes: np.ndarray
    shown: np.ndarray
    photo_box: tuple
    families: list = field(default_factory=list)


def flat_bounds(vertices: np.ndarray) -> np.ndarray:
    """(2, 2) least and greatest x/z and y/z of (V, 3)."""
    return raster.bounds(vertices[:, :2] / vertices[:, 2:])


def visibility(
    space: np.ndarray,
    points: np.ndarray,
    inside: np.ndarray,
    depth: np.ndarray,
    owner: np.ndarray,
    number: int,
    fine: int = 1,
    covered: np.ndarray | None = None,
) -> np.ndarray:
    """Whether the points of a person are seen.

    Args:
        space: (133, 3) camera axes, metres.
        points: (133, 2) pixels.
        inside: (133, ) bool, within the image.
        depth: (H, W) 1 / z of what is in front, 0 where nothing is.
        owner: (H, W) the number of whom it belongs to.
        number: The person's.
        fine: Pixels of ``depth`` a pixel, along a side.
        covered: (H, W) bool, by things without depth.

    Returns:
        (133, ) uint8: 2 seen, 1 hidden, 0 outside.
    """
    visible = inside.astype(np.uint8)
    kept = np.flatnonzero(inside)
    at = np.round(points[kept] * fine + (fine - 1) / 2)
    x, y = at.clip(0, np.array(depth.shape[::-1]) - 1).astype(int).T
    front = depth[y, x]
    with np.errstate(divide='ignore'):
        gap = space[kept, 2] - 1 / front
    # Somebody else in front hides it, however near.
    hidden = gap > np.where(owner[y, x] == number, TOLERANCE[kept], 0.01)
    hidden &= front > 0
    if covered is not None:
        hidden |= covered[y, x]
    visible[kept[~hidden]] = 2
    return visible


@functools.lru_cache(maxsize=1)
def _blas():
    """The BLAS of this process."""
    return ThreadpoolController().select(user_api='blas')


def one_thread(method: Callable) -> Callable:
    """Runs a method with one BLAS thread: its products are so small that more
    only wait for each other, and take twice the processor time."""

    @functools.wraps(method)
    def call(*args, **kwargs):
        with _blas().limit(limits=1):
            return method(*args, **kwargs)

    return call


def rng_of(seed: int, index: int) -> np.random.Generator:
    """The generator of sample ``index`` of a set."""
    return np.random.default_rng((int(seed), int(index)))


class SceneMaker:
    """Draws and renders scenes.

    Args:
        backgrounds: Folder of images to use behind
            people besides the procedural ones.
        body: The body model.
    """

    def __init__(
        self, backgrounds: str | Path | None = None, body: Body | None = None
    ) -> None:
        self.body = body or shared_body()
        self.poses = PoseSampler(self.body)
        self.wardrobe = Wardrobe(self.body)
        self.photos = []
        if backgrounds:
            from ..core.images import list_images

            self.photos = list_images(backgrounds)

    # -- people ------------------------------------------------------------

    def person(self, rng: np.random.Generator, yaw: float | None = None) -> tuple:
        """A random person around the origin, in the axes of the body.

        Returns:
            Vertices (V, 3), points (133, 3), appearance, family.
        """
        body = self.body
        figure, changes = sample_phenotype(rng, body)
        rotations, family = self.poses.sample(rng)
        actions, gaze = self.poses.face(rng)
        for bone, rotation in gaze.items():
            rotations[body.bones[bone]] = rotation
        if yaw is None:
            yaw = rng.normal(0, 45) if rng.uniform() < 0.65 else rng.uniform(-180, 180)
        rotations[0] = turn((0, 0, 1), yaw) @ rotations[0]
        appearance = self.wardrobe.sample(rng)
        vertices, heads = body.pose(body.shape(figure, changes, actions), rotations)
        return vertices, body.keypoints(vertices, heads), appearance, family

    def _dress(self, vertices, appearance):
        """Clothes and hair stand off the skin."""
        normals = vertex_normals(vertices, self.body.faces)
        return vertices + appearance.puff[:, None] * normals

    def _skirt(self, vertices, keypoints, appearance):
        """(vertices, faces, rest) of a skirt around both legs."""
        length, flare, _ = appearance.skirt
        count, rings = 24, 9
        angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
        hips, knees, feet = (keypoints[11:13], keypoints[13:15], keypoints[15:17])
        leg = np.linalg.norm(hips - knees, axis=1).mean()
        out, rest = [], []
        lateral = hips[0] - hips[1]
        lateral /= np.linalg.norm(lateral)
        for t in np.linspace(-0.12, length, rings):
            if t < 0.5:
                points = hips + (knees - hips) * t * 2
            else:
                points = knees + (feet - knees) * (t - 0.5) * 2
            along = (points - hips).mean(0) if t > 0.05 else (knees - hips).mean(0)
            across = points[0] - points[1]
            width = np.linalg.norm(across) / 2
            across = across / (2 * width) if width > 0.04 else lateral
            ahead = np.cross(across, along)
            ahead /= np.linalg.norm(ahead)
            radius = leg * (0.30 - 0.1 * max(t, 0)) + flare * max(t, 0)
            out.append(
                points.mean(0)
                + np.cos(angles)[:, None] * across * (width + radius * 0.55)
                + np.sin(angles)[:, None] * ahead * radius
            )
            rest.append(
                np.stack([angles * 0.15, np.zeros(count), np.full(count, -t * 0.9)], 1)
            )
        faces = []
        for r in range(rings - 1):
            for i in range(count):
                a, b = r * count + i, r * count + (i + 1) % count
                c, d = a + count, b + count
                faces += [(a, b, c), (b, d, c), (a, c, b), (b, c, d)]
        return (
            np.concatenate(out).astype(np.float32),
            np.array(faces, np.int32),
            np.concatenate(rest).astype(np.float32),
        )

    # -- cropped people: training ------------------------------------------

    @one_thread
    def crop(self, rng: np.random.Generator, size: tuple[int, int]) -> Sample:
        """A scene around one labelled person, as a top-down model sees it.

        The person is whole, cut by the photo's border, only an upper body or
        a close-up, at any resolution, partly covered, with others near.

        Args:
            rng: Of :func:`rng_of`.
            size: (W, H) of the picture.

        Returns:
            Sample: Of one person (P = 1).
        """
        vertices, keypoints, appearance, family = self.person(rng)
        framing = rng.choice(
            ['whole', 'upper', 'closeup', 'cut'], p=[0.52, 0.22, 0.1, 0.16]
        )
        if framing == 'closeup':
            distance = np.exp(rng.uniform(np.log(0.7), np.log(3)))
        else:
            distance = np.exp(rng.uniform(np.log(1.4), np.log(12)))
        turned = self._camera_turn(rng)
        aim = (
            turn((0, 1, 0), rng.normal(0, 10))
            @ turn((1, 0, 0), rng.normal(0, 7))
            @ np.array([0, 0, distance])
        )
        middle = raster.bounds(vertices).mean(0)
        if framing == 'closeup':
            middle = keypoints[:5].mean(0) * 0.8 + middle * 0.2

        def to_camera(points, center=middle, at=aim):
            return (points - center) @ turned.T + at

        near = raster.bounds(to_camera(vertices))[0, 2]
        if near < 0.3:
            aim = aim * (1 + (0.3 - near) / distance)
        person = Person(
            to_camera(vertices, at=aim).astype(np.float32),
            to_camera(keypoints, at=aim),
            appearance,
            family,
        )
        people = [person]
        others = rng.choice(3, p=[0.62, 0.28, 0.1])
        for _ in range(others):
            people.append(self._neighbour(rng, person, turned))

        low, high = flat_bounds(person.vertices)
        border = self._border(rng, framing, person, low, high)
        low, high = np.maximum(low, border[:2]), np.minimum(high, border[2:])
        side = (high - low) * rng.uniform(1.3, 1.6)
        scale = min(size[0] / side[0], size[1] / side[1])
        center = (low + high) / 2 + (rng.uniform(-0.05, 0.05, 2) * (high - low))
        camera = np.array(
            [
                [scale, 0, (size[0] - 1) / 2 - scale * center[0]],
                [0, scale, (size[1] - 1) / 2 - scale * center[1]],
                [0, 0, 1],
            ]
        )
        corners = np.concatenate([border[:2], border[2:]])
        photo_box = corners * scale + np.tile(camera[:2, 2], 2)
        limit = np.array([*size, *size])
        photo_box = np.clip(np.round(photo_box), -1, limit)
        # Detail that a small person in a photo has.
        detail = np.exp(rng.uniform(np.log(0.16), 0)) if rng.uniform() < 0.45 else 1.0
        return self.render(rng, people, 1, camera, size, photo_box, detail)

    def _camera_turn(self, rng):
        pitch = np.clip(rng.normal(4, 14), -35, 75)
        roll = rng.normal(0, 5)
        return turn((0, 0, 1), roll) @ turn((1, 0, 0), pitch) @ TO_CAMERA

    def _neighbour(self, rng, person, turned):
        """Somebody near a person, in front or behind."""
        vertices, keypoints, appearance, family = self.person(rng)
        middle = raster.bounds(vertices).mean(0)
        center = person.vertices.mean(0)
        depth = center[2] * np.exp(rng.normal(0.25, 0.35))
        if rng.uniform() < 0.2:
            depth = center[2] - rng.uniform(0.3, 0.8)
        width = np.ptp(raster.bounds(person.vertices)[:, 0])
        shift = rng.choice([-1, 1]) * (rng.uniform(0.25, 1.3) * width + 0.1)
        at = np.array(
            [
                (center[0] + shift) * max(depth, 0.8) / center[2],
                center[1] * max(depth, 0.8) / center[2] + rng.normal(0, 0.15),
                max(depth, 0.8),
            ]
        )
        in_camera = (vertices - middle) @ turned.T + at
        near = raster.bounds(in_camera)[0, 2]
        if near < 0.35:
            at = at + np.array([0, 0, 0.35 - near])
            in_camera = (vertices - middle) @ turned.T + at
        return Person(
            in_camera.astype(np.float32),
            (keypoints - middle) @ turned.T + at,
            appearance,
            family,
        )

    @staticmethod
    def _border(rng, framing, person, low, high):
        """Where the photo ends, on the plane z = 1."""
        far = 10 * (high - low).max() + np.abs([low, high]).max()
        border = nothing = np.array([-far, -far, far, far])
        border = border.copy()
        points = person.keypoints_3d
        points = points[:, :2] / points[:, 2:]
        span = high - low
        if framing == 'upper':
            chest = points[[5, 6, 11, 12], 1].mean()
            border[3] = chest + rng.uniform(0, 1) * (points[[13, 14], 1].mean() - chest)
        elif framing == 'closeup':
            head = points[FIELDS['face_kpts']]
            tall = np.ptp(head[:, 1]) + np.ptp(head[:, 0])
            middle = head.mean(0)
            border[:2] = middle - tall * rng.uniform(0.7, 2, 2)
            border[2:] = middle + tall * rng.uniform(0.6, 2.2, 2)
        elif framing == 'cut':
            for side in rng.choice(4, rng.integers(1, 3), replace=False):
                axis = side % 2
                part = rng.uniform(0.08, 0.5) * span[axis]
                border[side] = low[axis] + part if side < 2 else high[axis] - part
        if rng.uniform() < 0.25:  # near the border, but not cut
            side = rng.integers(4)
            axis = side % 2
            room = rng.uniform(0, 0.2) * span[axis]
            if side < 2:
                border[side] = max(border[side], low[axis] - room)
            else:
                border[side] = min(border[side], high[axis] + room)
        inside = ((points > border[:2]) & (points < border[2:])).all(1)
        rest = np.minimum(high, border[2:]) - np.maximum(low, border[:2])
        # A photo that shows next to nothing of somebody is of no use.
        if inside[FIELDS['keypoints']].sum() < 4 or (rest < 0.2 * span).any():
            return nothing
        return border

    # -- whole photos: evaluation, detectors --------------------------------

    @one_thread
    def photo(
        self,
        rng: np.random.Generator,
        size: tuple[int, int],
        people: tuple[int, int] = (1, 4),
    ) -> Sample:
        """A whole photo of several people.

        Args:
            rng: Of :func:`rng_of`.
            size: (W, H).
            people: Least and most people.

        Returns:
            Sample: People of whom nothing can be seen are left out, so that
            P may be less than drawn, even 0.
        """
        width, height = size
        focal = max(size) * np.exp(rng.uniform(np.log(0.7), np.log(2.2)))
        camera = np.array(
            [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]]
        )
        turned = self._camera_turn(rng)
        count = int(rng.integers(people[0], people[1] + 1))
        crowd = []
        for slot in rng.permutation(count):
            vertices, keypoints, appearance, family = self.person(rng)
            middle = raster.bounds(vertices).mean(0)
            tall = np.ptp(raster.bounds(vertices @ turned.T), axis=0)
            share = np.exp(rng.uniform(np.log(0.2), np.log(1.5))) / (
                1 + 0.15 * (count - 1)
            )
            depth = focal * max(tall[1] / height, 0.6 * tall[0] / width) / share
            depth = max(depth, 0.8)
            u = (slot + rng.uniform(0.15, 0.85)) / count * width
            v = height * (0.5 + rng.normal(0, 0.1) + max(share - 1, 0) * 0.45)
            at = np.array(
                [
                    (u - camera[0, 2]) / focal * depth,
                    (v - camera[1, 2]) / focal * depth,
                    depth,
                ]
            )
            in_camera = (vertices - middle) @ turned.T + at
            near = raster.bounds(in_camera)[0, 2]
            if near < 0.25:
                at = at + np.array([0, 0, 0.25 - near])
                in_camera = (vertices - middle) @ turned.T + at
            crowd.append(
                Person(
                    in_camera.astype(np.float32),
                    (keypoints - middle) @ turned.T + at,
                    appearance,
                    family,
                )
            )
        photo_box = np.array([0, 0, width - 1, height - 1])
        detail = rng.uniform(0.5, 1) if rng.uniform() < 0.3 else 1.0
        return self.render(rng, crowd, count, camera, size, photo_box, detail)

    # -- the picture ---------------------------------------------------------

    def render(
        self,
        rng: np.random.Generator,
        people: list[Person],
        labelled: int,
        camera: np.ndarray,
        size: tuple[int, int],
        photo_box: np.ndarray,
        detail: float = 1.0,
    ) -> Sample:
        """Renders people; the first ``labelled`` of them get truth.

        Args:
            rng: Lights, background, things in front,
                camera noise.
            people: In camera axes.
            labelled: How many of them, from the first, to label.
            camera: (3, 3) intrinsics for ``size``.
            size: (W, H).
            photo_box: x1, y1, x2, y2 of the photo; black outside.
            detail: Share of the resolution that is left, 0 to 1.

        Returns:
            Sample: See there.
        """
        fine = 2
        width, height = size
        # Pixel centres of the fine picture: u' = 2 u + 0.5.
        enlarged = camera.copy()
        enlarged[:2] *= fine
        enlarged[:2, 2] += (fine - 1) / 2
        enlarged = enlarged.astype(np.float32)
        meshes = self.meshes(people)
        lights, ambient = self.lights(rng)
        canvas, alpha, depth, owner = self.draw(
            meshes,
            enlarged,
            (height * fine, width * fine),
            lights,
            ambient,
            self.shadow(lights[0, :3], meshes),
        )
        alpha = cv2.resize(
            alpha.astype(np.float32), size, interpolation=cv2.INTER_AREA
        )[..., None]
        figure = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
        scene = self.background(rng, size) * (1 - alpha) + figure
        exposure = np.exp(rng.normal(0, 0.3))
        picture = cv2.pow(np.clip(scene * np.float32(exposure), 0, 1), 1 / 2.2)
        cover = np.zeros((height, width), np.uint8)
        self._things(rng, people, camera, picture, cover, photo_box)
        image = self._develop(rng, picture, detail)
        x1, y1, x2, y2 = (int(v) for v in photo_box)
        outside = np.ones((height, width), bool)
        outside[max(y1, 0) : y2 + 1, max(x1, 0) : x2 + 1] = False
        image[outside] = 0
        return self._truth(
            people[:labelled], camera, image, photo_box, depth, owner, cover, fine
        )

    def meshes(self, people: list[Person]) -> list[Mesh]:
        """Dressed people, whose numbers are those of the list."""
        body, wardrobe = self.body, self.wardrobe
        meshes = []
        for number, person in enumerate(people):
            dressed = self._dress(person.vertices, person.appearance)
            meshes.append(
                Mesh(
                    number,
                    dressed,
                    body.faces,
                    body.template,
                    wardrobe.hidden,
                    wardrobe.kinds,
                    person.appearance,
                    bare=False,
                )
            )
            if person.appearance.skirt:
                cloth, faces, rest = self._skirt(
                    person.vertices, person.keypoints_3d, person.appearance
                )
                kinds = np.full(len(faces), person.appearance.skirt[2], np.uint8)
                hidden = np.zeros(len(faces), bool)
                meshes.append(
                    Mesh(number, cloth, faces, rest, hidden, kinds, person.appearance)
                )
        return meshes

    def draw(
        self,
        meshes: list[Mesh],
        camera: np.ndarray,
        shape: tuple[int, int],
        lights: np.ndarray,
        ambient: np.ndarray,
        shadow: tuple[np.ndarray, np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Draws meshes in front of nothing.

        Args:
            meshes: What to draw.
            camera: (3, 3) float32 intrinsics.
            shape: (H, W).
            lights: As of :func:`raster.shade`.
            ambient: Likewise.
            shadow: Of :meth:`shadow`.

        Returns:
            Linear RGB (H, W, 3), 0 where nothing is; bool (H, W), where something
            is; 1 / z (H, W); the owner (H, W), -1 where nothing is.
        """
        wardrobe = self.wardrobe
        ids = np.full(shape, -1, np.int32)
        depth = np.zeros(shape, np.float32)
        base, placed = 0, []
        for mesh in meshes:
            points = raster.project(mesh.vertices, camera)
            raster.rasterise(points, mesh.faces, mesh.hidden, base, depth, ids)
            placed.append((mesh, points, base))
            base += len(mesh.faces)
        canvas = np.zeros((*shape, 3), np.float32)
        owner = np.full(shape, -1, np.int16)
        for mesh, points, base in placed:
            appearance = mesh.appearance
            low, high = np.clip(
                raster.bounds(points)[:, :2] + [[0], [2]], 0, ids.shape[::-1]
            )
            raster.shade(
                ids,
                base,
                points,
                mesh.faces,
                vertex_normals(mesh.vertices, mesh.faces),
                mesh.vertices,
                mesh.rest,
                mesh.kinds,
                appearance.layers[:0, :0] if mesh.bare else appearance.layers,
                appearance.layer_kinds,
                appearance.materials,
                appearance.paint[:0] if mesh.bare else appearance.paint,
                wardrobe.brows,
                wardrobe.eyes,
                appearance.brow,
                appearance.eye,
                lights,
                ambient,
                *shadow,
                (*low.astype(int), *high.astype(int)),
                mesh.owner,
                owner,
                canvas,
            )
        return canvas, ids >= 0, depth, owner

    def _truth(self, people, camera, image, photo_box, depth, owner, cover, fine):
        height, width = image.shape[:2]
        low = np.maximum(np.array(photo_box[:2], float), 0)
        high = np.minimum(np.array(photo_box[2:], float), (width - 1, height - 1))
        covered = (
            cv2.resize(cover, owner.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        )
        rows = []
        for number, person in enumerate(people):
            space = person.keypoints_3d
            flat = space @ camera.T
            points = flat[:, :2] / flat[:, 2:]
            inside = ((points >= low - 0.5) & (points <= high + 0.5)).all(1)
            visible = visibility(
                space, points, inside, depth, owner, number, fine, covered
            )
            first, last = (
                flat_bounds(person.vertices) @ camera[:2, :2].T + camera[:2, 2]
            )
            box = np.concatenate([np.maximum(first, low), np.minimum(last, high)])
            # What the photo shows, against what others leave of it.
            left = ((owner == number) & ~covered).sum() / fine**2
            shown = left / max(
                self._silhouette(person, camera, (width, height), low, high), 1
            )
            if (box[2:] - box[:2]).min() < 1 or not visible.any():
                shown = 0.0
            rows.append((points, space, visible, box, min(shown, 1.0), person.family))
        if len(rows) > 1 or not rows:
            rows = [row for row in rows if row[4] > 0.04]
        kept = [np.array([row[i] for row in rows]) for i in range(5)]
        shapes = ((NUM_KEYPOINTS, 2), (NUM_KEYPOINTS, 3), (NUM_KEYPOINTS,), (4,), ())
        kept = [array.reshape(-1, *shape) for array, shape in zip(kept, shapes)]
        return Sample(
            image,
            camera,
            *kept,
            photo_box=tuple(float(v) for v in (*low, *high)),
            families=[row[5] for row in rows],
        )

    def _silhouette(self, person, camera, size, low, high):
        """Pixels of a person alone within the photo."""
        scale = 0.25
        small = camera.copy()
        small[:2] *= scale
        points = raster.project(person.vertices, small.astype(np.float32))
        shape = (int(size[1] * scale) + 1, int(size[0] * scale) + 1)
        ids = np.full(shape, -1, np.int32)
        raster.rasterise(
            points,
            self.body.faces,
            self.wardrobe.hidden,
            0,
            np.zeros(shape, np.float32),
            ids,
        )
        x1, y1 = (low * scale).astype(int)
        x2, y2 = (high * scale).astype(int)
        return (ids[y1 : y2 + 1, x1 : x2 + 1] >= 0).sum() / scale**2

    @staticmethod
    def shadow(
        direction: np.ndarray, meshes: list[Mesh], size: int = 288
    ) -> tuple[np.ndarray, np.ndarray]:
        """What a light sees: :func:`raster.sun_view`, and (size, size) float32,
        how near to it.

        Args:
            direction: (3, ) to the light.
            meshes: That throw shadows.
            size: Of the view in pixels.
        """
        near = np.zeros((size, size), np.float32)
        ids = np.empty(near.shape, np.int32)
        vertices = [mesh.vertices for mesh in meshes] or [np.zeros((1, 3), np.float32)]
        sun = raster.sun_view(direction, np.concatenate(vertices), size)
        for mesh in meshes:
            raster.rasterise(
                mesh.vertices @ sun[:, :3].T + sun[:, 3],
                mesh.faces,
                np.zeros(len(mesh.faces), bool),
                0,
                near,
                ids,
            )
        return sun, near

    @staticmethod
    def lights(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Directions to the lights and colours; ambient below, above."""
        lights = []
        strength = rng.uniform(0.5, 1.6)
        for _ in range(rng.integers(1, 4)):
            direction = rng.normal(0, 1, 3) + (0, -0.8, -0.7)
            direction /= np.linalg.norm(direction)
            tint = 1 + rng.normal(0, 0.12) * np.array([1, 0, -1])
            lights.append([*direction, *(strength * tint)])
            strength *= rng.uniform(0.2, 0.7)
        ambient = (
            rng.uniform(0.15, 0.7)
            * (1 + rng.normal(0, 0.08, (2, 3)))
            * [[rng.uniform(0.4, 0.9)], [1]]
        )
        return (
            np.array(lights, np.float32),
            np.maximum(ambient, 0.02).astype(np.float32),
        )

    def background(self, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) float32 linear RGB."""
        width, height = size
        if self.photos and rng.uniform() < 0.7:
            return self._photo_background(rng, size)
        image = self.surface(rng, size)
        if rng.uniform() < 0.5:  # wall and floor
            horizon = int(height * rng.uniform(0.3, 0.95))
            image[horizon:] = self.surface(rng, size)[horizon:]
        if rng.uniform() < 0.15:  # a mosaic
            cells = int(np.exp(rng.uniform(np.log(3), np.log(60))))
            field = rng.uniform(0, 1, (cells, cells, 1)) + rng.uniform(
                -0.5, 0.5, (cells, cells, 3)
            ) * rng.choice([0, 0.3, 1])
            field = cv2.resize(
                field.astype(np.float32),
                size,
                interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_NEAREST])),
            )
            image = image * (1 + rng.uniform(0.1, 0.9) * (field - 0.5) * 2)
        image = np.ascontiguousarray(np.clip(image, 0, 1), dtype=np.float32)
        for _ in range(rng.choice([0, 4, 12, 30], p=[0.2, 0.3, 0.3, 0.2])):
            self._shape(
                rng,
                image,
                rng.uniform(0, 1, 2) * size,
                np.exp(rng.uniform(np.log(0.02), np.log(0.5))) * max(size),
            )
        if rng.uniform() < 0.3:
            self._grid(rng, image)
        if rng.uniform() < 0.6:
            sigma = np.exp(rng.uniform(np.log(0.5), np.log(6)))
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        return np.clip(image, 0, 1)

    @staticmethod
    def surface(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) float32: a gradient, or a texture whose detail falls with
        its size as that of photos does."""
        width, height = size
        if rng.uniform() < 0.35:
            return cv2.resize(
                np.stack([any_color(rng) for _ in range(4)])
                .reshape(2, 2, 3)
                .astype(np.float32),
                size,
            )
        field = np.zeros((height, width), np.float32)
        roughness = rng.uniform(0.45, 0.9)
        stretch = np.exp(rng.normal(0, 0.5))
        strength, cells = 1.0, 2
        while cells < max(size):
            lattice = rng.standard_normal(
                (max(int(cells / stretch), 2), max(int(cells * stretch), 2)),
                dtype=np.float32,
            )
            field += strength * cv2.resize(
                lattice, size, interpolation=cv2.INTER_LINEAR
            )
            strength *= roughness
            cells *= 2
        field -= field.min()
        field /= max(field.max(), 1e-6)
        if rng.uniform() < 0.3:  # hard edges, as leaves or rubble
            field = np.floor(field * rng.integers(2, 7)) / 6
        palette = np.stack([any_color(rng) for _ in range(3)])
        palette = palette.mean(0) + (palette - palette.mean(0)) * rng.uniform(0.3, 1)
        at = np.array([0, 0.5, 1])
        table = np.stack(
            [np.interp(np.linspace(0, 1, 256), at, palette[:, n]) for n in range(3)], 1
        ).astype(np.float32)
        return table[(field * 255).astype(np.uint8)]

    def _photo_background(self, rng, size):
        path = self.photos[rng.integers(len(self.photos))]
        photo = _cached_photo(str(path))
        scale = max(size[0] / photo.shape[1], size[1] / photo.shape[0])
        scale *= np.exp(rng.uniform(0, 1))
        photo = cv2.resize(
            photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        x = rng.integers(photo.shape[1] - size[0] + 1)
        y = rng.integers(photo.shape[0] - size[1] + 1)
        photo = photo[y : y + size[1], x : x + size[0], ::-1]
        if rng.uniform() < 0.5:
            photo = photo[:, ::-1]
        return (photo.astype(np.float32) / 255) ** 2.2

    @staticmethod
    def _shape(rng, image, center, radius):
        """One random filled shape, plain or shaded; returns its mask."""
        height, width = image.shape[:2]
        kind = rng.choice(['box', 'ellipse', 'polygon', 'line', 'limb'])
        mask = np.zeros((height, width), np.uint8)
        if kind == 'box':
            w, h = radius * rng.uniform(0.2, 1, 2)
            angle = rng.choice([0, 0, rng.uniform(0, 180)])
            points = cv2.boxPoints(
                (tuple(map(float, center)), (float(w), float(h)), float(angle))
            )
            cv2.fillConvexPoly(mask, points.astype(np.int32), 255, cv2.LINE_AA)
        elif kind == 'ellipse':
            axes = (radius * rng.uniform(0.15, 0.6, 2) + 1).astype(int)
            cv2.ellipse(
                mask,
                tuple(np.int32(center).tolist()),
                tuple(axes.tolist()),
                float(rng.uniform(0, 180)),
                0,
                360,
                255,
                -1,
                cv2.LINE_AA,
            )
        elif kind == 'polygon':
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
            points = center + radius * rng.uniform(0.2, 0.6, len(angles))[
                :, None
            ] * np.stack([np.cos(angles), np.sin(angles)], 1)
            cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
        else:
            angle = rng.uniform(0, 2 * np.pi)
            end = center + radius * rng.uniform(0.5, 2) * np.array(
                [np.cos(angle), np.sin(angle)]
            )
            thick = (
                rng.uniform(0.01, 0.05) if kind == 'line' else rng.uniform(0.08, 0.22)
            )
            cv2.line(
                mask,
                tuple(np.int32(center).tolist()),
                tuple(np.int32(end).tolist()),
                255,
                max(1, int(thick * radius)),
                cv2.LINE_AA,
            )
        x, y, w, h = cv2.boundingRect(mask)
        if w and h:
            share = mask[y : y + h, x : x + w, None].astype(np.float32) / 255
            first, second = any_color(rng), any_color(rng)
            if rng.uniform() < 0.5:
                second = first * rng.uniform(0.5, 1)
            ramp = np.linspace(0, 1, h if rng.uniform() < 0.5 else w, dtype=np.float32)
            ramp = (
                ramp[:, None]
                if len(ramp) == h and h != w
                else ramp[None]
                if len(ramp) == w
                else ramp[:, None]
            )
            if rng.uniform() < 0.25:
                ramp = (ramp * rng.integers(2, 20) % 1 > 0.5).astype(np.float32)
            color = first + (second - first) * ramp[..., None]
            part = image[y : y + h, x : x + w]
            part += (color.astype(np.float32) - part) * share
        return mask

    @staticmethod
    def _grid(rng, image) -> None:
        """Tiles, boards or bars."""
        height, width = image.shape[:2]
        step = int(np.exp(rng.uniform(np.log(5), np.log(80))))
        thick = max(1, int(step * rng.uniform(0.03, 0.4)))
        color = any_color(rng).astype(np.float32)
        share = rng.uniform(0.2, 1)
        if rng.uniform() < 0.6:
            for x in range(rng.integers(step), width, step):
                image[:, x : x + thick] += share * (color - image[:, x : x + thick])
        if rng.uniform() < 0.6:
            for y in range(rng.integers(step), height, step):
                image[y : y + thick] += share * (color - image[y : y + thick])

    def _things(self, rng, people, camera, picture, cover, photo_box) -> None:
        """Things in front of the people, with soft edges."""
        if not people or rng.uniform() < 0.6:
            return
        low, high = flat_bounds(people[0].vertices) @ camera[:2, :2].T + camera[:2, 2]
        low, high = np.maximum(low, photo_box[:2]), np.minimum(high, photo_box[2:])
        for _ in range(rng.integers(1, 4)):
            radius = (high - low).max() * np.exp(
                rng.uniform(np.log(0.08), np.log(0.55))
            )
            mask = self._shape(
                rng, picture, low + rng.uniform(-0.1, 1.1, 2) * (high - low), radius
            )
            np.maximum(cover, (mask > 127).astype(np.uint8), out=cover)

    @staticmethod
    def _develop(rng, picture: np.ndarray, detail) -> np.ndarray:
        """Lens, sensor and file: blur, noise, colours, JPEG.

        Args:
            picture: (H, W, 3) float32 RGB with gamma, 0 to 1.

        Returns:
            (H, W, 3) uint8 BGR.
        """
        height, width = picture.shape[:2]
        image = picture[..., ::-1].astype(np.float32)
        if rng.uniform() < 0.5:
            gain = 1 + rng.normal(0, 0.06, 3)
            image = np.clip(image * gain.astype(np.float32), 0, 1)
        if rng.uniform() < 0.5:
            contrast, middle = rng.uniform(0.65, 1.25), rng.uniform(0.35, 0.6)
            image = np.clip((image - middle) * contrast + middle, 0, 1)
        if rng.uniform() < 0.08:
            image = np.repeat(image.mean(2, keepdims=True), 3, 2)
        small = (max(int(width * detail), 8), max(int(height * detail), 8))
        if detail < 1:
            image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        if rng.uniform() < 0.25:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6))
        elif rng.uniform() < 0.08:
            length = int(rng.integers(3, 9))
            kernel = np.zeros((length, length), np.float32)
            kernel[length // 2] = 1 / length
            spin = cv2.getRotationMatrix2D(
                ((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1
            )
            kernel = cv2.warpAffine(kernel, spin, (length, length))
            image = cv2.filter2D(image, -1, kernel / kernel.sum())
        noise = abs(rng.normal(0, 0.015))
        if rng.uniform() < 0.6:
            shape = image.shape if rng.uniform() < 0.5 else (*image.shape[:2], 1)
            grains = rng.standard_normal(shape, dtype=np.float32)
            image = image + noise * grains
        image = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
        if rng.uniform() < 0.6:
            quality = int(rng.uniform(30, 95))
            _, code = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            image = cv2.imdecode(code, cv2.IMREAD_COLOR)
        if detail < 1:
            image = cv2.resize(
                image,
                (width, height),
                interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])),
            )
        return np.ascontiguousarray(image)


@functools.lru_cache(maxsize=1)
def shared_body() -> Body:
    """The body model of this process, read once."""
    return Body()


@functools.lru_cache(maxsize=64)
def _cached_photo(path):
    from ..core.images import read_image

    photo = read_image(Path(path))
    scale = 512 / max(photo.shape[:2])
    if scale < 1:
        photo = cv2.resize(
            photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
    return photo
