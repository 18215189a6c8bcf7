"""What `rtmw export` cannot use is said before torch is loaded."""

import pytest

from rtmw_ext.commands import cli, export
from support.paths import RTMW_T


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setattr(export.dependencies, 'check', lambda: pytest.fail('too late'))


@pytest.mark.parametrize(
    'arguments, said',
    [
        (['photo.tif', '--precision', 'fp16'], 'unknown model "photo.tif": use one of'),
        (['rtmw-q'], 'rtmw-m-256x192'),
        (['yolox-tiny'], 'no PyTorch checkpoint'),
        (['none.py'], 'config none.py does not exist'),
        ([str(RTMW_T)], 'name a checkpoint by --weights'),
        ([str(RTMW_T), '--weights', 'no.pth'], 'checkpoint no.pth does not exist'),
        ([str(RTMW_T), '--weights', 'empty'], 'empty has no last_checkpoint'),
        ([str(RTMW_T), '--weights', ''], 'no last_checkpoint'),
        (['rtmw-m', '--weights', 'photo.jpg/x'], 'photo.jpg/x does not exist'),
        (['rtmw-m', '--images', 'none'], 'folder none cannot be read'),
        (['rtmw-m', '--images', 'photo.tif'], 'folder photo.tif cannot be read'),
        (
            ['rtmw-m', '--precision', 'int8', '--calibration', 'empty'],
            'folder empty holds no image',
        ),
        (['rtmw-m', '--detector', 'rtmw-m'], 'network "rtmw-m": give'),
    ],
)
def test_one_line(arguments, said, without_torch, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'photo.tif').write_bytes(b'II*\0')
    assert cli.main(['export', *arguments]) == 1
    err = capsys.readouterr().err
    assert said in err and err.count('\n') == 1
