"""The networks that run where none is named."""

import socket
import time
import warnings
import zipfile
from pathlib import Path

import pytest

from rtmw_ext import zoo
from rtmw_ext.core.errors import UsageError
from rtmw_ext.core.metadata import NetworkError
from rtmw_ext.zoo import defaults
from support.zoo import without_hashes

NOBODY = 'http://127.0.0.1:9'
NONE_NAMED = {'pose': None, 'detector': None}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no server."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv(zoo.MIRROR, NOBODY)
    without_hashes(monkeypatch)
    return tmp_path / 'cache'


@pytest.fixture
def server(file_server, monkeypatch):
    """A function that puts an archive of a network where it is released."""
    folder, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)

    def publish(kind):
        onnx = zoo.get(zoo.DEFAULTS[kind]).onnx
        place = folder / onnx.removeprefix(f'{address}/')
        place.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(place, 'w', zipfile.ZIP_DEFLATED) as archive:
            archive.writestr('2026/end2end.onnx', f'{kind} network' * 100)
        return place

    return publish


def stand_in(kind):
    return zoo.resolve_network(zoo.STAND_INS[kind], kind)


def resolved(names=NONE_NAMED):
    """(the files, the warnings' texts)"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        files = zoo.resolve_networks(names)
    return files, [str(w.message) for w in caught if w.category is UserWarning]


def files_in(folder):
    return [path for path in folder.rglob('*') if path.is_file()]


def test_the_package_holds_the_stand_ins():
    assert set(zoo.DEFAULTS) == set(zoo.STAND_INS)
    for kind, name in zoo.STAND_INS.items():
        assert zoo.resolve_network(name, kind).is_file()
    assert zoo.resolve_network(zoo.SECOND_LOOK).is_file()
    for kind, name in zoo.DEFAULTS.items():
        assert zoo.get(name).kind == kind and '://' in zoo.get(name).onnx


def test_without_a_server_the_package_serves(cache):
    files, (text,) = resolved()
    assert files == {kind: stand_in(kind) for kind in files}
    assert list(files) == ['pose', 'detector']
    for part in (*zoo.DEFAULTS.values(), *zoo.STAND_INS.values(), NOBODY, zoo.MIRROR):
        assert part in text
    assert 'Connection refused' in text and '\n' not in text
    assert not files_in(cache)


def test_what_is_not_asked_for_is_not_missed():
    files, (text,) = resolved({'pose': None})
    assert list(files) == ['pose']
    assert zoo.DEFAULTS['detector'] not in text


def test_a_server_that_does_not_answer_is_waited_for_once(monkeypatch):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        monkeypatch.setenv(zoo.MIRROR, f'http://127.0.0.1:{silent.getsockname()[1]}')
        monkeypatch.setattr(defaults, 'PATIENCE', 0.5)
        start = time.monotonic()
        files, (text,) = resolved()
        assert time.monotonic() - start < 2 * 0.5
        assert 'no answer in 0.5 s' in text
        assert files['detector'] == stand_in('detector')
        silent.accept()[0].close()
        silent.settimeout(0.2)
        with pytest.raises(TimeoutError):
            silent.accept()


def test_nobody_waits_long():
    assert defaults.PATIENCE <= 5


def test_the_released_are_fetched_then_cached(server, monkeypatch):
    for kind in zoo.DEFAULTS:
        server(kind)
    files, texts = resolved()
    assert texts == []
    for kind, path in files.items():
        assert path.read_text() == f'{kind} network' * 100
    monkeypatch.setenv(zoo.MIRROR, NOBODY)
    assert resolved() == (files, [])


def test_each_has_its_own_stand_in(server):
    server('pose')
    files, (text,) = resolved()
    assert files['pose'].read_text().startswith('pose network')
    assert files['detector'] == stand_in('detector')
    assert zoo.DEFAULTS['detector'] in text and zoo.DEFAULTS['pose'] not in text
    assert '404' in text


def test_what_is_cached_is_used_beside_a_stand_in(server, monkeypatch):
    server('detector')
    zoo.resolve_network(zoo.DEFAULTS['detector'], 'detector')
    monkeypatch.setenv(zoo.MIRROR, NOBODY)
    files, (text,) = resolved()
    assert files['pose'] == stand_in('pose')
    assert files['detector'].read_text().startswith('detector network')
    assert zoo.DEFAULTS['detector'] not in text


@pytest.mark.parametrize('fault', ['cut', 'page', 'flipped', 'empty', 'other content'])
def test_a_damaged_archive_is_none(fault, server, cache):
    place = server('pose')
    content = place.read_bytes()
    middle = content.index(b'end2end.onnx') + 14
    flipped = bytes(byte ^ 255 for byte in content[middle : middle + 8])
    place.write_bytes(
        {
            'cut': content[:-30],
            'page': b'<html>Log in to the hotel</html>',
            'flipped': content[:middle] + flipped + content[middle + 8 :],
            'empty': b'',
            'other content': content.replace(b'end2end.onnx', b'readme12.text'[:12]),
        }[fault]
    )
    files, (text,) = resolved({'pose': None})
    assert files['pose'] == stand_in('pose')
    assert '()' not in text
    assert not files_in(cache)


@pytest.mark.parametrize('kind', ['pose', 'detector'])
def test_a_named_network_never_falls_back(kind):
    """Nor does the other one make anybody wait before that is said."""
    names = NONE_NAMED | {kind: zoo.DEFAULTS[kind]}
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with pytest.raises(NetworkError) as raised:
            zoo.resolve_networks(names)
    assert f'"{zoo.DEFAULTS[kind]}" cannot be fetched' in str(raised.value)


def test_named_networks_need_no_server():
    names = {'pose': 'rtmw3d-t', 'detector': Path('a/b.onnx')}
    files, texts = resolved(names)
    assert texts == [] and files['detector'] == Path('a/b.onnx')


@pytest.mark.parametrize('mirror', ['somewhere', '/data/weights'])
def test_a_mirror_is_an_address(mirror, monkeypatch):
    monkeypatch.setenv(zoo.MIRROR, mirror)
    with pytest.raises(UsageError, match=f'{zoo.MIRROR} is "{mirror}"'):
        zoo.resolve_networks(NONE_NAMED)


@pytest.mark.parametrize('mirror', ['http://a b', 'http://[::1', 'ftp://127.0.0.1:9'])
def test_an_odd_mirror_is_no_bug(mirror, monkeypatch):
    monkeypatch.setenv(zoo.MIRROR, mirror)
    files, (text,) = resolved()
    assert files['pose'] == stand_in('pose') and mirror in text
