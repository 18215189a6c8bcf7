#!/usr/bin/env python3
"""MMDeploy in one command, with the arguments of its own tool:

tools/deploy.py DEPLOY_CONFIG MODEL_CONFIG CHECKPOINT IMAGE --work-dir DIR
"""

import argparse

from rtmw_ext.export import sdk
from rtmw_ext.zoo import resolve_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('deploy_config', help='under configs/deploy/')
    parser.add_argument('model_config')
    parser.add_argument('checkpoint', help="its path, or a training's work folder")
    parser.add_argument('image', help='any image, to trace the model with')
    parser.add_argument('--work-dir', default='work_dirs/deploy')
    parser.add_argument('--calibration', help='folder of images, for int8')
    parser.add_argument('--device', default='cpu')
    flags = parser.parse_args()
    try:
        path = sdk.deploy(
            flags.deploy_config,
            flags.model_config,
            resolve_checkpoint(flags.checkpoint),
            flags.image,
            flags.work_dir,
            flags.calibration,
            flags.device,
        )
    except ValueError as error:
        raise SystemExit(f'deploy: {error}') from None
    print(f'wrote {path}, deploy.json, pipeline.json and detail.json')


if __name__ == '__main__':
    main()
