#!/usr/bin/env python3
"""Load and hostile requests on ``rtmw serve``, on this machine:

tools/bench/serve.py IMAGE [--seconds 60] [--clients 200] [--hostile 1000] \
    [--pose rtmw-t] [--det rtmdet-nano]

Load: clients that each send an image as soon as the last one is answered; then 1
and 8 of them. Hostile: broken, huge, slow and wrong requests, after which open
files and memory must be where they were.
"""

import argparse
import asyncio
import contextlib
import io
import json
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil

#: Seconds after which memory is compared with, and of the rates of 1 and 8 clients.
WARM, SHORT = 20.0, 10.0
#: Seconds in which a hostile request must be answered.
PATIENCE = 40.0


@contextlib.contextmanager
def serving(flags: argparse.Namespace) -> Iterator[tuple[str, psutil.Process]]:
    """A server: its address and its process."""
    command = ['serve', '--port', '0', '--no-page', '--seconds', '5']
    command += ['--pose', flags.pose, '--det', flags.det]
    process = subprocess.Popen(
        [sys.executable, '-m', 'rtmw_ext.commands.cli', *command],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    address = next(
        found[0] for line in process.stderr if (found := re.search(r'http://\S+', line))
    )
    said: list[str] = []
    threading.Thread(target=lambda: said.extend(process.stderr), daemon=True).start()
    try:
        yield address, psutil.Process(process.pid)
    finally:
        if process.poll() is not None:
            print(f'the server has ended with {process.returncode}: {said[-5:]}')
        process.terminate()
        process.wait(60)


async def load(
    address: str, image: bytes, clients: int, seconds: float
) -> tuple[Counter, list[float], set[str]]:
    """Statuses, seconds of the answers with 200, and the people that they name."""
    statuses: Counter = Counter()
    times: list[float] = []
    answers: set[str] = set()
    end = time.monotonic() + seconds

    async def work(client: httpx.AsyncClient) -> None:
        while time.monotonic() < end:
            start = time.monotonic()
            answer = await client.post(f'{address}/v1/images', content=image)
            statuses[answer.status_code] += 1
            if answer.status_code == 200:
                times.append(time.monotonic() - start)
                answers.add(json.dumps(answer.json()['people']))
            else:
                await asyncio.sleep(float(answer.headers['retry-after']))

    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        await asyncio.gather(*[work(client) for _ in range(clients)])
    return statuses, times, answers


def run_load(flags: argparse.Namespace, address: str, server: psutil.Process) -> None:
    image = flags.image.read_bytes()
    asyncio.run(load(address, image, 1, 3))
    rates = {}
    for clients in (1, 8):
        _, times, _ = asyncio.run(load(address, image, clients, SHORT))
        rates[clients] = len(times) / SHORT
        print(
            f'{clients} clients: {rates[clients]:.2f} images a second, p50 '
            f'{statistics.median(times):.3f} s, p95 {np.percentile(times, 95):.3f} s'
        )
    print(f'8 clients / 1 client: {rates[8] / rates[1]:.2f}')
    memory: list[tuple[float, int]] = []
    start = time.monotonic()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1):
            memory.append((time.monotonic() - start, server.memory_info().rss))

    thread = threading.Thread(target=watch)
    thread.start()
    statuses, times, answers = asyncio.run(
        load(address, image, flags.clients, flags.seconds)
    )
    over.set()
    thread.join()
    print(
        f'{flags.clients} clients, {flags.seconds:g} s: {dict(statuses)}, '
        f'p50 {statistics.median(times):.3f} s, p95 {np.percentile(times, 95):.3f} s'
    )
    warm = max(size for second, size in memory if second <= WARM)
    last = max(size for second, size in memory if second > WARM)
    print(
        f'memory: {warm / 2**20:.0f} MiB in the first {WARM:g} s, '
        f'{last / 2**20:.0f} behind them ({last / warm - 1:+.1%})'
    )
    alone, _, single = asyncio.run(load(address, image, 1, 2))
    print(f'different answers: {len(answers | single)}')


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header says so, and that has no pixels."""
    header = width.to_bytes(4, 'big') + height.to_bytes(4, 'big') + b'\x08\x02\0\0\0'
    chunks = b''
    for kind, data in (
        (b'IHDR', header),
        (b'IDAT', zlib.compress(b'')),
        (b'IEND', b''),
    ):
        crc = zlib.crc32(kind + data).to_bytes(4, 'big')
        chunks += len(data).to_bytes(4, 'big') + kind + data + crc
    return b'\x89PNG\r\n\x1a\n' + chunks


def bomb() -> bytes:
    """A zip file of a gigabyte of zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        with archive.open('x.png', 'w', force_zip64=True) as entry:
            for _ in range(64):
                entry.write(bytes(1 << 24))
    return file.getvalue()


def attacks(image: bytes, random_of: random.Random) -> list[Callable[[], dict]]:
    """Each makes the arguments of a request that must be refused."""
    zipped = bomb()
    paths = ('../../etc/passwd', '/etc/passwd', '..\\x', 'a\0b', 'x' * 5000)

    def post(path: str = '/v1/images', **sent: object) -> dict:
        return dict(method='POST', url=path, **sent)

    def form(name: str, body: bytes) -> dict:
        return post(files={'file': (name, body)})

    return [
        lambda: post(content=image[: random_of.randrange(1, len(image) - 2)]),
        lambda: post(content=random_of.randbytes(random_of.randrange(1, 5000))),
        lambda: post(content=png_of(30_000, 30_000)),
        lambda: post(content=png_of(1, 1)),
        lambda: post(content=b'PF\n30000 30000\n-1.0\n' + bytes(100)),
        lambda: post(content=zipped),
        lambda: post(content=bytes(33 << 20)),
        lambda: post('/v1/videos', content=b'#EXTM3U\nfile:///etc/passwd\n'),
        lambda: post('/v1/videos', content=random_of.randbytes(3000)),
        lambda: form(random_of.choice(paths), random_of.randbytes(200)),
        lambda: post(files=[(f'f{n}', b'x') for n in range(50)]),
        lambda: post(data={f'f{n}': 'x' for n in range(50)}),
        lambda: post(
            headers={'Content-Type': 'multipart/form-data; boundary=x'},
            content=b'--x\r\n' * 50,
        ),
        lambda: post('/v1/images?max_people=-1', content=image),
        lambda: post('/v1/images?threshold=nan', content=image),
        lambda: dict(method='GET', url='/v1/images'),
        lambda: dict(method='GET', url='/v1/videos/..%2f..%2fetc%2fpasswd'),
        lambda: dict(method='DELETE', url='/v1/videos/nothing'),
        lambda: dict(method='GET', url='/' + '../' * 20 + 'etc/passwd'),
    ]


def rude(address: str, kind: int) -> str:
    """A connection that is no proper request; what the server does with it."""
    host, port = address.removeprefix('http://').split(':')
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        head = b'POST /v1/images HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n'
        if kind == 0:  # Goes away in the middle of the body.
            connection.sendall(head + b'x' * 10)
            return 'gone'
        if kind == 1:  # Is slow.
            connection.sendall(head + b'x')
        elif kind == 2:  # Speaks another protocol.
            connection.sendall(b'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03' * 20)
        else:  # Lies about the length.
            connection.sendall(head.replace(b'1000', b'-5') + b'x')
        answer = connection.recv(100)
        return answer.split(b'\r\n')[0].decode(errors='replace') or 'closed'


def run_hostile(
    flags: argparse.Namespace, address: str, server: psutil.Process
) -> None:
    image = flags.image.read_bytes()
    random_of = random.Random(flags.seed)
    makers = attacks(image, random_of)
    answers: Counter = Counter()
    unclear = []

    def state() -> tuple[int, int]:
        return server.num_fds(), server.memory_info().rss

    with httpx.Client(base_url=address, timeout=PATIENCE) as client:

        def fine() -> None:
            assert client.post('/v1/images', content=image).status_code == 200

        def attack(count: int) -> None:
            for _ in range(count):
                if random_of.random() < 0.1:
                    answers[rude(address, random_of.randrange(4))] += 1
                    continue
                request = random_of.choice(makers)()
                answer = client.request(**request)
                answers[answer.status_code] += 1
                reason = 400 <= answer.status_code < 500 or answer.status_code == 503
                # A pixel is an image of nobody.
                if not reason and request.get('content') != png_of(1, 1):
                    unclear.append((answer.status_code, str(request)[:80]))

        fine()
        attack(flags.hostile // 5)
        time.sleep(6)
        fine()
        before = state()
        attack(flags.hostile - flags.hostile // 5)
        time.sleep(6)
        fine()
        after = state()
    print(f'hostile requests: {dict(answers)}')
    print(f'answers that are no 4xx or 503: {unclear or 0}')
    print(
        f'open files {before[0]} -> {after[0]}, memory {before[1] / 2**20:.0f} -> '
        f'{after[1] / 2**20:.0f} MiB'
    )


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('image', type=Path)
    flags.add_argument('--pose', default='rtmw-t')
    flags.add_argument('--det', default='rtmdet-nano')
    flags.add_argument('--seconds', type=float, default=60)
    flags.add_argument('--clients', type=int, default=200)
    flags.add_argument('--hostile', type=int, default=1000)
    flags.add_argument('--seed', type=int, default=0)
    options = flags.parse_args()
    with serving(options) as (address, server):
        if options.seconds:
            run_load(options, address, server)
        if options.hostile:
            run_hostile(options, address, server)


if __name__ == '__main__':
    main()
