"""Which room imports which, and what loads without torch."""

import ast
import graphlib
import subprocess
import sys

from support.paths import ROOT
from support.tools import load_tool

PACKAGE = ROOT / 'rtmw_ext'
draw_architecture = load_tool('docs/draw_architecture')
#: Room -> the rooms that it may import.
ARROWS = {
    'core': {},
    'compat': {},
    'output': {'core'},
    'runtime': {'core'},
    'zoo': {'core'},
    'motion': {'core', 'output', 'runtime'},
    'serve': {'core', 'output', 'runtime', 'zoo'},
    'label': {'core', 'output', 'runtime'},
    'commands': {
        *('compat', 'core', 'label', 'motion', 'output', 'runtime', 'serve', 'zoo')
    },
    'codecs': {'core'},
    'datasets': {'codecs', 'core', 'zoo'},
    'models': {'codecs', 'core', 'zoo'},
    'engine': {'codecs', 'core', 'datasets', 'models', 'output', 'zoo'},
    'evaluation': {'core', 'datasets'},
    'synthetic': {'core', 'datasets', 'output'},
    'apis': {'compat', 'core', 'engine', 'models', 'runtime', 'zoo'},
    'export': {'compat', 'core', 'engine', 'models', 'output', 'runtime', 'zoo'},
}
TORCH_FREE = {
    *('compat', 'commands', 'core', 'label', 'motion', 'output', 'runtime', 'serve'),
    'zoo',
}
TORCH = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmpose', 'mmdeploy'}
#: What modules import besides; torch and its kin only inside functions, as
#: test_no_torch_is_loaded sees.
EXCEPTIONS = {
    'commands/export.py': {'export', 'mmengine', 'models'},
    # NMS is added to a detector for rtmlib, without torch.
    'commands/bench_rtmlib.py': {'export'},
    # So is int8.
    'commands/tune.py': {'export'},
    'compat/patches.py': {'torch', 'mmengine', 'mmpose', 'mmdet'},
}


def test_arrows_between_rooms():
    wrong = []
    for path in sorted(PACKAGE.glob('*/**/*.py')):
        name = path.relative_to(PACKAGE).as_posix()
        room = name.split('/')[0]
        allowed = {room, 'version', *ARROWS[room], *EXCEPTIONS.get(name, ())}
        for target, _ in draw_architecture.imports(path):
            package, *rest = target.split('.')
            if package == 'rtmw_ext':
                fine = rest[0] in allowed
            else:
                fine = (
                    package not in TORCH or room not in TORCH_FREE or package in allowed
                )
            if not fine:
                wrong.append(f'{name} imports {target}')
    assert wrong == []


def test_no_circle():
    graphlib.TopologicalSorter(ARROWS).prepare()
    assert ARROWS.keys() == {path.parent.name for path in PACKAGE.glob('*/__init__.py')}


def test_loose_modules():
    assert {path.stem for path in PACKAGE.glob('*.py')} == {
        '__init__',
        'plugin',
        'version',
    }


def test_no_torch_is_loaded():
    modules = ['rtmw_ext'] + [
        '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')
        for room in sorted(TORCH_FREE)
        for path in sorted((PACKAGE / room).glob('**/*.py'))
    ]
    loaded = subprocess.run(
        [
            sys.executable,
            '-c',
            f'import {", ".join(modules)}, sys; print(*sys.modules)',
        ],
        text=True,
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split()
    assert {*modules} <= {*loaded}
    assert not TORCH & {*loaded}


def test_errors_that_users_cause():
    """They are RTMWErrors; compat, which imports no room, raises ImportError."""
    plain = {'Exception', 'ValueError', 'TypeError', 'OSError', 'RuntimeError'}
    wrong = []
    for path in sorted(PACKAGE.glob('*/**/*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            name = f'{path.relative_to(PACKAGE)}: {ast.unparse(node)[:60]}'
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                if ast.unparse(node.exc.func) in plain:
                    wrong.append(name)
            elif isinstance(node, ast.ClassDef) and node.name.endswith('Error'):
                bases = [ast.unparse(base) for base in node.bases]
                if node.name != 'RTMWError' and bases[0] != 'RTMWError':
                    wrong.append(name)
    assert wrong == []


def test_modules_are_imported_from_training_rooms():
    """Not what a room lists: its first import loads mmpose, which loads all rooms
    while this one is half there."""
    wrong = []
    for path in sorted(PACKAGE.glob('*/*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                room = node.module or ''
                listed = [
                    alias.name
                    for alias in node.names
                    if room in ARROWS.keys() - TORCH_FREE
                    and not (PACKAGE / room / f'{alias.name}.py').is_file()
                ]
                wrong += [f'{path.parent.name}/{path.name}: {name}' for name in listed]
    assert wrong == []


def test_no_link_is_committed():
    """A link points out of a clone that somebody else makes: .venv did."""
    listed = subprocess.run(
        ['git', 'ls-files', '--stage'], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    assert [line for line in listed.splitlines() if line.startswith('120000')] == []
