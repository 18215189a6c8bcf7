"""An address -> a file: whole, checked, gone on with where a line broke."""

import hashlib
import os
import random
import time

import pytest

from rtmw_ext.zoo import ChangedFileError, checksums, download, fetch
from support.zoo import Flaky, publish

CONTENT = random.Random(0).randbytes(300_000)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(download, 'PAUSE', 0.0)
    return tmp_path / 'cache' / 'rtmw_ext' / 'onnx'


@pytest.fixture
def archive(tmp_path):
    return publish(tmp_path / 'net.zip', CONTENT).read_bytes()


def names(cache):
    return sorted(path.name for path in cache.iterdir()) if cache.is_dir() else []


def test_an_archive_and_a_file(cache, archive):
    with Flaky(archive) as server:
        assert fetch.fetch(f'{server.address}/a/net.zip').read_bytes() == CONTENT
    with Flaky(CONTENT) as server:
        path = fetch.fetch(f'{server.address}/other.onnx')
        assert path.read_bytes() == CONTENT and server.starts == [0]
        assert fetch.fetch(f'{server.address}/other.onnx') == path
        assert server.starts == [0]
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert (cache / 'net.onnx.sha256').read_text() == f'{digest}  net.onnx\n'
    assert names(cache) == [
        'net.onnx',
        'net.onnx.sha256',
        'other.onnx',
        'other.onnx.sha256',
    ]


def test_a_broken_line_is_gone_on_with(archive):
    with Flaky(archive, cuts=[1000, 5000, 0]) as server:
        path = fetch.fetch(f'{server.address}/net.zip')
        assert server.starts == [0, 1000, 6000, 6000]
    assert path.read_bytes() == CONTENT


def test_a_server_that_cannot_go_on_starts_again(archive):
    with Flaky(archive, cuts=[1000], ranges=False) as server:
        path = fetch.fetch(f'{server.address}/net.zip')
        assert server.starts == [0, 1000]
    assert path.read_bytes() == CONTENT


def test_half_a_file_is_an_error_and_kept_for_the_next_time(cache, archive):
    with Flaky(archive, cuts=[2000] + [0] * download.TRIES) as server:
        with pytest.raises(checksums.FetchError) as error:
            fetch.fetch(f'{server.address}/net.zip')
        broken = f'the connection broke after 2,000 of {len(archive):,} bytes'
        assert str(error.value) == broken
        assert names(cache) == ['net.onnx.part']
        path = fetch.fetch(f'{server.address}/net.zip')
        assert server.starts[-1] == 2000
    assert path.read_bytes() == CONTENT
    assert names(cache) == ['net.onnx', 'net.onnx.sha256']


def test_it_ends_where_every_try_is_cut(archive):
    """Even by a server that never goes on."""
    cuts = [1000, 2000, 1000, 2000, 1000, 2000]
    with Flaky(archive, cuts=cuts, ranges=False) as server:
        with pytest.raises(checksums.FetchError, match='broke after'):
            fetch.fetch(f'{server.address}/net.zip')


def test_the_rest_of_another_file_is_not_gone_on_with(cache, archive):
    cache.mkdir(parents=True)
    (cache / 'net.onnx.part').write_bytes(b'x' * (len(archive) + 1))
    with Flaky(archive) as server:
        path = fetch.fetch(f'{server.address}/net.zip')
    assert path.read_bytes() == CONTENT
    # Of the same file's length, it is found out by the archive's own sums.
    path.unlink()
    (cache / 'net.onnx.part').write_bytes(b'x' * 1000)
    with Flaky(archive) as server:
        with pytest.raises(checksums.FetchError):
            fetch.fetch(f'{server.address}/net.zip')
        assert fetch.fetch(f'{server.address}/net.zip').read_bytes() == CONTENT


def test_what_passes_is_waited_for_and_what_stays_is_not(archive):
    with Flaky(archive, statuses=[503, 500]) as server:
        assert fetch.fetch(f'{server.address}/net.zip').read_bytes() == CONTENT
    for status in (404, 403):
        with Flaky(archive, statuses=[status, status]) as server:
            with pytest.raises(checksums.FetchError, match=str(status)):
                fetch.fetch(f'{server.address}/other.zip')
            assert server.starts == [0]
    with Flaky(archive, statuses=[503] * 9) as server:
        with pytest.raises(checksums.FetchError, match='503'):
            fetch.fetch(f'{server.address}/third.zip')
        assert len(server.starts) == download.TRIES


@pytest.mark.parametrize(
    'address, why',
    [
        ('http://127.0.0.1:9/net.zip', 'Connection refused'),
        ('http://host.invalid/net.zip', ''),
        ('file:///none/net.zip', 'No such file'),
    ],
)
def test_no_network(address, why, cache):
    start = time.monotonic()
    with pytest.raises(checksums.FetchError) as error:
        fetch.fetch(address)
    assert why in str(error.value) and '\n' not in str(error.value)
    assert time.monotonic() - start < 2 * fetch.PATIENCE
    assert names(cache) == []


def test_a_wrong_sum_is_named(cache, archive):
    right = hashlib.sha256(CONTENT).hexdigest()
    wrong = hashlib.sha256(b'').hexdigest()
    with Flaky(archive) as server:
        with pytest.raises(checksums.FetchError) as error:
            fetch.fetch(f'{server.address}/net.zip', sha256=wrong)
        assert right in str(error.value) and wrong in str(error.value)
        assert names(cache) == []
        # The first digits are enough, as checkpoints have them.
        fetch.fetch(f'{server.address}/net.zip', sha256=right[:8])


def test_the_first_one_is_trusted_and_another_is_an_error(cache, archive, tmp_path):
    other = publish(tmp_path / 'other.zip', CONTENT[::-1]).read_bytes()
    with Flaky(archive) as server:
        path = fetch.fetch(f'{server.address}/net.zip')
    path.write_bytes(CONTENT[:-1] + b'x')
    with pytest.raises(ChangedFileError) as error:
        fetch.fetch('http://127.0.0.1:9/net.zip')
    for part in (str(path), f'{path}.sha256', hashlib.sha256(CONTENT).hexdigest()):
        assert part in str(error.value)
    path.unlink()
    with Flaky(other) as server:
        with pytest.raises(ChangedFileError):
            fetch.fetch(f'{server.address}/net.zip')
        assert names(cache) == ['net.onnx.sha256']
        (cache / 'net.onnx.sha256').unlink()
        assert fetch.fetch(f'{server.address}/net.zip') == path


def test_a_file_put_there_by_hand(cache):
    """It is trusted, unless the right sum is known; one from before, too."""
    cache.mkdir(parents=True)
    path = cache / 'net.onnx'
    path.write_bytes(CONTENT)
    with pytest.raises(ChangedFileError):
        fetch.fetch('http://127.0.0.1:9/net.zip', sha256='0' * 64)
    assert fetch.fetch('http://127.0.0.1:9/net.zip') == path
    assert names(cache) == ['net.onnx', 'net.onnx.sha256']


def test_a_file_is_read_again_only_where_it_was_touched(cache, monkeypatch, archive):
    with Flaky(archive) as server:
        path = fetch.fetch(f'{server.address}/net.zip')
    read = []
    whole = checksums.sha256_of
    monkeypatch.setattr(checksums, 'sha256_of', lambda p: read.append(p) or whole(p))
    fetch.fetch('http://127.0.0.1:9/net.zip')
    assert read == []
    time.sleep(0.02)
    os.utime(path, (0, 0))
    for _ in range(2):
        fetch.fetch('http://127.0.0.1:9/net.zip')
    assert read == [path]
