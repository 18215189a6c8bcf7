"""Person detectors: RTMDet and YOLOX in the layouts they are published in.

Shapes: P candidate boxes; boxes are (P, 4) x1, y1, x2, y2 in pixels; images are
(H, W, 3) uint8 BGR.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..core.errors import RTMWError
from ..core.images import ImageSource, read_image
from .network import Shape, load_network

#: Grey level around the image, in the input.
BORDER = 114
#: COCO's category of persons.
PERSON = 0
#: Least confidence of a person, by default.
SCORE_THR = 0.3
#: How pixels are normalised: RTMDet takes normalised BGR, YOLOX plain pixels.
KINDS = ('rtmdet', 'yolox')
#: Of YOLOX's cells, in pixels.
STRIDES = (8, 16, 32)
#: (w, h) of files that take any size, as published ones do.
INPUT_SIZE = (640, 640)

Size = tuple[int, int]
#: Boxes in pixels of the input, scores, and whether overlaps are removed.
Candidates = tuple[np.ndarray, np.ndarray, bool]
Decoder = Callable[[list[np.ndarray], Size, float], Candidates]


class DetectorError(RTMWError, ValueError):
    """A file is no detector of ours; the text says why."""


class Detector:
    """A detector from a file. Its outputs say which of these it is:

    - NMS inside (MMDeploy): ``dets`` (1, P, 5) boxes and scores, and perhaps
      ``labels`` (1, P);
    - YOLOX without NMS: one (1, cells, 5 + classes): centre and log size in
      cells, objectness, class scores;
    - raw RTMDet heads, one (1, s, s, 5) a stride: class logit, then the
      distances left, top, right, bottom in input pixels.

    Source: RTMDet (arXiv 2212.07784), YOLOX (arXiv 2107.08430).

    Args:
        path: ``.onnx`` or ``.xml``.
        kind: One of ``KINDS``. None: what the file's metadata, its name or its
            outputs say.
        score_thr: Least confidence, in (0, 1).
        iou_thr: Boxes that overlap more are one person, in (0, 1); not used
            where the NMS is inside.
        **network: Further arguments of
            :func:`rtmw_ext.runtime.load_network`.

    Attributes:
        input_size (tuple[int, int]): (w, h).

    Raises:
        NetworkError: As of :func:`rtmw_ext.runtime.load_network`.
        DetectorError: The file has other inputs or outputs, or ``score_thr`` is
            out of range.
    """

    def __init__(
        self,
        path: str | Path,
        kind: str | None = None,
        *,
        score_thr: float = SCORE_THR,
        iou_thr: float = 0.6,
        **network: Any,
    ) -> None:
        if not 0 < score_thr < 1:
            raise DetectorError(f'score_thr={score_thr} must be between 0 and 1')
        self.network = load_network(path, **network)
        inputs = list(self.network.inputs.values())
        decoder = _find_decoder(list(self.network.outputs.values()))
        if len(inputs) != 1 or len(inputs[0]) != 4 or decoder is None:
            raise DetectorError(
                f'detector {path} has inputs {inputs} and outputs '
                f'{self.network.outputs}, not an image and dets (1, P, 5), '
                'YOLOX cells (1, P, 5 + classes) or raw heads (1, h, w, 5)'
            )
        self.decode = decoder
        meta = self.network.metadata
        height, width = inputs[0][2:]
        fixed = (width, height) if width and height else INPUT_SIZE
        self.input_size = meta.input_size or fixed
        kind = kind or meta.kind or _guess_kind(self.network.path.name, decoder)
        if kind not in KINDS:
            raise DetectorError(
                f'detector {path} could be RTMDet or YOLOX: '
                'say kind="rtmdet" or "yolox"'
            )
        # MMDet's detectors take BGR, as images are here.
        self.rgb = meta.rgb is True
        self.mean: np.ndarray | None = None
        self.scale: np.ndarray | None = None
        if kind == 'rtmdet':
            self.mean, self.scale = meta.normalisation(self.rgb)
        self.score_thr, self.iou_thr = score_thr, iou_thr

    def __call__(self, image: ImageSource) -> tuple[np.ndarray, np.ndarray]:
        """
        Args:
            image: As :func:`rtmw_ext.core.images.read_image` takes it.

        Returns:
            Boxes (P, 4) inside the image and scores (P, ), both float32, best
            first; P may be 0.
        """
        image = read_image(image)
        height, width = image.shape[:2]
        tensor, ratio = self.letterbox(image)
        boxes, scores, unique = self.decode(
            self.network(tensor), self.input_size, self.score_thr
        )
        boxes = (boxes / ratio).clip(0, (width, height, width, height))
        sides = boxes[:, 2:] - boxes[:, :2]
        kept = np.flatnonzero((sides > 0).all(1))
        if unique:
            kept = kept[np.argsort(-scores[kept], kind='stable')]
        else:
            kept = kept[
                suppress(boxes[kept], scores[kept], self.score_thr, self.iou_thr)
            ]
        return boxes[kept].astype(np.float32), scores[kept].astype(np.float32)

    def letterbox(self, image: np.ndarray) -> tuple[np.ndarray, float]:
        """Fits an image into the top left of the input.

        Returns:
            (1, 3, h, w) float32, and pixels of the input a pixel of the image.
        """
        width, height = self.input_size
        ratio = min(height / image.shape[0], width / image.shape[1])
        inner = (
            max(1, int(image.shape[1] * ratio)),
            max(1, int(image.shape[0] * ratio)),
        )
        tensor = np.full((1, 3, height, width), BORDER, np.float32)
        pixels = cv2.resize(image, inner)
        if self.rgb:
            pixels = pixels[..., ::-1]
        tensor[0, :, : inner[1], : inner[0]] = pixels.transpose(2, 0, 1)
        if self.mean is not None and self.scale is not None:
            tensor -= self.mean
            tensor *= self.scale
        return tensor, ratio


def suppress(
    boxes: np.ndarray, scores: np.ndarray, score_thr: float, iou_thr: float
) -> np.ndarray:
    """Non-maximum suppression.

    Args:
        boxes: (P, 4), finite.
        scores: (P, ).
        score_thr: Least confidence.
        iou_thr: Of boxes that overlap more, the one with the higher score is kept.

    Returns:
        Numbers of those that are kept, best first.
    """
    if not len(boxes):
        return np.zeros(0, int)
    rectangles = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    kept = cv2.dnn.NMSBoxes(rectangles.tolist(), scores.tolist(), score_thr, iou_thr)
    return np.asarray(kept, dtype=int).reshape(-1)


def decode_heads(heads: list[np.ndarray], size: Size, score_thr: float) -> Candidates:
    """Raw heads -> candidates.

    Args:
        heads: Each (1, h, w, 5): logit, then the distances left, top, right,
            bottom from the cell's point in input pixels.
        size: (w, h) of the input in pixels.
        score_thr: Least confidence.

    Returns:
        Boxes (P, 4) in input pixels, scores (P, ), and False: boxes overlap.
    """
    boxes, scores = [], []
    least = np.log(score_thr / (1 - score_thr))
    for head in heads:
        rows, columns = np.nonzero(head[0, ..., 0] > least)
        cells = head[0, rows, columns]
        points = np.stack([columns, rows], 1) * (size[0] / head.shape[2])
        boxes.append(np.concatenate([points - cells[:, 1:3], points + cells[:, 3:]], 1))
        scores.append(1 / (1 + np.exp(-cells[:, 0])))
    return np.concatenate(boxes), np.concatenate(scores), False


def decode_dets(outputs: list[np.ndarray], size: Size, score_thr: float) -> Candidates:
    """``dets`` and perhaps ``labels``, as :func:`decode_heads` but without
    overlaps."""
    dets = outputs[0][0]
    good = dets[:, 4] > score_thr
    if len(outputs) == 2:
        good &= outputs[1][0] == PERSON
    return dets[good, :4], dets[good, 4], True


def decode_yolox(outputs: list[np.ndarray], size: Size, score_thr: float) -> Candidates:
    """YOLOX cells of ``STRIDES``, as :func:`decode_heads`."""
    cells = outputs[0][0]
    grids, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: size[1] // stride, : size[0] // stride]
        grids.append(np.stack([columns.ravel(), rows.ravel()], 1))
        strides.append(np.full((rows.size, 1), stride))
    scores = cells[:, 4] * cells[:, 5 + PERSON]
    good = scores > score_thr
    grid, stride = np.concatenate(grids)[good], np.concatenate(strides)[good]
    centers = (cells[good, :2] + grid) * stride
    halves = np.exp(cells[good, 2:4]) * stride / 2
    return (
        np.concatenate([centers - halves, centers + halves], 1),
        scores[good],
        False,
    )


def _find_decoder(shapes: list[Shape]) -> Decoder | None:
    """The function that reads outputs of these shapes, or None."""
    if shapes and all(len(shape) == 4 and shape[3] == 5 for shape in shapes):
        return decode_heads
    if len(shapes[0]) != 3:
        return None
    last = shapes[0][2]
    if len(shapes) == 2 and len(shapes[1]) == 2 or (len(shapes) == 1 and last == 5):
        return decode_dets
    if len(shapes) == 1 and last is not None and last > 5:
        return decode_yolox
    return None


def _guess_kind(name: str, decoder: Decoder) -> str | None:
    """By the file's name, else by its outputs; None if neither says."""
    named = [kind for kind in KINDS if kind in name.lower()]
    if len(named) == 1:
        return named[0]
    if decoder is decode_heads:
        return 'rtmdet'
    return 'yolox' if decoder is decode_yolox else None
