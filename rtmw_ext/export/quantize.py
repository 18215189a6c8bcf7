"""int8 by ONNX Runtime's static quantiser.

Shapes: N crops, (h, w) the input in pixels.
"""
import tempfile
from pathlib import Path

import numpy as np

from ..images import list_images, read_image
from ..runtime import Detector, PoseModel
from .model import ExportError

#: Crops to measure ranges on: more change little (docs/deploy.md).
CROPS = 64


def crops_of(pose, images, detector=None, limit=CROPS):
    """Crops of people in images.

    Args:
        pose (PoseModel): Cuts and normalises.
        images (sequence[str | ndarray]): Files or arrays.
        detector (Detector, optional): Finds them; None takes whole images.
        limit (int): Crops at most.

    Returns:
        ndarray: (N, 3, h, w) float32, 1 <= N <= ``limit``.

    Raises:
        ExportError: Nobody is in the images.
    """
    crops = []
    for source in images:
        image = read_image(source)
        height, width = image.shape[:2]
        boxes = detector(image)[0] if detector else np.array(
            [[0, 0, width, height]], np.float32)
        crops.extend(pose.crop(image, *pose.frames(boxes)))
        if len(crops) >= limit:
            break
    if not crops:
        raise ExportError(f'the detector finds nobody in {len(images)} '
                          'calibration images: give images of people')
    return np.stack(crops[:limit])


def folder_crops(onnx_path, folder, detector=None, limit=CROPS):
    """As :func:`crops_of`, for the files of a folder, a detector's file and a
    network's."""
    return crops_of(
        PoseModel(onnx_path), list_images(folder),
        detector and Detector(detector), limit)


def quantize(source, target, crops):
    """An int8 ONNX file: weights a channel, activations with the ranges that
    they have on ``crops``. The convolutions and what joins them are int8; the
    head (HEM's MLPs, GAU and the classifiers) stays float32: it is a few
    percent of the time and its small logits decide the bins.

    Args:
        source (Path): float32 ONNX.
        target (Path): To write.
        crops (ndarray): (N, 3, h, w) float32.
    """
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
        quant_pre_process(str(source), str(prepared),
                          skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared), str(target), Reader(),
            quant_format=quantization.QuantFormat.QDQ, per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=OPERATORS)


OPERATORS = ['Conv', 'Add', 'Concat', 'MaxPool', 'Resize',
             'GlobalAveragePool']
