"""Presets of ``rtmw infer --mode``: networks, precision and stride."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mode:
    """What a mode chooses where no flag does.

    Attributes:
        pose: Name of the pose network.
        detector: Name of the person detector.
        stride: Frames of a video from one look for people to the next.
        precision: Of the computation, as of ``rtmw infer --precision``.
    """

    pose: str
    detector: str
    stride: int
    precision: str = 'fp32'


#: The most accurate first. All have published ONNX files; their networks are those of
#: rtmlib's ``performance``, ``balanced`` and ``lightweight``.
MODES = {
    'accurate': Mode('rtmw-l', 'yolox-m', stride=1),
    'balanced': Mode('rtmw-l-256x192', 'yolox-m', stride=4),
    'fast': Mode('rtmw-m', 'yolox-tiny', stride=8, precision='auto'),
}
