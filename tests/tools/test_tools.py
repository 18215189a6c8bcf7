"""Training, testing and resuming from another folder, as users do."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import rtmw_ext
from rtmw_ext.core.paths import root
from support.paths import ROOT, RTMW_T
from support.tools import load_tool, run_script
from support.training import drawn_options

assert rtmw_ext
PYTHON = sys.executable
MIM = [str(Path(PYTHON).parent / 'mim')]


def options(root, epochs):
    flags = {
        **drawn_options(root),
        'train_cfg.max_epochs': epochs,
        'train_cfg.val_interval': epochs,
        'default_hooks.logger.interval': 1,
    }
    return ['--cfg-options', *(f'{k}={v}' for k, v in flags.items())]


def run(command, folder):
    result = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert result.returncode == 0, result.stdout[-3000:]
    return result.stdout


def kill_after_first_checkpoint(command, folder, work_dir):
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (work_dir / 'last_checkpoint').exists():
        assert process.poll() is None, 'training ended before the kill'
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_mim_train_kill_resume_test(drawn_root, tmp_path):
    work = tmp_path / 'work'
    train = [
        *MIM,
        'train',
        'mmpose',
        RTMW_T,
        '--gpus',
        0,
        '--work-dir',
        work,
        *options(drawn_root, 4),
    ]
    kill_after_first_checkpoint(train, tmp_path, work)
    assert not (work / 'epoch_4.pth').exists()
    out = run([*train[:6], '--resume', *train[6:]], tmp_path)
    assert 'resumed epoch: ' in out
    assert 'Epoch(train) [1]' not in out, 'it began anew'
    assert (work / 'epoch_4.pth').exists()
    out = run(
        [
            *MIM,
            'test',
            'mmpose',
            RTMW_T,
            '--checkpoint',
            work / 'epoch_4.pth',
            '--work-dir',
            work,
            *options(drawn_root, 4),
        ],
        tmp_path,
    )
    for part in ('', '/body', '/foot', '/face', '/hand'):
        assert f'coco-wholebody{part}/AP: ' in out


def test_mim_says_its_version(tmp_path):
    assert 'version' in run([*MIM, '--version'], tmp_path)


@pytest.mark.slow
def test_our_tools(drawn_root, tmp_path):
    work = tmp_path / 'work'
    common = ['--work-dir', work, *options(drawn_root, 1)]

    def tool(name, *arguments):
        return run_script(f'tools/{name}.py', RTMW_T, *arguments, cwd=tmp_path)

    done = tool('train', '--auto-scale-lr', *common)
    assert done.returncode == 0, done.stderr[-3000:]
    checkpoint = work / 'epoch_1.pth'
    done = tool('test', checkpoint, '--out', tmp_path / 'metrics.json', *common)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / 'metrics.json').exists() and 'AP' in done.stdout
    # A checkpoint of another model is an error, not a random result.
    weights = torch.load(checkpoint, weights_only=False)
    del weights['state_dict']['head.cls_y.weight']
    torch.save(weights, tmp_path / 'other.pth')
    result = tool('test', tmp_path / 'other.pth', *common)
    assert result.returncode and 'other.pth is of another' in result.stderr


def test_installed_wheel_knows_the_names(tmp_path):
    """The wheel alone, in a scratch folder, away from the repository."""
    run(
        [
            PYTHON,
            '-m',
            'pip',
            'wheel',
            '-q',
            '--no-deps',
            '--no-build-isolation',
            '-w',
            tmp_path,
            ROOT,
        ],
        tmp_path,
    )
    (wheel,) = tmp_path.glob('rtmw_ext-*.whl')
    site = tmp_path / 'site'
    run(
        [PYTHON, '-m', 'pip', 'install', '-q', '--no-deps', '--target', site, wheel],
        tmp_path,
    )
    code = (
        'import rtmw_ext; from rtmw_ext import zoo;'
        'from mmengine.config import Config;'
        'print(rtmw_ext.__file__); '
        'print([Config.fromfile(m.config).model.type'
        ' for m in zoo.models() if m.config], zoo.get("rtmw-t").onnx)'
    )
    env = {**os.environ, 'PYTHONPATH': str(site)}
    out = subprocess.run(
        [PYTHON, '-c', code],
        cwd=tmp_path,
        env=env,
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    assert str(site) in out
    assert out.count("'TopdownPoseEstimator'") == 5
    assert out.count("'RTMWEstimator'") == 1
    assert (site / 'rtmw_ext' / '.mim' / 'tools' / 'train.py').exists()
    weights = site / 'rtmw_ext' / 'zoo' / 'weights'
    assert f'{weights}/rtmw-t_photos-256x192.onnx' in out
    for path in (ROOT / 'rtmw_ext' / 'zoo' / 'weights').iterdir():
        assert (weights / path.name).read_bytes() == path.read_bytes()
    metadata = next(site.glob('rtmw_ext-*.dist-info')) / 'METADATA'
    requires = [
        line
        for line in metadata.read_text().splitlines()
        if line.startswith('Requires-Dist')
    ]
    for package in ('mmcv', 'mmengine', 'mmdet', 'mmpose', 'chumpy'):
        assert not any(package in line for line in requires)


def test_configs_do_not_hide_metainfo():
    """mmpose looks for metainfo relative to the working folder first: a
    dataset file of ours with its file's name would be taken for it."""
    import mmpose

    theirs = Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets'
    ours = root() / 'configs' / '_base_' / 'datasets'
    names = {path.name for path in theirs.glob('*.py')}
    assert names and not names & {path.name for path in ours.glob('*.py')}


@pytest.mark.slow
@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_missing_config_is_named(tool, tmp_path):
    arguments = ['none.py', RTMW_T][: 1 + (tool == 'test.py')]
    result = run_script(f'tools/{tool}', *arguments, cwd=tmp_path)
    assert result.returncode and 'none.py does not exist' in result.stderr


def test_mixed_precision_of_each_machine(monkeypatch):
    from mmengine.config import Config

    train = load_tool('train')

    def chosen(gpu, bf16):
        monkeypatch.setattr(train.torch.cuda, 'is_available', lambda: gpu)
        monkeypatch.setattr(train, 'computes_in_bf16', lambda device: bf16)
        config = Config.fromfile(RTMW_T)
        train.use_mixed_precision(config)
        return config.optim_wrapper

    for gpu in (True, False):
        wrapper = chosen(gpu, True)
        assert wrapper.type == 'mmpose.PrecisionOptimWrapper'
        assert wrapper.precision == 'bfloat16'
    wrapper = chosen(True, False)
    assert wrapper.type == 'AmpOptimWrapper' and 'precision' not in wrapper
    with pytest.raises(SystemExit, match='--amp needs a GPU or a CPU with'):
        chosen(False, False)


def test_unwritable_work_dir_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    work = tmp_path / 'file' / 'work'
    result = run_script('tools/train.py', RTMW_T, '--work-dir', work, cwd=tmp_path)
    assert result.returncode and 'cannot be written' in result.stderr
    assert 'Traceback' not in result.stderr
