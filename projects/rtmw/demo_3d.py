#!/usr/bin/env python3
"""``make demo-3d``: RTMW3D-t learns drawn people with exact 3D by heart.

Prints the MPJPE on these people, then writes pictures and a video of them
with the 3D found, given the camera.
"""

import time

import cv2
from common import ROOT, empty_folder, last_checkpoint, run

from rtmw_ext.synthetic import drawn3d

CONFIG = 'configs/demo/rtmw3d-t_drawn-128x96.py'
SIZE = (320, 320)
PEOPLE = 8


def main() -> None:
    start = time.monotonic()
    out = empty_folder(__doc__, 'demo-3d')
    data = out / 'data'
    data.mkdir(parents=True)
    print(f'Drawing people into {data}')
    drawn3d.write_h3wb(
        data / 'h3wb.npz', data / 'images', 'S1', PEOPLE, seed=1, size=SIZE
    )
    run(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        out / 'train',
        '--cfg-options',
        f'data_root={data}/',
        log=out / 'train.log',
    )
    print(f'{time.monotonic() - start:.0f} s so far')

    from mmpose.apis import MMPoseInferencer
    from mmpose.registry import DATASETS

    import rtmw_ext  # noqa: F401  (after the message: it takes seconds)

    inferencer = MMPoseInferencer(
        pose3d=str(ROOT / CONFIG),
        pose3d_weights=str(last_checkpoint(out / 'train')),
        det_model='whole_image',
        device='cpu',
    )
    people = DATASETS.build(
        dict(
            type='H3WBDataset',
            split='mmpose-train',
            ann_file='h3wb.npz',
            data_root=str(data),
            data_prefix=dict(img='images/'),
            pipeline=[],
        )
    )
    pictures = [person['img_path'] for person in people]
    video = out / 'people.mp4'
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*'mp4v'), 2, SIZE)
    for path in pictures:
        writer.write(cv2.imread(path))
    writer.release()
    for inputs in (pictures[:3], str(video)):
        for result in inferencer(
            inputs,
            out_dir=str(out),
            camera=drawn3d.pinhole(SIZE),
            bboxes=[person['bbox'] for person in people],
            radius=2,
            thickness=1,
        ):
            person = result['predictions'][0][0]
    print(
        f'{len(person["keypoints_3d"])} points a person in 3D, the hips '
        f'{person["root_depth"]:.2f} m away'
    )
    print('pictures and video:', out / 'visualizations')
    print('results:', out / 'predictions')


if __name__ == '__main__':
    main()
