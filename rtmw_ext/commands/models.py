"""``rtmw models``: the known models and where their weights are."""

import argparse

from .. import zoo
from ..zoo import networks as files
from .exit_codes import ExitCode


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'models', help='the known models', description='The known models.'
    )
    parser.add_argument('filter', nargs='?', default='', help='part of a name')
    parser.set_defaults(run=run)


def run(flags: argparse.Namespace) -> int:
    """Prints a line a model. Returns the exit code."""
    rows = [(model.aliases[0], model.task, model.weights) for model in zoo.models()]
    absent = {
        model.weights
        for model in zoo.models()
        if model.network and not zoo.is_in_package(model.weights)
    }
    rows += [
        (
            name,
            'shipped ONNX' if files.is_shipped(address) else 'published ONNX',
            address,
        )
        for table in (files.POSES, files.DETECTORS)
        for name, address in table.items()
    ]
    for name, task, weights in rows:
        if flags.filter in name:
            print(
                f'{name:24} {task:24} {weights.rsplit("/", 1)[-1]}'
                + ' (not in this version)' * (weights in absent)
            )
    return ExitCode.DONE
