"""``rtmw recover``: completes result files of a run that was killed."""

import argparse

from .exit_codes import ExitCode


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'recover',
        help='complete result files of a run that was killed',
        description='Completes result files of a run that was killed: every frame '
        'that was written is kept.',
    )
    parser.add_argument('files', nargs='+', metavar='FILE', help='NAME.part')
    parser.set_defaults(run=run)


def run(flags: argparse.Namespace) -> int:
    """Completes the files and prints their names. Returns the exit code."""
    from ..output import recover

    for file in flags.files:
        print(recover(file))
    return ExitCode.DONE
