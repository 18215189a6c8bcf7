"""``rtmw models``: the known models and where their weights are."""

import argparse

from .. import zoo
from .exit_codes import ExitCode


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'models', help='the known models', description='The known models.'
    )
    parser.add_argument('filter', nargs='?', default='', help='part of a name')
    parser.set_defaults(run=run)


def run(flags: argparse.Namespace) -> int:
    """Prints a line a file. Returns the exit code."""
    for model in zoo.models():
        name = model.aliases[0]
        for location in filter(None, (model.weights, model.onnx)):
            if flags.filter in name:
                print(
                    f'{name:24} {model.task:24} {location.rsplit("/", 1)[-1]}'
                    + ' (not in this version)' * (not zoo.is_present(location))
                )
    return ExitCode.DONE
