"""The 3D SimCC codec: x and y in pixels of the crop, z in metres.

Shapes: N persons, K keypoints, W, H and D bins of x, y and z.
"""

from collections.abc import Sequence

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.codecs.utils.refinement import refine_simcc_dark
from mmpose.registry import KEYPOINT_CODECS

from ..core.errors import RTMWError
from ..core.simcc import Z_RANGE, Values, axis_to_z, bins_to_points, decode, z_to_axis
from ..core.skeleton import HIPS
from .simcc import gaussian_axes


class CodecError(RTMWError, ValueError):
    """Keypoints cannot be encoded; the text says why and what to do."""


@KEYPOINT_CODECS.register_module()
class SimCC3DLabel(BaseKeypointCodec):
    """SimCC labels of x, y and of z, the depth from the person's root.

    The root is the mean of the two hips. A z of metres behind it lies at
    ``(z / z_range + 1) * d / 2`` of the d pixels of the third axis, so that
    +-``z_range`` is the whole axis (:func:`rtmw_ext.core.simcc.z_to_axis`).

    x and y keep their label and weight whatever is known of z: a point whose
    z is unknown or off the axis has a z weight of 0 and an empty z label; a
    2D sample, which has no ``keypoints_3d``, has that for every point. A
    point that the crop cuts off has no label at all.

    If both hips are known in 3D, z counts from their mean. If only one hip is
    known, z counts from it (a hip is at most some 10 cm in depth from the mean);
    if none is, the sample has no z.

    Source: RTMW paper (arXiv 2407.08634), section 3.2; the numbers are those
    that the released checkpoints were trained with.

    Args:
        input_size: (w, h, d) in pixels.
        sigma: Of the labels, in bins.
        simcc_split_ratio: Bins a pixel.
        normalize: Labels sum to 1 instead of peaking at 1.
        use_dark: Decode with DARK sub-bin refinement.
        root_index: The points whose mean is the root.
        z_range: Half the depth of the third axis, in metres, > 0.

    Raises:
        CodecError: An argument is out of range.
    """

    auxiliary_encode_keys = {'keypoints_3d', 'keypoints_3d_visible'}
    label_mapping_table = {
        name: name
        for name in (
            'keypoint_x_labels',
            'keypoint_y_labels',
            'keypoint_z_labels',
            'keypoint_weights',
            'keypoint_z_weights',
        )
    }

    def __init__(
        self,
        input_size: Sequence[int],
        sigma: float | Sequence[float] = (6.0, 6.93, 6.0),
        simcc_split_ratio: float = 2.0,
        normalize: bool = False,
        use_dark: bool = False,
        root_index: int | Sequence[int] = HIPS,
        z_range: float = Z_RANGE,
    ) -> None:
        super().__init__()
        self.input_size = tuple(input_size)
        self.sigma = np.broadcast_to(np.asarray(sigma, float), 3)
        if len(self.input_size) != 3:
            raise CodecError(
                f'input_size={input_size} of SimCC3DLabel must '
                'be (width, height, depth) in pixels'
            )
        if not z_range > 0:
            raise CodecError(f'z_range={z_range} of SimCC3DLabel must be > 0 metres')
        self.simcc_split_ratio = simcc_split_ratio
        self.normalize = normalize
        self.use_dark = use_dark
        self.root_index = np.atleast_1d(root_index)
        self.z_range = z_range
        self.axes = gaussian_axes(
            self.input_size, self.sigma, simcc_split_ratio, normalize
        )

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        keypoints_3d: np.ndarray | None = None,
        keypoints_3d_visible: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """
        Args:
            keypoints: (N, K, 2) in pixels of the crop.
            keypoints_visible: (N, K), the weight of x and y; points below 0.5 have
                no label. None: all 1.
            keypoints_3d: (N, K, 3) in camera axes and metres, of which z is used.
                None is a 2D sample.
            keypoints_3d_visible: (N, K), points below 0.5 have no known z. None:
                all 1.

        Returns:
            ``keypoint_x_labels`` (N, K, W), ``keypoint_y_labels`` (N, K, H),
            ``keypoint_z_labels`` (N, K, D), all float32 in [0, 1];
            ``keypoint_weights`` and ``keypoint_z_weights`` (N, K).

        Raises:
            CodecError: A shape is wrong, or a visible point is NaN or infinite.
        """
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2], np.float32)
        weights = keypoints_visible.astype(np.float32)
        labelled = weights >= 0.5
        self._check('keypoints', keypoints, labelled, (*weights.shape, 2))
        x_axis, y_axis, z_axis = self.axes
        # A NaN of a point without a label must not become a bin.
        bins = np.around(
            np.where(labelled[..., None], keypoints, 0) * self.simcc_split_ratio
        ).astype(np.int64)
        inside = x_axis.inside(bins[..., 0]) & y_axis.inside(bins[..., 1])
        cut_off = labelled & ~inside
        weights[cut_off] = 0
        labelled &= inside
        z, z_known = self._root_relative(
            keypoints_3d, keypoints_3d_visible, weights.shape
        )
        z_bins = np.around(self.z_to_pixels(z) * self.simcc_split_ratio).astype(
            np.int64
        )
        # In z a label must have its peak on the axis, not only a flank.
        z_known &= ~cut_off & (z_bins >= 0) & (z_bins < z_axis.bins)
        return dict(
            keypoint_x_labels=x_axis(bins[..., 0], labelled),
            keypoint_y_labels=y_axis(bins[..., 1], labelled),
            keypoint_z_labels=z_axis(z_bins, z_known),
            keypoint_weights=weights,
            keypoint_z_weights=z_known.astype(np.float32),
        )

    def _root_relative(
        self,
        points: np.ndarray | None,
        visible: np.ndarray | None,
        shape: tuple[int, int],
    ) -> tuple[np.ndarray, np.ndarray]:
        """z from the root (N, K) in metres, and where it is known."""
        if points is None:
            return np.zeros(shape), np.zeros(shape, bool)
        known = (
            np.ones(shape, bool) if visible is None else (np.asarray(visible) >= 0.5)
        )
        self._check('keypoints_3d', points, known, (*shape, 3))
        z = np.where(known, points[..., 2], 0).astype(np.float64)
        roots = known[:, self.root_index]
        count = roots.sum(1, keepdims=True)
        root = z[:, self.root_index].sum(1, keepdims=True) / np.maximum(count, 1)
        return np.where(known, z - root, 0), known & (count > 0)

    @staticmethod
    def _check(
        name: str, points: np.ndarray, used: np.ndarray, shape: tuple[int, ...]
    ) -> None:
        if points.shape != shape:
            raise CodecError(
                f'{name} are {points.shape}, not {shape} as keypoints_visible asks'
            )
        bad = used & ~np.isfinite(points).all(-1)
        if bad.any():
            person, point = np.argwhere(bad)[0]
            raise CodecError(
                f'{name} of person {person} hold NaN or infinity at point '
                f'{point}, which is said to be visible: repair the '
                f'annotation, or set its {name}_visible to 0'
            )

    def z_to_pixels(self, z: Values) -> Values:
        """Root-relative metres -> pixels of the third axis; arrays or tensors."""
        return z_to_axis(z, self.input_size[2], self.z_range)

    def pixels_to_z(self, pixels: Values) -> Values:
        """Pixels of the third axis -> root-relative metres; arrays or tensors."""
        return axis_to_z(pixels, self.input_size[2], self.z_range)

    def decode(
        self, simcc_x: np.ndarray, simcc_y: np.ndarray, simcc_z: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """SimCC -> points and scores.

        Args:
            simcc_x: (K, W) or (N, K, W).
            simcc_y: (K, H) or (N, K, H).
            simcc_z: (K, D) or (N, K, D).

        Returns:
            Points (N, K, 3), x and y in pixels of the crop and z in metres from the
            root, and scores (N, K), the lower maximum of x and y, as in 2D. A score
            <= 0 has no point: x and y are ``-1 / simcc_split_ratio`` and z is 0.
        """
        simcc = [
            axis if axis.ndim == 3 else axis[None]
            for axis in (simcc_x, simcc_y, simcc_z)
        ]
        bins, scores = decode(simcc)
        if self.use_dark:
            for number, axis in enumerate(simcc):
                blur = int((self.sigma[number] * 20 - 7) // 3)
                # The refinement works in place.
                bins[..., number] = refine_simcc_dark(
                    bins[..., number], axis.copy(), blur - (blur % 2 == 0)
                )
            bins[scores <= 0] = -1
        points = bins_to_points(
            bins, scores, self.simcc_split_ratio, simcc[2].shape[-1], self.z_range
        )
        return points, scores
