"""``rtmw models``: the known models, where their weights are, and fetching them."""

import argparse

from .. import zoo
from .exit_codes import ExitCode


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'models',
        help='the known models',
        description='The known models, a line a file: name, task, file, and whether '
        '`rtmw infer` has it here.',
    )
    parser.add_argument('filter', nargs='?', default='', help='part of a name')
    parser.add_argument(
        '--fetch',
        nargs='+',
        metavar='NAME',
        help='fetch the networks of these models, as `rtmw infer` does when it first '
        'uses them, and print their files',
    )
    parser.set_defaults(run=run)


def run(flags: argparse.Namespace) -> int:
    """Prints a line a file. Returns the exit code."""
    if flags.fetch:
        for name in flags.fetch:
            model = zoo.find(name)
            print(zoo.resolve_network(name, model.kind if model else 'pose'))
        return ExitCode.DONE
    chosen = [m for m in zoo.models() if any(flags.filter in a for a in m.aliases)]
    width = max((len(model.aliases[0]) for model in chosen), default=0)
    for model in chosen:
        for location in filter(None, (model.weights, model.onnx)):
            print(
                f'{model.aliases[0]:{width}}  {model.task:21}  '
                f'{location.rsplit("/", 1)[-1]}{_state(model, location)}'
            )
    return ExitCode.DONE


def _state(model: zoo.Model, location: str) -> str:
    """What a user must know of a file: whether it is here, or is not to be had."""
    if not zoo.is_present(location):
        return ' (not in this version)'
    runs = location == (model.onnx or model.weights) and zoo.can_run(model)
    return ' (here)' if runs and zoo.is_local(model) else ''
