#!/usr/bin/env python3
"""``make demo-real``: RTMW-m on real photos.

It learns the people of mmpose's COCO-WholeBody sample by heart, is evaluated
on them by ``mim test``, then finds them with a real person detector.
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

from common import ROOT, last_checkpoint, run

from rtmw_ext.core.skeleton import FIELDS

CONFIG = 'configs/demo/rtmw-m_coco-sample-256x192.py'


def taught_points(annotations: Path) -> dict[str, tuple]:
    """{photo: (boxes (N, 4) x1, y1, x2, y2, labelled (N, 133))}."""
    import numpy as np

    people = defaultdict(list)
    annotations = json.loads(annotations.read_text())
    for person in annotations['annotations']:
        x, y, width, height = person['bbox']
        points = np.concatenate(
            [np.reshape(person[field], (-1, 3)) for field in FIELDS]
        )
        people[person['image_id']].append(
            ([x, y, x + width, y + height], points[:, 2] > 0)
        )
    return {
        image['file_name']: tuple(map(np.float32, zip(*people[image['id']])))
        for image in annotations['images']
    }


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument(
        '--shared', default='../shared', help='folder with samples/ and weights/'
    )
    flags.add_argument('--out', default=str(ROOT / 'outputs' / 'demo-real'))
    flags = flags.parse_args()
    coco = (ROOT / flags.shared / 'samples' / 'coco').resolve()
    detector = (
        ROOT / flags.shared / 'weights' / 'rtmdet-nano_person_320.onnx'
    ).resolve()
    for needed in (coco / 'test_coco_wholebody.json', detector):
        if not needed.is_file():
            sys.exit(
                f'{needed} is absent: set SAMPLES to a folder with '
                'samples/coco and weights, make demo-real SAMPLES=...'
            )
    out = Path(flags.out)
    out.mkdir(parents=True, exist_ok=True)
    options = (
        '--cfg-options',
        f'data_root={coco}/',
    )
    run(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        out / 'train',
        *options,
        log=out / 'train.log',
    )
    checkpoint = last_checkpoint(out / 'train')
    run(
        '-m',
        'mim',
        'test',
        'mmpose',
        ROOT / CONFIG,
        '--checkpoint',
        checkpoint,
        '--work-dir',
        out / 'test',
        *options,
        log=out / 'test.log',
    )

    import cv2
    from mmpose.apis import init_model

    import rtmw_ext  # noqa: F401
    from rtmw_ext.apis.topdown import as_records, draw_poses, estimate_poses
    from rtmw_ext.core.images import list_images, read_image
    from rtmw_ext.runtime import Detector
    from rtmw_ext.runtime.identity import iou

    find_people = Detector(detector)
    taught = taught_points(coco / 'test_coco_wholebody.json')
    model = init_model(str(ROOT / CONFIG), str(checkpoint), device='cpu')
    for path in list_images(coco):
        image = read_image(path)
        boxes, _ = find_people(image)
        people = estimate_poses(model, image, boxes)
        # Nobody labelled, say, hands in mittens: the model never learned them.
        known, labelled = taught[Path(path).name]
        for person, match in zip(people, iou(boxes, known).argmax(1)):
            person.pred_instances.keypoint_scores *= labelled[match]
        picture = out / f'{Path(path).stem}.jpg'
        cv2.imwrite(str(picture), draw_poses(image, people, model.dataset_meta))
        picture.with_suffix('.json').write_text(json.dumps(as_records(people)))
        print(f'{len(people)} people: {picture}')


if __name__ == '__main__':
    main()
