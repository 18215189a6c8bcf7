"""Flags of networks and people, and the estimator that they describe."""

import argparse
import math
import os
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.camera_files import read_camera
from ..core.errors import UsageError
from ..core.geometry import PERSON_HEIGHT, Camera
from ..runtime import (
    Detector,
    OneStageModel,
    WholeBody,
    load_pose,
    tuning,
)
from ..runtime.detector import SCORE_THR
from ..runtime.network import BACKENDS, PRECISIONS
from ..zoo import (
    DEFAULTS,
    MODES,
    SECOND_LOOK,
    STAND_INS,
    Kind,
    find,
    resolve_network,
    resolve_networks,
)

#: Images up to which ONNX Runtime is done first: it starts 0.5 to 1 s sooner than
#: OpenVINO, which takes less time an image.
FEW_IMAGES = 32
#: Frames of a video from one look for people to the next.
STRIDE = 8


def add_network_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--mode',
        choices=tuple(MODES),
        help='networks, stride and precision that no flag gives: '
        + '; '.join(
            f'{name}: {mode.pose}, {mode.detector}, {mode.stride}, {mode.precision}'
            for name, mode in MODES.items()
        ),
    )
    parser.add_argument(
        '--pose',
        help='pose network: file or name (default: $RTMW_POSE, else '
        f'{DEFAULTS["pose"]}, or {STAND_INS["pose"]} where that cannot be fetched)',
    )
    parser.add_argument(
        '--det',
        help='detector, not for networks of one stage: file, name, or "none" for '
        'images of one person (default: '
        f'$RTMW_DET, else {DEFAULTS["detector"]}, or {STAND_INS["detector"]} where '
        'that cannot be fetched)',
    )
    parser.add_argument('--backend', choices=BACKENDS)
    parser.add_argument(
        '--device', default='cpu', help='cpu, cuda, cuda:1, ... (default: cpu)'
    )
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        help='default: auto, or that of --mode; auto is bf16 where OpenVINO runs on a '
        'CPU that has it, else fp32',
    )
    parser.add_argument(
        '--no-tuned', action='store_true', help='as if `rtmw tune` had not been run'
    )
    parser.add_argument('--threads', type=int, default=0, help='0 takes all cores')
    parser.add_argument(
        '--batch', type=int, metavar='N', help='people a call of the network at most'
    )
    parser.add_argument(
        '--subbin', action='store_true', help='points between SimCC bins'
    )
    parser.add_argument(
        '--second-look',
        nargs='?',
        metavar='NETWORK',
        const=SECOND_LOOK,
        help='faces and hands again, in crops of their own: '
        'better and slower; by this network, file or name '
        f'(default: {SECOND_LOOK})',
    )
    parser.add_argument(
        '--bgr', action='store_true', help='feed BGR, as rtmlib 0.0.16 does'
    )


def add_people_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--max-people',
        type=int,
        metavar='N',
        help='of more people, those with the N largest boxes (default: all)',
    )
    parser.add_argument(
        '--det-threshold',
        type=float,
        metavar='X',
        help=f'least score of a box, 0 to 1 (default: {SCORE_THR})',
    )
    parser.add_argument(
        '--camera',
        metavar='FILE|FX,FY,CX,CY',
        help="3D models: the camera: OpenCV's YAML or JSON, COLMAP's cameras.txt, or "
        'pixels',
    )
    parser.add_argument(
        '--person-height',
        type=float,
        metavar='METRES',
        help=f'3D models: of the people, for their depth (default: {PERSON_HEIGHT})',
    )


def complete(flags: argparse.Namespace, images: int | None) -> None:
    """Sets the flags that were not given: by ``--mode``, else by ``$RTMW_POSE`` and
    ``$RTMW_DET``, else to their defaults.

    Args:
        flags: Of this command.
        images: That it is for; None for videos.
    """
    mode = MODES[flags.mode] if flags.mode else None
    # Empty, a variable counts as not set.
    flags.pose = flags.pose or (
        mode.pose if mode else os.environ.get('RTMW_POSE') or None
    )
    flags.det = flags.det or (
        mode.detector if mode else os.environ.get('RTMW_DET') or None
    )
    if flags.stride is None:
        flags.stride = mode.stride if mode else STRIDE
    flags.tuned = (
        (flags.precision, flags.backend, flags.device) == (None, None, 'cpu')
        and (mode is None or mode.precision == 'auto')
        and not flags.no_tuned
    )
    if flags.precision is None:
        flags.precision = mode.precision if mode else 'auto'


def default_backend(images: int | None) -> str:
    """That of so many images, or of a video (None), on a CPU that was not tuned."""
    few = images is not None and images <= FEW_IMAGES
    return 'openvino' if not few and find_spec('openvino') else 'onnxruntime'


def check_people(flags: argparse.Namespace) -> Camera | None:
    """Checks the flags about people before networks are fetched. Returns the
    camera."""
    if flags.det_threshold is not None:
        if not 0 < flags.det_threshold < 1:
            raise UsageError(
                f'--det-threshold is {flags.det_threshold}: it must be between 0 and 1'
            )
        if flags.det == 'none' and not flags.boxes:
            raise UsageError('--det-threshold is of a detector: leave --det none')
    if flags.person_height is not None and not 0 < flags.person_height < math.inf:
        raise UsageError(
            f'--person-height is {flags.person_height}: it must be more than 0 metres'
        )
    return None if flags.camera is None else read_camera(flags.camera)


def build_estimator(
    flags: argparse.Namespace, images: int | None, camera: Camera | None = None
) -> WholeBody:
    """
    Args:
        flags: Those of networks and people.
        images: That it is for; None for videos.
        camera: Of all images.

    Returns:
        The estimator that the flags describe.
    """
    second_file = flags.second_look and resolve_network(flags.second_look)
    names: dict[Kind, str | None] = {'pose': flags.pose}
    detects = flags.det != 'none' and not flags.boxes
    # Of other pose networks only the file says whether they need a detector.
    if detects and _of_two_stages(flags.pose):
        names['detector'] = flags.det
    networks = resolve_networks(names)
    threads = flags.threads or os.cpu_count() or 1
    # Several images at once, a thread each, beat all threads on one.
    side_by_side = flags.device == 'cpu' and images is not None and images > threads
    network: dict[str, Any] = dict(
        backend=flags.backend or _first_backend(flags, images),
        device=flags.device,
        threads=threads,
        precision=flags.precision,
        streams=threads if side_by_side else 1,
    )
    pose_file, pose_network = networks['pose'], network
    if flags.tuned and (settings := tuning.load(pose_file, threads)):
        setting = tuning.choose(settings, default_backend(images), images)
        pose_file = Path(setting.file)
        pose_network = network | dict(
            backend=setting.backend, precision=setting.precision
        )
    least = SCORE_THR if flags.det_threshold is None else flags.det_threshold
    with ThreadPoolExecutor(1) as loader:
        detector: Future[Detector] | None = None
        # Two files at once take two thirds of the time (0.4 for 0.65 s, two cores).
        # OpenVINO's core belongs to the main thread.
        if 'detector' in networks and network['backend'] == 'onnxruntime':
            detector = loader.submit(
                Detector, networks['detector'], score_thr=least, **network
            )
        pose = load_pose(
            pose_file,
            rgb=False if flags.bgr else None,
            subbin=flags.subbin,
            person_height=flags.person_height or PERSON_HEIGHT,
            camera=camera,
            second_look=second_file,
            **pose_network,
        )
    if isinstance(pose, OneStageModel):
        if flags.boxes:
            raise UsageError(
                f'{flags.pose} finds the people itself: leave --boxes out, or give '
                'another --pose'
            )
        if flags.det not in (None, 'none'):
            warnings.warn(
                f'{flags.pose} finds the people itself: the detector {flags.det} is '
                'not used',
                stacklevel=2,
            )
        pose.score_thr = least
        return WholeBody(pose, max_people=flags.max_people)
    for model in filter(None, (pose, pose.second_look)):
        model.batch = min(model.batch, flags.batch or model.batch)
    if not detects:
        return WholeBody(pose, max_people=flags.max_people)
    if 'detector' not in networks:
        networks = resolve_networks({'detector': flags.det})
    return WholeBody(
        pose,
        detector.result()
        if detector
        else Detector(networks['detector'], score_thr=least, **network),
        fallback=not flags.no_fallback,
        max_people=flags.max_people,
    )


def _of_two_stages(pose: str | None) -> bool:
    """Whether a pose network is known to need a detector; the default one is."""
    with warnings.catch_warnings():
        # Where it is fetched, a former name is told of.
        warnings.simplefilter('ignore', FutureWarning)
        model = find(pose or DEFAULTS['pose'])
    return model is not None and not model.one_stage


def _first_backend(flags: argparse.Namespace, images: int | None) -> str | None:
    """The backend that is done first with so many images; None for the default."""
    few = images is not None and images <= FEW_IMAGES
    can = flags.device == 'cpu' and flags.precision != 'bf16'
    # Networks that are named are ONNX files.
    files = map(str, (flags.pose, flags.det, flags.second_look))
    readable = not any(file.endswith('.xml') for file in files)
    return 'onnxruntime' if few and can and readable else None


def networks_of(estimator: WholeBody) -> dict[str, Path]:
    """{role: file} of the networks."""
    return {role: Path(network.path) for role, network in estimator.networks.items()}
