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
from rtmw_ext.export.exporter import export
from rtmw_ext.export.formats import FORMATS
from rtmw_ext.export.model import describe
from rtmw_ext.models.loading import RANDOM, load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('models', nargs='*', help='default: all')
    parser.add_argument('--images', help='folder: check on their people too')
    parser.add_argument('--detector', help='that crops them')
    flags = parser.parse_args()
    names = flags.models or [
        model.name
        for model in zoo.models()
        if model.kind == 'pose' and '://' in (model.weights or '')
    ]
    print('| model | to | on | logits | pixels | mm of z |\n|' + '---|' * 6)
    for name in names:
        model, config, weights = load_model(str(zoo.get(name).config), RANDOM)
        metadata = describe(model, config, name, weights)
        for row in FORMATS.values():
            if row.run is None or (metadata.z_range and not row.takes_3d):
                continue
            with (
                tempfile.TemporaryDirectory() as folder,
                contextlib.redirect_stdout(io.StringIO()),
            ):
                errors = export(
                    model,
                    metadata,
                    Path(folder) / f'model{row.suffix}',
                    row.name,
                    images=flags.images,
                    detector=flags.detector,
                )
            for kind, values in errors.items():
                print(
                    f'| {name} | {row.name} | {kind} | {values["logits"]:.1e} | '
                    f'{values["pixels"]:.2g} | {values.get("millimetres", "-")} |',
                    flush=True,
                )


if __name__ == '__main__':
    main()
