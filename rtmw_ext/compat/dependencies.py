"""The OpenMMLab packages that rtmw_ext stands on, and how to get them.

They are no requirements in the package's metadata: pip would replace a stock
mmcv or mmengine by a fork, or try to build mmpose's chumpy.
"""

import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterable

# (module, oldest version, the command that mends it)
REQUIRED = (
    ('torch', '2.0', 'pip install torch torchvision'),
    ('safetensors', '0.4', 'pip install safetensors'),
    ('mmengine', '0.10', 'pip install --no-deps onedl-mmengine==0.10.12'),
    ('mmcv', '2.0', 'make setup (mmcv is compiled), or see docs/install.md'),
    (
        'mmdet',
        '3.0',
        'pip install --no-deps --no-build-isolation onedl-mmdetection==3.5.1',
    ),
    ('mmpose', '1.3', 'pip install --no-deps mmpose==1.3.2'),
    (
        'xtcocotools',
        '1.12',
        'pip install --no-deps --no-build-isolation '
        '--no-binary xtcocotools xtcocotools==1.14.3',
    ),
)


#: Distributions of one module, the stock one first.
FORKS = {
    'mmcv': ('mmcv', 'mmcv-lite', 'onedl-mmcv'),
    'mmdet': ('mmdet', 'onedl-mmdetection'),
    'mmengine': ('mmengine', 'mmengine-lite', 'onedl-mmengine'),
}


def installed_version(name: str) -> str | None:
    """The version of a distribution, or of any in ``FORKS``, without importing
    it; None if it is not installed."""
    for distribution in FORKS.get(name, (name,)):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            pass
    return None


def numbers(version: str) -> list[int]:
    """Major and minor version, to compare."""
    return [int(number) for number in re.findall(r'\d+', version)[:2]]


def check(required: Iterable[tuple[str, str, str]] = REQUIRED) -> None:
    """Raises in one line what is missing or too old, with its command.

    Args:
        required: (module, version, command).

    Raises:
        ImportError: A package is missing or too old.
    """
    for module, oldest, command in required:
        if importlib.util.find_spec(module) is None:
            raise ImportError(
                f'rtmw_ext needs {module} >= {oldest}, which is '
                f'not installed: {command}'
            )
        version = getattr(importlib.import_module(module), '__version__', oldest)
        if numbers(version) < numbers(oldest):
            raise ImportError(
                f'rtmw_ext needs {module} >= {oldest}, but '
                f'{version} is installed: {command}'
            )
