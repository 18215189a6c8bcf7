#!/usr/bin/env python3
"""``make demo-train``: trains RTMW-t on drawn people and finds new ones.

It takes three minutes; the results are for drawings only.
"""

import json
import time

from common import ROOT, empty_folder, last_checkpoint, run

from rtmw_ext.synthetic import drawn

CONFIG = 'configs/demo/rtmw-t_drawn-256x192.py'


def main() -> None:
    start = time.monotonic()
    out = empty_folder(__doc__, 'demo-train')
    data = out / 'data'
    print(f'Drawing people into {data}')
    drawn.write_dataset(data, 400, seed=1, people=(1, 1), split='train')
    drawn.write_dataset(data, 16, seed=2, people=(1, 1), split='val')
    run(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        out / 'train',
        '--cfg-options',
        f'data_root={data}/',
        log=out / 'train.log',
    )

    from mmpose.apis import MMPoseInferencer

    import rtmw_ext  # noqa: F401  (after the message: it takes seconds)

    inferencer = MMPoseInferencer(
        str(ROOT / CONFIG),
        str(last_checkpoint(out / 'train')),
        det_model='whole_image',
        device='cpu',
    )
    pictures = sorted((data / 'images' / 'val').glob('*.jpg'))[:3]
    for _ in inferencer(
        [str(path) for path in pictures], out_dir=str(out), radius=2, thickness=1
    ):
        pass
    names = [path.stem for path in pictures]
    people = json.loads((out / 'predictions' / f'{names[0]}.json').read_text())
    print(
        f'{len(people[0]["keypoints"])} keypoints a person, in '
        f'{time.monotonic() - start:.0f} s'
    )
    print('pictures:', *(out / 'visualizations' / f'{name}.jpg' for name in names))
    print('results: ', *(out / 'predictions' / f'{name}.json' for name in names))


if __name__ == '__main__':
    main()
