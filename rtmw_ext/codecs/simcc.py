"""The 2D SimCC codec without a loop over keypoints.

Shapes: N persons, K keypoints, W bins of an axis.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.codecs import SimCCLabel
from mmpose.registry import KEYPOINT_CODECS
from numpy.lib.stride_tricks import sliding_window_view


class GaussianLabels:
    """Gaussian labels of one axis, as slices of one table.

    A label is a Gaussian around a whole bin, so that every label is a window of
    the same curve; labels equal those computed point by point.

    Args:
        bins: W.
        sigma: Of the Gaussian, in bins.
        scale: Divisor of the curve; with 1 it peaks at 1.
    """

    def __init__(self, bins: int, sigma: float, scale: float = 1.0) -> None:
        self.bins = bins
        # Beyond 3 sigma outside the axis a point has no label.
        self.reach = 3 * sigma
        self.margin = int(np.ceil(self.reach)) + 1
        offsets = np.arange(-bins - self.margin, bins + self.margin, dtype=np.float64)
        curve = np.exp(-(offsets**2) / (2 * sigma**2)).astype(np.float32)
        curve /= scale
        self.windows = sliding_window_view(curve, bins)

    def inside(self, centers: np.ndarray) -> np.ndarray:
        """Whether a label's 3 sigma reach the axis: (...) bool.

        Args:
            centers: (...), in bins.
        """
        return (centers - self.reach < self.bins) & (centers + self.reach + 1 >= 0)

    def __call__(self, centers: np.ndarray, labelled: np.ndarray) -> np.ndarray:
        """
        Args:
            centers: (N, K) whole numbers, in bins.
            labelled: (N, K) bool; the others' labels are 0.

        Returns:
            (N, K, W) float32.
        """
        labels = np.zeros((*centers.shape, self.bins), np.float32)
        start = self.bins + self.margin - centers[labelled]
        labels[labelled] = self.windows[start]
        return labels


@KEYPOINT_CODECS.register_module()
class FastSimCCLabel(SimCCLabel):
    """mmpose's ``SimCCLabel`` with the same arguments, labels and decoding,
    but one table look-up for all keypoints instead of a loop over them.

    ``smoothing_type='standard'`` (one-hot labels) is mmpose's own.

    Source: SimCC (arXiv 2107.03332), section 3.2.

    Raises:
        ValueError: As of ``SimCCLabel``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.axes = gaussian_axes(
            self.input_size, self.sigma, self.simcc_split_ratio, self.normalize
        )

    def _generate_gaussian(
        self, keypoints: np.ndarray, keypoints_visible: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N, K, 2) pixels of the crop and (N, K) weights -> x labels, y
        labels, weights; mmpose's ``encode`` calls it."""
        centers, weights = self._map_coordinates(keypoints, keypoints_visible)
        labelled = keypoints_visible >= 0.5
        inside = np.all(
            [
                axis.inside(centers[..., number])
                for number, axis in enumerate(self.axes)
            ],
            axis=0,
        )
        weights[labelled & ~inside] = 0
        labelled = labelled & inside
        x, y = (
            axis(centers[..., number], labelled)
            for number, axis in enumerate(self.axes)
        )
        return x, y, weights


def gaussian_axes(
    sizes: Sequence[int],
    sigmas: Sequence[float] | np.ndarray,
    split_ratio: float,
    normalize: bool,
) -> list[GaussianLabels]:
    """A :class:`GaussianLabels` for each axis.

    Args:
        sizes: Of the input, in pixels.
        sigmas: In bins.
        split_ratio: Bins a pixel.
        normalize: Whether labels sum to 1 instead of peaking at 1.
    """
    return [
        GaussianLabels(
            int(np.around(size * split_ratio)),
            sigma,
            sigma * np.sqrt(2 * np.pi) if normalize else 1.0,
        )
        for size, sigma in zip(sizes, sigmas)
    ]
