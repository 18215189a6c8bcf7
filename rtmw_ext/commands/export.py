"""``rtmw export``: writes a file, then checks it against PyTorch."""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from ..compat import dependencies
from ..runtime import load_network
from .exit_codes import ExitCode

SUFFIXES = dict(onnx='.onnx', openvino='.xml', ncnn='', tensorrt='.engine')


def add_parser(
    commands: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'export',
        help='a model as ONNX, OpenVINO, ncnn or TensorRT',
        description='A model as ONNX, OpenVINO, ncnn or TensorRT.',
    )
    parser.set_defaults(run=run)
    parser.add_argument('model', help='name, or path of a config')
    parser.add_argument(
        '--weights', help='checkpoint; default: the model\'s own; "random" for none'
    )
    parser.add_argument(
        '--to', default='onnx', choices=('onnx', 'openvino', 'ncnn', 'tensorrt')
    )
    parser.add_argument('--precision', default='fp32', choices=('fp32', 'fp16', 'int8'))
    parser.add_argument(
        '--with-decode',
        action='store_true',
        help='ONNX: keypoints out instead of SimCC logits',
    )
    parser.add_argument(
        '--calibration', metavar='FOLDER', help='int8: images of people, some tens'
    )
    parser.add_argument(
        '--detector',
        metavar='FILE',
        help='int8: cut the people out by this detector, a file or a name',
    )
    parser.add_argument(
        '--images', metavar='FOLDER', help='check the export on these images too'
    )
    parser.add_argument('--out', type=Path, help='file or, ncnn, folder')


def run(flags: argparse.Namespace) -> int:
    """Writes the export and prints how far it is from PyTorch. Returns the
    exit code."""
    dependencies.check()
    from mmengine.logging import MMLogger

    from ..export.model import describe, load_model

    # Every layer's initialisation is a line otherwise.
    MMLogger.get_instance('mmengine', log_level='ERROR')
    model, config, weights = load_model(flags.model, flags.weights)
    name = Path(flags.model).stem
    path = flags.out or Path(
        name
        + ('' if flags.precision == 'fp32' else f'-{flags.precision}')
        + (SUFFIXES[flags.to] or '-ncnn')
    )
    export(
        model,
        describe(model, config, name, weights),
        path,
        flags.to,
        flags.precision,
        with_decode=flags.with_decode,
        calibration=flags.calibration,
        detector=flags.detector,
        images=flags.images,
    )
    return ExitCode.DONE


def export(
    model,
    meta,
    path,
    to='onnx',
    precision='fp32',
    *,
    with_decode=False,
    calibration=None,
    detector=None,
    images=None,
):
    """Writes a model and prints how far it is from PyTorch.

    Args:
        model (nn.Module): From :func:`load_model`.
        meta (NetworkMetadata): From :func:`describe`.
        path (Path): File to write; a folder for ncnn.
        to (str): A key of ``SUFFIXES``.
        precision (str): ``fp32``, ``fp16`` or ``int8``.
        with_decode (bool): As of :class:`Exportable`.
        calibration (str, optional): Folder of images, for int8.
        detector (str, optional): Cuts people out of them.
        images (str, optional): Folder of images to check on, beside noise.

    Returns:
        dict: {kind of crops: errors as of :func:`check.compare`}; empty with
        ``with_decode`` and for TensorRT.

    Raises:
        ExportError: The combination is impossible, or a package is missing.
    """
    from ..export import check, formats, quantize
    from ..export.model import Exportable, ExportError

    if to == 'ncnn' and (
        precision == 'int8' or len(model.head.classifiers) == 3 or with_decode
    ):
        raise ExportError(
            'to ncnn only 2D models go, as fp32 or fp16 logits: choose onnx or openvino'
        )
    if precision == 'int8' and calibration is None:
        raise ExportError(
            'int8 needs the ranges of real activations: '
            '--calibration FOLDER with some tens of images of '
            'people'
        )
    if precision == 'int8' and with_decode:
        raise ExportError('--with-decode goes with fp32 and fp16')
    path.parent.mkdir(parents=True, exist_ok=True)
    network = Exportable(model, with_decode)
    with tempfile.TemporaryDirectory() as work:
        onnx_path = (
            path
            if to == 'onnx'
            else (
                path.with_suffix('.onnx')
                if to == 'tensorrt'
                else Path(work) / 'model.onnx'
            )
        )
        plain = onnx_path
        if precision == 'int8':
            plain = Path(work) / 'plain.onnx'
        if to == 'ncnn':
            formats.to_ncnn(network, meta, path, precision)
        else:
            formats.to_onnx(
                network,
                meta,
                plain,
                'fp16' if precision == 'fp16' and to != 'openvino' else 'fp32',
            )
        if precision == 'int8':
            import onnx

            quantize.quantize(
                plain, onnx_path, quantize.folder_crops(plain, calibration, detector)
            )
            formats.write_metadata(onnx.load(onnx_path), meta, onnx_path)
        if to == 'openvino':
            formats.to_openvino(onnx_path, path, precision)
        crops = dict(noise=formats.example(meta, 2).numpy())
        if images and not with_decode and to != 'ncnn':
            crops['images'] = quantize.folder_crops(plain, images, detector, limit=16)
        if to == 'tensorrt':
            formats.to_tensorrt(onnx_path, meta, path)
    print(f'wrote {path}')
    if to == 'tensorrt':
        return {}
    errors = {}
    backend = 'openvino' if to == 'openvino' else 'onnxruntime'
    for kind, batch in crops.items():
        expected = check.torch_outputs(network, batch)
        outputs = (
            check.ncnn_outputs(path, batch, len(expected))
            if to == 'ncnn'
            else load_network(path, backend)(batch)
        )
        if with_decode:
            apart = [float(np.abs(a - b).max()) for a, b in zip(expected, outputs)]
            print(
                f'on {kind}: keypoints {apart[0]:.2g}, scores '
                f'{apart[1]:.2g} from PyTorch at most'
            )
            continue
        errors[kind] = found = check.compare(expected, outputs, meta)
        print(
            f'on {kind}: '
            + ', '.join(f'{key} {value:.2g}' for key, value in found.items())
            + ' from PyTorch'
        )
    return errors
