"""NMS for an RTMDet file that has raw heads, as MMDeploy's files have it.

Shapes: P cells of all strides, D detections.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def add_nms(
    source: str | Path,
    target: str | Path,
    score_thr: float = 0.05,
    iou_thr: float = 0.6,
    limit: int = 100,
) -> None:
    """Writes a file with the outputs ``dets`` (1, D, 5), boxes and scores, best
    first, and ``labels`` (1, D), all 0.

    Args:
        source: ONNX with outputs (1, s, s, 5): class logit, distances left,
            top, right, bottom in input pixels.
        target: ONNX to write.
        score_thr: Least confidence.
        iou_thr: Boxes that overlap more are one person.
        limit: Most detections.
    """
    model = onnx.load(source)
    graph = model.graph
    size = graph.input[0].type.tensor_type.shape.dim[3].dim_value
    points, flat = [], []

    def constant(name: str, values: Any, kind: type) -> str:
        graph.initializer.append(
            numpy_helper.from_array(np.asarray(values, kind), name)
        )
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    shape = constant('nms_flat', (1, -1, 5), np.int64)
    for number, head in enumerate(graph.output):
        side = head.type.tensor_type.shape.dim[1].dim_value
        rows, columns = np.mgrid[:side, :side]
        points.append(np.stack([columns, rows], -1).reshape(-1, 2) * (size / side))
        flat.append(node('Reshape', [head.name, shape], f'nms_flat_{number}'))
    cells = node('Concat', flat, 'nms_cells', axis=1)
    axis = constant('nms_axis', [2], np.int64)
    logit, near, far = (
        node(
            'Slice',
            [
                cells,
                constant(f'nms_{start}_', [start], np.int64),
                constant(f'nms__{stop}', [stop], np.int64),
                axis,
            ],
            f'nms_columns_{start}',
        )
        for start, stop in ((0, 1), (1, 3), (3, 5))
    )
    priors = constant('nms_points', np.concatenate(points)[None], np.float32)
    low = node('Sub', [priors, near], 'nms_low')
    high = node('Add', [priors, far], 'nms_high')
    boxes = node('Concat', [low, high], 'nms_boxes', axis=2)
    scores = node('Sigmoid', [logit], 'nms_scores')
    chosen = node(
        'NonMaxSuppression',
        [
            boxes,
            node('Transpose', [scores], 'nms_by_class', perm=(0, 2, 1)),
            constant('nms_limit', [limit], np.int64),
            constant('nms_iou', [iou_thr], np.float32),
            constant('nms_thr', [score_thr], np.float32),
        ],
        'nms_chosen',
    )
    indices = node(
        'Gather', [chosen, constant('nms_2', 2, np.int64)], 'nms_indices', axis=1
    )
    rows = node('Concat', [boxes, scores], 'nms_rows', axis=2)
    node('Gather', [rows, indices], 'dets', axis=1)
    count = node('Shape', [indices], 'nms_count')
    node('Expand', [constant('nms_zero', [[0]], np.int64), count], 'labels')
    del graph.output[:]
    graph.output.extend(
        [
            helper.make_tensor_value_info(
                'dets', TensorProto.FLOAT, (1, 'num_dets', 5)
            ),
            helper.make_tensor_value_info('labels', TensorProto.INT64, (1, 'num_dets')),
        ]
    )
    onnx.checker.check_model(model)
    onnx.save(model, target)
