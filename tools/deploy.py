#!/usr/bin/env python3
"""MMDeploy in one command, with the arguments of its own tool:

tools/deploy.py DEPLOY_CONFIG MODEL_CONFIG CHECKPOINT IMAGE --work-dir DIR
"""

import argparse

from rtmw_ext.export import sdk


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('deploy_config', help='under configs/deploy/')
    flags.add_argument('model_config')
    flags.add_argument('checkpoint')
    flags.add_argument('image', help='any image, to trace the model with')
    flags.add_argument('--work-dir', default='work_dirs/deploy')
    flags.add_argument('--calibration', help='folder of images, for int8')
    flags.add_argument('--device', default='cpu')
    flags = flags.parse_args()
    try:
        path = sdk.deploy(
            flags.deploy_config,
            flags.model_config,
            flags.checkpoint,
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
