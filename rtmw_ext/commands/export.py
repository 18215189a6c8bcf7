"""``rtmw export``: writes a file, then checks it against PyTorch."""

import argparse
from pathlib import Path

from .. import zoo
from ..compat import dependencies
from ..core.images import list_images
from ..export.formats import CALIBRATED, FORMATS, PRECISIONS, check_combination
from .exit_codes import ExitCode


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'export',
        help='a model as a file for another runtime',
        description='A model as a file for another runtime.',
    )
    parser.set_defaults(run=run)
    parser.add_argument('model', help='name, or path of a config')
    parser.add_argument(
        '--weights', help='checkpoint; default: the model\'s own; "random" for none'
    )
    parser.add_argument(
        '--to',
        default='onnx',
        choices=tuple(FORMATS),
        help='format (default: onnx): '
        + '; '.join(f'{name}: {row.description}' for name, row in FORMATS.items()),
    )
    parser.add_argument('--precision', default='fp32', choices=PRECISIONS)
    parser.add_argument(
        '--with-decode',
        action='store_true',
        help='keypoints out instead of SimCC logits',
    )
    calibrated = ' and '.join(CALIBRATED)
    parser.add_argument(
        '--calibration',
        metavar='FOLDER',
        help=f'{calibrated}: images of people, some tens',
    )
    parser.add_argument(
        '--detector',
        metavar='FILE',
        help='crop the people out of images by this detector, a file or a name',
    )
    parser.add_argument(
        '--images', metavar='FOLDER', help='check the export on these images too'
    )
    parser.add_argument('--out', type=Path, help='file or, ncnn, folder')


def run(flags: argparse.Namespace) -> int:
    """Writes the export and prints how far it is from PyTorch. Returns the
    exit code."""
    row = FORMATS[flags.to]
    # Before torch and the model are loaded for nothing.
    check_combination(
        row,
        flags.precision,
        with_decode=flags.with_decode,
        calibration=flags.calibration,
    )
    zoo.resolve_model(flags.model, flags.weights)
    for folder in filter(None, (flags.calibration, flags.images)):
        list_images(folder)
    if flags.detector:
        zoo.resolve_network(flags.detector, 'detector')
    dependencies.check()
    from mmengine.logging import MMLogger

    from ..export.exporter import export
    from ..export.model import describe
    from ..models.loading import load_model

    # Every layer's initialisation is a line otherwise.
    MMLogger.get_instance('mmengine', log_level='ERROR')
    model, config, weights = load_model(flags.model, flags.weights)
    name = Path(flags.model).stem
    precision = '' if flags.precision == 'fp32' else f'-{flags.precision}'
    export(
        model,
        describe(model, config, name, weights),
        flags.out or Path(f'{name}{precision}{row.suffix}'),
        row.name,
        flags.precision,
        with_decode=flags.with_decode,
        calibration=flags.calibration,
        detector=flags.detector,
        images=flags.images,
    )
    return ExitCode.DONE
