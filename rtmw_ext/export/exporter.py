"""A model in a format, compared with PyTorch.

Shapes: B crops, (h, w) the input in pixels.
"""

import tempfile
from pathlib import Path

import numpy as np
from torch import nn

from ..core.metadata import NetworkMetadata
from . import to_onnx
from .check import compare, torch_outputs
from .formats import FORMATS, check_combination, load_function
from .model import Exportable, ExportSource, noise
from .quantize import folder_crops

#: Crops of images that an export is checked on.
CHECKED = 16


def export(
    model: nn.Module,
    metadata: NetworkMetadata,
    path: Path,
    to: str = 'onnx',
    precision: str = 'fp32',
    *,
    with_decode: bool = False,
    calibration: str | None = None,
    detector: str | None = None,
    images: str | None = None,
) -> dict[str, dict[str, float]]:
    """Writes a model and prints how far it is from PyTorch.

    Args:
        model: From :func:`rtmw_ext.models.loading.load_model`.
        metadata: From :func:`rtmw_ext.export.model.describe`.
        path: To write; a folder for ncnn.
        to: A key of :data:`rtmw_ext.export.formats.FORMATS`.
        precision: One of the format's.
        with_decode: As of :class:`rtmw_ext.export.model.Exportable`.
        calibration: Folder of images, for int8.
        detector: File or name; it crops people out of the images.
        images: Folder of images to check on, beside noise.

    Returns:
        {kind of crops: errors as of :func:`rtmw_ext.export.check.compare`};
        empty with ``with_decode`` and for formats that cannot run here.

    Raises:
        ExportError: The combination is impossible, or a package is missing.
    """
    row = FORMATS[to]
    check_combination(
        row,
        precision,
        is_3d=len(model.head.classifiers) == 3,
        with_decode=with_decode,
        calibration=calibration,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    network = Exportable(model, with_decode)
    source = ExportSource(network, metadata, calibration, detector)
    load_function(row.write)(source, path, precision)
    print(f'wrote {path}')
    if row.run is None:
        return {}
    errors = {}
    for kind, crops in _checked_crops(source, images).items():
        expected = torch_outputs(network, crops)
        outputs = load_function(row.run)(path, crops)
        if with_decode:
            keypoints, scores = (
                float(np.abs(a - b).max()) for a, b in zip(expected, outputs)
            )
            print(
                f'on {kind}: keypoints {keypoints:.2g}, scores {scores:.2g} from '
                'PyTorch at most'
            )
            continue
        errors[kind] = compare(expected, outputs, metadata)
        print(
            f'on {kind}: '
            + ', '.join(f'{key} {value:.2g}' for key, value in errors[kind].items())
            + ' from PyTorch'
        )
    return errors


def _checked_crops(source: ExportSource, images: str | None) -> dict[str, np.ndarray]:
    """{kind: (B, 3, h, w) float32}."""
    crops = dict(noise=noise(source.metadata, 2).numpy())
    if images:
        with tempfile.TemporaryDirectory() as work:
            plain = Path(work) / 'plain.onnx'
            to_onnx.write(source, plain, 'fp32')
            crops['images'] = folder_crops(plain, images, source.detector, CHECKED)
    return crops
