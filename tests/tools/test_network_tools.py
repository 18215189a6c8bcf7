"""AP of networks by tools/test_network.py, and its pictures."""

import json

import numpy as np

from rtmw_ext.runtime import People
from support.tools import load_tool


def test_points_without_photos(drawn_root):
    """The annotated points, as a network that finds them would give them."""
    tool = load_tool('test_network')
    file = drawn_root / 'annotations' / 'val.json'
    folder = drawn_root / 'images' / 'val'
    people = tool.annotated_people(file, folder)
    rows = json.loads(file.read_text())['annotations']
    assert set(people) == set(folder.iterdir())
    assert sum(map(len, people.values())) == len(rows)
    found = np.concatenate([one.keypoints for one in people.values()])
    for row in rows:
        wrist = np.reshape(row['lefthand_kpts'], (21, 3))[0]
        assert (np.abs(found[:, 91] - wrist[:2]).max(1) < 1e-3).any()
    pictures = [
        [np.full((30, 60, 3), 9, np.uint8)] * 2,
        [np.full((50, 100, 3), 200, np.uint8)] * 2,
    ]
    sheet = tool.tile(pictures, 40)
    assert sheet.shape == (40, 80, 3)
    assert (sheet[:20] == 9).all() and (sheet[20:] == 200).all()


def test_ap_of_a_network(drawn_root):
    """The annotated points have an AP of 1, points elsewhere less."""
    evaluate = load_tool('test_network').evaluate
    file = drawn_root / 'annotations' / 'val.json'
    content = json.loads(file.read_text())
    names = {image['file_name']: image['id'] for image in content['images']}
    parts = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')

    def truth(path, boxes, shift=0):
        points = np.reshape(
            [
                sum((row[part] for part in parts), [])
                for row in content['annotations']
                if row['image_id'] == names[path.name]
            ],
            (-1, 133, 3),
        )
        return People(
            points[..., :2] + shift,
            np.ones(points.shape[:2]),
            boxes,
            np.ones(len(boxes)),
            raw_scores=np.ones(points.shape[:2]),
        )

    folder = drawn_root / 'images' / 'val'
    values, people = evaluate(truth, str(file), folder)
    assert list(values) == ['whole', 'body', 'foot', 'face', 'hand']
    assert min(values.values()) > 0.99 and len(people) == 3
    values, _ = evaluate(
        lambda *arguments: truth(*arguments, shift=30), str(file), folder
    )
    assert max(values.values()) < 0.5
    # Moved boxes are other boxes of the same people.
    values, again = evaluate(truth, str(file), folder, np.random.default_rng(1))
    assert min(values.values()) > 0.99
    for path, found in people.items():
        sides = found.boxes[:, 2:] - found.boxes[:, :2]
        apart = np.abs(again[path].boxes - found.boxes).reshape(-1, 2, 2)
        assert (apart > 0).all() and (apart < 0.3 * sides[:, None]).all()
