"""Cameras from calibration files, as those of :mod:`rtmw_ext.core.geometry`.

Sources: OpenCV's FileStorage; ROS' camera_info; COLMAP, "Camera Models" and
"Output Format" (https://colmap.github.io).
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .geometry import Camera, CameraError, check_camera

#: Names of values in YAML and JSON, in small letters without ``_``.
MATRIX = ('cameramatrix', 'k', 'intrinsicmatrix', 'intrinsics', 'mtx')
DISTORTION = (
    *('distortioncoefficients', 'distcoeffs', 'distcoeff', 'distortion'),
    *('dist', 'd'),
)
MODEL = ('distortionmodel', 'cameramodel', 'model')
SIZES = (('imagewidth', 'imageheight'), ('width', 'height'))
#: Words in the names of models that ours is not.
OTHER_MODELS = re.compile('fisheye|equidistant|omni|fov|thin_prism|mei', re.IGNORECASE)
#: {model of COLMAP: its parameters}.
COLMAP = {
    'SIMPLE_PINHOLE': 'f cx cy',
    'PINHOLE': 'fx fy cx cy',
    'SIMPLE_RADIAL': 'f cx cy k1',
    'RADIAL': 'f cx cy k1 k2',
    'OPENCV': 'fx fy cx cy k1 k2 p1 p2',
    'FULL_OPENCV': 'fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6',
}
#: OpenCV's order.
COEFFICIENTS = 'k1 k2 p1 p2 k3 k4 k5 k6'.split()
#: ID, model, width, height and parameters.
COLMAP_LINE = re.compile(r'\s*\d+\s+([A-Z_]+)\s+(\d+)\s+(\d+)((?:\s+[-+.\deE]+)+)\s*')


class _Loader(yaml.SafeLoader):
    """YAML with OpenCV's matrices."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict:
    return loader.construct_mapping(node, deep=True)


for _name in ('opencv-matrix', 'opencv-nd-matrix'):
    _Loader.add_constructor(f'tag:yaml.org,2002:{_name}', _mapping)


def read_camera(source: str | Path) -> Camera:
    """Reads a camera.

    Args:
        source: ``fx,fy,cx,cy`` in pixels, with whole numbers at pixel centres; or a
            file: YAML or JSON of OpenCV (``camera_matrix``,
            ``distortion_coefficients``, ``image_width``, ``image_height``) or of
            ROS, or the ``cameras.txt`` of COLMAP with one camera.

    Returns:
        ``K``, ``distortion`` and, if it is known, ``size``.

    Raises:
        CameraError: It cannot be read, is no camera, has a lens of another
            model, such as fisheye, or is one of several.
    """
    numbers = _numbers_of(str(source))
    if numbers is not None and not Path(source).exists():
        if len(numbers) != 4:
            raise CameraError(
                f'camera {source} has {len(numbers)} numbers: give fx,fy,cx,cy in '
                'pixels, or a file'
            )
        return check_camera(_matrix(*numbers))
    path = Path(source)
    try:
        text = path.read_text(encoding='utf-8-sig')
    except OSError as error:
        raise CameraError(
            f'camera {path} cannot be read ({error.strerror}): give a file of OpenCV '
            '(YAML or JSON) or COLMAP (cameras.txt), or fx,fy,cx,cy'
        ) from None
    except ValueError:
        raise CameraError(f'camera {path} is no text: {_WANTED}') from None
    try:
        lines = [line for line in text.splitlines() if line.strip()]
        lines = [line for line in lines if not line.startswith('#')]
        if lines and COLMAP_LINE.fullmatch(lines[0]):
            return _colmap(lines)
        return _opencv(_content(text))
    except CameraError as error:
        raise CameraError(f'camera {path}: {error}') from None
    except (ValueError, TypeError, KeyError, RecursionError, yaml.YAMLError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise CameraError(
            f'camera {path} cannot be read ({reason}): {_WANTED}'
        ) from None


_WANTED = 'give YAML or JSON of OpenCV, or cameras.txt of COLMAP'


def _numbers_of(text: str) -> list[float] | None:
    """Numbers with commas between them; None if it is something else."""
    try:
        return [float(part) for part in text.split(',')] if ',' in text else None
    except ValueError:
        return None


def _matrix(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def _content(text: str) -> Mapping[str, Any]:
    """Of YAML or JSON; OpenCV's first line is no YAML of today."""
    if text.lstrip().startswith('{'):
        content = json.loads(text)
    else:
        text = re.sub(r'\A\s*%YAML[^\n]*\n', '', text)
        content = yaml.load(text, _Loader)
    if not isinstance(content, Mapping):
        raise CameraError(f'it holds no camera: {_WANTED}')
    return {str(key).lower().replace('_', ''): row for key, row in content.items()}


def _array(value: Any) -> np.ndarray:
    """A matrix of OpenCV or ROS, or lists."""
    if not isinstance(value, Mapping):
        return np.array(value, float)
    # OpenCV 5 writes sizes of arrays that are no table.
    shape = value.get('sizes') or [value['rows'], value['cols']]
    return np.array(value['data'], float).reshape([*map(int, shape)])


def _first(content: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((content[name] for name in names if name in content), None)


def _opencv(content: Mapping[str, Any]) -> Camera:
    for name in MODEL:
        if OTHER_MODELS.search(str(content.get(name))):
            raise _other_model(content[name])
    # OpenCV's own calibration program writes so.
    if content.get('fisheyemodel'):
        raise _other_model('fisheye')
    matrix = _first(content, MATRIX)
    if matrix is None:
        raise CameraError('it has no camera_matrix: give the file of a calibration')
    matrix = _array(matrix)
    distortion = _first(content, DISTORTION)
    camera: Camera = check_camera(
        dict(
            # ROS writes the nine numbers in a row.
            K=matrix.reshape(3, 3) if matrix.size == 9 else matrix,
            distortion=None if distortion is None else _array(distortion),
        )
    )
    sizes: list[list] = [[content.get(name) for name in names] for names in SIZES]
    sizes.append(content.get('imagesize') or [None])
    size = next((size for size in sizes if None not in size), None)
    if size is not None:
        width, height = map(int, size)
        camera['size'] = (width, height)
    return camera


def _other_model(name: Any) -> CameraError:
    return CameraError(
        f'its lens is of the model {name}, which is not supported: undistort the '
        'images and give the camera of these'
    )


def _colmap(lines: list[str]) -> Camera:
    if len(lines) > 1:
        raise CameraError(
            f'it holds {len(lines)} cameras: leave the line of the one that took the '
            'images'
        )
    found = COLMAP_LINE.fullmatch(lines[0])
    assert found is not None
    model, width, height, numbers = found.groups()
    if model not in COLMAP:
        raise _other_model(model)
    names, values = COLMAP[model].split(), [float(text) for text in numbers.split()]
    if len(names) != len(values):
        raise CameraError(
            f'{model} has {len(values)} parameters, not {len(names)} ({COLMAP[model]})'
        )
    row = dict(zip(names, values))
    fx, fy = (row.get(name, row.get('f', 0.0)) for name in ('fx', 'fy'))
    coefficients = [row.get(name, 0.0) for name in COEFFICIENTS]
    # COLMAP counts from the corner of the first pixel, we from its centre.
    matrix = _matrix(fx, fy, row['cx'] - 0.5, row['cy'] - 0.5)
    camera: Camera = check_camera(dict(K=matrix, distortion=coefficients))
    camera['size'] = (int(width), int(height))
    return camera
