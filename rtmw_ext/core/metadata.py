"""What a network file says about itself: a JSON object in the file.

``rtmw export`` writes it; :class:`rtmw_ext.runtime.PoseModel` and
:class:`rtmw_ext.runtime.Detector` read it. Published files have none.
"""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .calibration import CURVES, is_calibration
from .errors import RTMWError

#: Its key in the properties of an ONNX file, and below ``framework`` in the
#: runtime information of an OpenVINO file.
METADATA_KEY = 'rtmw'
#: Values of ``kind``; a detector's says how its pixels are normalised.
KINDS = ('pose', 'rtmdet', 'yolox')
#: Statistics of ImageNet in RGB, 0 to 255: those that RTMPose, RTMW, RTMW3D
#: and, in BGR, RTMDet were trained with.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)

#: Whether a value can be used.
Check = Callable[[Any], bool]

_TEXTS = ('name', 'weights', 'licence', 'made_by')
_POSITIVE = ('split_ratio', 'beta', 'score_scale', 'expected_beta', 'z_range')


class NetworkError(RTMWError, ValueError):
    """A network cannot be loaded or run; the text names it and the fix."""


@dataclass(frozen=True)
class NetworkMetadata:
    """Every value may be None: the file does not say.

    Attributes:
        kind: One of ``KINDS``.
        name: Of the model or config.
        weights: Name of the checkpoint's file.
        input_size: (w, h) in pixels.
        split_ratio: SimCC bins a pixel, > 0.
        mean: Of the input's three channels, in the order they are fed, 0 to
            255.
        std: Likewise, > 0.
        rgb: Whether the channels are fed as RGB, not BGR.
        keypoints: Names of the K points.
        licence: Of the weights.
        made_by: Program and version that wrote the file.
        beta: Temperature of the softmax over bins, > 0.
        score_scale: Factor by which the score of a sure point is 1, > 0.
        expected_beta: Points are expected bins by a softmax of this
            temperature, > 0, not the highest bins.
        z_range: Half the depth of the z axis in metres, > 0.
        root: The points whose mean is the origin of z.
        calibration: {part: its curve}, as of :mod:`rtmw_ext.core.calibration`.

    Raises:
        NetworkError: A value has the wrong type or is out of range.
    """

    kind: str | None = None
    name: str | None = None
    weights: str | None = None
    input_size: tuple[int, int] | None = None
    split_ratio: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    rgb: bool | None = None
    keypoints: tuple[str, ...] | None = None
    licence: str | None = None
    made_by: str | None = None
    beta: float | None = None
    score_scale: float | None = None
    expected_beta: float | None = None
    z_range: float | None = None
    root: tuple[int, ...] | None = None
    calibration: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self._check(['kind'], KINDS.__contains__, f'one of {", ".join(KINDS)}')
        self._check(_TEXTS, _is_text, 'text')
        self._check(['input_size'], _of(_is_count, 2), 'two whole numbers > 0')
        self._check(_POSITIVE, _is_positive, 'a number > 0')
        self._check(['mean'], _of(_is_number, 3), 'three numbers')
        self._check(['std'], _of(_is_positive, 3), 'three numbers > 0')
        self._check(['rgb'], lambda value: isinstance(value, bool), 'true or false')
        self._check(['keypoints'], _of(_is_text), 'a list of names')
        self._check(['root'], _of(_is_index), 'a list of whole numbers >= 0')
        self._check(
            ['calibration'],
            is_calibration,
            f'curves of some of {", ".join(CURVES)}',
        )

    def _check(self, names: Iterable[str], good: Check, wanted: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and not good(value):
                raise NetworkError(
                    f'metadata "{name}" is {value!r}, not {wanted}: export the '
                    'network again with `rtmw export`'
                )

    def known(self) -> dict[str, Any]:
        """The values that are not None, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def to_json(self) -> str:
        """A JSON object of what is known."""
        return json.dumps(self.known())

    @classmethod
    def from_json(cls, text: str | None) -> 'NetworkMetadata':
        """
        Args:
            text: Of :meth:`to_json`; keys that this version does not know are
                left out. None or '' is a file without metadata.

        Raises:
            NetworkError: It is no JSON object, or a value is of no use.
        """
        if not text:
            return cls()
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise NetworkError(f'metadata is no JSON: {error}') from None
        if not isinstance(values, dict):
            raise NetworkError(f'metadata is {text[:50]!r}, not a JSON object')
        known: dict[str, Any] = {
            field.name: tuple(value) if isinstance(value, list) else value
            for field in fields(cls)
            if (value := values.get(field.name)) is not None
        }
        return cls(**known)

    def normalisation(self, rgb: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """What to subtract from pixels, and what to multiply them by then.

        Args:
            rgb: Order of the channels in which ImageNet's statistics stand in
                for those that the file does not give.

        Returns:
            Both (3, 1, 1) float32.
        """
        order = slice(None, None, 1 if rgb else -1)
        mean = self.mean or IMAGENET_MEAN[order]
        std = self.std or IMAGENET_STD[order]
        return (
            np.array(mean, np.float32)[:, None, None],
            1 / np.array(std, np.float32)[:, None, None],
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        # A whole number can be larger than any float.
        and abs(value) <= sys.float_info.max
    )


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_count(value: Any) -> bool:
    return _is_index(value) and value > 0


def _of(good: Check, length: int | None = None) -> Check:
    """A test for tuples of ``length`` items (any number if None)."""
    return lambda value: (
        isinstance(value, tuple)
        and length in (None, len(value))
        and all(map(good, value))
    )
