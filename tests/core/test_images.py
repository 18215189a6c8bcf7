"""Images from files and arrays."""

import contextlib
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from rtmw_ext.core.images import (
    ImageError,
    ImageTooLarge,
    check_pixels,
    is_image,
    list_images,
    open_image,
    read_image,
)
from support.examples import examples


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
    for source in (path, path.read_bytes(), values):
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


# A picture whose corners differ, so that each of the 8 orientations is told apart.
ROWS, COLUMNS = np.mgrid[:48, :80]
SLOPES = np.dstack([2 * ROWS, 3 * COLUMNS, ROWS + COLUMNS]).astype(np.uint8)


def saved(path, orientation=None, pixels=SLOPES):
    """A picture as phones store it, nearly without loss."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x112] = orientation
    image = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    options = dict(exif=exif.tobytes(), quality=100)
    if path.suffix == '.heic':
        heif = pytest.importorskip('pillow_heif', reason='the extra heic is absent')
        heif.from_pillow(image).save(path, chroma=444, **options)
    elif path.suffix == '.avif':
        image.save(path, subsampling='4:4:4', **options)
    elif path.suffix == '.jpg':
        image.save(path, subsampling=0, **options)
    else:
        image.save(path, exif=exif)
    return path


@pytest.mark.parametrize('suffix', ['.heic', '.avif', '.jpg', '.webp'])
@pytest.mark.parametrize('orientation', [None, *range(1, 9)])
def test_rotation_in_every_format(suffix, orientation, tmp_path):
    expected = read_image(saved(tmp_path / 'a.png', orientation))
    found = read_image(saved(tmp_path / f'a{suffix}', orientation))
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() < 25
    turned = orientation is not None and orientation > 4
    assert expected.shape == ((80, 48, 3) if turned else (48, 80, 3))


@pytest.mark.parametrize('suffix', ['.heic', '.avif', '.jpg', '.webp', '.png', '.tif'])
def test_content_is_read_as_its_file(suffix, tmp_path):
    path = saved(tmp_path / f'a{suffix}', orientation=6)
    content = path.read_bytes()
    assert np.array_equal(read_image(content), read_image(path))
    reduced = read_image(path, cv2.IMREAD_REDUCED_COLOR_2)
    assert np.array_equal(read_image(content, cv2.IMREAD_REDUCED_COLOR_2), reduced)
    for source, name, called in (
        (path, None, f'image {path}'),
        (content, None, 'the image'),
        (path, 'key 7', 'key 7'),
        (content, 'key 7', 'key 7'),
    ):
        assert check_pixels(source, 48 * 80, name)
        with pytest.raises(ImageTooLarge) as error:
            check_pixels(source, 48 * 80 - 1, name)
        assert str(error.value).startswith(f'{called} has more than 3,839 pixels')


@pytest.mark.parametrize('content', [b'', b'hello', encoded(COLOURS)[:-40]])
@pytest.mark.parametrize('name, called', [(None, 'the image'), ('key 7', 'key 7')])
def test_broken_content_has_a_name(content, name, called):
    with pytest.raises(ImageError, match=f'^{called} (is empty|cannot be)'):
        read_image(content, name=name)


def test_transforms_rule_in_heif(tmp_path):
    """EXIF's rotation only informs (ISO/IEC 23008-12): alone it turns nothing, as in
    libheif and FFmpeg."""
    path = saved(tmp_path / 'a.heic', 6)
    content = bytearray(path.read_bytes())
    # The angle of the box irot.
    content[content.index(b'irot') + 4] = 0
    path.write_bytes(content)
    assert b'Exif' in content
    expected = read_image(saved(tmp_path / 'a.png'))
    assert np.abs(read_image(path).astype(int) - expected).max() < 25


@pytest.mark.parametrize('suffix', ['.heic', '.avif'])
def test_reading_modes(suffix, tmp_path):
    path = saved(tmp_path / f'a{suffix}', 6)
    assert read_image(path, cv2.IMREAD_REDUCED_COLOR_2).shape == (40, 24, 3)
    assert list_images(tmp_path) == [str(path)]
    with open_image(path) as image:
        assert sorted(image.size) == [48, 80]
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:40]):
        path.write_bytes(content)
        with pytest.raises(ImageError, match=f'a{suffix} cannot be read'):
            read_image(path)


def test_missing_packages_are_named(tmp_path, monkeypatch):
    heic, avif = saved(tmp_path / 'a.heic'), saved(tmp_path / 'a.avif')
    monkeypatch.setitem(sys.modules, 'pillow_heif', None)
    monkeypatch.setattr(features, 'check', lambda name: False)
    for path, package in ((heic, 'pillow-heif'), (avif, 'Pillow')):
        with pytest.raises(ImageError, match=rf'{path.name}.*{package}.*\[heic\]'):
            read_image(path)


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.heic', '.avif', '.webp', '.tif'])
def test_files_are_known_by_their_content(suffix, tmp_path):
    folder = tmp_path / 'files'
    folder.mkdir()
    made = saved(tmp_path / f'a{suffix}')
    expected = read_image(made)
    for name in ('none', 'wrong.jpg', 'wrong.heic', 'other.xyz'):
        (folder / name).write_bytes(made.read_bytes())
        assert np.array_equal(read_image(folder / name), expected)
    (folder / 'text').write_text('BMW and MM, no picture at all')
    (folder / 'clip').write_bytes(b'\0\0\0\x20ftypisom\0\0\2\0isomiso2mp41')
    (folder / 'sub.png').mkdir()
    (folder / 'empty').touch()
    names = [Path(path).name for path in list_images(folder)]
    assert names == ['none', 'other.xyz', 'wrong.heic', 'wrong.jpg']


def test_bitmaps_and_big_tiffs_are_known(tmp_path):
    (tmp_path / 'a').write_bytes(encoded(COLOURS, '.bmp'))
    (tmp_path / 'b').write_bytes(encoded(COLOURS, '.jp2'))
    assert len(list_images(tmp_path)) == 2


@examples(50)
@given(head=st.binary(max_size=80))
def test_any_bytes_have_an_answer(head, tmp_path_factory):
    path = tmp_path_factory.mktemp('any') / 'file'
    for start in (b'', b'\0\0\0\x18ftyp', b'\xff\xff\xff\xffftypmif1'):
        path.write_bytes(start + head)
        assert is_image(path) in (True, False)
        with contextlib.suppress(ImageError):
            read_image(path)
