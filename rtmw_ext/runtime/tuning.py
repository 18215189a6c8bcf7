"""How this machine runs a network fastest: what ``rtmw tune`` measured, in the user's
cache."""

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.paths import cache_folder
from .network import auto_precision, cpu_info

#: Crops of the measurement of many people.
MANY = 8
#: A setting is taken only if it needs less than this share of the default's time:
#: medians of the same setting differ by less than the rest.
GAIN = 0.95
#: Mean distance from fp32, in pixels of the crop, up to which points are the same.
SAME = 1.0


@dataclass(frozen=True)
class Setting:
    """A way to run a network, and what it costs.

    Attributes:
        file: The network, or its int8 version.
        backend: As of :func:`rtmw_ext.runtime.load_network`.
        precision: Likewise.
        load: Seconds from the file to the first result.
        single: Milliseconds of one crop.
        each: Milliseconds a crop of ``MANY``.
        apart: Mean distance of the points from those of fp32, in pixels of the crop.
    """

    file: str
    backend: str
    precision: str
    load: float
    single: float
    each: float
    apart: float

    def seconds(self, images: int | None) -> float:
        """For so many images of one person; for a video (None) of a crop of one
        person and of many."""
        if images is None:
            return (self.single + self.each) / 1e3
        return self.load + images * self.single / 1e3


def choose(settings: Sequence[Setting], backend: str, images: int | None) -> Setting:
    """The fastest one whose points are those of fp32, if it beats the default.

    Args:
        settings: Measured ones; the first one is of the network itself in fp32.
        backend: That runs without a measurement, in its :func:`.auto_precision`.
        images: That are to be done; None for a video.
    """
    usual = (settings[0].file, backend, auto_precision(backend))
    default = next(
        (s for s in settings if (s.file, s.backend, s.precision) == usual), settings[0]
    )
    same = [setting for setting in settings if setting.apart <= SAME]
    best = min(same, key=lambda setting: setting.seconds(images), default=default)
    gains = best.seconds(images) < GAIN * default.seconds(images)
    return best if gains else default


def record_of(network: Path) -> Path:
    """The file of a network's measurements; it need not exist."""
    network = network.resolve()
    digits = hashlib.sha256(os.fsencode(network)).hexdigest()[:8]
    return cache_folder('tuned') / f'{network.stem}-{digits}.json'


def int8_file(network: Path, backend: str) -> Path:
    """Where the int8 version of a network for a backend is made; it need not exist."""
    return record_of(network).with_suffix(f'.int8-{backend}.onnx')


def save(network: Path, threads: int, settings: Sequence[Setting]) -> Path:
    """Keeps measurements. Returns their file."""
    path = record_of(network)
    path.parent.mkdir(parents=True, exist_ok=True)
    record = dict(_key(network, threads), settings=list(map(asdict, settings)))
    part = path.with_suffix('.part')
    part.write_text(json.dumps(record, indent=1))
    part.replace(path)
    return path


def load(network: Path, threads: int) -> list[Setting]:
    """What was measured for this file on this machine with so many threads; [] if
    nothing was, or the file, the CPU or a backend is another one since."""
    try:
        record = json.loads(record_of(network).read_text())
        settings = [Setting(**row) for row in record.pop('settings')]
        fresh = record == _key(network, threads)
        there = all(Path(setting.file).is_file() for setting in settings)
        return settings if fresh and there else []
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []


def _key(network: Path, threads: int) -> dict[str, Any]:
    status = network.stat()
    return dict(
        network=str(network.resolve()),
        bytes=status.st_size,
        modified=status.st_mtime_ns,
        threads=threads,
        cpu=cpu_name(),
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    # It takes 20 ms, and most machines were not tuned.
    import importlib.metadata

    versions = {}
    for name in ('onnxruntime', 'openvino'):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def cpu_name() -> str:
    """Model and vector instructions of the CPU, where the system tells them."""
    facts = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(':') for line in cpu_info().splitlines())
    }
    flags = facts.get('flags', '').split()
    vectors = sorted(flag for flag in flags if flag.startswith(('avx', 'amx')))
    model = facts.get('model name') or platform.processor() or platform.machine()
    return ' '.join([model, *vectors])
