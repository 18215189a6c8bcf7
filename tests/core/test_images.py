"""Images from files and arrays."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

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


RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (40, 60), dtype=np.uint8)
# Whatever the range is, these are found again.
PICTURE[0, 0] = 255
COLOURS = np.dstack([PICTURE, PICTURE[::-1], PICTURE[:, ::-1]])


def chunk(png, kind, content):
    """A PNG with one more chunk after its header."""
    whole = kind + content
    added = struct.pack('>I', len(content)) + whole
    return png[:33] + added + struct.pack('>I', zlib.crc32(whole)) + png[33:]


def packed_tiff(values, bits):
    """A TIFF whose values have fewer bits than 16 in the file, too."""
    height, width = values.shape
    text = ''.join(f'{value:0{bits}b}' for value in values.ravel())
    data = int(text, 2).to_bytes(len(text) // 8, 'big')
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1}
    tags |= {278: height, 279: len(data)}
    entries = b''.join(
        struct.pack('>HHII', tag, 4, 1, value) for tag, value in tags.items()
    )
    start = b'MM\0*' + struct.pack('>I', 8 + len(data))
    return start + data + struct.pack('>H', len(tags)) + entries + bytes(4)


def encoded(values, suffix='.png'):
    return cv2.imencode(suffix, values)[1].tobytes()


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('picture', [PICTURE, COLOURS], ids=['grey', 'colours'])
@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_16_bit_files_are_read_in_their_range(tmp_path, bits, picture, suffix):
    expected = picture if picture.ndim == 3 else np.dstack([picture] * 3)
    values = picture.astype(np.uint16) << (bits - 8)
    path = tmp_path / f'picture{suffix}'
    path.write_bytes(encoded(values, suffix))
    for source in (path, values):
        assert np.array_equal(read_image(source), expected)
    # Lossless in all 16 bits, as OpenCV and Pillow scale 8 bits up.
    path.write_bytes(encoded(picture.astype(np.uint16) * 257, suffix))
    assert np.array_equal(read_image(path), expected)


def test_alpha_has_no_part_in_the_range(tmp_path):
    values = np.dstack([COLOURS.astype(np.uint16) << 4, np.full(PICTURE.shape, 65535)])
    values = values.astype(np.uint16)
    path = tmp_path / 'alpha.png'
    path.write_bytes(chunk(encoded(values), b'sBIT', bytes([12, 12, 12, 16])))
    for source in (path, values):
        assert np.array_equal(read_image(source), COLOURS)


def test_what_a_png_says_of_its_range(tmp_path):
    path = tmp_path / 'dark.png'
    dark = PICTURE >> 3

    def read(values, *bits):
        path.write_bytes(chunk(encoded(values), b'sBIT', bytes(bits)))
        return read_image(path)[..., 0]

    # By its values it would have 10 bits, or 14.
    assert np.array_equal(read(dark.astype(np.uint16) << 4, 12), dark)
    assert np.array_equal(read(dark.astype(np.uint16) << 8, 16), dark)
    # Values as the specification has them, spread over all bits.
    assert np.array_equal(read(PICTURE.astype(np.uint16) * 257, 12), PICTURE)
    for odd in ((), (0,), (200,)):
        assert read(PICTURE.astype(np.uint16) * 257, *odd).shape == PICTURE.shape


@pytest.mark.parametrize('highest, shift', [(4095, 4), (65535, 8), (3000, 4), (0, 7)])
def test_what_a_tiff_says_of_its_range(tmp_path, highest, shift):
    path = tmp_path / 'dark.tif'
    dark = PICTURE >> 3
    values = dark.astype(np.uint16) << shift
    Image.fromarray(values).save(path, tiffinfo={281: highest})
    # With 0 it is no statement: 12 bits by the highest value.
    expected = dark if highest else values >> 4
    assert np.array_equal(read_image(path)[..., 0], expected)


@pytest.mark.parametrize('bits', [10, 12, 14])
def test_packed_tiffs(tmp_path, bits):
    path = tmp_path / 'packed.tif'
    dark = PICTURE >> 3
    for picture in (PICTURE, dark):
        path.write_bytes(packed_tiff(picture.astype(int) << (bits - 8), bits))
        assert np.array_equal(read_image(path)[..., 0], picture)


def test_signed_values(tmp_path):
    path = tmp_path / 'signed.tif'
    values = PICTURE.astype(np.int16) << 7
    values[1, 1] = -300
    path.write_bytes(encoded(values, '.tif'))
    found = read_image(path)[..., 0]
    assert found[1, 1] == 0
    found[1, 1] = PICTURE[1, 1]
    assert np.array_equal(found, PICTURE)


def test_black_and_what_has_no_range(tmp_path):
    assert not read_image(np.zeros((4, 4), np.uint16)).any()
    path = tmp_path / 'float.tif'
    path.write_bytes(encoded(COLOURS.astype(np.float32) / 255, '.tif'))
    with pytest.raises(ImageError, match='float.tif'):
        read_image(path)
