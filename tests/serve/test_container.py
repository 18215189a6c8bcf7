"""The container: what its files name is there. Nothing is built."""

import json
import re
import shlex

import pytest
import yaml

from rtmw_ext import zoo
from rtmw_ext.commands.cli import _parser
from rtmw_ext.commands.serve import PORT
from support.paths import ROOT

pytest.importorskip('fastapi')

from rtmw_ext.serve.app import OPEN_ROUTES

DOCKERFILE = (ROOT / 'docker/Dockerfile').read_text()
SERVICE = yaml.safe_load((ROOT / 'docker/compose.yaml').read_text())['services']['rtmw']


def instruction(name):
    """The arguments of the last instruction of this name."""
    *_, found = re.findall(rf'^{name} (.*)$', DOCKERFILE, re.MULTILINE)
    return found


def test_files_that_go_into_the_build():
    """What .dockerignore lets through is there, and all that a wheel is made of."""
    rows = (ROOT / '.dockerignore').read_text().split()
    kept = {row[1:] for row in rows if row.startswith('!')}
    assert rows[0] == '*' and all((ROOT / name).exists() for name in kept)
    needed = {'rtmw_ext', 'pyproject.toml', 'setup.py', 'MANIFEST.in', 'README.md'}
    needed |= set(
        re.findall(r'^graft (\w+)$', (ROOT / 'MANIFEST.in').read_text(), re.M)
    )
    assert needed | {'LICENSE', 'NOTICE', 'model-index.yml'} <= kept


def test_packages():
    text = (ROOT / 'pyproject.toml').read_text()
    extras = re.search(r'"\.\[([\w,-]+)\]"', DOCKERFILE)[1].split(',')
    assert 'serve-api' in extras and 'runtime' in extras
    for extra in extras:
        assert re.search(rf'^{extra} = \[', text, re.MULTILINE), extra


def test_it_serves_what_it_says():
    program, *arguments = json.loads(instruction('ENTRYPOINT'))
    assert re.search(rf'^{program} = ', (ROOT / 'pyproject.toml').read_text(), re.M)
    flags = _parser().parse_args(arguments + SERVICE['command'])
    assert flags.host == '0.0.0.0' and flags.no_page and flags.port == PORT
    assert zoo.find(flags.pose) and zoo.find(flags.det)
    assert int(instruction('EXPOSE')) == PORT
    assert SERVICE['ports'] == [f'{PORT}:{PORT}']
    assert set(SERVICE['environment']) == {'RTMW_TOKEN'}
    host, path = re.search(
        r"'http://([\w.:]+)(/\w+)'", instruction('HEALTHCHECK')
    ).groups()
    assert host == f'127.0.0.1:{PORT}' and path in OPEN_ROUTES


def test_its_user_is_none_of_the_host():
    options = shlex.split(instruction('RUN'))
    uid, name = options[options.index('--uid') + 1], options[-1]
    assert instruction('USER') == uid != '0'
    home = re.search(r'HOME=(\S+)', instruction('ENV'))[1]
    assert home == f'/home/{name}'
    (volume,) = SERVICE['volumes']
    assert volume.endswith(f':{home}/.cache')
    build = SERVICE['build']
    assert (ROOT / 'docker' / build['context'] / build['dockerfile']).is_file()
