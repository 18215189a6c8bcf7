"""Boxes in, keypoints out: the crops of a frame in one batch.

Shapes: N persons, K keypoints, (h, w) the network's input in pixels; images
are (H, W, 3) uint8 BGR.
"""

from pathlib import Path

import cv2
import numpy as np

from ..core import geometry
from ..core.errors import RTMWError
from ..core.images import read_image
from ..core.people import People
from ..core.second_look import BETA, look_again, variance
from ..core.simcc import decode
from ..core.skeleton import NUM_KEYPOINTS
from .network import load_network

AXES = ('simcc_x', 'simcc_y', 'simcc_z')
#: Outputs of a file that was exported with the decoding inside.
DECODED = ('keypoints', 'scores')
Z_RANGE = 2.1744869
#: How much more than the box a crop shows (RTMPose).
PADDING = 1.25
#: Items of a batch at most: it bounds the memory, not the persons.
MAX_BATCH = 16


class PoseError(RTMWError, ValueError):
    """A file is no pose network, or a box no box; the text says why."""


class PoseModel:
    """RTMPose, RTMW or RTMW3D from a file.

    Source: SimCC (arXiv 2107.03332); names and layout of inputs and outputs
    as OpenMMLab's and rtmlib's files have them: (B, 3, h, w) RGB in,
    ``simcc_x``, ``simcc_y`` and in 3D ``simcc_z``, each (B, K, bins), out.

    Args:
        path (str | Path): ``.onnx`` or ``.xml``.
        rgb (bool, optional): Feed RGB (True) or BGR (False). Default: what
            the file says, else RGB, which all released models were trained
            on. rtmlib 0.0.16 feeds BGR.
        subbin (bool): Refine between bins, see
            :func:`rtmw_ext.core.simcc.decode_axis`. A file whose metadata
            asks for expected bins has no others.
        person_height (float): Metres, for the depth of a 3D person.
        second_look (PoseModel | str | Path, optional): A network, or its
            file, that looks at every face and hand again, from nearer, see
            :mod:`rtmw_ext.core.second_look`: better points for nine more crops a
            person. One that learned faces and hands on their own
            (``BatchPipeline(part_prob=1.)``).
        **network: Further arguments of :func:`load_network`.

    Attributes:
        input_size (tuple[int, int]): (w, h).
        is_3d (bool): It finds depth.
        num_keypoints (int, optional): K; None where the file leaves it open.
        score_scale (float): Multiplied by it, scores are 1 where the model is
            sure; None where the file does not say.

    Raises:
        NetworkError: As of :func:`load_network`.
        PoseError: The file is no pose network, or has no part in a second
            look.
    """

    def __init__(
        self,
        path,
        *,
        rgb=None,
        subbin=False,
        person_height=geometry.PERSON_HEIGHT,
        second_look=None,
        **network,
    ):
        self.network = load_network(path, **network)
        meta = self.network.metadata
        self.order = _order(self.network)
        self.decoded = set(self.network.outputs) == set(DECODED)
        self.is_3d = (
            3 == self.network.outputs['keypoints'][2]
            if self.decoded
            else len(self.order) == 3
        )
        ((batch, _, height, width),) = self.network.inputs.values()
        self.input_size = meta.input_size or (width, height)
        if None in self.input_size:
            raise PoseError(
                f'{path} takes any input size and names none: '
                'export it with `rtmw export`'
            )
        shapes = list(self.network.outputs.values())
        shapes = [shapes[number] for number in self.order]
        ratios = (
            set()
            if self.decoded
            else {
                shape[2] / side
                for shape, side in zip(shapes, self.input_size)
                if shape[2] is not None
            }
        )
        fits = all(
            fixed in (None, side)
            for fixed, side in zip((width, height), self.input_size)
        )
        if len(ratios) > 1 or not fits:
            raise PoseError(
                f'{path}: an input of {width} x {height} and outputs {shapes} '
                f'do not fit {self.input_size[0]} x {self.input_size[1]} '
                'pixels; it is damaged, or no SimCC model'
            )
        self.split_ratio = meta.split_ratio or (ratios.pop() if ratios else 2.0)
        self.z_range = meta.z_range or Z_RANGE
        self.score_scale = meta.score_scale
        self.expected_beta = meta.expected_beta
        self.rgb = meta.rgb is not False if rgb is None else rgb
        self.mean, self.scale = meta.normalisation()
        self.subbin = subbin
        self.person_height = person_height
        self.beta = meta.beta or BETA
        self.num_keypoints = shapes[0][1]
        if isinstance(second_look, (str, Path)):
            second_look = PoseModel(second_look, subbin=subbin, **network)
        elif not isinstance(second_look, (PoseModel, type(None))):
            raise PoseError(
                f'second_look={second_look!r} is no network: give '
                'a PoseModel or its file'
            )
        self.second_look = second_look
        for one in (self, second_look) if second_look else ():
            if one.decoded or one.num_keypoints not in (None, NUM_KEYPOINTS):
                raise PoseError(
                    f'{one.network.path} has no part in a second look: that '
                    f'takes the SimCC logits of {NUM_KEYPOINTS} points, its '
                    f'outputs are {one.network.outputs}'
                )
        self.batch = batch or MAX_BATCH
        self._nobody = None

    def __call__(self, image, boxes=None, box_scores=None, camera=None):
        """
        Args:
            image (str | Path | ndarray): As ``read_image`` takes it.
            boxes (ndarray, optional): (N, 4) x1, y1, x2, y2 in pixels.
                Default: one person fills the image.
            box_scores (ndarray, optional): (N, ). Default: 1.
            camera (dict, optional): As of :mod:`rtmw_ext.core.geometry`; 3D only.
                Default: :func:`rtmw_ext.core.geometry.default_camera`.

        Returns:
            People: N persons.

        Raises:
            ImageError: The image is broken.
            PoseError: A box has no area or is not finite.
        """
        image = read_image(image)
        height, width = image.shape[:2]
        if boxes is None:
            boxes = [(0, 0, width, height)]
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        bad = ~np.isfinite(boxes).all(1) | (boxes[:, 2:] <= boxes[:, :2]).any(1)
        if bad.any():
            number = bad.argmax()
            raise PoseError(
                f'box {number} is {boxes[number].tolist()}: it '
                'must be finite with x1 < x2 and y1 < y2'
            )
        if box_scores is None:
            box_scores = np.ones(len(boxes), np.float32)
        if self.second_look and len(boxes):
            points, scores = look_again(
                self.look(image, boxes, spread=True),
                boxes,
                lambda *where: self.second_look.look(image, *where, spread=True),
            )
        else:
            points, scores, _ = self.look(image, boxes)
        people = People(
            points[..., :2].astype(np.float32),
            scores,
            boxes,
            np.asarray(box_scores, np.float32),
        )
        if self.is_3d:
            people.keypoints_3d_cam, people.keypoints_3d = self._to_3d(
                people,
                points[..., 2].astype(np.float32),
                camera or geometry.default_camera(width, height),
            )
        return people

    def look(self, image, boxes, tilts=None, mirrored=None, spread=False):
        """Points in the image, (N, K, 2) in pixels or (N, K, 3) with z in
        metres, their scores (N, K) and, with ``spread``, variances like the
        points, of boxes (N, 4) as :func:`frames` shows them."""
        matrices = self.frames(boxes, tilts, mirrored)
        simcc = self.run(self.crop(image, matrices))
        points, scores = self.decode(simcc)
        variances = None
        if spread:
            variances = (
                np.stack([variance(axis, self.beta) for axis in simcc], -1)
                / self.split_ratio**2
            )
            if self.is_3d:
                variances[..., 2] *= self.z_unit(simcc[2]) ** 2
        points, variances = to_image(matrices, points, variances)
        return points, scores, variances

    def z_unit(self, logits):
        """Metres a pixel of the z axis."""
        return self.z_range / (logits.shape[2] / self.split_ratio / 2)

    def raw_score(self, share):
        """The score of a point that is as sure as ``share`` of a sure one;
        ``share`` itself where the file does not say what that is."""
        return share / (self.score_scale or 1)

    def frames(self, boxes, tilts=None, mirrored=None):
        """Where the crops of boxes are: :func:`frames` of this input."""
        return frames(boxes, self.input_size, tilts, mirrored)

    def crop(self, image, matrices):
        """(N, 3, h, w) float32, normalised, black outside the image, of what
        ``frames`` gives."""
        width, height = self.input_size
        crops = np.empty((len(matrices), 3, height, width), np.float32)
        for out, matrix in zip(crops, matrices):
            pixels = cv2.warpAffine(
                image,
                matrix,
                self.input_size,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            )
            out[:] = pixels.transpose(2, 0, 1)[:: -1 if self.rgb else 1]
        crops -= self.mean
        crops *= self.scale
        return crops

    def run(self, crops):
        """(N, 3, h, w) -> list of SimCC logits (N, K, bins), x, y[, z]; or
        points and scores of a file that decodes."""
        if not len(crops):
            # How many points there are, the outputs may not say.
            if self._nobody is None:
                width, height = self.input_size
                self._nobody = [
                    output[:0]
                    for output in self.run(np.zeros((1, 3, height, width), np.float32))
                ]
            return self._nobody
        parts = [
            self.network(crops[start : start + self.batch])
            for start in range(0, len(crops), self.batch)
        ]
        outputs = [
            np.concatenate(output) if len(parts) > 1 else output[0]
            for output in zip(*parts)
        ]
        return [outputs[number] for number in self.order]

    def decode(self, simcc):
        """Logits (or points of a file that decodes) -> points of the crop.

        Returns:
            tuple[ndarray, ndarray]: (N, K, 2) in pixels of the crop or
            (N, K, 3) with z in metres from the root, and scores (N, K).
        """
        if self.decoded:
            return tuple(simcc)
        points, scores = decode(simcc, self.subbin, self.expected_beta)
        points /= self.split_ratio
        if self.is_3d:
            points[..., 2] *= self.z_unit(simcc[2])
            points[..., 2] -= self.z_range
            points[scores <= 0, 2] = 0
        return points, scores

    def _to_3d(self, people, z, camera):
        depth = geometry.estimate_root_depth(
            people.keypoints, z, people.scores > 0.3, camera, self.person_height
        )
        return (
            points.astype(np.float32)
            for points in geometry.to_camera_space(people.keypoints, z, depth, camera)
        )


def frames(boxes, input_size, tilts=None, mirrored=None):
    """Where the crops of boxes are.

    Args:
        boxes (ndarray): (N, 4) x1, y1, x2, y2.
        input_size (tuple[int, int]): (w, h).
        tilts (ndarray, optional): (N, ) in radians, clockwise, of what is
            upright in a crop.
        mirrored (ndarray, optional): (N, ) bool, show it in a mirror.

    Returns:
        ndarray: (N, 2, 3), pixels of the crop -> pixels of the image.
    """
    size = np.array(input_size, np.float64)
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64) * PADDING
    matrices = np.zeros((len(boxes), 2, 3))
    tilts = np.zeros(len(boxes)) if tilts is None else tilts
    scales = (sides / size).max(1)
    cos, sin = scales * np.cos(tilts), scales * np.sin(tilts)
    matrices[:, 0, 0], matrices[:, 0, 1] = cos, -sin
    matrices[:, 1, 0], matrices[:, 1, 1] = sin, cos
    matrices[:, :, 2] = (boxes[:, :2] + boxes[:, 2:]) / 2 - matrices[:, :, :2] @ (
        size / 2
    )
    if mirrored is not None:
        # About the middle of the pixel grid, as an image is flipped.
        flip = np.array([[-1, 0, size[0] - 1], [0, 1, 0], [0, 0, 1]])
        matrices[mirrored] = matrices[mirrored] @ flip
    return matrices


def to_image(matrices, points, variances=None):
    """What is found in crops -> in the image.

    Args:
        matrices (ndarray): (N, 2, 3) of :func:`frames`.
        points (ndarray): (N, K, A), x and y in pixels of the crop.
        variances (ndarray, optional): (N, K, A) likewise, in pixels squared.

    Returns:
        tuple[ndarray]: Both; what is beyond x and y, as it was.
    """
    points = points.astype(np.float64)
    points[..., :2] = (
        points[..., :2] @ matrices[:, :, :2].transpose(0, 2, 1)
        + matrices[:, None, :, 2]
    )
    if variances is not None:
        variances = variances.astype(np.float64)
        variances[..., :2] = variances[..., :2] @ (matrices[:, :, :2] ** 2).transpose(
            0, 2, 1
        )
    return points, variances


def _order(network):
    """The places of x, y[, z] (or keypoints, scores) among the outputs, by
    name where they have OpenMMLab's.

    Raises:
        PoseError: They are no SimCC logits.
    """
    names, shapes = list(network.outputs), list(network.outputs.values())
    inputs = list(network.inputs.values())
    if set(names) == set(DECODED):
        return [names.index(name) for name in DECODED]
    if (
        len(inputs) != 1
        or len(inputs[0]) != 4
        or len(names) not in (2, 3)
        or any(len(shape) != 3 for shape in shapes)
        or len({shape[1] for shape in shapes} - {None}) > 1
    ):
        raise PoseError(
            f'{network.path} is no pose model: it has inputs {inputs} and '
            f'outputs {network.outputs}, not an image (B, 3, h, w) and '
            'simcc_x, simcc_y[, simcc_z] of shape (B, K, bins)'
        )
    wanted = AXES[: len(names)]
    if set(names) == set(wanted):
        return [names.index(name) for name in wanted]
    return list(range(len(names)))
