import cv2
import pytest


@pytest.fixture(scope='module')
def photo(drawn_root):
    """A drawn person (H, W, BGR)."""
    return cv2.imread(str(sorted((drawn_root / 'images' / 'train').iterdir())[0]))
