#!/usr/bin/env python3
"""Feeds damaged and strange inputs of every kind to the package, and counts what it
says: ``tools/fuzz.py [KIND ...] [--runs N] [--seed S]``, ``make fuzz``.

Each kind runs in a process of its own under limits of memory and time. An input is
made from the seed and its number alone, so that ``--only NUMBER`` makes it again.
Inputs that are handled badly are kept. Exit code 1 if there is one.
"""

import argparse
import collections
import contextlib
import copy
import hashlib
import io
import json
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before OpenCV: its own lines would hide ours.
os.environ.update(OPENCV_LOG_LEVEL='SILENT', OPENCV_FFMPEG_LOGLEVEL='-8')
os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import numpy as np

from rtmw_ext.core.errors import RTMWError

#: What an input can lead to; those after the second are bad.
OUTCOMES = ('fine', 'clear error', 'unclear error', 'crash', 'hang', 'changed input')
BAD = OUTCOMES[2:]
#: Seconds of a worker's start, with the imports of torch.
START = 300

#: A state of randomness.
Rng = np.random.Generator


@dataclass
class Place:
    """Where a worker works.

    Attributes:
        seeds: Folder of sound inputs.
        work: Folder of the damaged one; it is empty before each.
    """

    seeds: Path
    work: Path


# Mutations.


def damage(data: bytes, rng: Rng) -> bytes:
    """Bytes with up to four changes of their content or length."""
    content = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        size = len(content)
        # Headers are where most is decided.
        reach = size if rng.random() < 0.5 else min(size, 200)
        at = int(rng.integers(0, reach + 1))
        length = int(min(rng.geometric(0.1), size - at))
        kind = rng.integers(0, 8)
        if kind == 0:
            del content[at:]
        elif kind == 1:
            del content[at : at + length]
        elif kind == 2:
            content[at : at + length] = bytes(length)
        elif kind == 3:
            content[at:at] = content[at : at + length]
        elif kind == 4:
            content[at:at] = rng.bytes(length)
        elif kind == 5:
            number = rng.choice([0, 1, 2**31 - 1, 2**32 - 1])
            content[at : at + 4] = number.astype('<u4').tobytes()
        else:
            for place in range(at, min(at + length, size)):
                content[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(content)


JUNK: list[Any] = [
    None, True, False, '', 'x', '1', [], {}, [[]], 0, -1, 1, 0.5, 2**31, 2**70, 10**400,
    1e308, float('nan'), float('inf'), 'é\0', [None], {'id': []}, 'a' * 5000,
]  # fmt: skip


def reshape(value: Any, rng: Rng) -> Any:
    """A copy of nested lists and objects with one to three places changed."""
    tree = {'': copy.deepcopy(value)}
    for _ in range(rng.integers(1, 4)):
        parent, key = tree, ''
        while rng.random() < 0.8:
            below = parent[key]
            if not isinstance(below, (dict, list)) or not below:
                break
            parent = below
            key = (
                list(below)[rng.integers(len(below))]
                if isinstance(below, dict)
                else int(rng.integers(len(below)))
            )
        kind = rng.integers(0, 6)
        if kind == 0 and parent is not tree:
            del parent[key]
        elif kind == 1:
            parent[key] = [parent[key]]
        elif kind == 2 and isinstance(parent, list):
            parent.append(parent[key])
        elif kind == 3 and isinstance(parent[key], (int, float)):
            parent[key] = str(parent[key])
        else:
            parent[key] = copy.deepcopy(JUNK[rng.integers(len(JUNK))])
    return tree['']


def one_of(folder: Path, rng: Rng) -> Path:
    """A file of a folder."""
    paths = sorted(folder.iterdir())
    return paths[rng.integers(len(paths))]


def damaged_copy(folder: Path, place: Place, rng: Rng) -> Path:
    """A damaged copy of one of a folder's files."""
    source = one_of(folder, rng)
    target = place.work / f'damaged{source.suffix}'
    target.write_bytes(damage(source.read_bytes(), rng))
    return target


def write_json(place: Place, name: str, content: Any, rng: Rng) -> Path:
    """A JSON file that is changed in its structure or, rarely, in its bytes."""
    path = place.work / name
    data = json.dumps(reshape(content, rng)).encode()
    path.write_bytes(damage(data, rng) if rng.random() < 0.1 else data)
    return path


# Kinds: how their seeds are made, and what one input runs.


def figure(rng: Rng) -> np.ndarray:
    """A picture of 48 x 64 pixels."""
    return cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (64, 48))


def picture_seeds(folder: Path) -> None:
    from PIL import Image

    image = figure(np.random.default_rng(0))
    for suffix in ('jpg', 'png', 'bmp', 'webp', 'tif'):
        cv2.imwrite(str(folder / f'colour.{suffix}'), image)
    cv2.imwrite(str(folder / 'grey.png'), image[..., 0])
    cv2.imwrite(str(folder / 'deep.png'), image.astype(np.uint16) * 257)
    cv2.imwrite(str(folder / 'deep.tif'), image.astype(np.uint16) * 257)
    turned = Image.fromarray(image)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / 'turned.jpg', exif=exif)
    turned.quantize(16).save(folder / 'palette.png')


def run_picture(place: Place, rng: Rng) -> None:
    from rtmw_ext.core.images import read_image

    pixels = read_image(damaged_copy(place.seeds, place, rng))
    assert pixels.dtype == np.uint8 and pixels.ndim == 3


def video_seeds(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name, code in (('a.mp4', 'mp4v'), ('b.avi', 'MJPG'), ('c.mkv', 'MJPG')):
        writer = cv2.VideoWriter(
            str(folder / name), cv2.VideoWriter_fourcc(*code), 10, (64, 48)
        )
        for _ in range(6):
            writer.write(figure(rng))
        writer.release()


def run_video(place: Place, rng: Rng) -> None:
    from rtmw_ext.runtime.video import Video

    video = Video(damaged_copy(place.seeds, place, rng))
    for number, frame in enumerate(video):
        assert frame.dtype == np.uint8 and video.rate > 0
        if number == 20:
            break


def annotation_seeds(folder: Path) -> None:
    from rtmw_ext.synthetic import drawn

    drawn.write_dataset(folder, 3, seed=1, split='val', people=(1, 2))


def run_annotation(place: Place, rng: Rng) -> None:
    from mmengine.registry import init_default_scope
    from mmpose.registry import DATASETS, METRICS

    import rtmw_ext  # noqa: F401  (registers the classes)

    init_default_scope('mmpose')
    os.environ['RTMW_CACHE'] = str(place.work)
    content = json.loads((place.seeds / 'annotations/val.json').read_text())
    boxes = [
        dict(image_id=row['image_id'], category_id=1, bbox=row['bbox'], score=0.5)
        for row in content['annotations']
    ]
    by_boxes = rng.random() < 0.2
    if by_boxes:
        path = place.work / 'people.json'
        path.write_text(json.dumps(content))
        options = dict(bbox_file=str(write_json(place, 'boxes.json', boxes, rng)))
    else:
        path, options = write_json(place, 'people.json', content, rng), {}
    test_mode = by_boxes or rng.random() < 0.6
    dataset = DATASETS.build(
        dict(
            type='WholeBodyDataset',
            ann_file=str(path),
            data_prefix=dict(img=str(place.seeds / 'images/val')),
            pipeline=[],
            test_mode=test_mode,
            **options,
        )
    )
    samples = [dataset[number] for number in range(len(dataset))]
    assert all(sample['keypoints'].shape == (1, 133, 2) for sample in samples)
    if test_mode:
        metric = METRICS.build(dict(type='WholeBodyMetric'))
        metric.dataset_meta = dataset.metainfo
        metric.process(
            [],
            [
                dict(
                    id=sample['id'],
                    img_id=sample['img_id'],
                    pred_instances=dict(
                        keypoints=sample['keypoints'].astype(float),
                        keypoint_scores=np.ones((1, 133)),
                    ),
                    gt_instances=dict(bbox_scores=sample['bbox_score']),
                )
                for sample in samples
            ],
        )
        metric.evaluate(len(dataset))


def checkpoint_model() -> Any:
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))


def checkpoint_seeds(folder: Path) -> None:
    import torch

    from rtmw_ext.engine.safetensors import save_safetensors

    state = checkpoint_model().state_dict()
    meta = dict(epoch=3, dataset_meta={'keypoint_id2name': {0: 'nose'}})
    torch.save(dict(meta=meta, state_dict=state), folder / 'a.pth')
    torch.save(state, folder / 'b.pth', _use_new_zipfile_serialization=False)
    save_safetensors(state, meta, folder / 'c.safetensors')


def replaced(value: Any, tensors: dict[str, Any]) -> Any:
    """Nested lists and objects with tensors in place of their names."""
    if isinstance(value, dict):
        return {key: replaced(item, tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, tensors) for item in value]
    return tensors.get(value, value) if isinstance(value, str) else value


def run_checkpoint(place: Place, rng: Rng) -> None:
    import torch

    import rtmw_ext  # noqa: F401  (teaches MMEngine safetensors)
    from rtmw_ext.engine.safetensors import save_safetensors
    from rtmw_ext.models.loading import check_fit, read_weights

    if rng.random() < 0.7:
        path = damaged_copy(place.seeds, place, rng)
    else:
        state = checkpoint_model().state_dict()
        # Names stand for their tensors while the structure is changed.
        names = {name: f'tensor {name}' for name in state}
        tensors = {f'tensor {name}': tensor for name, tensor in state.items()}
        content = reshape(dict(meta=dict(epoch=1), state_dict=names), rng)
        content = replaced(content, tensors)
        path = place.work / 'strange.pth'
        if rng.random() < 0.3:
            path = path.with_suffix('.safetensors')
            save_safetensors(state, {'': reshape(dict(epoch=1), rng)}, path)
        else:
            torch.save(content, path)
    model = checkpoint_model()
    state = read_weights(str(path))
    check_fit(model, state, path.name)
    model.load_state_dict(state, strict=False)


def network_seeds(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    points, height, width = 5, 8, 6
    nodes, weights, outputs = [], [], []
    for axis, bins in (('x', 2 * width), ('y', 2 * height)):
        kernel = rng.normal(size=(points * bins, 3, height, width)).astype(np.float32)
        shape = np.array([-1, points, bins])
        weights += [
            numpy_helper.from_array(kernel / 50, f'kernel_{axis}'),
            numpy_helper.from_array(shape, f'shape_{axis}'),
        ]
        nodes += [
            helper.make_node('Conv', ['input', f'kernel_{axis}'], [f'flat_{axis}']),
            helper.make_node(
                'Reshape', [f'flat_{axis}', f'shape_{axis}'], [f'simcc_{axis}']
            ),
        ]
        outputs.append(
            helper.make_tensor_value_info(
                f'simcc_{axis}', TensorProto.FLOAT, ['n', points, bins]
            )
        )
    entry = helper.make_tensor_value_info(
        'input', TensorProto.FLOAT, ['n', 3, height, width]
    )
    model = helper.make_model(
        helper.make_graph(nodes, 'tiny', [entry], outputs, weights),
        opset_imports=[helper.make_opsetid('', 17)],
        ir_version=9,
    )
    onnx.save(model, folder / 'a.onnx')


#: Metadata of a network, all keys.
METADATA = dict(
    kind='pose', name='tiny', weights='a.pth', input_size=[6, 8], split_ratio=2.0,
    mean=[1.0, 2.0, 3.0], std=[1.0, 2.0, 3.0], rgb=True, licence='x', made_by='x',
    keypoints=list('abcde'), beta=1.0, score_scale=1.0, expected_beta=1.0,
    z_range=2.0, root=[0, 1], calibration={},
)  # fmt: skip


def run_network(place: Place, rng: Rng) -> None:
    from rtmw_ext.core.metadata import METADATA_KEY
    from rtmw_ext.runtime import PoseModel

    if rng.random() < 0.5:
        path = damaged_copy(place.seeds, place, rng)
    else:
        import onnx

        model = onnx.load(place.seeds / 'a.onnx')
        text = json.dumps(reshape(METADATA, rng))
        model.metadata_props.add(key=METADATA_KEY, value=text)
        path = place.work / 'damaged.onnx'
        onnx.save(model, path)
    backend = ('onnxruntime', 'openvino')[rng.integers(2)]
    pose = PoseModel(path, backend=backend, threads=1)
    people = pose(figure(rng), np.array([[2.0, 3, 40, 44]]))
    assert people.keypoints.shape[0] == 1


def config_seeds(folder: Path) -> None:
    from mmengine.config import Config

    from rtmw_ext.core.paths import root

    config = Config.fromfile(root() / 'configs/rtmw/rtmw-t_coco-wholebody-256x192.py')
    Config(dict(codec=config.codec, model=config.model)).dump(folder / 'model.py')


def run_config(place: Place, rng: Rng) -> None:
    from mmengine.config import Config

    from rtmw_ext.models.loading import RANDOM, load_model

    source = place.seeds / 'model.py'
    path = place.work / 'strange.py'
    if rng.random() < 0.3:
        path.write_bytes(damage(source.read_bytes(), rng))
    else:
        content = reshape(Config.fromfile(source).to_dict(), rng)
        if not isinstance(content, dict):
            content = dict(model=content)
        text = '\n'.join(
            f'{name} = {value!r}' for name, value in content.items() if name
        )
        path.write_text(text.replace('nan', "float('nan')"), errors='replace')
    load_model(path, RANDOM)


def command_seeds(folder: Path) -> None:
    network_seeds(folder)
    video_seeds(folder)
    picture_seeds(folder)
    (folder / 'empty.jpg').touch()
    (folder / 'notes.txt').write_text('no picture')
    (folder / 'folder').mkdir()
    cv2.imwrite(str(folder / 'folder/a [1].jpg'), figure(np.random.default_rng(1)))


def run_command(place: Place, rng: Rng) -> None:
    from rtmw_ext.commands import cli

    parser = cli._parser()
    commands = next(
        action.choices
        for action in parser._actions
        if action.dest == 'COMMAND' or isinstance(action, argparse._SubParsersAction)
    )
    others = ['export', 'recover', 'bench', 'models', 'info', 'x']
    name = str(rng.choice(['infer'] * 8 + others))
    inputs = [str(path) for path in sorted(place.seeds.iterdir())]
    values = [
        *inputs, *map(str, JUNK[4:]), '0', '-1', '1', '2', '0.5', 'none', 'cpu', '--',
        '*', str(place.seeds / '*.jpg'), 'out', '/dev/null', '-', '~', '',
    ]  # fmt: skip
    line = [name]
    if name in ('infer', 'export', 'recover', 'bench'):
        line.append(str(rng.choice(inputs if rng.random() < 0.8 else values)))
    actions = commands[name]._actions if name in commands else []
    flags = [action for action in actions if action.option_strings]
    for action in rng.permutation(np.array(flags, object))[: rng.integers(0, 5)]:
        line.append(action.option_strings[-1])
        if action.nargs != 0:
            known = list(action.choices or ['1', '2', 'none', 'cpu'])
            # A large number of rounds takes long, and is right.
            sound = rng.random() < 0.7 or action.dest == 'rounds'
            line.append(str(rng.choice(known if sound else values)))
    os.environ.update(
        RTMW_POSE=str(place.seeds / 'a.onnx'), RTMW_DET='none', HOME=str(place.work)
    )
    (place.work / 'line').write_text(repr(line))
    said = io.StringIO()
    with (
        contextlib.chdir(place.work),
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        try:
            code = cli.main([text.replace('\0', '') for text in line])
        except SystemExit as left:
            code = left.code
    if code not in (0, None):
        text = said.getvalue()
        clear = code in (1, 2, 3) and 'Traceback' not in text
        raise (Clear if clear else Unclear)(f'{line}: code {code}: {text[-2000:]}')


def result_seeds(folder: Path) -> None:
    """Results in the formats of one file, and those that a killed run leaves."""
    from rtmw_ext.commands import cli
    from rtmw_ext.output import FORMATS, read

    picture_seeds(folder)
    network_seeds(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        cli.main(
            ['infer', str(folder / 'colour.jpg'), '--pose', str(folder / 'a.onnx')]
            + ['--det', 'none', '--no-draw', '--out', str(folder / 'results')]
            + ['--format', 'json', 'jsonl', 'csv', 'npz']
        )
    people = read(folder / 'results/colour.json')[0].people
    (folder / 'unfinished').mkdir()
    for name in ('json', 'npz'):
        results = FORMATS[name](folder / 'unfinished')
        for number in range(3):
            results.add('clip', number, people, number / 30)


def run_result(place: Place, rng: Rng) -> None:
    from rtmw_ext.output import read, recover

    unfinished = rng.random() < 0.3
    source = place.seeds / ('unfinished' if unfinished else 'results')
    shutil.copytree(source, place.work, dirs_exist_ok=True)
    path = one_of(place.work, rng)
    if path.suffix == '.json' and rng.random() < 0.7:
        write_json(place, path.name, json.loads(path.read_text()), rng)
    else:
        path.write_bytes(damage(path.read_bytes(), rng))
    # What stands beside a result is read with it.
    path = path.with_name(path.name.removesuffix('.meta.jsonl'))
    if unfinished:
        part = path.with_name(path.name.removesuffix('.part') + '.part')
        content = part.read_bytes()
        try:
            path = recover(part)
        finally:
            assert path != part or part.read_bytes() == content
    read(path)


class Clear(RTMWError):
    """A command ended with a clear message."""


class Unclear(Exception):
    """A command ended with a traceback."""


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Place, Rng], None]]] = dict(
    pictures=(picture_seeds, run_picture),
    videos=(video_seeds, run_video),
    annotations=(annotation_seeds, run_annotation),
    checkpoints=(checkpoint_seeds, run_checkpoint),
    networks=(network_seeds, run_network),
    configs=(config_seeds, run_config),
    commands=(command_seeds, run_command),
    results=(result_seeds, run_result),
)


# Workers.


def contents(folder: Path) -> dict[Path, str]:
    """{path: hash of a file} of all that is below a folder."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''
        for path in sorted(folder.rglob('*'))
    }


def attempt(kind: str, place: Place, seed: int, number: int) -> tuple[str, str]:
    """(outcome, text) of one input."""
    shutil.rmtree(place.work, ignore_errors=True)
    place.work.mkdir(parents=True)
    before = contents(place.seeds)
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind), number])
    outcome, text = 'fine', ''
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            KINDS[kind][1](place, rng)
    except RTMWError as error:
        outcome, text = 'clear error', str(error)
    except BaseException:
        outcome, text = 'unclear error', traceback.format_exc()
    after = contents(place.seeds)
    if changed := [path.name for path in before if after.get(path) != before[path]]:
        outcome, text = 'changed input', f'{changed} are not what they were'
    # Outputs may stand beside inputs; the next input is made of the same seeds.
    for path in sorted(after.keys() - before, reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    return outcome, text


def work(flags: argparse.Namespace) -> None:
    """Runs inputs of one kind and prints what came of each, a line of JSON."""
    limit = int(flags.memory * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    place = Place(flags.scratch / 'seeds', flags.scratch / 'work')
    flags.scratch.mkdir(parents=True, exist_ok=True)
    # What libraries print goes elsewhere.
    lines = os.fdopen(os.dup(1), 'w')
    for stream in (1, 2):
        os.dup2(os.open(flags.scratch / 'log', os.O_WRONLY | os.O_CREAT), stream)
    if not place.seeds.is_dir():
        place.seeds.mkdir(parents=True)
        KINDS[flags.kinds[0]][0](place.seeds)
    print('ready', file=lines, flush=True)
    for number in range(flags.first, flags.runs):
        outcome, text = attempt(flags.kinds[0], place, flags.seed, number)
        print(json.dumps([outcome, text]), file=lines, flush=True)
        if outcome in BAD:
            # The parent keeps it before the next one is made.
            sys.stdin.readline()


def lines_of(process: subprocess.Popen, first: float, limit: float) -> Iterator[str]:
    """A worker's lines; '' where none came in time."""
    wait, held = first, b''
    while True:
        while b'\n' not in held:
            ready, _, _ = select.select([process.stdout], [], [], wait)
            more = os.read(process.stdout.fileno(), 65536) if ready else b''
            if not more:
                yield ''
                return
            held += more
        line, held = held.split(b'\n', 1)
        yield line.decode()
        wait = limit


def fuzz(kind: str, flags: argparse.Namespace, scratch: Path) -> collections.Counter:
    """Runs all inputs of a kind. Returns how often each outcome came."""
    counts: collections.Counter = collections.Counter()
    number = flags.first
    while number < flags.runs:
        process = subprocess.Popen(
            [sys.executable, __file__, kind, '--runs', str(flags.runs)]
            + ['--seed', str(flags.seed), '--first', str(number)]
            + ['--memory', str(flags.memory), '--scratch', str(scratch / kind)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        ready = False
        for line in lines_of(process, START, flags.timeout):
            if line == 'ready':
                ready = True
                continue
            if line:
                outcome, text = json.loads(line)
            elif number >= flags.runs:
                break
            else:
                hangs = process.poll() is None and not _ended(process)
                outcome = 'hang' if hangs else 'crash'
                text = f'exit code {process.returncode}'
                if not ready:
                    raise SystemExit(f'the worker of {kind} did not start: {text}')
            counts[outcome] += 1
            if outcome in BAD:
                keep(kind, number, outcome, text, scratch, flags)
                if line:
                    process.stdin.write(b'\n')
                    process.stdin.flush()
            number += 1
        process.kill()
        process.wait()
    return counts


def _ended(process: subprocess.Popen) -> bool:
    """Whether a process whose output is closed has ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    return process.poll() is not None


def keep(
    kind: str,
    number: int,
    outcome: str,
    text: str,
    scratch: Path,
    flags: argparse.Namespace,
) -> None:
    """Copies an input that was handled badly, and says so."""
    target = flags.keep / f'{kind}-{flags.seed}-{number}'
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(scratch / kind / 'work', target)
    (target / 'outcome.txt').write_text(f'{outcome}\n{text}')
    last = text.strip().splitlines()[-1:] or ['']
    print(f'{kind} {number}: {outcome}: {last[0][:300]} ({target})', flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('kinds', nargs='*', metavar='KIND', help=', '.join(KINDS))
    parser.add_argument('--runs', type=int, default=300, help='inputs of each kind')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--only', type=int, help='run the input of this number alone')
    parser.add_argument('--keep', type=Path, default=Path('outputs/fuzz'))
    parser.add_argument('--timeout', type=float, default=30, help='seconds of an input')
    parser.add_argument('--memory', type=float, default=4, help='GiB of a process')
    parser.add_argument('--first', type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument('--scratch', type=Path, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    unknown = set(flags.kinds) - set(KINDS)
    if unknown:
        parser.error(f'{", ".join(unknown)} is none of {", ".join(KINDS)}')
    if flags.scratch:
        work(flags)
        return
    if flags.only is not None:
        flags.first, flags.runs = flags.only, flags.only + 1
    bad = 0
    print(f'{"":12}' + ''.join(f'{name:>15}' for name in ('runs', *OUTCOMES, 's')))
    with tempfile.TemporaryDirectory() as scratch:
        for kind in flags.kinds or KINDS:
            start = time.monotonic()
            counts = fuzz(kind, flags, Path(scratch))
            row = [sum(counts.values()), *map(counts.__getitem__, OUTCOMES)]
            row.append(round(time.monotonic() - start))
            print(f'{kind:12}' + ''.join(f'{value:15}' for value in row), flush=True)
            bad += sum(counts[name] for name in BAD)
    sys.exit(bool(bad))


if __name__ == '__main__':
    main()
