"""Boxes in, keypoints out: the crops of an image in one batch.

Shapes: N persons, K keypoints, A axes (x, y and in 3D z), (h, w) the network's
input in pixels; images are (H, W, 3) uint8 BGR.
"""

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import geometry
from ..core.calibration import Curve, calibrate, join_curves
from ..core.crops import box_scores as scores_of
from ..core.crops import (
    check_boxes,
    crop_image,
    crop_matrices,
    points_to_image,
    variances_to_image,
)
from ..core.errors import RTMWError
from ..core.images import ImageSource, read_image
from ..core.people import MIN_SCORE, People
from ..core.second_look import Prediction, refine_parts
from ..core.simcc import BETA, Z_RANGE, bins_to_points, decode, point_variances
from ..core.skeleton import NUM_KEYPOINTS
from .network import Network, Shape, load_network

AXES = ('simcc_x', 'simcc_y', 'simcc_z')
#: Outputs of a file that was exported with the decoding inside.
DECODED = ('keypoints', 'scores')
#: Outputs of RTMO, which finds people and their points at once.
ONE_STAGE = ('dets', 'keypoints')
#: SimCC bins a pixel, where neither the metadata nor the outputs say.
SPLIT_RATIO = 2.0
#: Items of a batch at most: it bounds the memory, not the persons.
MAX_BATCH = 16
#: Highest raw scores of networks that were trained with published configs, by the
#: temperatures of their KL loss: 10 (RTMPose, DWPose, RTMW3D), 1 (RTMW).
SURE_SCORES = (1.0, 10.0)
#: A person, by which a network shows how high its scores are. It is cut from
#: projects/rtmw/people.jpg, which rtmw_ext.synthetic rendered.
PERSON = Path(__file__).with_name('person.jpg')


class PoseError(RTMWError, ValueError):
    """A file is no pose network, or cannot be used as asked; the text says
    why."""


class PoseModel:
    """RTMPose, RTMW or RTMW3D from a file.

    Source: SimCC (arXiv 2107.03332); names and layout of inputs and outputs
    as OpenMMLab's and rtmlib's files have them: (B, 3, h, w) RGB in,
    ``simcc_x``, ``simcc_y`` and in 3D ``simcc_z``, each (B, K, bins), out.

    Args:
        path: ``.onnx``, ``.xml``, or a network that is loaded.
        rgb: Feed RGB (True) or BGR (False). None: what the file says, else
            RGB, which all released models were trained on. rtmlib 0.0.16 feeds
            BGR.
        subbin: Refine between bins, see
            :func:`rtmw_ext.core.simcc.decode_axis`. It changes nothing for a
            file whose metadata asks for expected bins.
        person_height: Metres, for the depth of a 3D person.
        camera: That of all images, as of :mod:`rtmw_ext.core.geometry`; 3D only.
        score_scale: Factor by which the raw score of a sure point is 1, > 0. None:
            what the file says, else what :func:`measure_scale` measures.
        second_look: A network, or its file, that refines every face and hand,
            see :mod:`rtmw_ext.core.second_look`: better points for nine more
            crops a person. It must be trained on crops of faces and hands
            (``BatchPipeline(part_prob=1.)``).
        **network: Further arguments of
            :func:`rtmw_ext.runtime.load_network`.

    Attributes:
        network (OnnxRuntime | OpenVino): The loaded file.
        input_size (tuple[int, int]): (w, h).
        is_3d (bool): It predicts depth.
        num_keypoints (int | None): K; None where the file leaves it open.
        calibration (dict | None): The file's curves, see
            :mod:`rtmw_ext.core.calibration`: scores are the share of points that
            are right.

    Raises:
        NetworkError: As of :func:`rtmw_ext.runtime.load_network`.
        PoseError: The file is no pose network, it cannot take part in a
            second look, or ``score_scale`` is out of range.
    """

    def __init__(
        self,
        path: str | Path | Network,
        *,
        rgb: bool | None = None,
        subbin: bool = False,
        person_height: float = geometry.PERSON_HEIGHT,
        camera: geometry.Camera | None = None,
        score_scale: float | None = None,
        second_look: 'PoseModel | str | Path | None' = None,
        **network: Any,
    ) -> None:
        self.network = (
            path if isinstance(path, Network) else load_network(path, **network)
        )
        path, meta = self.network.path, self.network.metadata
        self._order = _output_order(self.network)
        shapes = list(self.network.outputs.values())
        shapes = [shapes[number] for number in self._order]
        self.decoded = set(self.network.outputs) == set(DECODED)
        self.is_3d = shapes[0][2] == 3 if self.decoded else len(shapes) == 3
        self.num_keypoints = shapes[0][1]
        ((batch, _, height, width),) = self.network.inputs.values()
        self.batch = batch or MAX_BATCH
        self.input_size = input_size_of(path, meta.input_size, (width, height))
        ratio = None if self.decoded else _split_ratio(path, shapes, self.input_size)
        self.split_ratio = meta.split_ratio or ratio or SPLIT_RATIO
        self.z_range = meta.z_range or Z_RANGE
        if score_scale is not None and not 0 < score_scale < math.inf:
            raise PoseError(f'score_scale={score_scale} is no number > 0')
        self._given_scale = score_scale or meta.score_scale
        self.calibration = meta.calibration
        self.expected_beta = meta.expected_beta
        self.rgb = meta.rgb is not False if rgb is None else rgb
        self.mean, self.scale = meta.normalisation()
        self.subbin = subbin
        self.person_height, self.camera = person_height, camera
        if isinstance(second_look, (str, Path)):
            second_look = PoseModel(second_look, subbin=subbin, **network)
        elif not isinstance(second_look, (PoseModel, type(None))):
            raise PoseError(
                f'second_look={second_look!r} is no network: give '
                'a PoseModel or its file'
            )
        self.second_look = second_look
        for model in (self, second_look) if second_look else ():
            if model.decoded or model.num_keypoints not in (None, NUM_KEYPOINTS):
                raise PoseError(
                    f'{model.network.path} cannot take part in a second look: that '
                    f'takes the SimCC logits of {NUM_KEYPOINTS} points, its '
                    f'outputs are {model.network.outputs}'
                )
        self._empty: list[np.ndarray] | None = None
        if self.calibration and self.num_keypoints not in (None, NUM_KEYPOINTS):
            raise PoseError(
                f'{path} has curves of the scores of {NUM_KEYPOINTS} points, but '
                f'predicts {self.num_keypoints}: export it again with `rtmw export`'
            )

    @functools.cached_property
    def score_scale(self) -> float:
        """Factor by which the raw score of a sure point is 1."""
        return self._given_scale or measure_scale(self)

    @functools.cached_property
    def beta(self) -> float:
        """Temperature of the softmax over bins."""
        # Scores that are ten times as high come from a tenth of the temperature.
        return self.network.metadata.beta or BETA * self.score_scale

    @functools.cached_property
    def _unit(self) -> float:
        """Raw scores of the second look -> raw scores of this network."""
        other = self.second_look
        return other.score_scale / self.score_scale if other else 1.0

    @functools.cached_property
    def _curves(self) -> dict[str, Curve]:
        again = self.second_look.calibration if self.second_look else None
        return join_curves(self.calibration, again, self._unit)

    def __call__(
        self,
        image: ImageSource,
        boxes: ArrayLike | None = None,
        box_scores: ArrayLike | None = None,
        camera: geometry.Camera | None = None,
    ) -> People:
        """
        Args:
            image: As :func:`rtmw_ext.core.images.read_image` takes it.
            boxes: (N, 4) x1, y1, x2, y2 in pixels, or (N, 5) with scores; N may be
                0, which is nobody. None: one person fills the image.
            box_scores: (N, ). None: those of ``boxes``, else 1.
            camera: As of :mod:`rtmw_ext.core.geometry`; 3D only. None: that of all
                images, else :func:`rtmw_ext.core.geometry.default_camera`.

        Returns:
            N persons.

        Raises:
            ImageError: The image is broken.
            BoxError: Boxes have another shape, or one has no area or is not
                finite.
            CameraError: The camera is unusable, or of images of another shape.
        """
        image = read_image(image)
        height, width = image.shape[:2]
        if boxes is None:
            boxes = [(0, 0, width, height)]
        if box_scores is None:
            box_scores = scores_of(boxes)
        return self.images([image], [check_boxes(boxes)], [box_scores], camera)[0]

    def images(
        self,
        images: Sequence[np.ndarray],
        boxes: Sequence[np.ndarray],
        box_scores: Sequence[ArrayLike],
        camera: geometry.Camera | None = None,
    ) -> list[People]:
        """The people of several images, whose crops share batches.

        Args:
            images: (H, W, 3) uint8 BGR each.
            boxes: (N, 4) x1, y1, x2, y2 in pixels each, with areas.
            box_scores: (N, ) each.
            camera: As of ``__call__``, of all.

        Raises:
            CameraError: As of ``__call__``.
        """
        camera = self.camera if camera is None else camera
        found = []
        for image, rows, scores, (points, raw_scores) in zip(
            images, boxes, box_scores, self._predict(images, boxes)
        ):
            people = People(
                points[..., :2].astype(np.float32),
                calibrate(raw_scores, self._curves, self.score_scale),
                rows,
                np.asarray(scores, np.float32),
                raw_scores=raw_scores.astype(np.float32),
            )
            if self.is_3d:
                height, width = image.shape[:2]
                people.keypoints_3d_cam, people.keypoints_3d = self._to_3d(
                    people,
                    points[..., 2].astype(np.float32),
                    geometry.camera_of(width, height, camera),
                )
            found.append(people)
        return found

    def _predict(
        self, images: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each image (N, K, A) points in it and (N, K) raw scores."""
        if again := self.second_look:
            return [self._look_twice(again, *shown) for shown in zip(images, boxes)]
        matrices = [crop_matrices(rows, self.input_size) for rows in boxes]
        crops = list(map(self.crop, images, matrices))
        points, scores = self.decode(
            self.run(np.concatenate(crops) if len(crops) > 1 else crops[0])
        )
        points = points_to_image(np.concatenate(matrices), points)
        ends = np.cumsum([len(rows) for rows in boxes])[:-1]
        return list(zip(np.split(points, ends), np.split(scores, ends)))

    def _look_twice(
        self, again: 'PoseModel', image: np.ndarray, boxes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`_predict`, of one image, with a second look."""
        first = self.predict_crops(image, boxes)
        if not len(boxes):
            return first[:2]

        def look_again(*crops: np.ndarray) -> Prediction:
            points, scores, variances = again.predict_crops(image, *crops)
            return points, scores * self._unit, variances

        return refine_parts(first, boxes, look_again)

    def predict_crops(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        tilts: np.ndarray | None = None,
        mirrored: np.ndarray | None = None,
    ) -> Prediction:
        """
        Args:
            image: (H, W, 3) uint8 BGR.
            boxes: (N, 4) x1, y1, x2, y2 in pixels.
            tilts: As of :func:`rtmw_ext.core.crops.crop_matrices`.
            mirrored: Likewise.

        Returns:
            Points (N, K, A), x and y in pixels of the image and z in metres,
            raw scores (N, K), and variances of the points (N, K, A).
        """
        matrices = crop_matrices(boxes, self.input_size, tilts, mirrored)
        simcc = self.run(self.crop(image, matrices))
        points, scores = self.decode(simcc)
        variances = point_variances(simcc, self.beta, self.split_ratio, self.z_range)
        return (
            points_to_image(matrices, points),
            scores,
            variances_to_image(matrices, variances),
        )

    def crop(self, image: np.ndarray, matrices: np.ndarray) -> np.ndarray:
        """Normalised crops of an image, black outside it.

        Args:
            image: (H, W, 3) uint8 BGR.
            matrices: (N, 2, 3) of :func:`rtmw_ext.core.crops.crop_matrices`.

        Returns:
            (N, 3, h, w) float32.
        """
        crops = crop_image(image, matrices, self.input_size, self.rgb)
        crops -= self.mean
        crops *= self.scale
        return crops

    def run(self, crops: np.ndarray) -> list[np.ndarray]:
        """(N, 3, h, w) -> SimCC logits (N, K, bins) of x, y[, z], or points and
        scores of a file that decodes."""
        if not len(crops):
            # The outputs need not say how many points there are.
            if self._empty is None:
                width, height = self.input_size
                blank = np.zeros((1, 3, height, width), np.float32)
                self._empty = [output[:0] for output in self.run(blank)]
            return self._empty
        batches = [
            self.network(crops[start : start + self.batch])
            for start in range(0, len(crops), self.batch)
        ]
        outputs = [
            np.concatenate(output) if len(batches) > 1 else output[0]
            for output in zip(*batches)
        ]
        return [outputs[number] for number in self._order]

    def decode(self, outputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Outputs of :meth:`run` -> points of the crop.

        Returns:
            (N, K, A), x and y in pixels of the crop and z in metres from the
            root, and raw scores (N, K).
        """
        if self.decoded:
            points, scores = outputs
            return points, scores
        bins, scores = decode(outputs, self.subbin, self.expected_beta)
        z_bins = outputs[-1].shape[2]
        return (
            bins_to_points(bins, scores, self.split_ratio, z_bins, self.z_range),
            scores,
        )

    def _to_3d(
        self, people: People, z: np.ndarray, camera: geometry.Camera
    ) -> tuple[np.ndarray, np.ndarray]:
        """(N, K, 3) in metres from the camera, and the same from the root."""
        depth = geometry.estimate_root_depth(
            people.keypoints,
            z,
            people.scores > MIN_SCORE,
            camera,
            self.person_height,
        )
        absolute, relative = geometry.to_camera_space(
            people.keypoints, z, depth, camera
        )
        return absolute.astype(np.float32), relative.astype(np.float32)


def measure_scale(pose: PoseModel) -> float:
    """The factor of the scores of a network that does not say what they mean.

    The KL loss of SimCC takes softmaxes of ``beta`` times the logits and of
    ``label_beta`` (10) times the labels, whose highest bin is 1. So the logits of
    a sure point reach 10 over ``beta``: one of ``SURE_SCORES``. The network shows
    which by the highest score that it gives to a picture of a person. The picture
    is always the same, so that the scale never depends on what is predicted.

    Source: ``KLDiscretLoss`` of mmpose 1.3.

    Args:
        pose: The network.

    Returns:
        1 over that of ``SURE_SCORES`` which the highest score is nearer to, by
        their ratio.
    """
    image = read_image(PERSON)
    height, width = image.shape[:2]
    box = np.array([[0, 0, width, height]], np.float32)
    matrices = crop_matrices(box, pose.input_size)
    _, raw_scores = pose.decode(pose.run(pose.crop(image, matrices)))
    low, high = SURE_SCORES
    return 1 / (high if raw_scores.max() > math.sqrt(low * high) else low)


def input_size_of(
    path: str | Path, given: tuple[int, int] | None, fixed: tuple[int | None, ...]
) -> tuple[int, int]:
    """
    Args:
        path: Of the network, for errors.
        given: (w, h) of its metadata; None where they do not say.
        fixed: (w, h) of its input; None for a free side.

    Returns:
        (w, h): of the metadata, else that of the network's input.

    Raises:
        PoseError: They leave it open, or do not go together.
    """
    width, height = given or fixed
    if width is None or height is None:
        raise PoseError(
            f'{path} takes any input size and names none: export it with `rtmw export`'
        )
    if any(side not in (None, own) for side, own in zip(fixed, (width, height))):
        raise PoseError(
            f'{path}: inputs of {fixed[0]} x {fixed[1]} do not fit '
            f'{width} x {height}, the input size of its metadata; it is damaged'
        )
    return width, height


def _split_ratio(
    path: str | Path, shapes: list[Shape], input_size: tuple[int, int]
) -> float | None:
    """Bins a pixel, by the outputs of x and y; None where they leave it open."""
    ratios = {shape[2] / side for shape, side in zip(shapes, input_size) if shape[2]}
    if len(ratios) > 1:
        raise PoseError(
            f'{path}: outputs {shapes} do not fit '
            f'{input_size[0]} x {input_size[1]} pixels; it is damaged, or no SimCC '
            'model'
        )
    return ratios.pop() if ratios else None


def is_one_stage(network: Network) -> bool:
    """Whether a network has the outputs of RTMO, which needs no detector."""
    return set(network.outputs) == set(ONE_STAGE)


def _output_order(network: Network) -> list[int]:
    """The positions of x, y[, z] (or keypoints, scores) among the outputs, by
    name where they have OpenMMLab's.

    Raises:
        PoseError: They are no SimCC logits.
    """
    names, shapes = list(network.outputs), list(network.outputs.values())
    inputs = list(network.inputs.values())
    if set(names) == set(DECODED):
        return [names.index(name) for name in DECODED]
    if is_one_stage(network):
        raise PoseError(
            f'{network.path} is a one-stage network (RTMO), which takes no boxes: open '
            'it by WholeBody or OneStageModel'
        )
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
