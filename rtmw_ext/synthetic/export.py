"""Writing synthetic people: COCO-WholeBody files with 3D, COCO boxes for
detectors, arrays of crops, or clips of people who move.

All are made in shards by worker processes.  A shard depends on its number
and the seed only, and is there as a whole or not at all: a run that was
stopped goes on where it was, and more workers give the same files.
"""

import functools
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..core.errors import RTMWError, WriteError
from ..core.skeleton import BODY_NAMES, NUM_KEYPOINTS
from ..output.annotations import wholebody_annotation
from .drawn import BODY_LINKS

if TYPE_CHECKING:
    from .scene import Sample

VERSION = 2
KINDS = ('coco', 'detection', 'crops', 'clips')
#: Defaults by kind: size in pixels, least and most people of a picture.
SIZES = dict(coco=(640, 480), detection=(320, 320), crops=(288, 288), clips=(480, 360))
PEOPLE = dict(coco=(1, 4), detection=(0, 6), crops=(1, 1), clips=(1, 5))
#: Seconds of a clip.
SECONDS = 10.0
#: Long over short side of pictures for detectors.
SHAPES = (1, 5 / 4, 4 / 3, 3 / 2, 16 / 9)
#: Of whom less is shown than the first is nobody to a detector, less than the
#: second a region to ignore (``iscrowd``).
NOBODY, BARELY = 0.04, 0.2


class ExportError(RTMWError, ValueError):
    """An export cannot be made or gone on with; the text says why."""


def annotation(sample: 'Sample', person: int, image_id: int, ann_id: int) -> dict:
    """One person as a COCO-WholeBody annotation with 3D, of
    :func:`rtmw_ext.output.annotations.wholebody_annotation`.

    v = 2 is seen, 1 hidden but labelled, and 0 outside the photo. The 3D of points
    that are not labelled is known all the same.

    Args:
        sample: A rendered picture.
        person: Which of its people.
        image_id: Id of the picture.
        ann_id: Id of the annotation.

    Returns:
        Ready for JSON.
    """
    inside = sample.visible[person]
    return {
        'id': ann_id,
        'image_id': image_id,
        **wholebody_annotation(sample.keypoints[person], inside, sample.boxes[person]),
        'pose_family': sample.families[person],
        'keypoints_3d': sample.keypoints_3d[person].round(6).reshape(-1).tolist(),
        'keypoints_3d_valid': (inside > 0).astype(int).tolist(),
    }


def box_annotation(sample: 'Sample', person: int, image_id: int, ann_id: int) -> dict:
    """One person as a COCO annotation of a box, or None.

    The box is that of the whole person within the photo, hidden parts too.

    Args:
        sample: A rendered picture.
        person: Which of its people.
        image_id: Id of the picture.
        ann_id: Id of the annotation.

    Returns:
        Ready for JSON; ``iscrowd`` is 1 for somebody of whom less than
        ``BARELY`` is shown. None with less than ``NOBODY``.
    """
    if sample.shown[person] < NOBODY:
        return None
    x1, y1, x2, y2 = sample.boxes[person].tolist()
    return dict(
        id=ann_id,
        image_id=image_id,
        category_id=1,
        iscrowd=int(sample.shown[person] < BARELY),
        bbox=[round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)],
        area=round((x2 - x1) * (y2 - y1), 2),
    )


@functools.lru_cache(maxsize=1)
def _maker(backgrounds):
    from .scene import SceneMaker

    return SceneMaker(backgrounds)


def _replace(path, write) -> None:
    """Writes a file so that it is never seen in part."""
    part = path.with_name(f'.{os.getpid()}-{path.name}')
    write(part)
    os.replace(part, path)


def _crop_shard(task):
    out, shard, first, count, seed, size, backgrounds = task
    # torch, which pictures do without.
    from ..datasets.crop_pool import write_shard
    from .scene import rng_of

    maker = _maker(backgrounds)
    crops = np.empty((count, size, size, 3), np.uint8)
    truth = {
        'bboxes': np.empty((count, 4), np.float32),
        'keypoints': np.empty((count, NUM_KEYPOINTS, 2), np.float32),
        'keypoints_3d': np.empty((count, NUM_KEYPOINTS, 3), np.float32),
        'visible': np.empty((count, NUM_KEYPOINTS), np.uint8),
        'camera': np.empty((count, 3, 3), np.float32),
    }
    for i in range(count):
        sample = maker.crop(rng_of(seed, first + i), (size, size))
        crops[i] = sample.image
        truth['bboxes'][i] = sample.boxes[0]
        truth['keypoints'][i] = sample.keypoints[0]
        truth['keypoints_3d'][i] = sample.keypoints_3d[0]
        truth['visible'][i] = sample.visible[0]
        truth['camera'][i] = sample.camera

    write_shard(out, shard, crops, truth)
    return count


def _picture_shard(task):
    (out, shard, first, count, seed, kind, size, people, split, backgrounds) = task
    from .scene import rng_of

    maker = _maker(backgrounds)
    folder = out / 'images' / split
    images, annotations = [], []
    for i in range(count):
        image_id = first + i + 1
        rng = rng_of(seed, image_id)
        shape = size if kind == 'coco' else _any_shape(rng, size)
        sample = maker.photo(rng, shape, people)
        path = folder / f'{image_id:012d}.jpg'
        if not cv2.imwrite(str(path), sample.image, [cv2.IMWRITE_JPEG_QUALITY, 92]):
            raise WriteError(f'cannot write {path}; check space and rights')
        images.append(
            {
                'id': image_id,
                'file_name': path.name,
                'width': shape[0],
                'height': shape[1],
                'camera': sample.camera.round(4).tolist(),
            }
        )
        describe = annotation if kind == 'coco' else box_annotation
        for person in range(len(sample.boxes)):
            # Up to 100 people a picture.
            annotations.append(
                describe(sample, person, image_id, image_id * 100 + person)
            )
    part = dict(
        images=images, annotations=[row for row in annotations if row is not None]
    )
    _replace(
        out / 'parts' / split / f'{shard:05d}.json',
        lambda path: path.write_text(json.dumps(part)),
    )
    return count


def _clip(task):
    out, number, _, _, seed, size, people, seconds, truth_only, backgrounds = task
    from .clips import make_clip, write_clip
    from .film import Film

    maker = _maker(backgrounds)
    clip = make_clip(seed, number, maker.body, seconds, size, people)
    film = None if truth_only else Film(clip, maker)
    write_clip(clip, clip_folder(out, number), film)
    return 1


def clip_folder(out: Path, number: int) -> Path:
    """Where the truth of a clip lies."""
    return out / f'clip-{number:03d}'


def _any_shape(rng, size):
    """(W, H) within ``size``, upright or wide, in a usual proportion."""
    ratio = rng.choice(SHAPES)
    width, height = (ratio, 1) if rng.uniform() < 0.6 else (1, ratio)
    scale = min(size[0] / width, size[1] / height)
    return int(round(width * scale)), int(round(height * scale))


def export(
    out: str | Path,
    num: int,
    seed: int,
    kind: str = 'coco',
    size: tuple[int, int] | None = None,
    people: tuple[int, int] | None = None,
    split: str = 'train',
    workers: int = 1,
    backgrounds: str | None = None,
    shard: int = 256,
    seconds: float = SECONDS,
    truth_only: bool = False,
    progress: Callable = print,
) -> Path:
    """Writes a data set, or what is missing of it.

    Args:
        out: Folder; made if missing.
        num: Crops, pictures or clips, >= 1.
        seed: >= 0.
        kind: 'coco' for ``images/{split}/*.jpg`` with
            ``annotations/{split}.json`` (see :func:`annotation`), 'detection'
            for the same with boxes alone (see :func:`box_annotation`) and
            pictures of many shapes, 'crops' for shards of
            :class:`rtmw_ext.datasets.CropDataset`, 'clips' for those of
            :func:`rtmw_ext.synthetic.clips.write_clip`.
        size: (W, H) of pictures, at most that of
            those for detectors; crops are square. Default: ``SIZES``.
        people: Least and most people of a
            picture. Default: ``PEOPLE``.
        split: Name of the split; of 'coco' and 'detection'.
        workers: Processes.
        backgrounds: Folder of images for backgrounds.
        shard: Crops or pictures of a shard.
        seconds: Of a clip, > 0.
        truth_only: Clips get no videos.
        progress: Gets a line of text after each shard.

    Returns:
        The annotation file, or the folder of the crops or clips.

    Raises:
        ExportError: An argument is out of range, or ``out`` holds a data set
            of other arguments.
    """
    if kind not in KINDS:
        raise ExportError(f'format is {kind!r}: use one of {", ".join(KINDS)}')
    people = tuple(people or PEOPLE[kind])
    if kind == 'clips':
        shard = 1
        if not (people[0] >= 1 and seconds > 0):
            raise ExportError(
                f'seconds={seconds} must be > 0 and people={people} from 1 on'
            )
    if min(num, workers, shard) < 1 or seed < 0 or not (0 <= people[0] <= people[1]):
        raise ExportError(
            f'num={num}, workers={workers} and shard={shard} must be >= 1, '
            f'seed={seed} >= 0 and people={people} (least, most)'
        )
    size = tuple(size or SIZES[kind])
    if min(size) < 64 or (kind == 'crops' and size[0] != size[1]):
        raise ExportError(f'size is {size}: sides from 64 pixels, crops are square')
    out = Path(out)
    recipe = dict(
        version=VERSION,
        kind=kind,
        seed=seed,
        size=list(size),
        shard=shard,
        backgrounds=str(backgrounds or ''),
    )
    single = kind in ('crops', 'clips')  # no splits
    if kind != 'crops':
        recipe.update(people=list(people))
    if kind == 'clips':
        recipe.update(seconds=seconds, truth_only=truth_only)
    if not single:
        (out / 'images' / split).mkdir(parents=True, exist_ok=True)
        (out / 'parts' / split).mkdir(parents=True, exist_ok=True)
        (out / 'annotations').mkdir(exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    name = out / (f'{kind}.json' if single else f'{split}.recipe.json')
    if name.is_file() and json.loads(name.read_text()) != recipe:
        raise ExportError(
            f'{out} holds a data set of another recipe, {name.read_text()}: '
            'give another folder, or the same arguments to go on'
        )
    name.write_text(json.dumps(recipe))

    tasks = []
    for number, first in enumerate(range(0, num, shard)):
        count = min(shard, num - first)
        part = (out, number, first, count, seed)
        if kind == 'crops':
            path = out / f'crops-{number:05d}.npy'
            done = path.is_file() and len(np.load(path, mmap_mode='r')) == count
            task = (*part, size[0], backgrounds)
        elif kind == 'clips':
            done = (clip_folder(out, number) / 'truth.npz').is_file()
            task = (*part, size, people, seconds, truth_only, backgrounds)
        else:
            path = out / 'parts' / split / f'{number:05d}.json'
            done = (
                path.is_file() and len(json.loads(path.read_text())['images']) == count
            )
            task = (*part, kind, size, people, split, backgrounds)
        if not done:
            tasks.append(task)
    _run(
        dict(crops=_crop_shard, clips=_clip).get(kind, _picture_shard),
        tasks,
        workers,
        num,
        progress,
    )
    if single:
        return out
    person = {'id': 1, 'name': 'person', 'supercategory': 'person'}
    if kind == 'coco':
        person.update(
            keypoints=list(BODY_NAMES), skeleton=[list(link) for link in BODY_LINKS]
        )
    content = dict(images=[], annotations=[], categories=[person])
    for number in range(-(-num // shard)):
        part = json.loads((out / 'parts' / split / f'{number:05d}.json').read_text())
        content['images'] += part['images']
        content['annotations'] += part['annotations']
    path = out / 'annotations' / f'{split}.json'
    _replace(path, lambda part: part.write_text(json.dumps(content)))
    return path


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _run(work, tasks, workers, num, progress) -> None:
    left = sum(task[3] for task in tasks)
    done = num - left
    if not tasks:
        progress(f'{num} of {num} are there already')
        return
    _maker(tasks[0][-1])  # errors and the compiler come before the workers
    start = time.monotonic()
    made = 0
    # A plain fork of a process whose OpenCV runs threads hangs.
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__, f'{__package__}.scene'])
    with context.Pool(workers, _one_thread) as pool:
        for count in pool.imap_unordered(work, tasks):
            made += count
            speed = made / (time.monotonic() - start)
            progress(
                f'{done + made} of {num}, {speed:.1f} a second, '
                f'{(left - made) / speed:.0f} s left'
            )
