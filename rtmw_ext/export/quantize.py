"""int8 by ONNX Runtime's static quantiser.

Shapes: N crops, (h, w) the input in pixels.
"""

import itertools
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..core.crops import crop_matrices
from ..core.images import ImageSource, list_images, read_image
from ..runtime import Detector, PoseModel
from ..zoo import resolve_network
from .formats import ExportError

#: An image (H, W, 3) and the boxes (N, 4) of its people.
View = tuple[np.ndarray, np.ndarray]
#: Crops to measure ranges on.
CROPS = 64
#: Sides of their parts, in longer sides of the person.
PART = 0.15, 0.8
#: Contrast and brightness, in levels, by which their light differs.
GAIN, SHIFT = (0.3, 1.7), (-60, 60)
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
        limit: How many crops, > 0.

    Returns:
        (``limit``, 3, h, w) float32.

    Raises:
        ExportError: Nobody is in the images.
    """
    return _cropped(pose, _views(_find_people(images, detector, limit)), limit)


def calibration_crops(
    pose: PoseModel,
    images: Sequence[ImageSource],
    detector: Callable | None = None,
    limit: int = CROPS,
) -> np.ndarray:
    """Crops on which ranges are measured: half of them as of :func:`person_crops`, the
    others of parts of these people, brighter or darker.

    Ranges of whole people in one light are too narrow for close-ups of photos: int8
    then loses points of hands.

    Args, returns and errors are those of :func:`person_crops`; ``limit`` is 2 or more.
    """
    people = _find_people(images, detector, limit)
    rng = np.random.default_rng(1)
    parts = (
        (_lit(image, rng), part_boxes(boxes, rng))
        for image, boxes in itertools.cycle(people)
    )
    whole = _cropped(pose, _views(people), limit - limit // 2)
    return np.concatenate([whole, _cropped(pose, parts, limit // 2)])


def part_boxes(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Boxes within boxes: as small as a face, or as large as a trunk.

    Args:
        boxes: (N, 4) x1, y1, x2, y2.
        rng: Draws places and sizes.

    Returns:
        (N, 4) float32, whose centres are in ``boxes``.
    """
    low, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    centers = low + sides * rng.uniform(0, 1, sides.shape)
    reach = sides.max(1, keepdims=True) * rng.uniform(*PART, (len(boxes), 1)) / 2
    return np.concatenate([centers - reach, centers + reach], 1).astype(np.float32)


def _lit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An image (H, W, 3) uint8 in another light."""
    return cv2.addWeighted(image, rng.uniform(*GAIN), image, 0, rng.uniform(*SHIFT))


def _find_people(
    images: Sequence[ImageSource], detector: Callable | None, limit: int
) -> list[View]:
    """Those of ``limit`` people or a few more."""
    people, count = [], 0
    for source in images:
        image = read_image(source)
        height, width = image.shape[:2]
        boxes = (
            detector(image)[0]
            if detector
            else np.array([[0, 0, width, height]], np.float32)
        )
        if len(boxes):
            people.append((image, boxes))
            count += len(boxes)
        if count >= limit:
            break
    if not people:
        raise ExportError(
            f'the detector finds nobody in {len(images)} '
            'calibration images: give images of people'
        )
    return people


def _views(people: list[View]) -> Iterator[View]:
    """All people as they are; then again and again, as a detector may see them."""
    rng = np.random.default_rng(0)
    yield from people
    for image, boxes in itertools.cycle(people):
        yield image, jitter_boxes(boxes, rng)


def _cropped(pose: PoseModel, views: Iterable[View], limit: int) -> np.ndarray:
    """(``limit``, 3, h, w) of the first boxes in images."""
    crops: list[np.ndarray] = []
    for image, boxes in views:
        if len(crops) >= limit:
            break
        crops.extend(pose.crop(image, crop_matrices(boxes, pose.input_size)))
    return np.stack(crops[:limit])


def folder_crops(
    onnx_path: Path,
    folder: str | Path,
    detector: str | None = None,
    limit: int = CROPS,
    crop: Callable[..., np.ndarray] = person_crops,
) -> np.ndarray:
    """As ``crop``, which is :func:`person_crops` or :func:`calibration_crops`, for a
    network's file, the images of a folder and a detector's file or name."""
    return crop(
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
