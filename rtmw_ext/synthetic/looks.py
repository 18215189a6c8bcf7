"""Skin, hair and clothes: colours and patterns that follow the body.

Shapes: V vertices, F triangles, M = 12 materials (rows of MATERIAL_SIZE, see
``raster.py``).  Colours are linear RGB from 0 to 1.
"""
import colorsys
from dataclasses import dataclass

import numpy as np

from . import raster

SKIN, FACE, HAIR, SHIRT, TROUSERS, SHOES, EYE, MOUTH, GLOVES, JACKET, SOCKS, \
    HAT = range(12)
# From dark to light, as linear RGB.
SKIN_TONES = np.array([
    (.045, .022, .014), (.10, .048, .028), (.19, .095, .055),
    (.33, .18, .11), (.47, .29, .20), (.62, .41, .31), (.72, .52, .43)])
HAIR_TONES = np.array([
    (.008, .006, .005), (.02, .012, .008), (.05, .025, .012),
    (.11, .055, .022), (.25, .14, .05), (.45, .32, .16), (.35, .34, .33),
    (.65, .65, .65), (.2, .05, .02)])


@dataclass
class Look:
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


def any_color(rng):
    """A colour as cloth and things have them: often grey, seldom gaudy."""
    hue, value = rng.uniform(), rng.beta(1.1, 1.6)
    saturation = 0 if rng.uniform() < .25 else rng.beta(1.5, 2)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, .02 + .9 * value))


def material(color, other=None, pattern=raster.PLAIN, axis=(0, 0, 1),
             period=.05, grain=.1, grain_size=.01, gloss=0.,
             kind=raster.MATTE):
    row = np.zeros(raster.MATERIAL_SIZE, np.float32)
    row[raster.COLOR:raster.COLOR + 3] = color
    row[raster.OTHER:raster.OTHER + 3] = color if other is None else other
    row[raster.PATTERN] = pattern
    row[raster.AXIS:raster.AXIS + 3] = axis
    row[raster.PERIOD] = period
    row[raster.GRAIN], row[raster.GRAIN_SIZE] = grain, grain_size
    row[raster.GLOSS], row[raster.KIND] = gloss, kind
    return row


def cloth(rng):
    """A random fabric."""
    pattern = rng.choice(5, p=[.5, .17, .11, .07, .15])
    axis = [(0, 0, 1), (1, 0, 0), (.7, 0, .7), (1, .2, .1)][rng.integers(4)]
    return material(
        any_color(rng), any_color(rng), pattern, axis,
        period=np.exp(rng.uniform(np.log(.012), np.log(.2))),
        grain=rng.uniform(.05, .6),
        grain_size=np.exp(rng.uniform(np.log(.003), np.log(.08))),
        gloss=max(rng.normal(0, .05), 0))


class Wardrobe:
    """Draws looks for one body model.

    Args:
        body (Body): Its template gives the regions.
    """

    def __init__(self, body):
        self.faces = body.faces
        self.template = body.template
        names = np.array(list(body.bones))
        top = body.skin_bones[
            np.arange(len(body.template)), body.skin_weights.argmax(1)]
        bone = names[top]
        self.arm = self._along(body, bone, (
            'upperarm01', 'lowerarm01', 'wrist'),
            ('shoulder01', 'upperarm', 'lowerarm', 'wrist', 'finger',
             'metacarpal'))
        self.leg = self._along(body, bone, (
            'upperleg01', 'lowerleg01', 'foot'),
            ('upperleg', 'lowerleg', 'foot', 'toe', 'pelvis'))
        segment = body.segment
        vertex_segment = np.zeros(len(body.template), int)
        vertex_segment[body.faces.reshape(-1)] = np.repeat(segment, 3)
        seg = body.segments
        self.head = vertex_segment == seg['head']
        self.hand = np.isin(vertex_segment, [seg['hand.L'], seg['hand.R']])
        self.foot = np.isin(vertex_segment, [seg['foot.L'], seg['foot.R']])
        self.face_head = segment == seg['head']
        self.face_eye = np.isin(segment, [
            seg[f'eye_{part}.{side}'] for part in ('front', 'back')
            for side in 'LR'])
        self.face_mouth = np.isin(segment, [
            seg['mouth_cavity'], seg['tongue']])
        cavity = np.isin(segment, [
            seg['eye_cavity.L'], seg['eye_cavity.R']])
        # The backs of the eyes and their sockets are never seen.
        self.hidden = cavity | np.isin(
            segment, [seg['eye_back.L'], seg['eye_back.R']])
        self.eyes = np.stack([body.heads[body.bones[f'eye.{side}']]
                              for side in 'LR'])
        self.lips = np.where(
            self.head, body.texture_lips, 0).astype(np.float32)
        self._head_regions(body)
        middle = body.heads[body.bones['root']]
        self.hip_z = float(middle[2])
        self.neck_z = float(body.heads[body.bones['neck01']][2])
        self.torso = ((self.arm < 0) & (self.leg < 0) & ~self.head
                      & (vertex_segment == seg['body']))
        landmarks = np.einsum(
            'kc,kcx->kx', body.face_weights,
            body.template[body.face_vertices])
        self.brows = np.stack([landmarks[17:22], landmarks[22:27]])[
            ..., [0, 2]].astype(np.float32)
        kinds = np.full(len(self.faces), SKIN, np.uint8)
        kinds[self.face_head] = FACE
        kinds[self.face_eye] = EYE
        kinds[self.face_mouth] = MOUTH
        self.kinds = kinds
        # Smooth bumps on the template, to draw from: (coarse to fine, V).
        rng = np.random.default_rng(0)
        self.waves = np.stack([
            np.clip(.5 + np.sin(self.template @ rng.normal(0, 1 / size, (3, 5))
                                + rng.uniform(0, 6.3, 5)).sum(1) / 5, 0, 1)
            for size in np.geomspace(.07, .008, 36)]).astype(np.float32)

    @staticmethod
    def _along(body, bone, chain, own):
        """(V,) place along a limb, 0 at its root, 1 at its last joint, more
        beyond it; -1 elsewhere."""
        out = np.full(len(bone), -1.)
        for side in 'LR':
            mine = np.array([
                name.endswith(f'.{side}') and name.startswith(own)
                for name in bone])
            joints = np.array([
                body.heads[body.bones[f'{name}.{side}']] for name in chain])
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

    def _head_regions(self, body):
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
            self.head, np.minimum(up - np.interp(
                back, [-.2, .1, .45, .75, 1.2, 1.6],
                [.62, .60, .18, .10, -.35, -.7]), 1), -1.)
        ears = self.head & (np.abs(x) > .073) & (back > .5) & (back < 1.25) \
            & (up < .15) & (up > -.75)
        self.scalp[ears] = -1
        jaw = np.clip(1.2 - np.abs(up + .8) * 1.7, 0, 1) * (back < .75)
        lip_z = (body.template[body.face_vertices[33, 0]][2] - eye[2]) / size
        self.beard = (self.head * jaw * (
            up < np.interp(np.abs(x), [.02, .035, .07],
                           [lip_z - .02, lip_z - .05, -.2]))
                      * (1 - self.lips)).astype(np.float32)
        cheek = np.exp(-((np.abs(x) - .038)**2 + (z - eye[2] + .04)**2)
                       / .0004)
        nose = np.exp(-(x**2 + (z - eye[2] + .04)**2) / .0002)
        self.blush = (self.head * (cheek + .7 * nose)
                      * (back < .4)).astype(np.float32)
        lids = np.where(self.head, body.texture_eyelids, 0)
        self.lids = (lids > .3).astype(np.float32)

    def sample(self, rng):
        """A random :class:`Look`."""
        tone = rng.beta(1.5, 1.1) * (len(SKIN_TONES) - 1)
        low = int(tone)
        high = min(low + 1, len(SKIN_TONES) - 1)
        skin = SKIN_TONES[low] * (1 - tone + low) + SKIN_TONES[high] * (
            tone - low)
        skin = skin * rng.uniform(.85, 1.15, 3)
        gloss = rng.uniform(0, .12)
        hair = HAIR_TONES[rng.choice(len(HAIR_TONES), p=[
            .2, .2, .15, .13, .1, .07, .05, .05, .05])]
        if rng.uniform() < .04:
            hair = any_color(rng)
        materials = np.zeros((12, raster.MATERIAL_SIZE), np.float32)
        for index, kind in ((SKIN, raster.SKIN), (FACE, raster.FACE)):
            materials[index] = material(
                skin, grain=rng.uniform(.05, .25),
                grain_size=rng.uniform(.004, .02), gloss=gloss, kind=kind)
        materials[HAIR] = material(
            hair, hair * rng.uniform(.4, 2.2), raster.CLOUDS,
            period=rng.uniform(.008, .03), grain=rng.uniform(.3, 1),
            grain_size=rng.uniform(.002, .006), gloss=rng.uniform(0, .2),
            kind=raster.HAIR)
        for index in (SHIRT, TROUSERS, SHOES, GLOVES, JACKET, SOCKS, HAT):
            materials[index] = cloth(rng)
        if rng.uniform() < .35:  # jeans and dark trousers
            materials[TROUSERS] = material(
                np.array([.02, .03, .06]) * rng.uniform(.5, 5),
                grain=.4, grain_size=.004)
        materials[SHOES][raster.GLOSS] = rng.uniform(0, .3)
        materials[EYE] = material((.8, .8, .8), grain=0,
                                  gloss=rng.uniform(.1, .5), kind=raster.EYE)
        materials[MOUTH] = material(
            np.array([.16, .03, .03]) * rng.uniform(.3, 1.5), grain=.2)
        layers, skirt = self._clothes(rng, materials)
        layers += self._hair(rng)

        beard = rng.uniform(.3, 1) if rng.uniform() < .25 else 0
        makeup = rng.uniform() < .3
        lips = skin * (rng.uniform(.7, 1), rng.uniform(.4, .7),
                       rng.uniform(.4, .75))
        if makeup:
            lips = np.array([rng.uniform(.15, .6), rng.uniform(0, .12),
                             rng.uniform(.01, .15)])
        brow = hair * rng.uniform(.4, 1)
        if hair.mean() > .3:
            brow = hair * rng.uniform(.25, .7)
        iris = [(.04, .02, .01), (.09, .04, .015), (.06, .12, .2),
                (.07, .12, .05), (.12, .13, .14)][rng.choice(
                    5, p=[.45, .25, .13, .1, .07])]
        paint = np.stack([
            self.lips * rng.uniform(.75, 1), self.beard, self.blush,
            self.lids * rng.uniform(.1, .7 if makeup else .35)
        ], 1).astype(np.float32)
        white = rng.uniform(.55, .85) * np.array([1, .96, .93])
        fields = np.full((len(self.template), len(layers)), -1, np.float32)
        puff = np.zeros(len(self.template), np.float32)
        for i, (_, field, thick) in enumerate(layers):
            fields[:, i] = field
            # Cloth rises from its hem within a centimetre.
            rise = np.clip(field / .012, 0, 1)
            puff = np.maximum(puff, rise * thick)
        return Look(
            fields, np.array([kind for kind, *_ in layers], np.uint8),
            materials, puff.astype(np.float32), paint,
            np.array([rng.uniform(.0022, .0052), rng.uniform(.5, 1), *brow,
                      *lips, beard, rng.uniform(0, .8)], np.float32),
            np.array([rng.uniform(.0062, .0072), rng.uniform(.002, .0035),
                      *(np.array(iris) * rng.uniform(.6, 1.6)), *white],
                     np.float32), skirt)

    def _wave(self, rng, coarse=1.):
        """(V,) bumps between 0 and 1; fine ones too if ``coarse`` is 0."""
        return self.waves[rng.integers(int(len(self.waves) * (
            1 - .5 * coarse)))]

    def _clothes(self, rng, materials):
        """Layers (kind, (V,) field, thickness) and the skirt, if any."""
        z = self.template[:, 2] - self.hip_z
        x, y = self.template[:, 0], self.template[:, 1]
        height = self.neck_z - self.hip_z
        out = -.02
        hem = .012 * (self._wave(rng) - .5)
        waist = rng.uniform(.05, .3) * height
        leg_length = rng.choice([.28, .45, .62, .8, 1.02], p=[
            .13, .12, .07, .08, .6]) + rng.normal(0, .03)
        # Everybody is dressed at least from the thighs to the waist.
        leg_length = max(leg_length, .22)
        # A leg is about 0.8 m, an arm 0.55 m.
        lower = np.where(self.leg >= 0, (leg_length - self.leg) * .8, out)
        lower = np.where(self.torso, waist + hem - z, lower)
        lower[self.foot] = out
        sleeve = rng.choice([-1, .2, .35, .55, .75, 1.], p=[
            .1, .12, .28, .06, .06, .38]) + rng.normal(0, .03)
        neckline = rng.uniform(.95, 1.07) * height
        drop = rng.uniform(0, .25) * (rng.uniform() < .4)
        front = np.clip(-y * 12, 0, 1) * np.exp(-(x / .09)**2)
        # Shoulders and the upper arms end at the neckline as the trunk does.
        top = neckline - drop * height * front - z
        trunk = self.torso | ((self.arm >= 0) & (self.arm < .2))
        shirt = np.where(self.torso, top, out)
        tucked = rng.uniform() < .4
        bottom = waist - .02 if tucked else rng.uniform(
            -.12, .2) * height + hem
        shirt = np.where(self.torso | (self.leg >= 0), np.minimum(
            np.where(self.torso, shirt, .02), z - bottom), shirt)
        # A collar ends below the chin.
        shirt = np.where(self.head, np.minimum(top, y + .085), shirt)
        if sleeve < 0:
            shirt = np.where(trunk, np.minimum(top, .15 - np.abs(x)), shirt)
            shirt = np.where(self.torso, np.minimum(shirt, z - bottom), shirt)
        else:
            arm = (sleeve - self.arm) * .55
            shirt = np.where(self.arm >= 0, np.where(
                self.hand, out, np.where(trunk, np.minimum(arm, top), arm)),
                shirt)
        bumps = self._wave(rng)
        loose = abs(rng.normal(0, .012)) + .002
        legs_loose = abs(rng.normal(0, .012)) + .002
        layers = []
        if rng.uniform() < .3:  # socks or tights
            layers.append((SOCKS, np.where(self.leg >= 0, (
                self.leg - rng.choice([.75, .9, 0])) * .8, out), .001))
        layers.append((TROUSERS, lower, legs_loose * (
            .3 + bumps * np.clip(.4 + self.leg, .4, 1.2))))
        # Whatever moves up or gapes, nobody's chest or belly is bare.
        under = np.where(self.torso, neckline * .8 - z, out)
        layers.insert(0, (SHIRT, under, .001))
        layers.append((
            SHIRT, shirt, loose * (.35 + bumps) + .002 * (not tucked)))
        if tucked:
            layers[-1], layers[-2] = layers[-2], layers[-1]
        skirt = None
        if rng.uniform() < .14:
            color = SHIRT if rng.uniform() < .5 else TROUSERS
            skirt = (float(rng.uniform(.25, .95)), float(rng.uniform(0, .09)),
                     color)
            materials[TROUSERS] = materials[color]
        elif rng.uniform() < .12:
            materials[TROUSERS] = materials[SHIRT]  # overall, sports suit
        if rng.uniform() < .2:  # jacket, mostly open at the front
            gap = rng.uniform(.02, .09) if rng.uniform() < .7 else -1
            jacket = np.where(
                self.torso | (self.leg >= 0), np.minimum(
                    z - rng.uniform(-.25, .1) * height - hem,
                    np.maximum(np.abs(x) - gap, y + .02)), out)
            jacket = np.where(self.torso, np.minimum(
                jacket, height * 1.02 - z), jacket)
            jacket = np.where(self.arm >= 0, np.where(
                self.hand, out, (rng.uniform(.85, 1.02) - self.arm) * .55),
                jacket)
            jacket = np.where(self.head, np.minimum(
                height * 1.02 - z, y + .085), jacket)
            layers.append((JACKET, jacket, loose + rng.uniform(
                .006, .02) * (.4 + bumps)))
        if rng.uniform() < .85:
            shaft = rng.uniform(.8, .95) if rng.uniform() < .25 else .99
            shoe = np.where(self.foot, .02, np.where(
                self.leg >= 0, (self.leg - shaft) * .8, out))
            layers.insert(rng.integers(len(layers) + 1), (
                SHOES, shoe, rng.uniform(.003, .009)))
        if rng.uniform() < .035:
            layers.append((GLOVES, np.where(self.hand, .02, out),
                           rng.uniform(.001, .003)))
        return layers, skirt

    def _hair(self, rng):
        """Layers of hair, hats and hoods."""
        style = rng.choice(
            ['short', 'full', 'long', 'bald', 'shaved', 'hat', 'hood'],
            p=[.36, .2, .22, .05, .06, .08, .03])
        if style == 'bald':
            return []
        line = rng.normal(0, .06) + .05 * (self._wave(rng, 0) - .5)
        # In eye-chin distances, of some 0.11 m.
        scalp = (self.scalp - line) * self.unit
        volume = dict(short=.008, full=.025, long=.018, shaved=.001,
                      hat=.012, hood=.03)[style] * rng.uniform(.5, 1.6)
        thick = volume * np.clip((self.scalp - line) / .35, 0, 1) * (
            .6 + .8 * self._wave(rng, 0))
        if style == 'long':
            side = np.abs(self.template[:, 0])
            length = rng.uniform(-1.1, -.5)
            fall = np.minimum.reduce([
                self.back - .62 + .1 * rng.uniform(), self.up - length,
                .3 - self.up])
            fall[~(self.head | (self.torso & (self.back > 1.)))] = -1
            if rng.uniform() < .6:
                fall = np.maximum(fall, np.where(self.head, np.minimum.reduce(
                    [self.back - .45, self.up + .6, .25 - self.up,
                     (side - .06) / self.unit]), -1))
            scalp = np.maximum(scalp, fall * self.unit)
            thick = np.maximum(thick, .8 * volume * (fall > 0))
        if style == 'hood':
            cover = np.where(
                self.head | (self.torso & (self.up > -1.8)),
                self.back - .45, -1)
            scalp = np.maximum(scalp, cover * self.unit)
            thick = np.maximum(thick, volume * (cover > 0))
        layers = [(HAT if style == 'hood' else HAIR, scalp, thick)]
        if style == 'hat':
            brim = rng.uniform(.35, .6)
            layers.append((HAT, np.minimum(
                scalp, (self.up - brim) * self.unit), thick + .006))
        return layers
