"""The training pipeline: loading, one warp, one colour pass, blur, dropout.

Each augmentation draws what mmpose's transforms of the released recipe draw,
from the same distributions and, seeded alike, the same numbers.

Shapes: H rows, W columns of ``results['img']``, (H, W, 3) uint8 BGR; N = 1
person, K keypoints.
"""

import logging
import math
from pathlib import Path

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from mmengine.structures import InstanceData
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample
from scipy.special import ndtr, ndtri

from ..core.crops import PADDING
from ..core.images import ImageError, read_image

REDUCED = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)


class AnnotatedImage:
    """Reads the image of a sample, as its annotation means it.

    An annotation that gives the image's size may mean the pixels as they are
    stored, before EXIF rotation; then they are read so. An image of another
    size than annotated is broken.

    Args:
        skip: In training, a broken image is skipped with one warning
            (the dataset draws another sample); in evaluation it is an error,
            since a skipped image would change the metric.

    Raises:
        ImageError: The image is broken and ``skip`` is False.
    """

    def __init__(self, skip: bool = True) -> None:
        self.skip = skip
        self._warned = set()

    def read(self, results: dict, shrink: float = 1.0) -> tuple[np.ndarray, int] | None:
        """The image (H, W, 3) and how many times smaller it is than annotated
        (1, 2, 4 or 8, at most ``shrink``), or None for a broken one."""
        source = results['img'] if 'img' in results else results['img_path']
        try:
            return self._read(source, results.get('ann_shape'), shrink)
        except ImageError as error:
            if not self.skip:
                raise
            if str(source) not in self._warned:
                self._warned.add(str(source))
                print_log(
                    f'{error}; sample skipped', logger='current', level=logging.WARNING
                )
            return None

    @staticmethod
    def _read(
        source: str | Path | np.ndarray, shape: tuple[int, int] | None, shrink: float
    ) -> tuple[np.ndarray, int]:
        if isinstance(source, np.ndarray):
            return read_image(source), 1
        factor, flags = next(
            (mode for mode in REDUCED if mode[0] <= shrink), (1, cv2.IMREAD_COLOR)
        )
        image = read_image(source, flags)
        if shape is None:
            return image, factor

        def fits(pixels):
            return all(
                math.ceil(side / factor) == got
                for side, got in zip(shape, pixels.shape)
            )

        if not fits(image):
            read = image.shape
            image = read_image(source, flags | cv2.IMREAD_IGNORE_ORIENTATION)
            if not fits(image):
                raise ImageError(
                    f'image {source} has {read[1] * factor} x '
                    f'{read[0] * factor} pixels, but its annotation is for '
                    f'{shape[1]} x {shape[0]}: it may be another image; fetch '
                    'it again'
                )
        return image, factor


@TRANSFORMS.register_module()
class LoadImageOrSkip(BaseTransform):
    """Loads ``img_path`` (or checks ``img``) as 8-bit BGR.

    Args:
        skip: As of :class:`AnnotatedImage`.

    Raises:
        ImageError: The image is broken and ``skip`` is False.
    """

    def __init__(self, skip: bool = True) -> None:
        self.image = AnnotatedImage(skip)

    def transform(self, results: dict) -> dict | None:
        read = self.image.read(results)
        if read is None:
            return None
        results['img'] = image = read[0]
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


def truncated_normal(size: int) -> np.ndarray:
    """Standard normal numbers truncated to [-1, 1], float32: what scipy's
    ``truncnorm`` draws, without its overhead."""
    low, high = ndtr(-1), ndtr(1)
    return ndtri(np.random.uniform(size=size) * (high - low) + low).astype(np.float32)


@TRANSFORMS.register_module()
class RandomBoxScale(BaseTransform):
    """A dataset's own box rule: faces and hands are seen from further away.

    Sets ``bbox_center`` and ``bbox_scale`` (N, 2) in pixels, from ``bbox``
    where the sample has none, for the crop that follows.

    Args:
        padding: > 0, multiplies the box.
        scale_factor: Range of a further factor, drawn
            from a normal truncated to the range (one sigma to each side).
    """

    def __init__(self, padding: float, scale_factor: tuple[float, float]) -> None:
        self.padding = padding
        self.scale_factor = scale_factor

    def transform(self, results: dict) -> dict:
        center, scale = center_scale(results, self.padding)
        low, high = self.scale_factor
        factor = truncated_normal(1) * (high - low) / 2 + (high + low) / 2
        results['bbox_center'], results['bbox_scale'] = center, scale * factor
        return results


def center_scale(results: dict, padding: float) -> tuple[np.ndarray, np.ndarray]:
    """Center and padded sides (N, 2) of a sample's box, in pixels."""
    if 'bbox_center' in results:
        return results['bbox_center'], results['bbox_scale'] * padding
    box = results['bbox']
    low, high = box[:, :2], box[:, 2:]
    return (low + high) * 0.5, (high - low) * padding


@TRANSFORMS.register_module()
class RandomTopdownCrop(BaseTransform):
    """Box -> crop, with flip, half body, shift, scale and rotation in one
    warp.

    What mmpose does in ``GetBBoxCenterScale``, ``RandomFlip``,
    ``RandomHalfBody``, ``RandomBBoxTransform`` and ``TopdownAffine``; the
    image is touched once. Loads the image where no transform before it did.

    Sets ``img`` (h, w, 3), ``transformed_keypoints`` (N, K, 2) in pixels of
    the crop, and, where the sample is flipped, mirrors ``keypoints``,
    ``keypoints_3d`` (x changes its sign, z stays) and ``camera_param`` and
    swaps left and right in all of them.

    Args:
        input_size: (w, h) of the crop in pixels.
        padding: Of the box.
        flip_prob: In [0, 1], as the other probabilities.
        half_body_prob: That only the upper or lower body is cropped,
            for people with enough points.
        upper_prob: That of the two it is the upper body.
        half_body_padding: Of the box around the half body.
        min_total: Points that a person needs for a half body.
        min_upper: Points that an upper body needs.
        min_lower: Points that a lower body needs.
        shift_factor: Largest shift, in sides of the box.
        shift_prob: Of a shift.
        scale_factor: Range of the box's scale.
        scale_prob: Of a change of scale.
        rotate_factor: Largest rotation, in degrees.
        rotate_prob: Of a rotation.
        reduce: Decode JPEGs at 1/2, 1/4 or 1/8 of their size where the
            crop shrinks the image at least so much. Faster, and smoother than
            the released recipe's crops, which skip pixels.
        skip: As of :class:`AnnotatedImage`.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        padding: float = PADDING,
        flip_prob: float = 0.5,
        half_body_prob: float = 0.3,
        upper_prob: float = 0.7,
        half_body_padding: float = 1.5,
        min_total: int = 9,
        min_upper: int = 2,
        min_lower: int = 3,
        shift_factor: float = 0.16,
        shift_prob: float = 0.3,
        scale_factor: tuple[float, float] = (0.5, 1.5),
        scale_prob: float = 1.0,
        rotate_factor: float = 80.0,
        rotate_prob: float = 0.6,
        reduce: bool = False,
        skip: bool = True,
    ) -> None:
        self.input_size = tuple(map(int, input_size))
        self.padding = padding
        self.flip_prob = flip_prob
        self.half_body_prob = half_body_prob
        self.upper_prob = upper_prob
        self.half_body_padding = half_body_padding
        self.min_total = min_total
        self.min_upper = min_upper
        self.min_lower = min_lower
        self.shift_factor = shift_factor
        self.shift_prob = shift_prob
        self.scale_factor = scale_factor
        self.scale_prob = scale_prob
        self.rotate_factor = rotate_factor
        self.rotate_prob = rotate_prob
        self.reduce = reduce
        self.image = AnnotatedImage(skip)

    def transform(self, results: dict) -> dict | None:
        flip = self.flip_prob > 0 and np.random.rand() < self.flip_prob
        center, scale = center_scale(results, self.padding)
        center, scale = center[0].astype(float), scale[0].astype(float)
        half = self.half_body(results)
        if half is not None:
            points = results['keypoints'][0, half]
            center = points.mean(0)
            extent = points.max(0) - points.min(0)
            # Points on one spot still need a crop.
            scale = np.maximum(extent * self.half_body_padding, 1)
        shift, factor, rotation = self.draw()
        # mmpose shifts and turns the mirrored image.
        mirror = np.array([-1.0, 1.0]) if flip else np.ones(2)
        center = center + mirror * shift * scale
        scale = self.fix_aspect(scale * factor)
        matrix = self.warp_matrix(center, scale, rotation, mirror)

        shrink = scale[0] / self.input_size[0] if self.reduce else 1
        read = self.image.read(results, shrink)
        if read is None:
            return None
        image, reduced = read
        results['img'] = cv2.warpAffine(
            image,
            matrix if reduced == 1 else reduce_matrix(matrix, reduced),
            self.input_size,
        )
        height, width = results.get('ann_shape', image.shape[:2])
        results['transformed_keypoints'] = (
            results['keypoints'] @ matrix[:, :2].T + matrix[:, 2]
        ).astype(np.float32)
        if flip:
            flip_sample(results, width)
            center[0] = width - 1 - center[0]
        results['flip'] = bool(flip)
        results['flip_direction'] = 'horizontal' if flip else None
        results['img_shape'] = results['ori_shape'] = height, width
        results['bbox_center'], results['bbox_scale'] = (center[None], scale[None])
        results['bbox_rotation'] = np.array([rotation], np.float32)
        results['input_size'] = self.input_size
        results['input_center'], results['input_scale'] = center, scale
        return results

    def half_body(self, results: dict) -> list[int] | None:
        """Indices of the points of the half body to crop, or None."""
        visible = results['keypoints_visible'][0]
        if self.half_body_prob <= 0 or visible.sum() < self.min_total:
            return None
        if np.random.rand() > self.half_body_prob:
            return None
        upper, lower = (
            [index for index in results[f'{half}_body_ids'] if visible[index] > 0]
            for half in ('upper', 'lower')
        )
        prefer_upper = np.random.rand() < self.upper_prob
        has_upper = len(upper) >= self.min_upper
        has_lower = len(lower) >= self.min_lower
        if not has_upper and not has_lower:
            return None
        return upper if has_upper and (prefer_upper or not has_lower) else lower

    def draw(self) -> tuple[np.ndarray, float, float]:
        """Shift (2,) in sides of the box, scale and rotation in degrees."""
        values = truncated_normal(4)
        low, high = self.scale_factor
        shift = values[:2] * self.shift_factor
        scale = values[2] * (high - low) * 0.5 + (high + low) * 0.5
        rotation = values[3] * self.rotate_factor
        use_shift, use_scale, use_rotation = np.random.rand(3) < (
            self.shift_prob,
            self.scale_prob,
            self.rotate_prob,
        )
        return (
            shift if use_shift else np.zeros(2),
            scale if use_scale else 1,
            float(rotation) if use_rotation else 0.0,
        )

    def fix_aspect(self, scale: np.ndarray) -> np.ndarray:
        """The smallest box (2,) of the crop's shape around sides (2,)."""
        w, h = scale
        ratio = self.input_size[0] / self.input_size[1]
        return np.array([w, w / ratio] if w > h * ratio else [h * ratio, h])

    def warp_matrix(
        self, center: np.ndarray, scale: np.ndarray, rotation: float, mirror: np.ndarray
    ) -> np.ndarray:
        """(2, 3) float64, from pixels of the image to pixels of the crop."""
        angle = math.radians(rotation)
        cos, sin = math.cos(angle), math.sin(angle)
        matrix = np.empty((2, 3))
        matrix[:, :2] = (
            np.array([[cos, sin], [-sin, cos]])
            * mirror
            * (self.input_size[0] / scale[0])
        )
        matrix[:, 2] = np.array(self.input_size) / 2 - matrix[:, :2] @ center
        return matrix


def reduce_matrix(matrix: np.ndarray, factor: int) -> np.ndarray:
    """A warp of an image as a warp of the image ``factor`` times smaller,
    whose pixels are the means of ``factor`` x ``factor`` ones."""
    reduced = matrix.copy()
    reduced[:, :2] *= factor
    reduced[:, 2] += matrix[:, :2].sum(1) * (factor - 1) / 2
    return reduced


def flip_sample(results: dict, width: int) -> None:
    """Mirrors a sample in an image of ``width`` pixels, in place."""
    order = results['flip_indices']
    for key in (
        'keypoints',
        'keypoints_visible',
        'transformed_keypoints',
        'keypoints_3d',
        'keypoints_3d_visible',
    ):
        if results.get(key) is not None:
            results[key] = np.take(results[key], order, axis=1)
    results['keypoints'][..., 0] = width - 1 - results['keypoints'][..., 0]
    if results.get('keypoints_3d') is not None:
        results['keypoints_3d'][..., 0] *= -1
    if 'camera_param' in results:
        matrix = results['camera_param']['K'].copy()
        matrix[0, 2] = width - 1 - matrix[0, 2]
        results['camera_param'] = dict(results['camera_param'], K=matrix)
    if 'bbox' in results:
        box = results['bbox'] = results['bbox'].copy()
        box[:, [0, 2]] = width - 1 - box[:, [2, 0]]


GREY_LEVELS = np.arange(256, dtype=np.float32)
SAME = np.arange(256, dtype=np.uint8)


def linear_table(alpha: float = 1.0, beta: float = 0.0) -> np.ndarray:
    """(256,) uint8: grey level * alpha + beta, clipped to 0..255."""
    return np.clip(GREY_LEVELS * alpha + beta, 0, 255).astype(np.uint8)


@TRANSFORMS.register_module()
class ColorDistortion(BaseTransform):
    """mmpose's ``PhotometricDistortion``, with look-up tables.

    Equal to it in every pixel for the same seed, so with what it does
    differently from its paper too: contrast is changed twice or not at all,
    and a hue below 0 turns to 256 minus it.

    Args:
        brightness_delta: Largest change of brightness, grey levels.
        contrast_range: Of the factor of contrast.
        saturation_range: Of the factor of saturation.
        hue_delta: Largest change of hue, in 2 degrees.
    """

    def __init__(
        self,
        brightness_delta: int = 32,
        contrast_range: tuple[float, float] = (0.5, 1.5),
        saturation_range: tuple[float, float] = (0.5, 1.5),
        hue_delta: int = 18,
    ) -> None:
        self.brightness_delta = brightness_delta
        self.contrast_range = contrast_range
        self.saturation_range = saturation_range
        self.hue_delta = hue_delta

    def transform(self, results: dict) -> dict:
        draw = np.random.randint
        twice, brighten, contrast, mode, swap = (
            draw(2),
            draw(2),
            draw(2),
            draw(4),
            draw(2),
        )
        uniform = np.random.uniform
        beta = uniform(-self.brightness_delta, self.brightness_delta)
        alpha = uniform(*self.contrast_range)
        saturation = uniform(*self.saturation_range)
        hue = draw(-self.hue_delta, self.hue_delta)
        order = np.random.permutation(3)

        image = results['img']
        before = linear_table(beta=beta) if brighten else SAME
        after = SAME
        if twice and contrast:
            after = linear_table(alpha)
            before = after[before]
        if mode == 0:
            before = after[before]
        if before is not SAME:
            image = cv2.LUT(image, before)
        if mode:
            tables = np.stack(
                [
                    SAME if mode == 1 else np.roll(SAME, -hue),
                    SAME if mode == 2 else linear_table(saturation),
                    SAME,
                ],
                -1,
            )
            image = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
            image = cv2.LUT(image, tables[None])
            image = cv2.cvtColor(image, cv2.COLOR_HSV2BGR)
            if after is not SAME:
                image = cv2.LUT(image, after)
        if swap:
            out = np.empty_like(image)
            cv2.mixChannels(
                [image],
                [out],
                [int(index) for pair in zip(order, range(3)) for index in pair],
            )
            image = out
        results['img'] = image
        return results


@TRANSFORMS.register_module()
class HsvJitter(BaseTransform):
    """mmpose's ``YOLOXHSVRandomAug``, with look-up tables: the colour
    augmentation of the released 3D recipe. Equal to it in every pixel for the
    same seed.

    Args:
        hue_delta: Largest change.
        saturation_delta: Largest change.
        value_delta: Largest change.
    """

    def __init__(
        self, hue_delta: int = 5, saturation_delta: int = 30, value_delta: int = 30
    ) -> None:
        self.deltas = hue_delta, saturation_delta, value_delta

    def transform(self, results: dict) -> dict:
        gains = np.random.uniform(-1, 1, 3) * self.deltas
        gains = (gains * np.random.randint(0, 2, 3)).astype(np.int16)
        tables = np.arange(256)[:, None] + gains
        tables[:, 0] %= 180
        tables = np.clip(tables, 0, 255).astype(np.uint8)[None]
        image = cv2.cvtColor(results['img'], cv2.COLOR_BGR2HSV)
        results['img'] = cv2.cvtColor(cv2.LUT(image, tables), cv2.COLOR_HSV2BGR)
        return results


class _RandomFilter(BaseTransform):
    """A filter of the image with a random odd kernel, with probability
    ``prob``.

    Args:
        prob: In [0, 1].
        kernel_sizes: Drawn from evenly, odd, in pixels.
    """

    def __init__(self, prob: float, kernel_sizes: tuple[int] = (3, 5, 7)) -> None:
        self.prob = prob
        self.kernel_sizes = tuple(kernel_sizes)

    def transform(self, results: dict) -> dict:
        if np.random.rand() < self.prob:
            size = int(np.random.choice(self.kernel_sizes))
            results['img'] = self.filter(results['img'], size)
        return results


@TRANSFORMS.register_module()
class RandomBlur(_RandomFilter):
    """Box blur, as albumentations' ``Blur`` in the released configs."""

    @staticmethod
    def filter(image: np.ndarray, size: int) -> np.ndarray:
        return cv2.blur(image, (size, size))


@TRANSFORMS.register_module()
class RandomMedianBlur(_RandomFilter):
    """Median blur, as albumentations' ``MedianBlur``."""

    @staticmethod
    def filter(image: np.ndarray, size: int) -> np.ndarray:
        return cv2.medianBlur(image, size)


@TRANSFORMS.register_module()
class CoarseDropout(BaseTransform):
    """Blackens one random rectangle, as albumentations' ``CoarseDropout`` in
    the released configs.

    Args:
        prob: In [0, 1].
        size: Range of the sides as parts of the image's,
            0 < low <= high < 1.
    """

    def __init__(self, prob: float, size: tuple[float, float]) -> None:
        self.prob = prob
        self.size = size

    def transform(self, results: dict) -> dict:
        if np.random.rand() < self.prob:
            height, width = results['img'].shape[:2]
            parts = np.random.uniform(*self.size, 2)
            h, w = int(height * parts[0]), int(width * parts[1])
            y = np.random.randint(0, height - h + 1)
            x = np.random.randint(0, width - w + 1)
            image = results['img'] = results['img'].copy()
            image[y : y + h, x : x + w] = 0
        return results


@TRANSFORMS.register_module()
class PackTrainingInputs(BaseTransform):
    """Packs what training uses: the crop and its labels.

    As mmpose's ``PackPoseInputs``, without the annotation in the image and
    meta information that only evaluation reads.

    Args:
        meta_keys: What the data sample says of its origin.
    """

    def __init__(
        self, meta_keys: tuple[str] = ('id', 'img_path', 'dataset_name')
    ) -> None:
        self.meta_keys = meta_keys

    def transform(self, results: dict) -> dict:
        """dict: ``inputs`` (3, H, W) uint8 BGR and ``data_samples``, with the
        codec's labels as tensors in ``gt_instance_labels``."""
        labels = InstanceData()
        for key, name in results['label_mapping_table'].items():
            if key in results:
                labels.set_field(torch.from_numpy(results[key]), name)
        sample = PoseDataSample(
            metainfo={key: results[key] for key in self.meta_keys if key in results}
        )
        sample.gt_instance_labels = labels
        planes = np.stack(cv2.split(results['img']))
        return dict(inputs=torch.from_numpy(planes), data_samples=sample)
