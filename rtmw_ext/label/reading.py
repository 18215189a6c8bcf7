"""The images of a unit of work, whatever holds them.

Shapes: images are (H, W, 3) uint8 BGR.
"""

import posixpath
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..core.errors import RTMWError
from ..core.images import SUFFIXES, check_pixels, read_image
from ..core.media import is_address, without_password
from .inputs import Unit
from .places import absolute, as_file, read_bytes, suffix_of

#: Pixels of an image at most: read and cropped, it takes 6 bytes a pixel.
MAX_PIXELS = 100_000_000
#: Rows of Parquet in memory at once.
ROWS = 64
#: Names of columns with images, as bytes or paths: also those of structs in them, as
#: Hugging Face's data sets have them.
BYTES, PATHS = ('bytes', 'image_bytes', 'jpg', 'png'), ('path', 'file_name', 'url')
IMAGE = 'image'


class ContainerError(RTMWError, ValueError):
    """A tar or Parquet file is no such file, or damaged; the text names it."""


@dataclass(frozen=True)
class Item:
    """An image.

    Attributes:
        key: Its path or address. In a tar ``tar://MEMBER::TAR``, as fsspec opens it;
            in Parquet ``FILE#row=N``, unless it has a path.
        load: Gives its content. Raises ImageError or StorageError.
    """

    key: str
    load: Callable[[], bytes]


def items_of(unit: Unit) -> Iterator[Item]:
    """The images of a unit that is no video, in order.

    Raises:
        ContainerError: A container is damaged; items before were of it.
        StorageError: It cannot be reached.
    """
    if unit.kind == 'tar':
        yield from _tar(unit.sources[0])
    elif unit.kind == 'parquet':
        yield from _parquet(unit.sources[0], unit.groups)
    else:
        for source in unit.sources:
            yield Item(source, partial(read_bytes, source))


def decode(key: str, data: bytes) -> np.ndarray:
    """
    Args:
        key: What messages call the image.
        data: Its content.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        ImageError: It is no image, damaged or too large.
    """
    name = f'image {without_password(key)}'
    check_pixels(data, MAX_PIXELS, name)
    return read_image(data, name=name)


def _tar(source: str) -> Iterator[Item]:
    with as_file(source) as path:
        try:
            with tarfile.open(path, mode='r|*') as tar:
                for member in tar:
                    if member.isfile() and suffix_of(member.name) in SUFFIXES:
                        content = tar.extractfile(member)
                        assert content is not None
                        data = content.read()
                        key = f'tar://{member.name}::{source}'
                        yield Item(key, partial(bytes, data))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise _damaged(source, 'tar', error) from None


def _parquet(source: str, groups: tuple[int, ...]) -> Iterator[Item]:
    import pyarrow
    import pyarrow.parquet

    with as_file(source) as path:
        try:
            with pyarrow.parquet.ParquetFile(path) as table:
                column = _image_column(source, table.schema_arrow)
                meta = table.metadata
                counts = [
                    meta.row_group(n).num_rows for n in range(meta.num_row_groups)
                ]
                chosen = list(groups or range(len(counts)))
                batches = table.iter_batches(ROWS, chosen, [column])
                rows = (value for batch in batches for value in batch[0].to_pylist())
                for number, value in enumerate(
                    rows, sum(counts[: min(chosen, default=0)])
                ):
                    yield _row(source, number, value)
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(source, 'Parquet', error) from None


def _image_column(source: str, schema: Any) -> str:
    """The column with the images of a Parquet file.

    Raises:
        ContainerError: There is none.
    """
    for name in (IMAGE, *BYTES, *PATHS):
        if name in schema.names:
            return name
    raise ContainerError(
        f'{without_password(source)} has no column of images, only '
        f'{", ".join(schema.names)}: name one {IMAGE}'
    )


def _row(source: str, number: int, value: Any) -> Item:
    """An item of a row: bytes, a path, or a struct of these."""
    inner = value if isinstance(value, dict) else {}
    path = next((inner[key] for key in PATHS if inner.get(key)), None)
    data = next((inner[key] for key in BYTES if inner.get(key)), None)
    if isinstance(value, str):
        path = value
    elif isinstance(value, bytes):
        data = value
    key = f'{source}#row={number}'
    if data is not None:
        return Item(key, partial(bytes, data))
    if path is None:
        return Item(key, bytes)
    # From the folder of the file.
    if not is_address(path):
        folder = posixpath.dirname(source)
        path = posixpath.join(folder, path)
        path = path if is_address(path) else absolute(path)
    return Item(path, partial(read_bytes, path))


def _damaged(source: str, kind: str, error: Exception) -> ContainerError:
    return ContainerError(
        f'{without_password(source)} is no {kind} file, or damaged ({error}): what is '
        'before the damage was done; fetch it again'
    )
