"""An animated skeleton for engines and viewers, by pygltflib.

Source of the format: Khronos Group, "glTF 2.0 Specification".

Shapes: T frames, J joints, V vertices.
"""

from typing import Any

import numpy as np

from ...version import __version__
from ..rotations import IS_END, NAMES, PARENTS, fit_rotations
from ..track import Motion, world_of
from .base import library, register

#: Width of a bone at its thickest, of its length, and where that is.
WIDTH, THICKEST = 0.11, 0.2
#: Linear RGB of the first, second ... person.
COLORS = (
    (0.05, 0.33, 0.65),
    (0.85, 0.27, 0.04),
    (0.05, 0.45, 0.18),
    (0.45, 0.12, 0.6),
)


@register(
    'glb',
    '.glb',
    'an animated skeleton with all fingers, all people',
    one_person=False,
    libraries=('pygltflib',),
)
def encode_glb(motion: Motion) -> bytes:
    """A GLB file: metres, y up, at rest a T that faces +z. Each person is a skin of
    thin bones below a node ``person-ID``; one animation moves all at the true times,
    from 0 at the start of the clip. Names of nodes are unique: those of the second
    person on end in ``-ID``."""
    gltf = library('pygltflib')
    document = gltf.GLTF2(
        asset=gltf.Asset(version='2.0', generator=f'rtmw_ext {__version__}'),
        scene=0,
        scenes=[gltf.Scene(name=motion.source or None, nodes=[])],
        animations=[gltf.Animation(name=motion.source or 'motion')],
    )
    file = _File(gltf, document)
    for number, track in enumerate(motion.tracks):
        animation = fit_rotations(world_of(track), motion.names, track.times)
        first = len(document.nodes)
        ending = f'-{track.id}' if number else ''
        for joint, name in enumerate(NAMES):
            children = first + np.flatnonzero(PARENTS == joint)
            document.nodes.append(
                gltf.Node(
                    name=name + ending,
                    children=children.tolist(),
                    translation=animation.offsets[joint].tolist(),
                )
            )
        rest = _rest(animation.offsets)
        inverse = np.tile(np.eye(4, dtype=np.float32), (len(NAMES), 1, 1))
        inverse[:, 3, :3] = -rest
        document.skins.append(
            gltf.Skin(
                inverseBindMatrices=file.add(inverse, 'MAT4'),
                skeleton=first,
                joints=list(range(first, first + len(NAMES))),
            )
        )
        document.materials.append(
            gltf.Material(
                pbrMetallicRoughness=gltf.PbrMetallicRoughness(
                    baseColorFactor=[*COLORS[number % len(COLORS)], 1.0],
                    metallicFactor=0.0,
                    roughnessFactor=0.7,
                )
            )
        )
        document.meshes.append(gltf.Mesh(primitives=[_bones(gltf, file, rest, number)]))
        skinned = len(document.nodes)
        document.nodes.append(
            gltf.Node(name=f'bones-{track.id}', mesh=number, skin=number)
        )
        document.nodes.append(
            gltf.Node(name=f'person-{track.id}', children=[first, skinned])
        )
        document.scenes[0].nodes.append(len(document.nodes) - 1)
        # Seconds of a file count from 0.
        clock = file.add(np.float32(track.times - motion.times[0]), 'SCALAR', True)
        file.move(first, 'translation', clock, np.float32(animation.root))
        for joint in np.flatnonzero(~IS_END).tolist():
            values = np.float32(animation.rotations[:, joint])
            file.move(first + joint, 'rotation', clock, values)
    return file.finish()


class _File:
    """Adds arrays to a document and its binary part."""

    def __init__(self, gltf: Any, document: Any) -> None:
        self.gltf, self.document = gltf, document
        self.blob = bytearray()

    def add(
        self,
        array: np.ndarray,
        kind: str,
        limits: bool = False,
        target: int | None = None,
        normalized: bool = False,
    ) -> int:
        """The number of a new accessor.

        Args:
            array: float32, uint8 or uint16; a multiple of 4 bytes a row.
            kind: glTF's type.
            limits: Least and most are told.
            target: glTF's target of the view.
            normalized: 255 stands for 1.
        """
        gltf = self.gltf
        types = {'f4': gltf.FLOAT, 'u1': gltf.UNSIGNED_BYTE, 'u2': gltf.UNSIGNED_SHORT}
        data = array.tobytes()
        self.document.bufferViews.append(
            gltf.BufferView(
                buffer=0, byteOffset=len(self.blob), byteLength=len(data), target=target
            )
        )
        self.blob += data + bytes(-len(data) % 4)
        rows = array.reshape(len(array), -1)
        self.document.accessors.append(
            gltf.Accessor(
                bufferView=len(self.document.bufferViews) - 1,
                componentType=types[array.dtype.str[1:]],
                count=len(array),
                type=kind,
                normalized=normalized,
                min=rows.min(0).tolist() if limits else None,
                max=rows.max(0).tolist() if limits else None,
            )
        )
        return len(self.document.accessors) - 1

    def move(self, node: int, path: str, clock: int, values: np.ndarray) -> None:
        """Adds a channel of the animation."""
        gltf = self.gltf
        animation = self.document.animations[0]
        output = self.add(values, 'VEC4' if path == 'rotation' else 'VEC3')
        animation.samplers.append(
            gltf.AnimationSampler(input=clock, output=output, interpolation='LINEAR')
        )
        animation.channels.append(
            gltf.AnimationChannel(
                sampler=len(animation.samplers) - 1,
                target=gltf.AnimationChannelTarget(node=node, path=path),
            )
        )

    def finish(self) -> bytes:
        """The whole file."""
        self.document.buffers.append(self.gltf.Buffer(byteLength=len(self.blob)))
        self.document.set_binary_blob(bytes(self.blob))
        return b''.join(self.document.save_to_bytes())


def _rest(offsets: np.ndarray) -> np.ndarray:
    """(J, 3) places of the joints at rest."""
    places = offsets.copy()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            places[joint] += places[parent]
    return places


def _bones(gltf: Any, file: _File, rest: np.ndarray, material: int) -> Any:
    """A mesh of bones, eight triangles from each joint to its parent, that turn as
    the parent does."""
    triangles, owners = [], []
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            continue
        start, end = rest[parent], rest[joint]
        along = end - start
        side = np.cross(along, np.eye(3)[np.abs(along).argmin()])
        side *= WIDTH * np.linalg.norm(along) / np.linalg.norm(side)
        across = np.cross(along / np.linalg.norm(along), side)
        middle = start + THICKEST * along
        ring = [middle + side, middle + across, middle - side, middle - across]
        for one, two in zip(ring, ring[1:] + ring[:1]):
            triangles += [(start, two, one), (end, one, two)]
            owners += [parent] * 6
    corners = np.array(triangles)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    count = len(owners)
    joints, weights = np.zeros((2, count, 4), np.uint8)
    joints[:, 0], weights[:, 0] = owners, 255
    array = gltf.ARRAY_BUFFER
    return gltf.Primitive(
        attributes=gltf.Attributes(
            POSITION=file.add(np.float32(corners.reshape(-1, 3)), 'VEC3', True, array),
            NORMAL=file.add(np.float32(normals).repeat(3, 0), 'VEC3', False, array),
            JOINTS_0=file.add(joints, 'VEC4', False, array),
            WEIGHTS_0=file.add(weights, 'VEC4', False, array, True),
        ),
        material=material,
    )
