#!/usr/bin/env python3
"""Writes the true motion of rendered clips in every format, reads it back with other
packages and prints how far what they see is from the points:

    tools/dataset/synthesize.py --format clips --num 20 --seed 20 --out data/motion-val
    tools/bench/motion_files.py data/motion-val

Markers and points are compared with the world; joints, which move by rotations of a
body with bones of constant length, with those points that they are fitted to, in
frames with hips and shoulders. Needs bvhio and c3d (requirements/dev.txt).
"""

import argparse
import io
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import bvhio
import c3d
import numpy as np
import pandas
import pygltflib
from pose_format import Pose
from scipy.spatial.transform import Rotation

from rtmw_ext.core.skeleton import NUM_KEYPOINTS
from rtmw_ext.motion import Motion, Track
from rtmw_ext.motion.files import WRITERS
from rtmw_ext.motion.rotations import JOINTS, joints_of
from rtmw_ext.synthetic.clips import Truth


def read_motion(clip: Path) -> Motion:
    """The people of a clip with their true world, at even times."""
    motion = Motion.from_results(clip / 'keypoints.npz')
    truth = Truth.read(clip / 'truth.npz')
    for track in motion.tracks:
        known = np.isfinite(track.keypoints_3d_cam)
        track.world = np.where(known, truth.world[track.frames, track.id], np.nan)
    return motion


def read_trc(content: bytes, track: Track, motion: Motion) -> np.ndarray:
    """(T, 133, 3) metres, by pandas."""
    table = pandas.read_csv(io.BytesIO(content), sep='\t', skiprows=4)
    return table.to_numpy()[:, 2:].reshape(len(table), -1, 3)[:, :NUM_KEYPOINTS]


def read_c3d(content: bytes, track: Track, motion: Motion) -> np.ndarray:
    """(T, 133, 3) metres, by c3d."""
    points = np.stack(
        [row for _, row, _ in c3d.Reader(io.BytesIO(content)).read_frames()]
    )[:, :NUM_KEYPOINTS]
    missing = points[..., 3:4] == -1
    return np.where(missing, np.nan, points[..., :3]) / 1000


def read_pose(content: bytes, track: Track, motion: Motion) -> np.ndarray:
    """(T, 133, 3) metres, by pose-format."""
    data = Pose.read(content).body.data[:, motion.tracks.index(track)]
    return data[track.frames - motion.frames[0], -NUM_KEYPOINTS:].filled(np.nan)


def read_bvh(content: bytes, track: Track, motion: Motion) -> dict[str, np.ndarray]:
    """{joint: (T, 3) metres}, by bvhio."""
    with tempfile.NamedTemporaryFile(suffix='.bvh') as file:
        file.write(content)
        file.flush()
        root = bvhio.readAsHierarchy(file.name)
    joints = [joint for joint, _, _ in root.layout()]
    places: dict[str, list] = {joint.Name: [] for joint in joints}
    for frame in track.frames - motion.frames[0]:
        root.loadPose(int(frame))
        for joint in joints:
            places[joint.Name].append(list(joint.PositionWorld))
    return {name: np.array(rows) for name, rows in places.items()}


def read_glb(content: bytes, track: Track, motion: Motion) -> dict[str, np.ndarray]:
    """{joint: (T, 3) metres}, by pygltflib."""
    file = pygltflib.GLTF2.load_from_bytes(content)
    blob = file.binary_blob()

    def array(number: int, width: int) -> np.ndarray:
        accessor = file.accessors[number]
        start = file.bufferViews[accessor.bufferView].byteOffset
        count = accessor.count * width
        return np.frombuffer(blob, '<f4', count, start).reshape(-1, width)

    moves = {}
    for channel in file.animations[0].channels:
        output = file.animations[0].samplers[channel.sampler].output
        path = channel.target.path
        width = 4 if path == 'rotation' else 3
        moves[channel.target.node, path] = array(output, width)
    places = {}

    def walk(number: int, place: np.ndarray, turn: Rotation) -> None:
        node = file.nodes[number]
        offset = moves.get((number, 'translation'), np.array([node.translation]))
        place = place + turn.apply(offset)
        if (number, 'rotation') in moves:
            turn = turn * Rotation.from_quat(moves[number, 'rotation'])
        places[node.name.removesuffix(f'-{track.id}')] = place
        for child in node.children:
            walk(child, place, turn)

    skin = file.skins[motion.tracks.index(track)]
    walk(skin.joints[0], np.zeros(3), Rotation.identity(len(track)))
    return places


READERS = dict(trc=read_trc, c3d=read_c3d, pose=read_pose, bvh=read_bvh, glb=read_glb)


def errors_of(motion: Motion, name: str) -> Iterator[np.ndarray]:
    """Millimetres, of each person's points or joints that are known."""
    writer = WRITERS[name]
    whole = None if writer.one_person else writer.encode(motion)
    for track in motion.tracks:
        alone = motion.with_tracks([track])
        found = READERS[name](whole or writer.encode(alone), track, motion)
        truth = track.world
        if isinstance(found, dict):
            goals = dict(
                zip(JOINTS, joints_of(track.world, motion.names).swapaxes(0, 1))
            )
            names = [joint for joint in found if JOINTS[joint].points]
            truth = np.stack([goals[joint] for joint in names], 1)
            found = np.stack([found[joint] for joint in names], 1)
            # Without hips and shoulders there is nothing to hang a hand on.
            lost = np.isnan(goals['Hips'] + goals['Neck']).any(1)
            truth[lost] = np.nan
        error = np.linalg.norm(found - truth, axis=-1) * 1000
        yield error[np.isfinite(truth).all(-1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path, help='of clips')
    folder = parser.parse_args().folder
    warnings.filterwarnings('ignore', module='c3d')
    motions = [read_motion(path.parent) for path in sorted(folder.glob('*/truth.npz'))]
    # Files at a constant rate have other frames where some are missing.
    even = [m for m in motions if np.ptp(np.diff(m.times)) < 1e-3]
    print(f'{len(even)} clips, {sum(len(m.tracks) for m in even)} people, mm:')
    print('format  median     95 %      max')
    for name in READERS:
        errors = np.concatenate([row for m in even for row in errors_of(m, name)])
        figures = (np.median(errors), np.percentile(errors, 95), errors.max())
        print(f'{name:6}' + ''.join(f'{figure:9.3f}' for figure in figures))


if __name__ == '__main__':
    main()
