"""The console script ``rtmw``: its parser, and what it says of errors."""

import argparse
import contextlib
import gc
import importlib
import os
import signal
import sys
import traceback
import warnings
from typing import NoReturn

from ..core.errors import RTMWError
from ..core.signals import Stopped, stoppable
from .exit_codes import HELP, ExitCode

#: In the order of the help.
COMMANDS = (
    *('infer', 'label', 'export-dataset', 'motion', 'serve', 'recover'),
    *('export', 'bench', 'tune', 'models', 'info'),
)
REPORT = (
    'rtmw: this is an error of rtmw itself: please report it with this traceback '
    'and the output of `rtmw info`'
)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line, ``sys.argv`` by default. Returns the exit code."""
    return _answer(arguments)[0]


def script() -> NoReturn:
    """The console script. A signal ends it at once: files are closed by then, and
    networks and Python take a second to be freed."""
    code, stopped = _answer(None)
    if stopped:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(code)
    # At its end Python searches all objects for cycles, a tenth of a second.
    gc.freeze()
    sys.exit(code)


def _answer(arguments: list[str] | None) -> tuple[int, KeyboardInterrupt | None]:
    """The exit code, and what stopped the command; it holds what was in use."""
    # OpenCV reads these when it is loaded: its own lines would hide ours.
    os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    arguments = sys.argv[1:] if arguments is None else arguments
    command = next((word for word in arguments if not word.startswith('-')), None)
    flags = _parser(command).parse_args(arguments)
    warnings.showwarning = lambda message, *_: print(
        f'rtmw: warning: {message}', file=sys.stderr
    )
    try:
        with stoppable():
            return flags.run(flags), None
    except KeyboardInterrupt as stop:
        print('rtmw: stopped; finished outputs are kept', file=sys.stderr)
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        return 128 + number, stop
    except BrokenPipeError:
        # Python would write what is pending once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PIPE_CLOSED, None
    except Exception as error:
        is_bug = not _user_caused(error)
        if is_bug or flags.debug:
            traceback.print_exc()
        print(
            REPORT if is_bug else f'rtmw: {" ".join(str(error).split())}',
            file=sys.stderr,
        )
        return ExitCode.BUG if is_bug else ExitCode.FAILED, None


def _user_caused(error: Exception) -> bool:
    """Whether a user can mend it: an input, a file, or a missing package."""
    if isinstance(error, ImportError):
        # Python names what it cannot import; our own errors leave that out.
        absent = isinstance(error, ModuleNotFoundError)
        return error.name is None or absent and not error.name.startswith('rtmw_ext')
    return isinstance(error, (RTMWError, OSError))


def _parser(command: str | None = None) -> argparse.ArgumentParser:
    """Of one command: only its module is loaded, which takes a tenth of a second less.
    Of all where that is none."""
    parser = argparse.ArgumentParser(
        prog='rtmw',
        description='Real-time whole-body pose: RTMW, RTMW3D.',
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--debug', action='store_true', help='show the traceback of every error'
    )
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    for name in (command,) if command in COMMANDS else COMMANDS:
        module = importlib.import_module(f'.{name.replace("-", "_")}', __package__)
        module.add_parser(commands)
    return parser


if __name__ == '__main__':
    script()
