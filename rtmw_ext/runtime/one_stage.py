"""People and their points at once, without a detector: RTMO.

Shapes: P candidates, N persons, K keypoints, (w, h) the network's input in
pixels; images are (H, W, 3) uint8 BGR.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..core.geometry import PERSON_HEIGHT, Camera
from ..core.images import ImageSource, read_image
from ..core.people import People
from .detector import BORDER, SCORE_THR, suppress
from .network import Network, load_network
from .pose import ONE_STAGE, PoseError, PoseModel, input_size_of, is_one_stage


class OneStageModel:
    """RTMO from a file.

    Source: RTMO (arXiv 2312.07526); names and layout of inputs and outputs as
    MMDeploy 1.3.1 writes them: (B, 3, h, w) BGR in 0 to 255, the image in the
    middle, in; ``dets`` (B, P, 5), boxes and scores, and ``keypoints``
    (B, P, K, 3), x, y and visibility, out. YOLOX-Pose has the same.

    Args:
        path: ``.onnx``, ``.xml``, or a network that is loaded.
        score_thr: Least confidence of a person, in (0, 1).
        iou_thr: People whose boxes overlap more are one, in (0, 1); by default
            as in mmpose's configs.
        **network: Further arguments of
            :func:`rtmw_ext.runtime.load_network`.

    Attributes:
        network (OnnxRuntime | OpenVino): The loaded file.
        input_size (tuple[int, int]): (w, h).
        num_keypoints (int | None): K; None where the file leaves it open.

    Raises:
        NetworkError: As of :func:`rtmw_ext.runtime.load_network`.
        PoseError: The file is no one-stage network.
    """

    is_3d = False
    second_look = None

    def __init__(
        self,
        path: str | Path | Network,
        *,
        score_thr: float = SCORE_THR,
        iou_thr: float = 0.65,
        **network: Any,
    ) -> None:
        self.network = (
            path if isinstance(path, Network) else load_network(path, **network)
        )
        inputs, outputs = list(self.network.inputs.values()), self.network.outputs
        if (
            not is_one_stage(self.network)
            or [len(shape) for shape in inputs] != [4]
            or [len(outputs[name]) for name in ONE_STAGE] != [3, 4]
        ):
            raise PoseError(
                f'{self.network.path} is no one-stage network: it has inputs {inputs} '
                f'and outputs {outputs}, not an image (B, 3, h, w), dets (B, P, 5) '
                'and keypoints (B, P, K, 3)'
            )
        self.num_keypoints = outputs[ONE_STAGE[1]][2]
        height, width = inputs[0][2:]
        self.input_size = input_size_of(
            self.network.path, self.network.metadata.input_size, (width, height)
        )
        self._order = [list(outputs).index(name) for name in ONE_STAGE]
        self.score_thr, self.iou_thr = score_thr, iou_thr

    def __call__(self, image: ImageSource) -> People:
        """
        Args:
            image: As :func:`rtmw_ext.core.images.read_image` takes it.

        Returns:
            N persons, best first; N may be 0. Their scores are the visibility
            that the network gives, their boxes its own, inside the image.

        Raises:
            ImageError: The image is broken.
        """
        image = read_image(image)
        tensor, scale, offset = self.letterbox(image)
        results = self.network(tensor)
        dets, points = (results[number][0] for number in self._order)
        # Files keep a row of padding, which can be anything.
        kept = np.flatnonzero(np.isfinite(dets).all(1) & (dets[:, 4] > self.score_thr))
        kept = kept[
            suppress(dets[kept, :4], dets[kept, 4], self.score_thr, self.iou_thr)
        ]
        boxes = dets[kept, :4] * scale + np.tile(offset, 2)
        height, width = image.shape[:2]
        boxes = boxes.clip(0, (width, height, width, height))
        # Of people in the margins nothing is left.
        inside = (boxes[:, 2:] > boxes[:, :2]).all(1)
        boxes, kept = boxes[inside], kept[inside]
        scores = points[kept, :, 2].astype(np.float32)
        return People(
            (points[kept, :, :2] * scale + offset).astype(np.float32),
            scores.clip(0, 1),
            boxes.astype(np.float32),
            dets[kept, 4].astype(np.float32).clip(0, 1),
            raw_scores=scores,
        )

    def letterbox(self, image: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """Fits an image into the middle of the input, as mmpose's
        ``BottomupResize`` does.

        Returns:
            (1, 3, h, w) float32; pixels of the image a pixel of the input; and
            the place of the input's origin in the image, (2, ).
        """
        sides = np.array(image.shape[1::-1], float)
        inner = np.array(self.input_size, float)
        scale = float((sides / inner).max())
        offset = (sides - inner * scale) / 2
        matrix = np.column_stack([np.eye(2) * scale, offset])
        pixels = cv2.warpAffine(
            image,
            matrix,
            self.input_size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderValue=(BORDER, BORDER, BORDER),
        )
        return pixels.transpose(2, 0, 1)[None].astype(np.float32), scale, offset


def load_pose(
    path: str | Path,
    *,
    rgb: bool | None = None,
    subbin: bool = False,
    person_height: float = PERSON_HEIGHT,
    camera: Camera | None = None,
    second_look: PoseModel | str | Path | None = None,
    **network: Any,
) -> PoseModel | OneStageModel:
    """The pose network of a file, of two stages or one.

    Args:
        path: ``.onnx`` or ``.xml``.
        rgb: As of :class:`PoseModel`, with the next four; one-stage networks are fed
            BGR, and have neither bins nor depth.
        subbin: Likewise.
        person_height: Likewise.
        camera: Likewise.
        second_look: Likewise.
        **network: Further arguments of
            :func:`rtmw_ext.runtime.load_network`.

    Raises:
        NetworkError: As of :func:`rtmw_ext.runtime.load_network`.
        PoseError: The file is no pose network, or cannot take part in a second
            look.
    """
    loaded = load_network(path, **network)
    if not is_one_stage(loaded):
        if isinstance(second_look, (str, Path)):
            second_look = PoseModel(second_look, subbin=subbin, **network)
        return PoseModel(
            loaded,
            rgb=rgb,
            subbin=subbin,
            person_height=person_height,
            camera=camera,
            second_look=second_look,
        )
    if second_look is not None:
        raise PoseError(
            f'{path} is a one-stage network, without a second look: leave that out, '
            'or give a network of the 133 points'
        )
    return OneStageModel(loaded)
