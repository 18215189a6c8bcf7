"""Photos as phones store them give the people of the same picture as PNG."""

import numpy as np
import pytest
from PIL import Image

from rtmw_ext.core.images import read_image
from rtmw_ext.runtime import WholeBody
from rtmw_ext.zoo import resolve_network
from support.paths import PEOPLE


@pytest.fixture(scope='module')
def estimate():
    networks = resolve_network('rtmw-t'), resolve_network('rtmdet-nano', 'detector')
    return WholeBody(*networks, threads=1, backend='onnxruntime')


@pytest.mark.parametrize('suffix', ['.heic', '.avif'])
def test_points_of_turned_photos(suffix, estimate, tmp_path):
    upright = Image.fromarray(read_image(PEOPLE)[..., ::-1])
    upright.save(tmp_path / 'a.png')
    expected = estimate(tmp_path / 'a.png')
    # A phone on its side: to be shown, it is turned to the right.
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x112] = 6
    path = tmp_path / f'a{suffix}'
    if suffix == '.heic':
        heif = pytest.importorskip('pillow_heif', reason='the extra heic is absent')
        options = dict(quality=100, chroma=444, exif=exif.tobytes())
        heif.from_pillow(stored).save(path, **options)
    else:
        stored.save(path, quality=100, subsampling='4:4:4', exif=exif)
    found = estimate(path)
    assert len(found) == len(expected) > 1
    assert np.abs(found.boxes - expected.boxes).max() < 3
    sure = (expected.scores > 0.6) & (found.scores > 0.6)
    away = np.linalg.norm(found.keypoints - expected.keypoints, axis=2)[sure]
    assert sure.sum() > 100 and np.quantile(away, 0.9) < 1.5
    assert np.abs(found.scores - expected.scores).mean() < 0.03
