#!/usr/bin/env python3
"""Measures motion against the truth of rendered clips:

    tools/dataset/synthesize.py --format clips --num 20 --seed 20 --out data/motion-val
    tools/bench/motion.py data/motion-val

Detector and 3D pose network run on every frame, once; their results stay beside the
truth.

Ids (without a flag): trackers give the same people ids: that of `rtmw infer`,
supervision's ByteTrack and rtmlib's PoseTracker. Prints HOTA, IDF1 and ids given over
all clips, and the processor time a frame. People of whom less than a fifth is seen
neither help nor harm. ``--missing 15`` hides each person in turn for so many frames.
Needs trackeval, supervision below 0.31 and rtmlib (requirements/bench.txt).

``--solve``: for each track of a second or more, what the network finds in each frame
(before) beside `Motion.smooth` and `Motion.solve` (after): mean third difference
(jitter), largest spread of a bone's length, mean speed of those points of feet that
truly stand (sliding), and MPJPE from the hips; both of points that truly are in the
image. Beside them, the share of points of feet that truly move at more than 0.5 m/s and
yet are taken for standing (held): less sliding must not cost steps.

``--time``: the processor time of the same filters beside that of the pose network, on
the first clip of four people, played forwards and backwards until it lasts 10 minutes.

``--noise``: results with the truth's points and noise (8 px at 1080 lines, 20 mm, 5 %
outliers, 10 % gaps, 2 % of frames with left and right exchanged) are smoothed, without
videos. Prints errors before and after, and how far the truth itself is moved.
"""

import argparse
import contextlib
import io
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import (
    HIPS,
    KEYPOINT_NAMES,
    NUM_KEYPOINTS,
    PARTS,
    side_pairs,
)
from rtmw_ext.motion import Motion, Track
from rtmw_ext.motion.identity import identify
from rtmw_ext.motion.report import contacts, measure
from rtmw_ext.output import FORMATS, Frame, read
from rtmw_ext.runtime import Detector, PoseModel
from rtmw_ext.runtime.identity import Identities, duplicates, iou
from rtmw_ext.runtime.video import Video
from rtmw_ext.synthetic.clips import Truth
from rtmw_ext.zoo import resolve_network

#: Of whom less is seen is ignored.
SEEN = 0.2
#: Boxes that overlap less are not of one person.
LEAST = 0.5
#: Of the noise: pixels at 1080 lines, metres, and shares of points and frames.
PIXELS, METRES, OUTLIERS, GAPS, SWAPS = 8.0, 0.02, 0.05, 0.1, 0.02

FEET = slice(PARTS['feet'].start, PARTS['feet'].stop)
#: Metres a second of a foot that walks.
WALK = 0.5
#: Of the long clip: people, and seconds.
PEOPLE, SECONDS = 4, 600

#: People of each frame and its times -> ids of each frame, -1 for nobody.
Tracker = Callable[[list[People], np.ndarray, float], list[np.ndarray]]


def predict(
    clip: Path, truth: Truth, detector: Detector, pose: PoseModel
) -> list[People]:
    """The people of each frame of a clip's video: of an earlier run, or found now."""
    folder = clip / 'predicted'
    path = folder / 'keypoints.npz'
    if not path.is_file():
        folder.mkdir(exist_ok=True)
        results = FORMATS['npz'](folder)
        for number, image in enumerate(Video(clip.with_suffix('.mp4'))):
            boxes = detector(image)
            people = pose(image, *boxes, camera=dict(K=truth.camera))
            results.add(clip.name, number, people, float(truth.times[number]))
        results.close()
    return [frame.people for frame in read(path)]


def ours(people: list[People], times: np.ndarray, rate: float) -> list[np.ndarray]:
    """Ids of `rtmw infer`."""
    identities, ids = Identities(), []
    for persons, moment in zip(people, times.tolist()):
        once = ~duplicates(persons)
        row = np.full(len(persons), -1)
        row[once] = identities(persons[once], moment)
        ids.append(row)
    return ids


def bytetrack(people: list[People], times: np.ndarray, rate: float) -> list[np.ndarray]:
    """Ids of supervision's ByteTrack, as it is by default."""
    import supervision

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        tracker = supervision.ByteTrack(frame_rate=int(rate))
    ids = []
    for persons in people:
        count = len(persons)
        found = tracker.update_with_detections(
            supervision.Detections(
                xyxy=persons.boxes,
                confidence=persons.box_scores,
                class_id=np.zeros(count, int),
                data=dict(row=np.arange(count)),
            )
        )
        row = np.full(count, -1)
        if len(found):
            row[found.data['row'].astype(int)] = found.tracker_id
        ids.append(row)
    return ids


def posetracker(
    people: list[People], times: np.ndarray, rate: float
) -> list[np.ndarray]:
    """Ids of rtmlib's PoseTracker with a detection in every frame."""
    import rtmlib

    now: list[People] = []

    class Rows(list):
        """rtmlib takes ids for numbers of rows, and loses its state at the first id
        that is none: any number is one here."""

        def __getitem__(self, number: int) -> np.ndarray:
            return super().__getitem__(number % len(self))

    class Found:
        """A network that has found the people already."""

        det_mode = 'human'

        def __call__(self, image: object, bboxes: object = None) -> object:
            (persons,) = now
            if bboxes is None:
                return persons.boxes
            return Rows(persons.keypoints), Rows(persons.scores)

    class Solution:
        def __init__(self, **_: object) -> None:
            self.det_model = self.pose_model = Found()

    with contextlib.redirect_stdout(io.StringIO()):
        tracker = rtmlib.PoseTracker(Solution)
    # It returns points in an order of its own: its ids belong to the people whose
    # boxes it matched, one after the other.
    ids = []
    for persons in people:
        now[:] = [persons]
        given: list[int] = []
        match = tracker.track_by_iou

        def keep(box: np.ndarray, given=given, match=match) -> tuple:
            result = match(box)
            given.append(result[0])
            return result

        tracker.track_by_iou = keep
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            tracker(None)
        tracker.track_by_iou = match
        ids.append(np.array(given or np.full(len(persons), -1), int))
    return ids


TRACKERS: dict[str, Tracker] = {
    'ours': ours,
    "supervision's ByteTrack": bytetrack,
    "rtmlib's PoseTracker": posetracker,
}


def sequence(truth: Truth, people: list[People], ids: list[np.ndarray]) -> dict:
    """What trackeval's metrics take."""
    truths, found, overlaps = [], [], []
    for shown, boxes, persons, row in zip(truth.shown, truth.boxes, people, ids):
        seen = shown >= SEEN
        overlap = iou(boxes, persons.boxes)
        counted = row >= 0
        for one, other in zip(*linear_sum_assignment(overlap, maximize=True)):
            if overlap[one, other] >= LEAST and not seen[one]:
                counted[other] = False
        truths.append(np.flatnonzero(seen))
        found.append(row[counted])
        overlaps.append(overlap[seen][:, counted])
    numbers = {number: n for n, number in enumerate(sorted({*np.concatenate(found)}))}
    return dict(
        num_timesteps=len(ids),
        gt_ids=truths,
        tracker_ids=[np.array([numbers[n] for n in row], int) for row in found],
        similarity_scores=overlaps,
        num_gt_ids=truth.shown.shape[1],
        num_tracker_ids=len(numbers),
        num_gt_dets=sum(map(len, truths)),
        num_tracker_dets=sum(map(len, found)),
    )


def hide(people: list[People], truth: Truth, frames: int) -> list[People]:
    """The people without each of them in turn, for so many frames, with as many
    between two."""
    kept = []
    for number, (persons, boxes) in enumerate(zip(people, truth.boxes)):
        turn, gone = divmod(number, 2 * frames)
        if gone >= frames and len(persons):
            overlap = iou(boxes[turn % len(boxes)][None], persons.boxes)[0]
            if overlap.max() >= LEAST:
                persons = persons[np.arange(len(persons)) != overlap.argmax()]
        kept.append(persons)
    return kept


def measure_ids(
    clips: list[tuple[str, Truth, list[People]]], tracker: Tracker
) -> dict[str, float]:
    """HOTA and IDF1 over all clips, ids given, and microseconds a frame."""
    from trackeval.metrics import HOTA, Identity

    metrics = [HOTA(), Identity(dict(PRINT_CONFIG=False))]
    results: list[dict] = [{}, {}]
    given, frames, spent = 0, 0, 0.0
    for number, (_, truth, people) in enumerate(clips):
        start = time.process_time()
        ids = tracker(people, truth.times, truth.rate)
        spent += time.process_time() - start
        frames += len(ids)
        data = sequence(truth, people, ids)
        given += data['num_tracker_ids']
        for metric, result in zip(metrics, results):
            result[number] = metric.eval_sequence(data)
    hota, identity = (
        metric.combine_sequences(result) for metric, result in zip(metrics, results)
    )
    return dict(
        HOTA=float(np.mean(hota['HOTA'])),
        IDF1=float(identity['IDF1']),
        ids=given,
        us=spent / frames * 1e6,
    )


def damage(
    frames: list[Frame], size: float, rng: np.random.Generator
) -> tuple[list[Frame], dict[int, list[int]]]:
    """The people of a clip with noise: Gaussian of ``PIXELS`` (at 1080 lines, less in
    smaller pictures) and ``METRES``, outliers, points that are missing, and frames in
    which left and right are exchanged.

    Returns:
        New frames, and the numbers of the exchanged ones of each person.
    """
    swap = np.arange(NUM_KEYPOINTS)
    for left, right in side_pairs(KEYPOINT_NAMES):
        swap[[left, right]] = right, left
    noisy, exchanged = [], defaultdict(list)
    for frame in frames:
        people = replace(frame.people)
        shape = people.scores.shape
        side = np.sqrt(np.prod(people.boxes[:, 2:] - people.boxes[:, :2], axis=1))
        far = (rng.uniform(size=shape) < OUTLIERS)[..., None]
        for name, sigma, reach in (
            ('keypoints', PIXELS * size, side[:, None, None]),
            ('keypoints_3d_cam', METRES, 1.0),
        ):
            values = getattr(people, name)
            values = values + rng.normal(0, sigma, values.shape)
            values = values + far * rng.uniform(-reach, reach, values.shape)
            setattr(people, name, values.astype(np.float32))
        people.scores = people.scores * (rng.uniform(size=shape) >= GAPS)
        for row in np.flatnonzero(rng.uniform(size=shape[0]) < SWAPS):
            exchanged[int(people.ids[row])].append(frame.frame)
            for values in (people.keypoints, people.keypoints_3d_cam, people.scores):
                values[row] = values[row][swap]
        noisy.append(replace(frame, people=people))
    return noisy, exchanged


def apart(motion: Motion, truth: Motion, name: str) -> np.ndarray:
    """Distances of all points that both have, flat."""
    away = []
    for track, true in zip(motion.tracks, truth.tracks):
        first = int(track.frames[0] - true.frames[0])
        values = getattr(true, name)[first : first + len(track)]
        away.append(np.linalg.norm(getattr(track, name) - values, axis=-1).ravel())
    return (whole := np.concatenate(away))[np.isfinite(whole)]


def noise(truths: list[tuple[Truth, list[Frame]]]) -> dict[str, float]:
    """Errors before and after filters, and what they do to the truth itself."""
    errors: dict[str, list] = defaultdict(list)
    undone, spent, frames = [], 0.0, 0
    for number, (truth, people) in enumerate(truths):
        about = dict(size=truth.size, camera=dict(K=truth.camera), rate=truth.rate)
        true = Motion.from_people(people, **about)
        rng = np.random.default_rng(number)
        noisy, exchanged = damage(people, truth.size[1] / 1080, rng)
        before = Motion.from_people(noisy, **about)
        start = time.process_time()
        after = before.smooth()
        spent += time.process_time() - start
        frames += sum(map(len, after.tracks))
        clean = true.smooth()
        for name, unit in (('keypoints', 'px'), ('keypoints_3d_cam', 'm')):
            for label, motion in (('before', before), ('after', after)):
                errors[f'{label}, {unit}'].append(apart(motion, true, name))
            errors[f'truth changed, {unit}'].append(apart(clean, true, name))
        for track, real in zip(after.tracks, true.tracks):
            for moment in exchanged[track.id]:
                row = track.keypoints_3d_cam[moment - track.frames[0]]
                want = real.keypoints_3d_cam[moment - real.frames[0]]
                swapped = want.copy()
                for left, right in side_pairs(KEYPOINT_NAMES):
                    swapped[[left, right]] = want[[right, left]]
                away, wrong = (
                    np.linalg.norm(row - other, axis=-1) for other in (want, swapped)
                )
                telling = np.linalg.norm(want - swapped, axis=-1) > 0.1
                undone += (away < wrong)[telling & np.isfinite(away + wrong)].tolist()
    whole = {name: np.concatenate(rows) for name, rows in errors.items()}
    figures = {
        name: float(rows.max() if 'changed' in name else rows.mean())
        for name, rows in whole.items()
    }
    for name in ('truth changed, px', 'truth changed, m'):
        figures[f'{name}, 99.9 %'] = float(np.percentile(whole[name], 99.9))
    for unit in ('px', 'm'):
        ratio = figures[f'after, {unit}'] / figures[f'before, {unit}']
        figures[f'after : before, {unit}'] = ratio
    figures['swaps undone'] = float(np.mean(undone)) if undone else float('nan')
    figures['ms a person and frame'] = spent / frames * 1e3
    return figures


# -- 3D ---------------------------------------------------------------------------


def name_people(name: str, truth: Truth, people: list[People]) -> Motion:
    """What the networks found in a clip, with ids, before any filter."""
    frames = [
        Frame(name, number, time, persons)
        for number, (time, persons) in enumerate(zip(truth.times.tolist(), people))
    ]
    camera = dict(K=truth.camera)
    return Motion.from_people(
        identify(frames), rate=truth.rate, size=truth.size, camera=camera
    )


def person_of(track: Track, truth: Truth) -> tuple[int, np.ndarray]:
    """The true person whom most of a track shows, and where it does, (T, ) bool."""
    fits = np.stack(
        [iou(*pair)[0] for pair in zip(track.boxes[:, None], truth.boxes[track.frames])]
    )
    fits = (fits >= LEAST) & (truth.shown[track.frames] >= SEEN)
    person = int(fits.sum(0).argmax())
    return person, fits[:, person]


def moves(truth: Truth) -> bool:
    """Whether the camera does, or is cut."""
    return bool(np.ptp(truth.extrinsics, axis=0).max() > 1e-6)


def from_hips(points: np.ndarray) -> np.ndarray:
    return points - points[:, HIPS].mean(1, keepdims=True)


def measure_3d(name: str, truth: Truth, people: list[People]) -> list[dict]:
    """Of each track of a clip, before and after filters."""
    raw = name_people(name, truth, people)
    solved = raw.smooth().solve()
    rows = []
    for was, now, *quality in zip(
        raw.tracks, solved.tracks, measure(raw), measure(solved), strict=True
    ):
        person, shown = person_of(was, truth)
        if shown.sum() < truth.rate:
            continue
        frames = was.frames
        inside = (truth.visible[frames, person] > 0) & shown[:, None]
        inside &= inside[:, HIPS].all(1, keepdims=True)
        goal = from_hips(truth.keypoints_3d_cam[frames, person])
        away = [
            np.linalg.norm(from_hips(track.keypoints_3d_cam) - goal, axis=-1)
            for track in (was, now)
        ]
        both = inside & np.isfinite(away).all(0)
        stands = truth.contacts[frames, person] & inside[:, FEET]
        slides = [
            np.linalg.norm(np.gradient(space[:, FEET], was.times, axis=0), axis=-1)
            for space in (was.keypoints_3d_cam, now.world)
        ]
        # Speeds of a frame take those before and behind.
        stands[1:-1] &= stands[:-2] & stands[2:]
        stands &= np.isfinite(slides).all(0)
        paces = np.gradient(truth.world[frames, person][:, FEET], was.times, axis=0)
        walks = inside[:, FEET] & (np.linalg.norm(paces, axis=-1) > WALK)
        held = np.concatenate([still for _, still in contacts(now, solved.camera)], 1)
        row = dict(
            track=f'{name} {was.id}',
            moves=moves(truth),
            walking=int(walks.sum()),
            held=float(held[walks].mean()) if walks.any() else np.nan,
        )
        for label, figures, error, speed in zip(
            ('before', 'after'), quality, away, slides
        ):
            row |= {
                f'jitter {label}': figures.jitter_3d,
                f'bones {label}': figures.bone_spread,
                f'MPJPE {label}': float(error[both].mean() * 1000),
                f'slide {label}': float(speed[stands].mean() * 1000),
            }
        rows.append(row)
    return rows


def solve(clips: list[tuple[str, Truth, list[People]]]) -> dict[str, object]:
    """Prints :func:`measure_3d` of all tracks, and returns them with what the bars of
    docs/motion.md say of all."""
    rows = [row for clip in clips for row in measure_3d(*clip)]
    units = {'jitter': 1, 'bones': 100, 'MPJPE': 1, 'slide': 1}
    print(
        'before -> after   jitter mm      bones %       MPJPE mm      sliding mm/s held'
    )
    for row in rows:
        cells = ' '.join(
            ''.join(
                f'{row[f"{name} {when}"] * unit:7.1f}' for when in ('before', 'after')
            )
            for name, unit in units.items()
        )
        moved = '  camera moves' * row['moves']
        print(f'{row["track"]:12} {cells}{row["held"]:5.2f}{moved}')

    def mean(name: str, rows: list[dict]) -> float:
        return float(np.nanmean([row[name] for row in rows])) if rows else np.nan

    still = [row for row in rows if not row['moves']]
    figures = dict(
        tracks=len(rows),
        jitter=mean('jitter after', rows) / mean('jitter before', rows),
        bones=max(row['bones after'] for row in rows),
        slide_before=mean('slide before', still),
        slide=mean('slide after', still),
        slide_moving=mean('slide after', [r for r in rows if r['moves']]),
        held=sum(row['held'] * row['walking'] for row in still if row['walking'])
        / max(sum(row['walking'] for row in still), 1),
        MPJPE_before=mean('MPJPE before', rows),
        MPJPE=mean('MPJPE after', rows),
        worse=[
            row['track'] for row in rows if row['MPJPE after'] > row['MPJPE before']
        ],
    )
    for name, figure in figures.items():
        print(f'{name:14}', figure)
    return dict(figures, rows=rows)


def long_clip(truth: Truth, people: list[People]) -> list[Frame]:
    """``SECONDS`` of a clip, played forwards and backwards, with ids."""
    numbers = np.arange(int(SECONDS * truth.rate)) % (2 * len(people) - 2)
    numbers = np.minimum(numbers, 2 * len(people) - 2 - numbers)
    return [
        Frame('long', frame, frame / truth.rate, people[number])
        for frame, number in enumerate(numbers.tolist())
    ]


def measure_time(
    clip: Path, truth: Truth, people: list[People], pose: PoseModel
) -> dict[str, float]:
    """Seconds of one core for ``SECONDS`` of ``PEOPLE`` people."""
    frames = long_clip(truth, people)
    seconds = {}

    def timed(name: str, work: Callable) -> object:
        start = time.process_time()
        result = work()
        seconds[name] = time.process_time() - start
        return result

    sample = [
        (image, persons)
        for image, persons in zip(Video(clip.with_suffix('.mp4')), people)
        if len(persons) == PEOPLE
    ][:50]
    pose(sample[0][0], sample[0][1].boxes, sample[0][1].box_scores)
    timed('pose', lambda: [pose(i, p.boxes, p.box_scores) for i, p in sample])
    seconds['pose'] *= SECONDS * truth.rate / len(sample)
    about = dict(rate=truth.rate, size=truth.size, camera=dict(K=truth.camera))
    named = timed('ids', lambda: identify(frames))
    motion = timed('tracks', lambda: Motion.from_people(named, **about))
    smooth = timed('smooth', motion.smooth)
    timed('solve', smooth.solve)
    seconds['share of smooth and solve'] = (
        seconds['smooth'] + seconds['solve']
    ) / seconds['pose']
    return seconds


def compare(clips: list[tuple[str, Truth, list[People]]]) -> dict[str, object]:
    """Prints :func:`measure_ids` of all trackers, and returns it."""
    figures = {name: measure_ids(clips, tracker) for name, tracker in TRACKERS.items()}
    for name, row in figures.items():
        print(
            f'{name:24s} HOTA {row["HOTA"]:.3f}  IDF1 {row["IDF1"]:.3f}  '
            f'{row["ids"]:3d} ids  {row["us"]:5.0f} us a frame'
        )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', type=Path, help='of the clips')
    parser.add_argument('--detector', default='rtmdet-nano')
    parser.add_argument('--pose', default='rtmw3d-t')
    parser.add_argument('--missing', type=int, default=0, help='frames to hide people')
    parser.add_argument('--json', type=Path, help='write the figures here')
    what = parser.add_mutually_exclusive_group()
    for name in ('--solve', '--time', '--noise'):
        what.add_argument(name, action='store_true', help='see above')
    flags = parser.parse_args()
    folders = sorted(path.parent for path in flags.folder.glob('clip-*/truth.npz'))
    if not folders:
        raise SystemExit(f'error: {flags.folder} holds no clips: see --help')
    truths = [(path, Truth.read(path / 'truth.npz')) for path in folders]
    if flags.noise:
        figures = noise(
            [(truth, read(path / 'keypoints.npz').frames) for path, truth in truths]
        )
        for name, figure in figures.items():
            print(f'{name:28s} {figure:.4f}')
    else:
        options = dict(backend='onnxruntime', threads=1)
        detector = Detector(resolve_network(flags.detector, 'detector'), **options)
        pose = PoseModel(resolve_network(flags.pose), **options)
        if flags.time:
            truths = [clip for clip in truths if clip[1].shown.shape[1] == PEOPLE][:1]
        clips = []
        for path, truth in truths:
            people = predict(path, truth, detector, pose)
            if flags.missing:
                people = hide(people, truth, flags.missing)
            clips.append((path.name, truth, people))
        count = sum(truth.shown.shape[1] for _, truth, _ in clips)
        print(f'{len(clips)} clips, {count} persons', flush=True)
        if flags.time:
            if not clips:
                raise SystemExit(
                    f'error: no clip of {flags.folder} has {PEOPLE} people'
                )
            figures = measure_time(truths[0][0], *clips[0][1:], pose)
            for name, figure in figures.items():
                print(f'{name:28s} {figure:.4f}')
        else:
            figures = (solve if flags.solve else compare)(clips)
    if flags.json:
        flags.json.write_text(json.dumps(figures, indent=1))


if __name__ == '__main__':
    main()
