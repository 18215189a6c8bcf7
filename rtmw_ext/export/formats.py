"""The table of export formats. No torch: the command line reads it.

A new format is a row here and a module with the functions that the row names.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..core.errors import RTMWError


class ExportError(RTMWError, ValueError):
    """A model cannot be exported; the text says why and what to do."""


@dataclass(frozen=True)
class ExportFormat:
    """One format.

    Attributes:
        name: For ``rtmw export --to``.
        description: A few words for the help.
        suffix: Of the file, or of the folder if it is one.
        precisions: For ``--precision``.
        decode_precisions: Those in which the decoding can be inside the file
            (``--with-decode``).
        takes_3d: Whether 3D models can be written.
        write: ``module:function`` in this package, called with an
            :class:`rtmw_ext.export.model.ExportSource`, the path and the
            precision.
        run: ``module:function`` in this package, called with the path and
            crops (B, 3, h, w) float32; it returns the outputs (B, ...) as a
            list. None if the file cannot be checked where it is written.
    """

    name: str
    description: str
    suffix: str
    precisions: tuple[str, ...]
    decode_precisions: tuple[str, ...]
    takes_3d: bool
    write: str
    run: str | None


FORMATS: dict[str, ExportFormat] = {
    row.name: row
    for row in (
        ExportFormat(
            name='onnx',
            description='for ONNX Runtime and most others',
            suffix='.onnx',
            precisions=('fp32', 'fp16', 'int8'),
            decode_precisions=('fp32', 'fp16'),
            takes_3d=True,
            write='to_onnx:write',
            run='to_onnx:run',
        ),
        ExportFormat(
            name='openvino',
            description='for CPUs and GPUs of Intel',
            suffix='.xml',
            precisions=('fp32', 'fp16', 'int8'),
            decode_precisions=('fp32', 'fp16'),
            takes_3d=True,
            write='to_openvino:write',
            run='to_openvino:run',
        ),
        ExportFormat(
            name='ncnn',
            description='for phones, a folder',
            suffix='-ncnn',
            precisions=('fp32', 'fp16'),
            decode_precisions=(),
            takes_3d=False,
            write='to_ncnn:write',
            run='to_ncnn:run',
        ),
        ExportFormat(
            name='tensorrt',
            description='for the NVIDIA GPU of this machine',
            suffix='.engine',
            precisions=('fp32', 'fp16', 'int8'),
            decode_precisions=('fp32', 'fp16'),
            takes_3d=True,
            write='to_tensorrt:write',
            run=None,
        ),
    )
}
#: All precisions of all formats.
PRECISIONS = tuple(
    dict.fromkeys(name for row in FORMATS.values() for name in row.precisions)
)
#: Those whose ranges are measured on images.
CALIBRATED = ('int8',)


def check_combination(
    row: ExportFormat,
    precision: str,
    *,
    is_3d: bool = False,
    with_decode: bool = False,
    calibration: str | None = None,
) -> None:
    """
    Raises:
        ExportError: The format cannot hold such a network; the text names
            what can.
    """
    if precision not in row.precisions:
        others = _names(row for row in FORMATS.values() if precision in row.precisions)
        raise ExportError(
            f'{row.name} has no precision "{precision}": choose --precision '
            f'{_one_of(row.precisions)}' + (f', or --to {others}' if others else '')
        )
    if is_3d and not row.takes_3d:
        others = _names(row for row in FORMATS.values() if row.takes_3d)
        raise ExportError(f'{row.name} takes only 2D models: choose --to {others}')
    if with_decode and precision not in row.decode_precisions:
        if row.decode_precisions:
            choice = f'--precision {_one_of(row.decode_precisions)}'
        else:
            choice = '--to ' + _names(
                row for row in FORMATS.values() if precision in row.decode_precisions
            )
        raise ExportError(
            f'{row.name} has no --with-decode in {precision}: choose {choice}'
        )
    if precision in CALIBRATED:
        require_calibration(precision, calibration)


def require_calibration(precision: str, folder: str | None) -> str:
    """The folder of images on which a precision measures its ranges.

    Raises:
        ExportError: There is none.
    """
    if folder is None:
        raise ExportError(
            f'{precision} needs the ranges of real activations: --calibration '
            'FOLDER with some tens of images of people'
        )
    return folder


def load_function(name: str) -> Callable[..., Any]:
    """The function that ``write`` or ``run`` of a row names."""
    module, _, function = name.partition(':')
    return getattr(importlib.import_module(f'{__package__}.{module}'), function)


def import_package(name: str, command: str) -> Any:
    """An optional package.

    Args:
        name: Of the package.
        command: That installs it.

    Raises:
        ExportError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ExportError(f'{name} is not installed: {command}') from None


def _names(rows: Iterable[ExportFormat]) -> str:
    return _one_of([row.name for row in rows])


def _one_of(names: Iterable[str]) -> str:
    """'a', 'a or b', 'a, b or c'."""
    *first, last = list(names) or ['']
    return f'{", ".join(first)} or {last}' if first else last
