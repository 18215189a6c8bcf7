"""A person as an annotation of COCO-WholeBody.

Source: https://github.com/jin-s13/COCO-WholeBody, "Annotation format".
"""

from typing import Any

import numpy as np

from ..core.skeleton import COCO_PARTS, FIELDS, MIN_VISIBLE

#: The share of its box a person covers, as for COCO without masks.
COVERED = 0.53


def wholebody_annotation(
    keypoints: np.ndarray, visible: np.ndarray, box: np.ndarray
) -> dict[str, Any]:
    """The fields of a person, ready for JSON, but for the ids.

    Points that are not labelled are 0, 0, 0, and so are those of a face or a hand of
    which less than ``MIN_VISIBLE`` is seen, as nobody could label them. A part is
    valid if a point of it is labelled; its box holds its labelled points.

    Args:
        keypoints: (133, 2) in pixels.
        visible: (133, ), 2 seen, 1 hidden but labelled, 0 not labelled.
        box: (4, ) x1, y1, x2, y2 in pixels.
    """
    points, visible = np.asarray(keypoints).round(3), np.array(visible, int)
    for name in ('face_kpts', 'lefthand_kpts', 'righthand_kpts'):
        if (visible[FIELDS[name]] == 2).mean() < MIN_VISIBLE:
            visible[FIELDS[name]] = 0
    x1, y1, x2, y2 = np.asarray(box).round(2).tolist()
    flat = np.where(visible[:, None] > 0, points, 0).tolist()
    result: dict[str, Any] = dict(
        category_id=1,
        iscrowd=0,
        bbox=[x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
        area=round(COVERED * (x2 - x1) * (y2 - y1), 2),
        segmentation=[],
        num_keypoints=int((visible[FIELDS['keypoints']] > 0).sum()),
    )
    for name, part in FIELDS.items():
        result[name] = [
            value
            for (x, y), v in zip(flat[part], visible[part].tolist())
            for value in (x, y, v)
        ]
    for name, numbers in COCO_PARTS.items():
        if name == 'body':
            continue
        known = points[numbers][visible[numbers] > 0]
        result[f'{name}_valid'] = len(known) > 0
        low, extent = (
            (known.min(0), np.ptp(known, axis=0))
            if len(known)
            else (np.zeros(2), np.zeros(2))
        )
        result[f'{name}_box'] = [*low.tolist(), *extent.round(3).tolist()]
    return result
