"""``rtmw infer`` without names of networks, where the released ones are and
where they are not."""

import json

import pytest

from rtmw_ext import zoo
from rtmw_ext.commands import cli
from support.paths import PEOPLE


@pytest.fixture(autouse=True)
def no_server(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv(zoo.MIRROR, 'http://127.0.0.1:9')
    for name in ('RTMW_POSE', 'RTMW_DET'):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def infer(tmp_path, capsys):
    """Runs the command; (exit code, lines of standard error)."""

    def run(*arguments):
        command = ['infer', str(PEOPLE), '--out', str(tmp_path / 'out'), *arguments]
        code = cli.main(command)
        return code, capsys.readouterr().err.splitlines()

    return run


@pytest.mark.parametrize('variable', [None, ''])
def test_people_are_found_without_a_server(variable, infer, tmp_path, monkeypatch):
    if variable is not None:
        monkeypatch.setenv('RTMW_POSE', variable)
    code, (line,) = infer()
    assert code == 0
    assert line.startswith('rtmw: warning: using ')
    assert zoo.STAND_INS['pose'] in line and zoo.DEFAULTS['pose'] in line
    people = json.loads((tmp_path / 'out' / 'people.json').read_text())
    assert len(people) > 1


def test_whole_images_miss_no_detector(infer):
    code, (line,) = infer('--det', 'none')
    assert code == 0 and zoo.DEFAULTS['detector'] not in line


@pytest.mark.parametrize('flag, kind', [('pose', 'pose'), ('det', 'detector')])
@pytest.mark.parametrize('by', ['flag', 'variable'])
def test_a_name_never_falls_back(flag, kind, by, infer, tmp_path, monkeypatch):
    arguments = [f'--{flag}', zoo.DEFAULTS[kind]]
    if by == 'variable':
        monkeypatch.setenv(f'RTMW_{flag.upper()}', arguments.pop())
        arguments = []
    code, (line,) = infer(*arguments)
    assert code == 1
    assert line.startswith(f'rtmw: network "{zoo.DEFAULTS[kind]}" cannot be fetched')
    assert not list((tmp_path / 'out').iterdir())


def test_a_scene_of_the_default_is_refused(infer):
    code, lines = infer('--scene')
    assert code == 1 and 'give --pose an RTMW3D' in lines[-1]


@pytest.mark.filterwarnings('default::FutureWarning')
def test_a_former_name_is_told_of_once(infer):
    former = zoo.get('rtmw-t').former_alias
    code, lines = infer('--pose', former, '--det', 'rtmdet-nano', '--no-draw')
    assert code == 0 and len(lines) == 1
    assert f'"{former}" is now called "rtmw-t"' in lines[0]
