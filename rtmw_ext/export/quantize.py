"""int8 by ONNX Runtime's static quantiser.

Shapes: N crops, (h, w) the input in pixels.
"""

import itertools
import re
import tempfile
from pathlib import Path

import numpy as np

from ..core.images import list_images, read_image
from ..runtime import Detector, PoseModel
from ..zoo import resolve_network
from .model import ExportError

#: Crops to measure ranges on.
CROPS = 64
#: What stays in float32: stage 2's attention makes a few channels far larger
#: than the others, whose values one scale for all rounds away.
FLOAT = re.compile(r'/backbone/stage2/stage2\.1/(attention|final_conv)/')


def moved(boxes, rng):
    """Boxes as a detector may place them: moved and scaled by some 4 % of
    their sides.

    Args:
        boxes (ndarray): (N, 4) x1, y1, x2, y2.
        rng (np.random.Generator): Moves them.

    Returns:
        ndarray: (N, 4) float32.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    center = boxes[:, :2] + sides * rng.normal(0.5, 0.04, sides.shape)
    sides = sides * np.exp(rng.normal(0, 0.04, sides.shape))
    return np.concatenate([center - sides / 2, center + sides / 2], axis=1).astype(
        np.float32
    )


def crops_of(pose, images, detector=None, limit=CROPS):
    """Crops of people in images; of few people, several of each, their boxes
    moved a little.

    Args:
        pose (PoseModel): Cuts and normalises.
        images (sequence[str | ndarray]): Files or arrays.
        detector (Detector, optional): Finds them; None takes whole images.
        limit (int): How many crops.

    Returns:
        ndarray: (``limit``, 3, h, w) float32.

    Raises:
        ExportError: Nobody is in the images.
    """
    crops, found = [], []
    for source in images:
        image = read_image(source)
        height, width = image.shape[:2]
        boxes = (
            detector(image)[0]
            if detector
            else np.array([[0, 0, width, height]], np.float32)
        )
        if len(boxes):
            found.append((image, boxes))
            crops.extend(pose.crop(image, pose.frames(boxes)))
        if len(crops) >= limit:
            break
    if not crops:
        raise ExportError(
            f'the detector finds nobody in {len(images)} '
            'calibration images: give images of people'
        )
    rng = np.random.default_rng(0)
    for image, boxes in itertools.cycle(found):
        if len(crops) >= limit:
            return np.stack(crops[:limit])
        crops.extend(pose.crop(image, pose.frames(moved(boxes, rng))))


def folder_crops(onnx_path, folder, detector=None, limit=CROPS):
    """As :func:`crops_of`, for the files of a folder, a detector's file or
    name and a network's file."""
    return crops_of(
        PoseModel(onnx_path),
        list_images(folder),
        detector and Detector(resolve_network(detector, 'detector')),
        limit,
    )


def quantize(source, target, crops):
    """An int8 ONNX file: weights a channel, activations with the ranges that
    they have on ``crops``. Convolutions and what joins them are int8, but for
    ``FLOAT``; the head (HEM's MLPs, GAU and the classifiers) stays float32:
    it is a few percent of the time and its small logits decide the bins.

    Args:
        source (Path): float32 ONNX.
        target (Path): To write.
        crops (ndarray): (N, 3, h, w) float32.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.crops = iter(crops)

        def get_next(self):
            crop = next(self.crops, None)
            return None if crop is None else dict(input=crop[None])

    with tempfile.TemporaryDirectory() as work:
        prepared = Path(work) / 'prepared.onnx'
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(target),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=OPERATORS,
            nodes_to_exclude=[
                node.name
                for node in onnx.load(prepared).graph.node
                if FLOAT.match(node.name)
            ],
        )


OPERATORS = ['Conv', 'Add', 'Concat', 'MaxPool', 'Resize', 'GlobalAveragePool']
