#!/bin/bash
# On a machine without a network: trains a config for some minutes, goes on
# where it was, and leaves its weights in the folder $OUT.
#
#   OUT=out tools/offline/train.sh rtmw3d-t_photos-256x192 8 0.7 512
#
# Arguments: config of configs/photos, minutes in all so far and in this call,
# share of them at which the learning rate begins to fall, batch size.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=$PWD/.offline:$PWD
config=$1 minutes=$2 flat=$3 batch=$4
work=work_dirs/$config
resume=
[ -f "$work/last_checkpoint" ] && resume=--resume
python3 tools/train.py "configs/photos/$config.py" --work-dir "$work" $resume \
    --cfg-options "minutes=$minutes" "flat=$flat" "batch_size=$batch" \
    crops_device=cuda frozen_stages=-1
mkdir -p "$OUT"
cp "$work"/iter_*-*.pth "$OUT/"
