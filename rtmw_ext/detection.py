"""A person detector without torch: RTMDet in ONNX with raw heads.

Shapes: P candidate boxes; boxes are (P, 4) x1, y1, x2, y2 in pixels.
"""
from pathlib import Path

import cv2
import numpy as np

from .images import read_image

MEAN = np.array((103.53, 116.28, 123.675), np.float32)
STD = np.array((57.375, 57.12, 58.395), np.float32)
PADDING = 114


class DetectorError(ValueError):
    """An ONNX file is not a raw-head detector; the text says why."""


class RawHeadDetector:
    """RTMDet exported up to its heads: a class logit and four distances for
    each cell of strides 8, 16, 32. Decoding and NMS happen here.

    Source: RTMDet (arXiv 2212.07784).

    Args:
        path (str | Path): The ONNX file: input (1, 3, S, S), outputs
            (1, h, w, 5) in any order.
        score_thr (float): Least confidence, in (0, 1).
        iou_thr (float): Boxes that overlap more are one person, in (0, 1).
        threads (int): Of ONNX Runtime; 0 takes all cores.

    Raises:
        DetectorError: The file is missing or has other inputs or outputs.
    """

    def __init__(self, path, score_thr=0.3, iou_thr=0.6, threads=0):
        import onnxruntime
        if not Path(path).is_file():
            raise DetectorError(f'detector {path} does not exist')
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=['CPUExecutionProvider'])
        except Exception as error:
            raise DetectorError(
                f'detector {path} is no ONNX model that ONNX Runtime can '
                f'load: {error}') from None
        entry = self.session.get_inputs()[0]
        shapes = [output.shape for output in self.session.get_outputs()]
        if len(entry.shape) != 4 or any(
                len(shape) != 4 or shape[3] != 5 for shape in shapes):
            raise DetectorError(
                f'detector {path} has outputs {shapes}, not raw heads of '
                'shape (1, h, w, 5)')
        self.input_name = entry.name
        self.size = entry.shape[2]
        self.score_thr = score_thr
        self.iou_thr = iou_thr

    def __call__(self, image):
        """
        Args:
            image (str | Path | ndarray): As :func:`rtmw_ext.images.read_image`
                takes it.

        Returns:
            tuple[ndarray, ndarray]: Boxes (P, 4) inside the image and scores
            (P, ), both float32, best first; P may be 0.
        """
        image = read_image(image)
        tensor, ratio = self.letterbox(image)
        heads = self.session.run(None, {self.input_name: tensor})
        boxes, scores = decode_heads(heads, self.size, self.score_thr)
        boxes = boxes / ratio
        height, width = image.shape[:2]
        boxes = boxes.clip(0, (width, height, width, height))
        sides = boxes[:, 2:] - boxes[:, :2]
        kept = cv2.dnn.NMSBoxes(
            np.concatenate([boxes[:, :2], sides], 1).tolist(),
            scores.tolist(), self.score_thr, self.iou_thr)
        kept = np.asarray(kept, dtype=int).reshape(-1)
        return boxes[kept], scores[kept]

    def letterbox(self, image):
        """Fits the image into the top left of the square input.

        Returns:
            tuple[ndarray, float]: (1, 3, S, S) float32 and the scale.
        """
        ratio = self.size / max(image.shape[:2])
        width = max(1, round(image.shape[1] * ratio))
        height = max(1, round(image.shape[0] * ratio))
        canvas = np.full((self.size, self.size, 3), PADDING, np.uint8)
        canvas[:height, :width] = cv2.resize(image, (width, height))
        tensor = (canvas.astype(np.float32) - MEAN) / STD
        return tensor.transpose(2, 0, 1)[None].copy(), ratio


def decode_heads(heads, size, score_thr):
    """Raw heads -> candidate boxes.

    Args:
        heads (list[ndarray]): Each (1, h, w, 5): logit, then the distances
            left, top, right, bottom from the cell's point in input pixels.
        size (int): S, side of the input in pixels.
        score_thr (float): Least confidence.

    Returns:
        tuple[ndarray, ndarray]: Boxes (P, 4) in input pixels, scores (P, ).
    """
    boxes, scores = [], []
    for head in heads:
        _, height, width, _ = head.shape
        stride = size / width
        y, x = np.mgrid[:height, :width].astype(np.float32) * stride
        points = np.stack([x, y], axis=2)
        confidence = 1 / (1 + np.exp(-head[0, ..., 0]))
        corners = np.concatenate(
            [points - head[0, ..., 1:3], points + head[0, ..., 3:]], axis=2)
        good = confidence > score_thr
        boxes.append(corners[good])
        scores.append(confidence[good])
    return np.concatenate(boxes), np.concatenate(scores)
