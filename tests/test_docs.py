"""The docs name files, commands, keys and figures that exist."""

import ast
import functools
import importlib
import os
import re
import shlex
import shutil
import subprocess
from unittest import mock

import numpy as np
import pytest
import yaml

from rtmw_ext.commands.cli import _parser
from rtmw_ext.core.people import People
from rtmw_ext.output import base
from rtmw_ext.version import __version__
from support.paths import ROOT
from support.tools import load_tool

draw_architecture = load_tool('docs/draw_architecture')
write_tables = load_tool('docs/write_tables')
PAGES = sorted(
    path
    for pattern in ('*.md', 'docs/**/*.md', 'projects/**/*.md', 'rtmw_ext/**/*.md')
    for path in ROOT.glob(pattern)
)
#: The changelog names what is gone.
CURRENT = [path for path in PAGES if path.name != 'CHANGELOG.md']
MAKEFILE = (ROOT / 'Makefile').read_text()
TARGETS = re.findall(r'^([a-z][a-z0-9-]*):(?!.* = ).*', MAKEFILE, re.MULTILINE)
DEMOS = [
    path.stem.replace('_', '-') for path in (ROOT / 'projects/rtmw').glob('demo_*.py')
]
#: Placeholders of the docs, such as NAME and CONFIG.
PLACEHOLDER = re.compile('[A-Z]{4,}')


def ids(path):
    return str(path.relative_to(ROOT))


def fences(text, language):
    """Contents of the fenced code blocks of a language."""
    return re.findall(rf'```{language}\n(.*?)```', text, re.DOTALL)


def commands(path):
    """Shell commands of a page: lists of words."""
    text = path.read_text()
    blocks = [block.replace('\\\n', ' ') for block in fences(text, 'bash')]
    inline = [' '.join(span.split()) for span in re.findall(r'`([^`]+)`', prose(text))]
    for line in [line for block in blocks for line in block.splitlines()] + inline:
        try:
            for command in line.split('&&'):
                yield shlex.split(command, comments=True)
        except ValueError:  # a quote in prose
            continue


def prose(text):
    return re.sub(r'```.*?```', '', text, flags=re.DOTALL)


def slugs(path):
    """Anchors of a page's headings, as GitHub and MkDocs make them."""
    titles = re.findall(r'^#+ (.*)$', prose(path.read_text()), re.MULTILINE)
    return {
        re.sub(r'[^\w\- ]', '', title.lower()).strip().replace(' ', '-')
        for title in titles
    }


@pytest.mark.parametrize('path', PAGES, ids=ids)
def test_links(path):
    for target in re.findall(r'\]\((?!https?:)([^)\s]+)\)', path.read_text()):
        name, _, anchor = target.partition('#')
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), f'{target} does not exist'
        if anchor:
            assert anchor in slugs(linked), f'{target}: no such heading'


@pytest.mark.parametrize('path', CURRENT, ids=ids)
def test_paths(path):
    """Every file of the repository that a page names is there."""
    text = re.sub(
        r'```python\n.*?```|\]\([^)]*\)', '', path.read_text(), flags=re.DOTALL
    )
    found = re.findall(
        r'(?<![\w./-])(?:tools|configs|rtmw_ext|tests|docs|projects|requirements)/'
        r'[\w./*-]*[\w*/]',
        text,
    )
    rooms = '|'.join(path.parent.name for path in ROOT.glob('rtmw_ext/*/__init__.py'))
    found += [
        f'rtmw_ext/{name}'
        for name in re.findall(rf'(?<![\w./-])(?:{rooms})/\w+\.py', text)
    ]
    for name in found:
        if PLACEHOLDER.search(name) and not (ROOT / name).exists():
            # Where a new file would be: others like it are there.
            assert list(ROOT.glob(PLACEHOLDER.sub('*', name))), name
        else:
            assert list(ROOT.glob(name)), f'{name} does not exist'


@pytest.mark.parametrize('path', CURRENT, ids=ids)
def test_rtmw_commands(path):
    """Command lines of `rtmw` parse; a command's or an option's name alone, as
    in prose, is no command line."""
    for words in commands(path):
        if words[:1] == ['rtmw'] and len(words) > 2 and words[2][0] != '-':
            _parser().parse_args(words[1:])


@functools.cache
def options(tool):
    """The flags of a tool."""
    source = (ROOT / tool).read_text()
    extra = (ROOT / 'tools/launch.py').read_text() if 'launch' in source else ''
    return set(re.findall(r"'(--[a-z0-9-]+)'", source + extra))


@pytest.mark.parametrize('path', CURRENT, ids=ids)
def test_tools_flags(path):
    """Flags of the repository's tools exist."""
    for words in commands(path):
        tools = [
            place for place, word in enumerate(words) if re.match(r'tools/.*\.py', word)
        ]
        for place in tools[:1]:
            flags = {word for word in words[place:] if re.match('--[a-z]', word)}
            assert flags <= options(words[place]), (words[place], flags)


def test_tools_are_executable():
    """`tools/train.py`, as the docs write it, runs."""
    for path in [*ROOT.glob('tools/**/*.py'), *ROOT.glob('projects/**/*.py')]:
        if path.read_text().startswith('#!'):
            assert os.access(path, os.X_OK), f'chmod +x {path}'


@pytest.mark.parametrize('path', CURRENT, ids=ids)
def test_make_targets(path):
    for words in commands(path):
        if words[:1] == ['make'] and len(words) > 1:
            assert words[1] in (*TARGETS, *DEMOS, 'demo-NAME'), words


@pytest.mark.torch
@pytest.mark.parametrize('path', [*CURRENT, ROOT / 'Makefile'], ids=ids)
def test_config_keys(path):
    """``--cfg-options`` of a config's command name what the config holds."""
    from mmengine.config import Config

    lines = [words for words in commands(path)] if path.suffix == '.md' else []
    for words in lines:
        configs = [word for word in words if re.match(r'configs/.*\.py', word)]
        if '--cfg-options' not in words or not configs:
            continue
        config = Config.fromfile(ROOT / configs[0])
        for word in words[words.index('--cfg-options') + 1 :]:
            if word.startswith('--') or '=' not in word:
                break
            *parents, key = word.partition('=')[0].split('.')
            value = config
            for parent in (*parents, key):
                if parent not in value:
                    # What has a type takes arguments that the config leaves out.
                    assert 'type' in value or parents == ['model', 'test_cfg'], word
                    break
                value = value[parent]


def test_no_positional_keys():
    """Config values are named, not counted."""
    files = subprocess.check_output(['git', 'ls-files'], cwd=ROOT, text=True).split()
    lists = r'\b(custom_hooks|pipeline|transforms|batch_augments)\.\d'
    for name in files:
        path = ROOT / name
        if path.suffix in ('.py', '.md') and name != 'CHANGELOG.md':
            assert not re.search(lists, path.read_text()), name


@pytest.mark.torch
@pytest.mark.parametrize('path', CURRENT, ids=ids)
def test_python_imports(path):
    """What a page imports from the package is there."""
    for block in fences(path.read_text(), 'python'):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith('rtmw_ext'):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), (node.module, alias.name)


@pytest.mark.slow
@pytest.mark.torch
def test_model_size(tmp_path):
    """The size of docs/models.md, as it stands there, trains."""
    import torch
    from mmengine.config import Config
    from mmpose.registry import MODELS

    (size,) = fences((ROOT / 'docs/models.md').read_text(), 'python')
    for name in ('_base_', 'rtmw'):
        shutil.copytree(ROOT / 'configs' / name, tmp_path / name)
    (tmp_path / 'rtmw/rtmw-n.py').write_text(size)
    config = Config.fromfile(tmp_path / 'rtmw/rtmw-n.py')
    model = MODELS.build(config.model).eval()
    simcc = model(torch.zeros(1, 3, 256, 192), None, mode='tensor')
    assert [axis.shape for axis in simcc] == [(1, 133, 384), (1, 133, 512)]


def test_output_format(tmp_path, monkeypatch):
    """The format of docs/deploy.md is one of ``rtmw infer --format``."""
    monkeypatch.setattr(base, 'FORMATS', dict(base.FORMATS))
    (block,) = [
        block
        for block in fences((ROOT / 'docs/deploy.md').read_text(), 'python')
        if '@register' in block
    ]
    exec(block, {})
    results = base.FORMATS['txt'](tmp_path)
    people = People(*(np.zeros((2, *shape)) for shape in ((133, 2), (133,), (4,), ())))
    results.add('photo', None, people)
    results.close()
    assert (tmp_path / 'counts.txt').read_text() == 'photo  2\n'


@pytest.mark.torch
def test_hook():
    """The hook of docs/training.md, as it stands there."""
    from mmpose.registry import HOOKS

    block, _ = fences((ROOT / 'docs/training.md').read_text(), 'python')
    try:
        exec(block, {})
        hook = HOOKS.build(dict(type='PersonCountHook'))
        runner = mock.Mock()
        hook.before_train(runner)
        hook.after_train_iter(runner, 0, dict(inputs=range(5)))
        runner.message_hub.update_scalar.assert_called_once_with('train/persons', 5)
    finally:
        HOOKS.module_dict.pop('PersonCountHook', None)


@pytest.mark.parametrize('name, table', [('models', 'accuracy'), ('serve', 'limits')])
def test_tables(name, table):
    """They show what metafiles and code say."""
    page = (ROOT / f'docs/{name}.md').read_text()
    assert write_tables.TABLES[table]() in page
    assert write_tables.write(page) == page, 'run `make docs`'


def test_every_room_has_a_page():
    rooms = {path.parent.name for path in (ROOT / 'rtmw_ext').glob('*/__init__.py')}
    pages = {path.stem for path in (ROOT / 'docs/api').glob('*.md')} - {'index'}
    assert pages == rooms
    index = (ROOT / 'docs/api/index.md').read_text()
    assert set(re.findall(r'\]\((\w+)\.md\)', index)) == rooms


def test_picture_of_the_rooms():
    """`make docs` draws it; it is that of the present imports."""
    page = (ROOT / 'docs/architecture.md').read_text()
    assert 'flowchart' in page
    assert draw_architecture.write(page) == page, 'run `make docs`'


def test_every_target_has_help():
    described = re.findall(r'^([a-z][a-z0-9-]*):.* ## ', MAKEFILE, re.MULTILINE)
    assert set(described) == set(TARGETS)
    listed = re.search(r'\.PHONY: (.*?)\n\n', MAKEFILE, re.DOTALL)[1]
    assert set(listed.replace('\\\n', ' ').split()) == set(TARGETS)


def test_version_and_licence():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == __version__
    assert citation['license'] == 'Apache-2.0'
    assert f'## [{__version__}]' in (ROOT / 'CHANGELOG.md').read_text()


def test_synthetic_page_is_short():
    assert len((ROOT / 'docs/synthetic.md').read_text().splitlines()) <= 120


def test_figures_of_the_shipped_weights():
    """The metafile's figures are those of the cards."""
    content = yaml.safe_load((ROOT / 'configs/photos/metafile.yml').read_text())
    card = (ROOT / 'rtmw_ext/zoo/weights/README.md').read_text()
    figures = {float(cell) for cell in re.findall(r'(?<=\| )[\d.]+(?= \|)', card)}
    for model in content['Models']:
        for name, value in model['Results'][0]['Metrics'].items():
            shown = round(value * 100, 1) if name.endswith(' AP') else value
            assert shown in figures, (model['Name'], name)
