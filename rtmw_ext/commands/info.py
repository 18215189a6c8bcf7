"""``rtmw info``: what is installed, or what a network file holds."""

import argparse
import importlib.util
import os

from ..compat.dependencies import installed_version
from ..compat.patches import PATCHES, SWITCH
from .exit_codes import ExitCode

DISTRIBUTIONS = (
    'rtmw_ext',
    'numpy',
    'opencv-python-headless',
    'opencv-python',
    'onnxruntime',
    'onnxruntime-gpu',
    'openvino',
    'torch',
    'mmengine',
    'mmcv',
    'mmdet',
    'mmpose',
)


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'info',
        help='what is installed, or a file is',
        description='What is installed, or what a network file holds.',
    )
    parser.add_argument('file', nargs='?', help='an .onnx or .xml network')
    parser.set_defaults(run=run)


def run(flags: argparse.Namespace) -> int:
    """Prints the tables. Returns the exit code."""
    if flags.file is None:
        _print_installed()
    else:
        _print_network(flags.file)
    return ExitCode.DONE


def _print_installed() -> None:
    for name in DISTRIBUTIONS:
        print(f'{name:24} {installed_version(name) or "-"}')
    if importlib.util.find_spec('onnxruntime'):
        import onnxruntime

        providers = onnxruntime.get_available_providers()
        print(f'{"providers":24} {", ".join(providers)}')
    print(f'{"cores":24} {os.cpu_count()}')
    print(f'\npatches of other packages ({SWITCH}=NAME,NAME switches some off):')
    for patch in PATCHES:
        packages = ', '.join(
            f'{name} {installed_version(name) or "-"}' for name in patch.versions
        )
        print(f'  {patch.name:26} {patch.status():11} {packages}: {patch.why}')


def _print_network(path: str) -> None:
    from ..runtime import load_network

    network = load_network(path)
    for title, values in (
        ('inputs', network.inputs),
        ('outputs', network.outputs),
        ('metadata', network.metadata.known()),
    ):
        print(f'{title}:')
        for name, value in values.items():
            text = str(value)
            print(f'  {name:14} {text[:100]}{"..." * (len(text) > 100)}')
