"""int8 by ONNX Runtime's static quantiser.

Shapes: N crops, (h, w) the input in pixels.
"""

import itertools
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..core.crops import crop_matrices
from ..core.images import ImageSource, list_images, read_image
from ..runtime import Detector, PoseModel
from ..zoo import resolve_network
from .formats import ExportError

#: Crops to measure ranges on.
CROPS = 64
OPERATORS = ['Conv', 'Add', 'Concat', 'MaxPool', 'Resize', 'GlobalAveragePool']
#: What stays in float32: stage 2's attention makes a few channels far larger
#: than the others, and a scale that fits these rounds the others away.
FLOAT = re.compile(r'/backbone/stage2/stage2\.1/(attention|final_conv)/')


def jitter_boxes(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Boxes as a detector may predict them: moved and scaled by some 4 % of
    their sides.

    Args:
        boxes: (N, 4) x1, y1, x2, y2.
        rng: Draws the shifts and scales.

    Returns:
        (N, 4) float32.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    center = boxes[:, :2] + sides * rng.normal(0.5, 0.04, sides.shape)
    sides = sides * np.exp(rng.normal(0, 0.04, sides.shape))
    return np.concatenate([center - sides / 2, center + sides / 2], axis=1).astype(
        np.float32
    )


def person_crops(
    pose: PoseModel,
    images: Sequence[ImageSource],
    detector: Callable | None = None,
    limit: int = CROPS,
) -> np.ndarray:
    """Crops of people in images. Few people are cropped several times, by
    jittered boxes.

    Args:
        pose: Crops and normalises.
        images: Files or arrays.
        detector: A :class:`rtmw_ext.runtime.Detector`; None takes whole
            images.
        limit: How many crops.

    Returns:
        (``limit``, 3, h, w) float32.

    Raises:
        ExportError: Nobody is in the images.
    """
    crops, detected = [], []
    for source in images:
        image = read_image(source)
        height, width = image.shape[:2]
        boxes = (
            detector(image)[0]
            if detector
            else np.array([[0, 0, width, height]], np.float32)
        )
        if len(boxes):
            detected.append((image, boxes))
            crops.extend(pose.crop(image, crop_matrices(boxes, pose.input_size)))
        if len(crops) >= limit:
            break
    if not crops:
        raise ExportError(
            f'the detector finds nobody in {len(images)} '
            'calibration images: give images of people'
        )
    rng = np.random.default_rng(0)
    for image, boxes in itertools.cycle(detected):
        if len(crops) >= limit:
            break
        matrices = crop_matrices(jitter_boxes(boxes, rng), pose.input_size)
        crops.extend(pose.crop(image, matrices))
    return np.stack(crops[:limit])


def folder_crops(
    onnx_path: Path, folder: str | Path, detector: str | None = None, limit: int = CROPS
) -> np.ndarray:
    """As :func:`person_crops`, for a network's file, the images of a folder and
    a detector's file or name."""
    return person_crops(
        PoseModel(onnx_path),
        list_images(folder),
        Detector(resolve_network(detector, 'detector')) if detector else None,
        limit,
    )


def quantize(
    source: Path, target: Path, crops: np.ndarray, backend: str = 'onnxruntime'
) -> None:
    """Writes an int8 ONNX file. Weights have a scale per channel, activations
    the ranges that they have on ``crops``. Convolutions and what joins them are
    int8, except ``FLOAT``. The head (HEM's MLPs, GAU and the classifiers) stays
    float32: it takes a few percent of the time, and small differences of its
    logits decide the bins.

    Args:
        source: float32 ONNX.
        target: To write.
        crops: (N, 3, h, w) float32.
        backend: That shall run it. For ``openvino``, results of convolutions are
            float32 up to behind their activations: it computes both in one step,
            where ONNX Runtime would not compute in int8. Either runs the other's
            file, more slowly.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.crops = iter(crops)

        def get_next(self) -> dict[str, np.ndarray] | None:
            crop = next(self.crops, None)
            return None if crop is None else dict(input=crop[None])

    with tempfile.TemporaryDirectory() as work:
        # The quantiser looks for weights of other files beside copies of its own.
        whole, prepared = Path(work) / 'whole.onnx', Path(work) / 'prepared.onnx'
        onnx.save(onnx.load(source), whole)
        quant_pre_process(str(whole), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(target),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=OPERATORS,
            extra_options=dict(
                OpTypesToExcludeOutputQuantization=['Conv']
                if backend == 'openvino'
                else []
            ),
            nodes_to_exclude=[
                node.name
                for node in onnx.load(prepared).graph.node
                if FLOAT.match(node.name)
            ],
        )
