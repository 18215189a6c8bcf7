"""Images from files and arrays."""

import numpy as np
import pytest

from rtmw_ext.core.images import ImageError, read_image


@pytest.mark.parametrize(
    'array',
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_bad_arrays(array):
    with pytest.raises(ImageError, match='array'):
        read_image(array)


def test_broken_image_is_named(broken_image):
    with pytest.raises(ImageError, match=broken_image.name):
        read_image(broken_image)
