"""``rtmw label``: resume, refusals and exit codes."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from label.conftest import png
from rtmw_ext.commands import cli
from rtmw_ext.commands.exit_codes import ExitCode


@pytest.fixture
def rtmw(network, capsys):
    """Runs the command: (exit code, standard error)."""

    def run(*arguments):
        code = cli.main([*map(str, command(network, *arguments))])
        return code, capsys.readouterr().err

    return run


def command(network, *arguments):
    return [
        *('label', '--engine', 'local', '--pose', network, '--det', 'none'),
        *('--backend', 'onnxruntime', '--threads', '2', *arguments),
    ]


def test_a_run_goes_on_where_it_was(rtmw, folder, tmp_path):
    out = tmp_path / 'out'
    arguments = (folder, '--out', out, '--shard-size', 2)
    code, said = rtmw(*arguments)
    assert code == ExitCode.PARTLY and '_errors names what' in said
    whole = {path.name: path.read_bytes() for path in out.glob('*.parquet')}
    assert len(whole) == 4
    (out / 'people-000002.parquet').unlink()
    (out / '.people-000002.parquet.123.part').touch()
    kept = (out / 'people-000001.parquet').stat().st_mtime_ns
    code, said = rtmw(*arguments)
    assert '3 of 4 shards are there already' in said and '1 shards, 1 images' in said
    assert (out / 'people-000001.parquet').stat().st_mtime_ns == kept
    assert {path.name: path.read_bytes() for path in out.glob('*.parquet')} == whole
    assert [*out.glob('.*')] == []


def test_another_run_in_the_same_folder_is_refused(rtmw, folder, tmp_path):
    assert rtmw(folder / '1.png', '--out', tmp_path)[0] == ExitCode.DONE
    for more in (['--max-people', 1], [folder / '2.png'], ['--shard-size', 7]):
        code, said = rtmw(folder / '1.png', *more, '--out', tmp_path)
        assert code == ExitCode.FAILED and 'another run' in said
    # How fast it is done changes nothing.
    assert rtmw(folder / '1.png', '--out', tmp_path, '--threads', 1)[0] == ExitCode.DONE


def test_the_manifest_says_what_made_the_shards(rtmw, folder, tmp_path):
    rtmw(folder / '1.png', '--out', tmp_path, '--filter', 'body=3')
    manifest = json.loads((tmp_path / '_manifest.json').read_text())
    assert manifest['inputs']['images'] == manifest['shards'] == 1
    assert manifest['settings']['filter'] == ['body=3']
    pose = manifest['models']['pose']
    assert pose['backend'] == 'onnxruntime' and len(pose['sha256']['pose.onnx']) == 64


@pytest.mark.parametrize(
    'arguments, says',
    [
        (['--workers', '2'], '--workers is of Ray'),
        (['--filter', 'size=3'], '--filter size=3'),
        (['--shard-size', '0'], '--shard-size is 0'),
    ],
)
def test_wrong_flags(rtmw, folder, tmp_path, arguments, says):
    code, said = rtmw(folder, '--out', tmp_path, *arguments)
    assert code == ExitCode.FAILED and says in said
    assert [*tmp_path.iterdir()] == []


@pytest.mark.slow
def test_a_killed_run_loses_nothing_and_doubles_nothing(rtmw, network, tmp_path):
    """SIGKILL at random moments, until a run ends by itself."""
    (tmp_path / 'in').mkdir()
    for number in range(300):
        (tmp_path / 'in' / f'{number:03d}.png').write_bytes(png(1 + number % 20))
    arguments = (tmp_path / 'in', '--shard-size', 10, '--out')
    rtmw(*arguments, tmp_path / 'whole')
    rng, out, kills = random.Random(0), tmp_path / 'killed', 0
    words = map(str, command(network, *arguments, out))
    line = [sys.executable, '-m', 'rtmw_ext.commands.cli', *words]
    while kills < 3:
        process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        before = len([*out.glob('people-*')])
        while process.poll() is None and len([*out.glob('people-*')]) == before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert subprocess.run(line, stderr=subprocess.DEVNULL).returncode == 0
    assert pq.read_table(out).equals(pq.read_table(tmp_path / 'whole'))
