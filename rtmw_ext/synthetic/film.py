"""Pictures of clips: a room with people in it, lights that stay, motion blur.

Shapes: images are (H, W, 3). Axes are those of ``clips.py``.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numba import njit

from . import raster
from .appearance import cloth
from .clips import TO_WORLD, Clip, in_camera
from .scene import Mesh, Person, SceneMaker, one_thread

#: Metres from the middle of the room to its round wall, and its height.
ROOM, HEIGHT = 8.0, 5.0
#: Pixels of the wall's picture, and of the floor's, which repeats.
WALL, FLOOR = (1536, 320), 512
#: Metres that the floor's picture covers.
TILE = 5.0
#: Moments of a picture that is exposed: each is drawn a third of a pixel further.
MOMENTS = 3


class Film:
    """The pictures of a clip.

    Args:
        clip: What happens.
        maker: Draws people.
    """

    def __init__(self, clip: Clip, maker: SceneMaker) -> None:
        self.clip, self.maker = clip, maker
        rng = self.rng = np.random.default_rng((clip.seed, clip.number, 1))
        self.looks = [maker.wardrobe.sample(rng) for _ in clip.actors]
        self.things = []
        for thing in clip.things:
            look = maker.wardrobe.sample(rng)
            look.materials[0] = cloth(rng)
            self.things.append((thing.mesh(), look))
        self.wall = maker.background(rng, WALL)
        self.floor = maker.surface(rng, (FLOOR, FLOOR))
        lights, self.ambient = maker.lights(rng)
        # In the world, from above.
        lights[:, 1] = np.abs(lights[:, 1]) + 0.3
        lights[:, :3] /= np.linalg.norm(lights[:, :3], axis=1, keepdims=True)
        self.lights = lights
        self.exposure = np.exp(rng.normal(0, 0.2))
        self.gain = (1 + rng.normal(0, 0.04, 3)).astype(np.float32)
        self.noise = rng.uniform(0.003, 0.02)
        #: Share of the time between frames for which each is exposed.
        self.shutter = rng.uniform(0.1, 0.6)
        width, height = clip.size
        u, v = np.meshgrid(np.arange(width), np.arange(height))
        pixels = np.stack([u, v, np.ones_like(u)], -1).astype(float)
        self.rays = (pixels @ np.linalg.inv(clip.camera).T).astype(np.float32)

    def __iter__(self) -> Iterator[np.ndarray]:
        """uint8 BGR of every frame."""
        for time in self.clip.times:
            yield self.frame(float(time))

    @one_thread
    def frame(self, time: float) -> np.ndarray:
        """uint8 BGR at a time in seconds, the middle of its exposure."""
        clip = self.clip
        extrinsics = clip.extrinsics(time)
        lights = self.lights.copy()
        lights[:, :3] = lights[:, :3] @ extrinsics[:, :3].T
        shadow = self.maker.shadow(lights[0, :3], self._meshes(time, extrinsics))
        canvas, cover = np.float32(0), np.float32(0)
        for moment in range(MOMENTS):
            share = (moment + 0.5) / MOMENTS - 0.5
            then = time + share * self.shutter / clip.rate
            camera = clip.camera.astype(np.float32)
            # A slanted row of places within the pixel: smooth edges.
            camera[:2, 2] += (share, ((moment * 2) % MOMENTS + 0.5) / MOMENTS - 0.5)
            drawn, there, *_ = self.maker.draw(
                self._meshes(then, clip.extrinsics(then)),
                camera,
                clip.size[::-1],
                lights,
                self.ambient,
                shadow,
            )
            canvas, cover = canvas + drawn, cover + there
        room = self._room(extrinsics, lights, shadow)
        scene = (canvas + room * (MOMENTS - cover)[..., None]) / np.float32(MOMENTS)
        return self._develop(scene)

    def _meshes(self, time, extrinsics):
        people = []
        body = self.maker.body
        for actor, look in zip(self.clip.actors, self.looks):
            vertices, heads, _ = actor.at(time)
            space = in_camera(vertices @ TO_WORLD.T.astype(np.float32), extrinsics)
            points = None
            if look.skirt:
                points = body.keypoints(vertices, heads) @ TO_WORLD.T
                points = in_camera(points, extrinsics)
            people.append(Person(space, points, look, ''))
        meshes = self.maker.meshes(people)
        for number, ((vertices, faces, rest), look) in enumerate(self.things):
            meshes.append(
                Mesh(
                    len(people) + number,
                    in_camera(vertices, extrinsics),
                    faces,
                    rest,
                    np.zeros(len(faces), bool),
                    np.zeros(len(faces), np.uint8),
                    look,
                )
            )
        return meshes

    def _room(self, extrinsics, lights, shadow):
        """(H, W, 3) linear RGB of floor and wall."""
        place = -extrinsics[:, :3].T @ extrinsics[:, 3]
        ways = self.rays @ extrinsics[:, :3].astype(np.float32)
        # Where rays meet the wall, x^2 + z^2 = ROOM^2.
        flat = ways[..., [0, 2]]
        a, b = (flat**2).sum(-1), flat @ place[[0, 2]].astype(np.float32)
        rest = np.float32(ROOM**2 - place[0] ** 2 - place[2] ** 2)
        far = (np.sqrt(b**2 + a * rest) - b) / a
        points = (ways * far[..., None] + place).astype(np.float32)
        # The seam is behind the camera.
        u = (np.arctan2(points[..., 0], -points[..., 2]) / (2 * np.pi) + 0.5) * WALL[0]
        v = (1 - points[..., 1] / HEIGHT) * WALL[1]
        room = cv2.remap(
            self.wall,
            u.astype(np.float32),
            v.clip(0, WALL[1] - 1).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        room *= self.ambient.mean(0).astype(np.float32) + np.float32(0.4)
        down = points[..., 1] < 0
        points = ways * (-place[1] / np.minimum(ways[..., 1:2], -1e-3)) + place
        points = points.astype(np.float32)
        # Of the tile: remap takes small numbers alone.
        at = points[..., [0, 2]] * np.float32(FLOOR / TILE) % FLOOR
        floor = cv2.remap(
            self.floor,
            at[..., 0].copy(),
            at[..., 1].copy(),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        space = in_camera(points[down], extrinsics)
        light = _floor_light(space, extrinsics[:, 1], lights, self.ambient[1], *shadow)
        room[down] = floor[down] * light
        return room

    def _develop(self, scene):
        image = np.clip(scene[..., ::-1] * np.float32(self.exposure) * self.gain, 0, 1)
        image = cv2.pow(np.ascontiguousarray(image), 1 / 2.2)
        grains = self.rng.standard_normal(image.shape[:2], dtype=np.float32)
        image += np.float32(self.noise) * grains[..., None]
        return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)


@njit(cache=True)
def _floor_light(points, up, lights, ambient, sun, shadow):
    """(N, 3) light on a floor whose normal is ``up``, with shadows of the first
    light."""
    out = np.empty(points.shape, np.float32)
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for c in range(3):
            out[i, c] = ambient[c]
        for n in range(len(lights)):
            slope = lights[n, 0] * up[0] + lights[n, 1] * up[1] + lights[n, 2] * up[2]
            if slope <= 0:
                continue
            if n == 0:
                slope *= raster.lit(sun, shadow, x, y, z)
            for c in range(3):
                out[i, c] += slope * lights[n, 3 + c]
    return out
