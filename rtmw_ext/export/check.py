"""Does an export compute what PyTorch does?

Shapes: B crops, K keypoints, W bins of an axis.
"""

import numpy as np
import torch

from ..core.simcc import decode

#: Bins whose logits differ by no more, in parts of the largest logit or of 1,
#: are equally right: float32 rounds on that scale.
TIE = 1e-5


def compare(expected, outputs, meta):
    """
    Args:
        expected (list[ndarray]): PyTorch's, logits (B, K, W) of x, y[, z].
        outputs (list[ndarray]): The export's, of the same shapes.
        meta (NetworkMetadata): From :func:`rtmw_ext.export.model.describe`.

    Returns:
        dict: ``logits``, the largest error; ``pixels`` and ``pixels_mean``,
        the largest and mean distance of decoded points in the crop; in 3D
        ``millimetres``, the largest error of z. Of bins that tie in
        ``expected``, as they do with random weights, any may be found.
    """
    wanted, bins = (decode(logits)[0] for logits in (expected, outputs))
    for axis, logits in enumerate(expected):
        there = np.take_along_axis(
            logits, bins[..., axis, None].astype(int).clip(0), 2
        )[..., 0]
        tied = (bins[..., axis] >= 0) & (
            logits.max(2) - there <= TIE * max(1, np.abs(logits).max())
        )
        bins[tied, axis] = wanted[tied, axis]
    points = [places / meta.split_ratio for places in (wanted, bins)]
    distance = np.linalg.norm(points[0][..., :2] - points[1][..., :2], axis=-1)
    found = dict(
        logits=max(float(np.abs(a - b).max()) for a, b in zip(expected, outputs)),
        pixels=float(distance.max()),
        pixels_mean=float(distance.mean()),
    )
    if len(expected) == 3:
        depth = expected[2].shape[2] / meta.split_ratio
        metres = (
            np.abs(points[0][..., 2] - points[1][..., 2]) / (depth / 2) * meta.z_range
        )
        found['millimetres'] = float(metres.max() * 1000)
    return found


def torch_outputs(network, crops):
    """What PyTorch computes: list of ndarray."""
    with torch.no_grad():
        return [output.numpy() for output in network(torch.from_numpy(crops))]


def ncnn_outputs(folder, crops, count):
    """What ncnn computes, a crop at a time.

    Args:
        folder (Path): From :func:`rtmw_ext.export.formats.to_ncnn`.
        crops (ndarray): (B, 3, h, w) float32.
        count (int): Of outputs.

    Returns:
        list[ndarray]: (B, K, W) each.
    """
    import ncnn

    net = ncnn.Net()
    net.load_param(str(folder / 'model.ncnn.param'))
    net.load_model(str(folder / 'model.ncnn.bin'))
    found = []
    for crop in crops:
        extractor = net.create_extractor()
        extractor.input('in0', ncnn.Mat(np.ascontiguousarray(crop)))
        found.append(
            [np.array(extractor.extract(f'out{number}')[1]) for number in range(count)]
        )
    return [np.stack(output) for output in zip(*found)]
