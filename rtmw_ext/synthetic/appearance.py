"""Skin, hair and clothes: colours and patterns that follow the body.

Shapes: V vertices, F triangles, M = 12 materials (rows of MATERIAL_SIZE, see
``raster.py``).  Colours are linear RGB from 0 to 1.
"""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import raster
from .body import Body

(SKIN, FACE, HAIR, SHIRT, TROUSERS, SHOES, EYE, MOUTH, GLOVES, JACKET, SOCKS, HAT) = (
    range(12)
)
# From dark to light, as linear RGB.
SKIN_TONES = np.array(
    [
        (0.045, 0.022, 0.014),
        (0.10, 0.048, 0.028),
        (0.19, 0.095, 0.055),
        (0.33, 0.18, 0.11),
        (0.47, 0.29, 0.20),
        (0.62, 0.41, 0.31),
        (0.72, 0.52, 0.43),
    ]
)
HAIR_TONES = np.array(
    [
        (0.008, 0.006, 0.005),
        (0.02, 0.012, 0.008),
        (0.05, 0.025, 0.012),
        (0.11, 0.055, 0.022),
        (0.25, 0.14, 0.05),
        (0.45, 0.32, 0.16),
        (0.35, 0.34, 0.33),
        (0.65, 0.65, 0.65),
        (0.2, 0.05, 0.02),
    ]
)


@dataclass
class Appearance:
    """How one person is painted; see :func:`raster.shade`.

    ``layers`` (V, 8) are worn one over the other, each where its value (about
    metres within its hem) is positive; ``puff`` (V,) is how far the outermost
    stands off the skin.
    """

    layers: np.ndarray
    layer_kinds: np.ndarray
    materials: np.ndarray
    puff: np.ndarray
    paint: np.ndarray
    brow: np.ndarray
    eye: np.ndarray
    skirt: tuple = None


def any_color(rng: np.random.Generator) -> np.ndarray:
    """A colour as cloth and things have them: often grey, seldom gaudy."""
    hue, value = rng.uniform(), rng.beta(1.1, 1.6)
    saturation = 0 if rng.uniform() < 0.25 else rng.beta(1.5, 2)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, 0.02 + 0.9 * value))


def material(
    color: Sequence[float],
    other: Sequence[float] | None = None,
    pattern: int = raster.PLAIN,
    axis: Sequence[float] = (0, 0, 1),
    period: float = 0.05,
    grain: float = 0.1,
    grain_size: float = 0.01,
    gloss: float = 0.0,
    kind: int = raster.MATTE,
) -> np.ndarray:
    row = np.zeros(raster.MATERIAL_SIZE, np.float32)
    row[raster.COLOR : raster.COLOR + 3] = color
    row[raster.OTHER : raster.OTHER + 3] = color if other is None else other
    row[raster.PATTERN] = pattern
    row[raster.AXIS : raster.AXIS + 3] = axis
    row[raster.PERIOD] = period
    row[raster.GRAIN], row[raster.GRAIN_SIZE] = grain, grain_size
    row[raster.GLOSS], row[raster.KIND] = gloss, kind
    return row


def cloth(rng: np.random.Generator) -> np.ndarray:
    """A random fabric."""
    pattern = rng.choice(5, p=[0.5, 0.17, 0.11, 0.07, 0.15])
    axis = [(0, 0, 1), (1, 0, 0), (0.7, 0, 0.7), (1, 0.2, 0.1)][rng.integers(4)]
    return material(
        any_color(rng),
        any_color(rng),
        pattern,
        axis,
        period=np.exp(rng.uniform(np.log(0.012), np.log(0.2))),
        grain=rng.uniform(0.05, 0.6),
        grain_size=np.exp(rng.uniform(np.log(0.003), np.log(0.08))),
        gloss=max(rng.normal(0, 0.05), 0),
    )


class Wardrobe:
    """Draws appearances for one body model.

    Args:
        body: Its template gives the regions.
    """

    def __init__(self, body: Body) -> None:
        self.faces = body.faces
        self.template = body.template
        names = np.array(list(body.bones))
        top = body.skin_bones[
            np.arange(len(body.template)), body.skin_weights.argmax(1)
        ]
        bone = names[top]
        self.arm = self._along(
            body,
            bone,
            ('upperarm01', 'lowerarm01', 'wrist'),
            ('shoulder01', 'upperarm', 'lowerarm', 'wrist', 'finger', 'metacarpal'),
        )
        self.leg = self._along(
            body,
            bone,
            ('upperleg01', 'lowerleg01', 'foot'),
            ('upperleg', 'lowerleg', 'foot', 'toe', 'pelvis'),
        )
        segment = body.segment
        vertex_segment = np.zeros(len(body.template), int)
        vertex_segment[body.faces.reshape(-1)] = np.repeat(segment, 3)
        seg = body.segments
        self.head = vertex_segment == seg['head']
        self.hand = np.isin(vertex_segment, [seg['hand.L'], seg['hand.R']])
        self.foot = np.isin(vertex_segment, [seg['foot.L'], seg['foot.R']])
        self.face_head = segment == seg['head']
        self.face_eye = np.isin(
            segment,
            [seg[f'eye_{part}.{side}'] for part in ('front', 'back') for side in 'LR'],
        )
        self.face_mouth = np.isin(segment, [seg['mouth_cavity'], seg['tongue']])
        cavity = np.isin(segment, [seg['eye_cavity.L'], seg['eye_cavity.R']])
        # The backs of the eyes and their sockets are never seen.
        self.hidden = cavity | np.isin(segment, [seg['eye_back.L'], seg['eye_back.R']])
        self.eyes = np.stack([body.heads[body.bones[f'eye.{side}']] for side in 'LR'])
        self.lips = np.where(self.head, body.texture_lips, 0).astype(np.float32)
        self._head_regions(body)
        middle = body.heads[body.bones['root']]
        self.hip_z = float(middle[2])
        self.neck_z = float(body.heads[body.bones['neck01']][2])
        self.torso = (
            (self.arm < 0)
            & (self.leg < 0)
            & ~self.head
            & (vertex_segment == seg['body'])
        )
        landmarks = np.einsum(
            'kc,kcx->kx', body.face_weights, body.template[body.face_vertices]
        )
        self.brows = np.stack([landmarks[17:22], landmarks[22:27]])[..., [0, 2]].astype(
            np.float32
        )
        kinds = np.full(len(self.faces), SKIN, np.uint8)
        kinds[self.face_head] = FACE
        kinds[self.face_eye] = EYE
        kinds[self.face_mouth] = MOUTH
        self.kinds = kinds
        # Smooth bumps on the template, to draw from: (coarse to fine, V).
        rng = np.random.default_rng(0)
        self.waves = np.stack(
            [
                np.clip(
                    0.5
                    + np.sin(
                        self.template @ rng.normal(0, 1 / size, (3, 5))
                        + rng.uniform(0, 6.3, 5)
                    ).sum(1)
                    / 5,
                    0,
                    1,
                )
                for size in np.geomspace(0.07, 0.008, 36)
            ]
        ).astype(np.float32)

    @staticmethod
    def _along(body, bone, chain, own):
        """(V,) place along a limb, 0 at its root, 1 at its last joint, more
        beyond it; -1 elsewhere."""
        out = np.full(len(bone), -1.0)
        for side in 'LR':
            mine = np.array(
                [name.endswith(f'.{side}') and name.startswith(own) for name in bone]
            )
            joints = np.array(
                [body.heads[body.bones[f'{name}.{side}']] for name in chain]
            )
            lengths = np.linalg.norm(np.diff(joints, axis=0), axis=1)
            total = lengths.sum()
            value = np.zeros(mine.sum())
            for i in range(2):
                d = (joints[i + 1] - joints[i]) / lengths[i]
                t = (body.template[mine] - joints[i]) @ d
                # On the last part the place may lie beyond the joint.
                t = np.maximum(t, 0) if i else np.clip(t, 0, lengths[i])
                value += t / total
            out[mine] = value
        return out

    def _head_regions(self, body) -> None:
        x, y, z = body.template.T
        eye = self.eyes.mean(0)
        chin = body.template[body.face_vertices[8, 0]]
        size = eye[2] - chin[2]
        self.unit = size
        # Heights over the eyes and depth behind them, in eye-chin distances.
        up, back = (z - eye[2]) / size, (y - eye[1]) / size
        self.up, self.back = up, back
        # The hair line falls from the forehead to the temples to the nape.
        self.scalp = np.where(
            self.head,
            np.minimum(
                up
                - np.interp(
                    back,
                    [-0.2, 0.1, 0.45, 0.75, 1.2, 1.6],
                    [0.62, 0.60, 0.18, 0.10, -0.35, -0.7],
                ),
                1,
            ),
            -1.0,
        )
        ears = (
            self.head
            & (np.abs(x) > 0.073)
            & (back > 0.5)
            & (back < 1.25)
            & (up < 0.15)
            & (up > -0.75)
        )
        self.scalp[ears] = -1
        jaw = np.clip(1.2 - np.abs(up + 0.8) * 1.7, 0, 1) * (back < 0.75)
        lip_z = (body.template[body.face_vertices[33, 0]][2] - eye[2]) / size
        self.beard = (
            self.head
            * jaw
            * (
                up
                < np.interp(
                    np.abs(x), [0.02, 0.035, 0.07], [lip_z - 0.02, lip_z - 0.05, -0.2]
                )
            )
            * (1 - self.lips)
        ).astype(np.float32)
        cheek = np.exp(-((np.abs(x) - 0.038) ** 2 + (z - eye[2] + 0.04) ** 2) / 0.0004)
        nose = np.exp(-(x**2 + (z - eye[2] + 0.04) ** 2) / 0.0002)
        self.blush = (self.head * (cheek + 0.7 * nose) * (back < 0.4)).astype(
            np.float32
        )
        lids = np.where(self.head, body.texture_eyelids, 0)
        self.lids = (lids > 0.3).astype(np.float32)

    def sample(self, rng: np.random.Generator) -> Appearance:
        """A random :class:`Appearance`."""
        tone = rng.beta(1.5, 1.1) * (len(SKIN_TONES) - 1)
        low = int(tone)
        high = min(low + 1, len(SKIN_TONES) - 1)
        skin = SKIN_TONES[low] * (1 - tone + low) + SKIN_TONES[high] * (tone - low)
        skin = skin * rng.uniform(0.85, 1.15, 3)
        gloss = rng.uniform(0, 0.12)
        hair = HAIR_TONES[
            rng.choice(
                len(HAIR_TONES), p=[0.2, 0.2, 0.15, 0.13, 0.1, 0.07, 0.05, 0.05, 0.05]
            )
        ]
        if rng.uniform() < 0.04:
            hair = any_color(rng)
        materials = np.zeros((12, raster.MATERIAL_SIZE), np.float32)
        for index, kind in ((SKIN, raster.SKIN), (FACE, raster.FACE)):
            materials[index] = material(
                skin,
                grain=rng.uniform(0.05, 0.25),
                grain_size=rng.uniform(0.004, 0.02),
                gloss=gloss,
                kind=kind,
            )
        materials[HAIR] = material(
            hair,
            hair * rng.uniform(0.4, 2.2),
            raster.CLOUDS,
            period=rng.uniform(0.008, 0.03),
            grain=rng.uniform(0.3, 1),
            grain_size=rng.uniform(0.002, 0.006),
            gloss=rng.uniform(0, 0.2),
            kind=raster.HAIR,
        )
        for index in (SHIRT, TROUSERS, SHOES, GLOVES, JACKET, SOCKS, HAT):
            materials[index] = cloth(rng)
        if rng.uniform() < 0.35:  # jeans and dark trousers
            materials[TROUSERS] = material(
                np.array([0.02, 0.03, 0.06]) * rng.uniform(0.5, 5),
                grain=0.4,
                grain_size=0.004,
            )
        materials[SHOES][raster.GLOSS] = rng.uniform(0, 0.3)
        materials[EYE] = material(
            (0.8, 0.8, 0.8), grain=0, gloss=rng.uniform(0.1, 0.5), kind=raster.EYE
        )
        materials[MOUTH] = material(
            np.array([0.16, 0.03, 0.03]) * rng.uniform(0.3, 1.5), grain=0.2
        )
        layers, skirt = self._clothes(rng, materials)
        layers += self._hair(rng)

        beard = rng.uniform(0.3, 1) if rng.uniform() < 0.25 else 0
        makeup = rng.uniform() < 0.3
        lips = skin * (
            rng.uniform(0.7, 1),
            rng.uniform(0.4, 0.7),
            rng.uniform(0.4, 0.75),
        )
        if makeup:
            lips = np.array(
                [rng.uniform(0.15, 0.6), rng.uniform(0, 0.12), rng.uniform(0.01, 0.15)]
            )
        brow = hair * rng.uniform(0.4, 1)
        if hair.mean() > 0.3:
            brow = hair * rng.uniform(0.25, 0.7)
        iris = [
            (0.04, 0.02, 0.01),
            (0.09, 0.04, 0.015),
            (0.06, 0.12, 0.2),
            (0.07, 0.12, 0.05),
            (0.12, 0.13, 0.14),
        ][rng.choice(5, p=[0.45, 0.25, 0.13, 0.1, 0.07])]
        paint = np.stack(
            [
                self.lips * rng.uniform(0.75, 1),
                self.beard,
                self.blush,
                self.lids * rng.uniform(0.1, 0.7 if makeup else 0.35),
            ],
            1,
        ).astype(np.float32)
        white = rng.uniform(0.55, 0.85) * np.array([1, 0.96, 0.93])
        fields = np.full((len(self.template), len(layers)), -1, np.float32)
        puff = np.zeros(len(self.template), np.float32)
        for i, (_, field, thick) in enumerate(layers):
            fields[:, i] = field
            # Cloth rises from its hem within a centimetre.
            rise = np.clip(field / 0.012, 0, 1)
            puff = np.maximum(puff, rise * thick)
        return Appearance(
            fields,
            np.array([kind for kind, *_ in layers], np.uint8),
            materials,
            puff.astype(np.float32),
            paint,
            np.array(
                [
                    rng.uniform(0.0022, 0.0052),
                    rng.uniform(0.5, 1),
                    *brow,
                    *lips,
                    beard,
                    rng.uniform(0, 0.8),
                ],
                np.float32,
            ),
            np.array(
                [
                    rng.uniform(0.0062, 0.0072),
                    rng.uniform(0.002, 0.0035),
                    *(np.array(iris) * rng.uniform(0.6, 1.6)),
                    *white,
                ],
                np.float32,
            ),
            skirt,
        )

    def _wave(self, rng, coarse=1.0):
        """(V,) bumps between 0 and 1; fine ones too if ``coarse`` is 0."""
        return self.waves[rng.integers(int(len(self.waves) * (1 - 0.5 * coarse)))]

    def _clothes(self, rng, materials):
        """Layers (kind, (V,) field, thickness) and the skirt, if any."""
        z = self.template[:, 2] - self.hip_z
        x, y = self.template[:, 0], self.template[:, 1]
        height = self.neck_z - self.hip_z
        out = -0.02
        hem = 0.012 * (self._wave(rng) - 0.5)
        waist = rng.uniform(0.05, 0.3) * height
        leg_length = rng.choice(
            [0.28, 0.45, 0.62, 0.8, 1.02], p=[0.13, 0.12, 0.07, 0.08, 0.6]
        ) + rng.normal(0, 0.03)
        # Everybody is dressed at least from the thighs to the waist.
        leg_length = max(leg_length, 0.22)
        # A leg is about 0.8 m, an arm 0.55 m.
        lower = np.where(self.leg >= 0, (leg_length - self.leg) * 0.8, out)
        lower = np.where(self.torso, waist + hem - z, lower)
        lower[self.foot] = out
        sleeve = rng.choice(
            [-1, 0.2, 0.35, 0.55, 0.75, 1.0], p=[0.1, 0.12, 0.28, 0.06, 0.06, 0.38]
        ) + rng.normal(0, 0.03)
        neckline = rng.uniform(0.95, 1.07) * height
        drop = rng.uniform(0, 0.25) * (rng.uniform() < 0.4)
        front = np.clip(-y * 12, 0, 1) * np.exp(-((x / 0.09) ** 2))
        # Shoulders and the upper arms end at the neckline as the trunk does.
        top = neckline - drop * height * front - z
        trunk = self.torso | ((self.arm >= 0) & (self.arm < 0.2))
        shirt = np.where(self.torso, top, out)
        tucked = rng.uniform() < 0.4
        bottom = waist - 0.02 if tucked else rng.uniform(-0.12, 0.2) * height + hem
        shirt = np.where(
            self.torso | (self.leg >= 0),
            np.minimum(np.where(self.torso, shirt, 0.02), z - bottom),
            shirt,
        )
        # A collar ends below the chin.
        shirt = np.where(self.head, np.minimum(top, y + 0.085), shirt)
        if sleeve < 0:
            shirt = np.where(trunk, np.minimum(top, 0.15 - np.abs(x)), shirt)
            shirt = np.where(self.torso, np.minimum(shirt, z - bottom), shirt)
        else:
            arm = (sleeve - self.arm) * 0.55
            shirt = np.where(
                self.arm >= 0,
                np.where(self.hand, out, np.where(trunk, np.minimum(arm, top), arm)),
                shirt,
            )
        bumps = self._wave(rng)
        loose = abs(rng.normal(0, 0.012)) + 0.002
        legs_loose = abs(rng.normal(0, 0.012)) + 0.002
        layers = []
        if rng.uniform() < 0.3:  # socks or tights
            layers.append(
                (
                    SOCKS,
                    np.where(
                        self.leg >= 0,
                        (self.leg - rng.choice([0.75, 0.9, 0])) * 0.8,
                        out,
                    ),
                    0.001,
                )
            )
        layers.append(
            (
                TROUSERS,
                lower,
                legs_loose * (0.3 + bumps * np.clip(0.4 + self.leg, 0.4, 1.2)),
            )
        )
        # Whatever moves up or gapes, nobody's chest or belly is bare.
        under = np.where(self.torso, neckline * 0.8 - z, out)
        layers.insert(0, (SHIRT, under, 0.001))
        layers.append((SHIRT, shirt, loose * (0.35 + bumps) + 0.002 * (not tucked)))
        if tucked:
            layers[-1], layers[-2] = layers[-2], layers[-1]
        skirt = None
        if rng.uniform() < 0.14:
            color = SHIRT if rng.uniform() < 0.5 else TROUSERS
            skirt = (float(rng.uniform(0.25, 0.95)), float(rng.uniform(0, 0.09)), color)
            materials[TROUSERS] = materials[color]
        elif rng.uniform() < 0.12:
            materials[TROUSERS] = materials[SHIRT]  # overall, sports suit
        if rng.uniform() < 0.2:  # jacket, mostly open at the front
            gap = rng.uniform(0.02, 0.09) if rng.uniform() < 0.7 else -1
            jacket = np.where(
                self.torso | (self.leg >= 0),
                np.minimum(
                    z - rng.uniform(-0.25, 0.1) * height - hem,
                    np.maximum(np.abs(x) - gap, y + 0.02),
                ),
                out,
            )
            jacket = np.where(self.torso, np.minimum(jacket, height * 1.02 - z), jacket)
            jacket = np.where(
                self.arm >= 0,
                np.where(self.hand, out, (rng.uniform(0.85, 1.02) - self.arm) * 0.55),
                jacket,
            )
            jacket = np.where(
                self.head, np.minimum(height * 1.02 - z, y + 0.085), jacket
            )
            layers.append(
                (JACKET, jacket, loose + rng.uniform(0.006, 0.02) * (0.4 + bumps))
            )
        if rng.uniform() < 0.85:
            shaft = rng.uniform(0.8, 0.95) if rng.uniform() < 0.25 else 0.99
            shoe = np.where(
                self.foot, 0.02, np.where(self.leg >= 0, (self.leg - shaft) * 0.8, out)
            )
            layers.insert(
                rng.integers(len(layers) + 1), (SHOES, shoe, rng.uniform(0.003, 0.009))
            )
        if rng.uniform() < 0.035:
            layers.append(
                (GLOVES, np.where(self.hand, 0.02, out), rng.uniform(0.001, 0.003))
            )
        return layers, skirt

    def _hair(self, rng):
        """Layers of hair, hats and hoods."""
        style = rng.choice(
            ['short', 'full', 'long', 'bald', 'shaved', 'hat', 'hood'],
            p=[0.36, 0.2, 0.22, 0.05, 0.06, 0.08, 0.03],
        )
        if style == 'bald':
            return []
        line = rng.normal(0, 0.06) + 0.05 * (self._wave(rng, 0) - 0.5)
        # In eye-chin distances, of some 0.11 m.
        scalp = (self.scalp - line) * self.unit
        volume = dict(
            short=0.008, full=0.025, long=0.018, shaved=0.001, hat=0.012, hood=0.03
        )[style] * rng.uniform(0.5, 1.6)
        thick = (
            volume
            * np.clip((self.scalp - line) / 0.35, 0, 1)
            * (0.6 + 0.8 * self._wave(rng, 0))
        )
        if style == 'long':
            side = np.abs(self.template[:, 0])
            length = rng.uniform(-1.1, -0.5)
            fall = np.minimum.reduce(
                [
                    self.back - 0.62 + 0.1 * rng.uniform(),
                    self.up - length,
                    0.3 - self.up,
                ]
            )
            fall[~(self.head | (self.torso & (self.back > 1.0)))] = -1
            if rng.uniform() < 0.6:
                fall = np.maximum(
                    fall,
                    np.where(
                        self.head,
                        np.minimum.reduce(
                            [
                                self.back - 0.45,
                                self.up + 0.6,
                                0.25 - self.up,
                                (side - 0.06) / self.unit,
                            ]
                        ),
                        -1,
                    ),
                )
            scalp = np.maximum(scalp, fall * self.unit)
            thick = np.maximum(thick, 0.8 * volume * (fall > 0))
        if style == 'hood':
            cover = np.where(
                self.head | (self.torso & (self.up > -1.8)), self.back - 0.45, -1
            )
            scalp = np.maximum(scalp, cover * self.unit)
            thick = np.maximum(thick, volume * (cover > 0))
        layers = [(HAT if style == 'hood' else HAIR, scalp, thick)]
        if style == 'hat':
            brim = rng.uniform(0.35, 0.6)
            layers.append(
                (HAT, np.minimum(scalp, (self.up - brim) * self.unit), thick + 0.006)
            )
        return layers
