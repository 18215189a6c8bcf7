"""An interactive 3D view with rerun (https://rerun.io), an optional extra:
``pip install rtmw_ext[rerun]``.

Shapes: N persons, K keypoints.
"""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..core.errors import RTMWError
from ..core.images import read_image
from ..core.people import MIN_SCORE
from .style import rgb, style_of

#: Quality of JPEG that pictures have.
QUALITY = 90


class RerunMissingError(RTMWError, ImportError):
    """The package rerun is not installed."""


def load_rerun() -> ModuleType:
    """The package.

    Raises:
        RerunMissingError: It is not installed.
    """
    try:
        import rerun
    except ImportError:
        raise RerunMissingError(
            'the interactive view needs rerun: pip install rtmw_ext[rerun]'
        ) from None
    return rerun


class RerunView:
    """Frames of persons in camera space, with their picture in the camera.

    Args:
        path: A ``.rrd`` file to write; ``rerun PATH`` opens it. None opens
            the viewer.
        threshold: Points with a lower score are left out.

    Raises:
        RerunMissingError: rerun is not installed.
    """

    def __init__(
        self, path: str | Path | None = None, threshold: float = MIN_SCORE
    ) -> None:
        self.rerun = rerun = load_rerun()
        self.threshold = threshold
        self.stream = rerun.RecordingStream('rtmw_ext')
        if path is None:
            self.stream.spawn()
        else:
            self.stream.save(str(path))
        self.stream.log('world', rerun.ViewCoordinates.RDF, static=True)

    def log(
        self,
        people: list[dict],
        image: str | Path | np.ndarray | None = None,
        frame: int = 0,
        time: float | None = None,
        curves: Mapping[str, float] = {},
    ) -> None:
        """Adds the persons of one picture.

        Args:
            people: ``predictions[0]`` of a result of ``MMPoseInferencer`` or
                :func:`.records.person_records`, in 2D or 3D; ``camera_k`` of the
                first is the camera.
            image: As :func:`rtmw_ext.core.images.read_image` takes it.
            frame: Its number.
            time: Of the frame, in seconds.
            curves: {name: value now}, names with ``/`` in groups; what is not finite
                is left out.
        """
        rerun, stream = self.rerun, self.stream
        stream.set_time('frame', sequence=frame)
        if time is not None:
            stream.set_time('time', duration=time)
        for parent in ('world/people', 'world/camera/people'):
            stream.log(parent, rerun.Clear(recursive=True))
        for number, person in enumerate(people):
            name = person.get('id', number)
            if 'keypoints_3d_cam' in person:
                lines = self._lines(
                    person, 'keypoints_3d_cam', rerun.LineStrips3D, 0.0066
                )
                stream.log(f'world/people/{name}', lines)
            if 'keypoints' in person:
                lines = self._lines(person, 'keypoints', rerun.LineStrips2D, 1.5)
                stream.log(f'world/camera/people/{name}', lines)
        if image is not None:
            picture = read_image(image)[..., ::-1]
            if people and 'camera_k' in people[0]:
                stream.log(
                    'world/camera',
                    rerun.Pinhole(
                        image_from_camera=people[0]['camera_k'],
                        resolution=picture.shape[1::-1],
                    ),
                )
            content = rerun.Image(picture).compress(jpeg_quality=QUALITY)
            stream.log('world/camera', content)
        for title, value in curves.items():
            if np.isfinite(value):
                stream.log(f'curves/{title}', rerun.Scalars(float(value)))

    def _lines(self, person: dict, key: str, kind: Any, width: float) -> Any:
        """The links of a person whose points are sure.

        Args:
            person: As of :meth:`log`.
            key: Of its points.
            kind: Of rerun's lines.
            width: Half of that of the body's lines.
        """
        points = np.array(person[key], float)
        visible = np.array(person['keypoint_scores'], float) >= self.threshold
        visible &= np.isfinite(points).all(1)
        style = [row for row in style_of(len(points)) if visible[list(row.link)].all()]
        return kind(
            [points[list(row.link)] for row in style],
            colors=[rgb(row.color) for row in style],
            radii=[width * row.width for row in style],
        )

    def close(self) -> None:
        """Writes what is pending."""
        self.stream.flush()
        self.stream.disconnect()
