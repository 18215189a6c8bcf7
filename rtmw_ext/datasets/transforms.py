"""Image loading and photometric transforms.

Shapes: H rows, W columns of ``results['img']``, (H, W, 3) uint8 BGR.
"""
import logging

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from mmpose.registry import TRANSFORMS

from ..images import ImageError, read_image


@TRANSFORMS.register_module()
class LoadImageOrSkip(BaseTransform):
    """Loads ``img_path`` (or checks ``img``) as 8-bit BGR.

    Args:
        skip (bool): In training, a broken image is skipped with one warning
            (the dataset draws another sample); in evaluation it is an error,
            since a skipped image would change the metric.

    Raises:
        ImageError: The image is broken and ``skip`` is False.
    """

    def __init__(self, skip=True):
        self.skip = skip
        self._warned = set()

    def transform(self, results):
        source = results['img'] if 'img' in results else results['img_path']
        try:
            image = read_image(source)
        except ImageError as error:
            if not self.skip:
                raise
            if str(source) not in self._warned:
                self._warned.add(str(source))
                print_log(
                    f'{error}; sample skipped',
                    logger='current',
                    level=logging.WARNING)
            return None
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


class _RandomFilter(BaseTransform):
    """A filter of the image with a random odd kernel, with probability
    ``prob``.

    Args:
        prob (float): In [0, 1].
        kernel_sizes (tuple[int]): Drawn from evenly, odd, in pixels.
    """

    def __init__(self, prob, kernel_sizes=(3, 5, 7)):
        self.prob = prob
        self.kernel_sizes = tuple(kernel_sizes)

    def transform(self, results):
        if np.random.rand() < self.prob:
            size = int(np.random.choice(self.kernel_sizes))
            results['img'] = self.filter(results['img'], size)
        return results


@TRANSFORMS.register_module()
class RandomBlur(_RandomFilter):
    """Box blur, as albumentations' ``Blur`` in the released configs."""

    @staticmethod
    def filter(image, size):
        return cv2.blur(image, (size, size))


@TRANSFORMS.register_module()
class RandomMedianBlur(_RandomFilter):
    """Median blur, as albumentations' ``MedianBlur``."""

    @staticmethod
    def filter(image, size):
        return cv2.medianBlur(image, size)


@TRANSFORMS.register_module()
class CoarseDropout(BaseTransform):
    """Blackens one random rectangle, as albumentations' ``CoarseDropout`` in
    the released configs.

    Args:
        prob (float): In [0, 1].
        size (tuple[float, float]): Range of the sides as parts of the image's,
            0 < low <= high < 1.
    """

    def __init__(self, prob, size):
        self.prob = prob
        self.size = size

    def transform(self, results):
        if np.random.rand() < self.prob:
            height, width = results['img'].shape[:2]
            parts = np.random.uniform(*self.size, 2)
            h, w = int(height * parts[0]), int(width * parts[1])
            y = np.random.randint(0, height - h + 1)
            x = np.random.randint(0, width - w + 1)
            image = results['img'] = results['img'].copy()
            image[y:y + h, x:x + w] = 0
        return results
