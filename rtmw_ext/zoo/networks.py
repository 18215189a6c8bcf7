"""Names of networks -> local files.

Our own are in the package. Published ones are OpenMMLab's ONNX exports, kept
in ``~/.cache/rtmw_ext/onnx`` (``$XDG_CACHE_HOME``); ``RTMW_WEIGHTS_MIRROR`` is
another server for them.
"""

import os
import shutil
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from .. import zoo
from ..core.paths import cache_folder
from ..runtime.network import NetworkError

_RTMW = 'mmpose/v1/projects/rtmw/onnx_sdk/'
_YOLOX = 'mmpose/v1/projects/rtmposev1/onnx_sdk/'
#: Name -> address of an archive under ``RELEASE``, or a file of this package.
POSES = {
    'rtmw-m': f'{_RTMW}rtmw-dw-l-m_simcc-cocktail14_270e-256x192_20231122.zip',
    'rtmw-l-256x192': f'{_RTMW}rtmw-dw-x-l_simcc-cocktail14_270e-256x192_20231122.zip',
    'rtmw-l': f'{_RTMW}rtmw-dw-x-l_simcc-cocktail14_270e-384x288_20231122.zip',
}
DETECTORS = {
    'yolox-tiny': f'{_YOLOX}yolox_tiny_8xb8-300e_humanart-6f3252f9.zip',
    'yolox-m': f'{_YOLOX}yolox_m_8xb8-300e_humanart-c2c7a14a.zip',
    'yolox-x': f'{_YOLOX}yolox_x_8xb8-300e_humanart-a39d44ed.zip',
    'rtmdet-nano-synthetic': 'weights/rtmdet-nano_synthetic-320.onnx',
}


def resolve(name, published):
    """A network's file: a path stays one, a name of ours is in the package, a
    published one is fetched once.

    Args:
        name (str): A path, a name of ours, or a key of ``published``.
        published (dict): ``POSES`` or ``DETECTORS``.

    Returns:
        Path: Of an ``.onnx`` or ``.xml`` file.

    Raises:
        NetworkError: Neither a file nor a name, or it cannot be fetched.
        WeightsError: This version comes without it.
    """
    if Path(name).suffix in ('.onnx', '.xml') or Path(name).exists():
        return Path(name)
    ours = zoo.find(name)
    if ours is not None and ours.network is not None:
        return zoo.shipped(ours.network)
    if name not in published:
        own = [model.aliases[0] for model in zoo.models() if model.network]
        raise NetworkError(
            f'unknown network "{name}": give an .onnx or .xml file (see `rtmw '
            f'export`), or one of {", ".join([*own, *published])}'
        )
    if is_shipped(published[name]):
        return zoo.shipped(zoo.SHIPPED / Path(published[name]).name)
    cached = cache_folder('onnx') / Path(published[name]).with_suffix('.onnx').name
    if cached.is_file():
        return cached
    server = os.environ.get(zoo.MIRROR) or zoo.RELEASE
    address = f'{server.rstrip("/")}/{published[name]}'
    cached.parent.mkdir(parents=True, exist_ok=True)
    part = cached.with_suffix(f'.{os.getpid()}')
    try:
        with (
            urllib.request.urlopen(address, timeout=60) as source,
            part.open('wb') as sink,
        ):
            shutil.copyfileobj(source, sink)
        with zipfile.ZipFile(part) as archive:
            (inside,) = [
                entry for entry in archive.namelist() if entry.endswith('end2end.onnx')
            ]
            unpacked = part.with_suffix('.unpacked')
            with archive.open(inside) as source, unpacked.open('wb') as sink:
                shutil.copyfileobj(source, sink)
        # Renamed when whole: a broken download is never taken for it.
        return unpacked.replace(cached)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        shipped = [other for other in published if is_shipped(published[other])]
        raise NetworkError(
            f'network "{name}" cannot be fetched from {address} ({error}): '
            f'check the connection, set {zoo.MIRROR}, put the file at {cached}'
            + ''.join(f', or use {other}, which is shipped' for other in shipped)
        ) from None
    finally:
        part.unlink(missing_ok=True)


def is_shipped(address):
    """Whether it is a file of this package, and no archive to fetch."""
    return address.endswith('.onnx')
