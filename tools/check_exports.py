#!/usr/bin/env python3
"""Every released model, with random weights, in every format that runs here,
beside PyTorch: the largest errors, as Markdown.
"""

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

from rtmw_ext import zoo
from rtmw_ext.commands import export as command
from rtmw_ext.export.model import RANDOM, describe, load_model


def main():
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('models', nargs='*', help='default: all')
    flags.add_argument('--images', help='folder: check on their people too')
    flags.add_argument('--detector', help='that cuts them out')
    flags = flags.parse_args()
    names = flags.models or [
        model.name
        for model in zoo.models()
        if model.kind == 'pose' and '://' in model.weights
    ]
    print('| model | to | on | logits | pixels | mm of z |\n|' + '---|' * 6)
    for name in names:
        model, config, weights = load_model(str(zoo.get(name).config), RANDOM)
        meta = describe(model, config, name, weights)
        formats = ['onnx', 'openvino']
        if len(model.head.classifiers) == 2:
            formats.append('ncnn')
        for to in formats:
            with (
                tempfile.TemporaryDirectory() as folder,
                contextlib.redirect_stdout(io.StringIO()),
            ):
                errors = command.export(
                    model,
                    meta,
                    Path(folder) / f'x{command.SUFFIXES[to]}',
                    to,
                    images=flags.images,
                    detector=flags.detector,
                )
            for kind, found in errors.items():
                print(
                    f'| {name} | {to} | {kind} | {found["logits"]:.1e} | '
                    f'{found["pixels"]:.2g} | '
                    f'{found.get("millimetres", "-")} |',
                    flush=True,
                )


if __name__ == '__main__':
    main()
