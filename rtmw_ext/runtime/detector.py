"""Person detectors: RTMDet and YOLOX in the layouts they are published in.

Shapes: P candidate boxes; boxes are (P, 4) x1, y1, x2, y2 in pixels.
"""

import cv2
import numpy as np

from ..core.errors import RTMWError
from ..core.images import read_image
from .network import load_network

PADDING = 114
PERSON = 0
KINDS = ('rtmdet', 'yolox')
STRIDES = (8, 16, 32)


class DetectorError(RTMWError, ValueError):
    """A file is no detector of ours; the text says why."""


class Detector:
    """A detector from a file. By its outputs it is one of

    - NMS inside (MMDeploy): ``dets`` (1, P, 5) boxes and scores, and perhaps
      ``labels`` (1, P);
    - YOLOX without NMS: one (1, cells, 5 + classes): centre and log size in
      cells, objectness, class scores;
    - raw RTMDet heads, one (1, s, s, 5) a stride: class logit, then the
      distances left, top, right, bottom in input pixels.

    Source: RTMDet (arXiv 2212.07784), YOLOX (arXiv 2107.08430).

    Args:
        path (str | Path): ``.onnx`` or ``.xml``.
        kind (str, optional): ``rtmdet`` or ``yolox``: how pixels are
            normalised. Default: what the file, its outputs or its name say.
        score_thr (float): Least confidence, in (0, 1).
        iou_thr (float): Boxes that overlap more are one person, in (0, 1);
            not where the NMS is inside.
        **network: Further arguments of :func:`load_network`.

    Raises:
        NetworkError: As of :func:`load_network`.
        DetectorError: The file has other inputs or outputs.
    """

    def __init__(self, path, kind=None, *, score_thr=0.3, iou_thr=0.6, **network):
        self.network = load_network(path, **network)
        shapes = list(self.network.outputs.values())
        entries = list(self.network.inputs.values())
        self.find = _layout(shapes)
        if len(entries) != 1 or len(entries[0]) != 4 or self.find is None:
            raise DetectorError(
                f'detector {path} has inputs {entries} and outputs '
                f'{self.network.outputs}, not an image and dets (1, P, 5), '
                'YOLOX cells (1, P, 5 + classes) or raw heads (1, h, w, 5)'
            )
        meta = self.network.metadata
        size = meta.input_size or (entries[0][3], entries[0][2])
        if None in size:
            # Published files take any size; this is what they are for.
            size = (640, 640)
        self.input_size = tuple(size)
        kind = kind or meta.kind or _kind(self.network.path.name, self.find)
        if kind not in KINDS:
            raise DetectorError(
                f'detector {path} could be RTMDet or YOLOX: '
                'say kind="rtmdet" or "yolox"'
            )
        # RTMDet takes normalised BGR, YOLOX plain pixels.
        self.mean, self.scale = (
            (None, None) if kind == 'yolox' else meta.normalisation(rgb=False)
        )
        self.score_thr, self.iou_thr = score_thr, iou_thr

    def __call__(self, image):
        """
        Args:
            image (str | Path | ndarray): As :func:`rtmw_ext.core.images.read_image`
                takes it.

        Returns:
            tuple[ndarray, ndarray]: Boxes (P, 4) inside the image and scores
            (P, ), both float32, best first; P may be 0.
        """
        image = read_image(image)
        height, width = image.shape[:2]
        tensor, ratio = self.letterbox(image)
        boxes, scores, done = self.find(
            self.network(tensor), self.input_size, self.score_thr
        )
        boxes = (boxes / ratio).clip(0, (width, height, width, height))
        sides = boxes[:, 2:] - boxes[:, :2]
        kept = np.flatnonzero((sides > 0).all(1))
        if done:
            kept = kept[np.argsort(-scores[kept], kind='stable')]
        elif len(kept):
            rectangles = np.concatenate([boxes[:, :2], sides], 1)[kept]
            kept = kept[
                np.asarray(
                    cv2.dnn.NMSBoxes(
                        rectangles.tolist(),
                        scores[kept].tolist(),
                        self.score_thr,
                        self.iou_thr,
                    ),
                    dtype=int,
                ).reshape(-1)
            ]
        return boxes[kept].astype(np.float32), scores[kept].astype(np.float32)

    def letterbox(self, image):
        """Fits the image into the top left of the input.

        Returns:
            tuple[ndarray, float]: (1, 3, h, w) float32 and the scale.
        """
        width, height = self.input_size
        ratio = min(height / image.shape[0], width / image.shape[1])
        inner = (
            max(1, int(image.shape[1] * ratio)),
            max(1, int(image.shape[0] * ratio)),
        )
        tensor = np.full((1, 3, height, width), PADDING, np.float32)
        pixels = cv2.resize(image, inner)
        tensor[0, :, : inner[1], : inner[0]] = pixels.transpose(2, 0, 1)
        if self.mean is not None:
            tensor -= self.mean
            tensor *= self.scale
        return tensor, ratio


def _layout(shapes):
    """The function that reads these outputs, or None."""
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


def _kind(name, find):
    named = [kind for kind in KINDS if kind in name.lower()]
    if len(named) == 1:
        return named[0]
    return {decode_heads: 'rtmdet', decode_yolox: 'yolox'}.get(find)


def decode_heads(heads, size, score_thr):
    """Raw heads -> candidate boxes.

    Args:
        heads (list[ndarray]): Each (1, h, w, 5): logit, then the distances
            left, top, right, bottom from the cell's point in input pixels.
        size (tuple[int, int]): (w, h) of the input in pixels.
        score_thr (float): Least confidence.

    Returns:
        tuple[ndarray, ndarray, bool]: Boxes (P, 4) in input pixels, scores
        (P, ), and whether overlaps are gone.
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


def decode_dets(outputs, size, score_thr):
    """``dets`` and perhaps ``labels``, as :func:`decode_heads` returns it."""
    found = outputs[0][0]
    good = found[:, 4] > score_thr
    if len(outputs) == 2:
        good &= outputs[1][0] == PERSON
    return found[good, :4], found[good, 4], True


def decode_yolox(outputs, size, score_thr):
    """YOLOX cells of strides 8, 16, 32, as :func:`decode_heads` returns it."""
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
