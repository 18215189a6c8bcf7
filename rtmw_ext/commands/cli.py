"""The command ``rtmw``.

Exit codes: 0 all done; 1 nothing could be done, the reason is one line; 2 the
command line is wrong; 3 done, but an input was skipped or ended early;
130 stopped by Ctrl-C, finished outputs are valid.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

from ..output import FORMATS

#: The network of the package that looks at faces and hands again.
SECOND_LOOK = 'rtmw3d-t-parts-synthetic'
PARTLY = 3
STOPPED = 130


def main(arguments=None):
    """The console script. Returns the exit code."""
    # OpenCV reads these when it is loaded: its own lines would hide ours.
    os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    flags = _parser().parse_args(arguments)
    warnings.showwarning = lambda message, *_: print(
        f'rtmw: warning: {message}', file=sys.stderr
    )
    try:
        return flags.run(flags) or 0
    except KeyboardInterrupt:
        print('rtmw: stopped; finished outputs are kept', file=sys.stderr)
        return STOPPED
    except (ValueError, OSError, ImportError) as error:
        print(f'rtmw: {" ".join(str(error).split())}', file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(
        prog='rtmw',
        description='Real-time whole-body pose: RTMW, RTMW3D.',
        epilog=__doc__.split('\n\n')[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar='COMMAND')

    infer = _command(commands, 'infer', _infer, 'people in images and videos')
    infer.add_argument(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='image, folder, glob, video or webcam number',
    )
    infer.add_argument(
        '--out',
        default='rtmw_out',
        type=Path,
        help='folder for the outputs (default: rtmw_out)',
    )
    infer.add_argument(
        '--format',
        nargs='*',
        default=['json'],
        choices=tuple(FORMATS),
        help='result files (default: json): '
        + '; '.join(f'{name}: {row.description}' for name, row in FORMATS.items()),
    )
    infer.add_argument('--no-draw', action='store_true', help='no pictures, no videos')
    infer.add_argument('--picture', choices=('jpg', 'png'), default='jpg')
    infer.add_argument('--boxes', action='store_true', help='draw boxes')
    infer.add_argument(
        '--scene', action='store_true', help='draw the people in 3D, too (3D models)'
    )
    infer.add_argument(
        '--threshold',
        type=float,
        default=0.3,
        help='least score of a point drawn (default: 0.3), in '
        "parts of a sure one's, if the file says what that is",
    )
    infer.add_argument(
        '--stride',
        type=int,
        default=8,
        metavar='N',
        help='videos: look for people every N frames',
    )
    infer.add_argument('--smooth', action='store_true', help='videos: one-euro filter')
    infer.add_argument(
        '--frames', type=int, metavar='N', help='videos: stop after N frames'
    )
    infer.add_argument(
        '--no-fallback',
        action='store_true',
        help='images: where the detector finds nobody, do not '
        'look for one person in the whole image',
    )
    _add_networks(infer)

    export = _command(
        commands, 'export', _export, 'a model as ONNX, OpenVINO, ncnn or TensorRT'
    )
    export.add_argument('model', help='name, or path of a config')
    export.add_argument(
        '--weights', help='checkpoint; default: the model\'s own; "random" for none'
    )
    export.add_argument(
        '--to', default='onnx', choices=('onnx', 'openvino', 'ncnn', 'tensorrt')
    )
    export.add_argument('--precision', default='fp32', choices=('fp32', 'fp16', 'int8'))
    export.add_argument(
        '--with-decode',
        action='store_true',
        help='ONNX: keypoints out instead of SimCC logits',
    )
    export.add_argument(
        '--calibration', metavar='FOLDER', help='int8: images of people, some tens'
    )
    export.add_argument(
        '--detector',
        metavar='FILE',
        help='int8: cut the people out by this detector, a file or a name',
    )
    export.add_argument(
        '--images', metavar='FOLDER', help='check the export on these images too'
    )
    export.add_argument('--out', type=Path, help='file or, ncnn, folder')

    bench = _command(
        commands, 'bench', _bench, 'milliseconds of networks, and beside rtmlib'
    )
    bench.add_argument(
        'networks',
        nargs='*',
        metavar='NETWORK',
        help='pose networks, files or names: a row each',
    )
    bench.add_argument(
        '--rtmlib', action='store_true', help='run rtmlib on the same files, in turns'
    )
    bench.add_argument('--det', help='detector: file or name')
    bench.add_argument('--images', help='folder of photos of people')
    bench.add_argument('--rounds', type=int, default=10)
    bench.add_argument('--threads', type=int, default=0)
    bench.add_argument(
        '--frames', type=int, default=200, help='of the video (default: 200)'
    )

    models = _command(commands, 'models', _models, 'the known models')
    models.add_argument('filter', nargs='?', default='', help='part of a name')
    info = _command(commands, 'info', _info, 'what is installed, or a file is')
    info.add_argument('file', nargs='?', help='an .onnx or .xml network')
    return parser


def _command(commands, name, run, text):
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    return command


def _add_networks(command):
    command.add_argument(
        '--pose',
        default=os.environ.get('RTMW_POSE', 'rtmw-m'),
        help='pose network: file or name (default: $RTMW_POSE, else rtmw-m)',
    )
    command.add_argument(
        '--det',
        default=os.environ.get('RTMW_DET', 'yolox-tiny'),
        help='detector: file, published name, or "none" for images of one '
        'person (default: $RTMW_DET, else yolox-tiny)',
    )
    command.add_argument('--backend', choices=('onnxruntime', 'openvino'))
    command.add_argument(
        '--device', default='cpu', help='cpu, cuda, cuda:1, ... (default: cpu)'
    )
    command.add_argument('--precision', choices=('fp32', 'bf16'), default='fp32')
    command.add_argument('--threads', type=int, default=0, help='0 takes all cores')
    command.add_argument(
        '--batch', type=int, metavar='N', help='people a call of the network at most'
    )
    command.add_argument(
        '--subbin', action='store_true', help='points between SimCC bins'
    )
    command.add_argument(
        '--second-look',
        nargs='?',
        metavar='NETWORK',
        const=SECOND_LOOK,
        help='faces and hands again, in crops of their own: '
        'better and slower; by this network, file or name '
        f'(default: {SECOND_LOOK})',
    )
    command.add_argument(
        '--bgr', action='store_true', help='feed BGR, as rtmlib 0.0.16 does'
    )


def build(flags, images=1):
    """The estimator that the network flags describe, for so many images."""
    from ..runtime import Detector, PoseModel, WholeBody
    from ..zoo import networks as files

    threads = flags.threads or os.cpu_count()
    # Several images at once, a thread each, beat all threads on one.
    network = dict(
        backend=flags.backend,
        device=flags.device,
        threads=threads,
        precision=flags.precision,
        streams=threads if flags.device == 'cpu' and images > threads else 1,
    )
    pose = PoseModel(
        files.resolve(flags.pose, files.POSES),
        rgb=False if flags.bgr else None,
        subbin=flags.subbin,
        second_look=flags.second_look and files.resolve(flags.second_look, files.POSES),
        **network,
    )
    for one in filter(None, (pose, pose.second_look)):
        one.batch = min(one.batch, flags.batch or one.batch)
    if flags.det == 'none':
        return WholeBody(pose)
    return WholeBody(
        pose,
        Detector(files.resolve(flags.det, files.DETECTORS), **network),
        fallback=not flags.no_fallback,
    )


def _infer(flags):
    from ..output.folder import OutputFolder, make_folder
    from . import infer

    jobs = infer.find_inputs(flags.inputs)
    if flags.stride < 1 or flags.batch is not None and flags.batch < 1:
        raise ValueError('--stride and --batch must be 1 or more')
    # Before networks are fetched for nothing.
    make_folder(flags.out)
    images = 1 if any(map(infer.is_video, jobs)) else len(jobs)
    estimator = build(flags, images)
    if flags.scene and not estimator.pose.is_3d:
        raise ValueError(
            f'--scene draws in 3D, but {flags.pose} is a 2D '
            'model: give --pose an RTMW3D'
        )
    outputs = OutputFolder(
        flags.out,
        flags.format,
        draw=not flags.no_draw,
        picture=flags.picture,
        boxes=flags.boxes,
        scene=flags.scene,
        threshold=estimator.pose.raw_score(flags.threshold),
    )
    return (
        0
        if infer.run(
            estimator,
            jobs,
            outputs,
            every=flags.stride,
            smooth=flags.smooth,
            limit=flags.frames,
        )
        else PARTLY
    )


def _export(flags):
    from . import export as command

    return command.run(flags)


def _bench(flags):
    from . import bench

    return bench.run(flags)


def _models(flags):
    from .. import zoo
    from ..zoo import networks as files

    rows = [(model.aliases[0], model.task, model.weights) for model in zoo.models()]
    absent = {
        model.weights
        for model in zoo.models()
        if model.network and not zoo.is_in_package(model.weights)
    }
    rows += [
        (
            name,
            'shipped ONNX' if files.is_shipped(address) else 'published ONNX',
            address,
        )
        for table in (files.POSES, files.DETECTORS)
        for name, address in table.items()
    ]
    for name, task, weights in rows:
        if flags.filter in name:
            print(
                f'{name:24} {task:24} {weights.rsplit("/", 1)[-1]}'
                + ' (not in this version)' * (weights in absent)
            )


def _info(flags):
    import importlib.metadata
    import importlib.util

    if flags.file is None:
        for name in (
            'rtmw_ext',
            'numpy',
            'opencv-python-headless',
            'opencv-python',
            'onnxruntime',
            'onnxruntime-gpu',
            'openvino',
            'torch',
            'mmpose',
        ):
            try:
                print(f'{name:24} {importlib.metadata.version(name)}')
            except importlib.metadata.PackageNotFoundError:
                print(f'{name:24} -')
        import onnxruntime

        print(f'{"providers":24} {", ".join(onnxruntime.get_available_providers())}')
        print(f'{"cores":24} {os.cpu_count()}')
        return
    from ..runtime import load_network

    network = load_network(flags.file)
    for title, values in (
        ('inputs', network.inputs),
        ('outputs', network.outputs),
        ('metadata', network.metadata.known()),
    ):
        print(f'{title}:')
        for name, value in values.items():
            text = str(value)
            print(f'  {name:14} {text[:100]}{"..." * (len(text) > 100)}')


if __name__ == '__main__':
    sys.exit(main())
