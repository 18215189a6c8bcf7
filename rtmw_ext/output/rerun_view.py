"""An interactive 3D view with rerun (https://rerun.io), an optional extra:
``pip install rtmw_ext[rerun]``.

Shapes: N persons, K = 133 keypoints.
"""

from pathlib import Path

import numpy as np

from ..core.errors import RTMWError
from ..core.images import ImageSource, read_image
from ..core.people import MIN_SCORE
from .style import STYLE, rgb


class RerunMissingError(RTMWError, ImportError):
    """The package rerun is not installed."""


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
        try:
            import rerun
        except ImportError:
            raise RerunMissingError(
                'the interactive view needs rerun: pip install rtmw_ext[rerun]'
            ) from None
        self.rerun = rerun
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
        image: ImageSource | None = None,
        frame: int = 0,
    ) -> None:
        """Adds the persons of one picture.

        Args:
            people: ``predictions[0]`` of a result of
                ``MMPoseInferencer(pose3d='rtmw3d-l')``.
            image: As :func:`rtmw_ext.core.images.read_image` takes it.
            frame: Its number.
        """
        rerun, stream = self.rerun, self.stream
        stream.set_time('frame', sequence=frame)
        stream.log('world/people', rerun.Clear(recursive=True))
        for number, person in enumerate(people):
            points = np.array(person['keypoints_3d_cam'])
            visible = np.array(person['keypoint_scores']) >= self.threshold
            style = [row for row in STYLE if visible[list(row.link)].all()]
            stream.log(
                f'world/people/{number}',
                rerun.LineStrips3D(
                    [points[list(row.link)] for row in style],
                    colors=[rgb(row.color) for row in style],
                    radii=[0.0066 * row.width for row in style],
                ),
            )
        if image is not None:
            picture = read_image(image)[..., ::-1]
            if people:
                stream.log(
                    'world/camera',
                    rerun.Pinhole(
                        image_from_camera=people[0]['camera_k'],
                        resolution=picture.shape[1::-1],
                    ),
                )
            stream.log('world/camera', rerun.Image(picture))

    def close(self) -> None:
        """Writes what is pending."""
        self.stream.flush()
        self.stream.disconnect()
