#!/bin/bash
# On a machine without a network: installs and unpacks one folder of
# tools/offline/pack.sh. `tools/offline/setup.sh bundle/0` goes first; it builds
# what is compiled and begins to render people in the background.
set -euo pipefail
cd "$(dirname "$0")/../.."
site=$PWD/.offline
export PYTHONPATH=$site
if [ -d "$1/wheels" ] && [ ! -d "$site/mmpose" ]; then
    pip="python3 -m pip install -q --no-index --no-deps --no-build-isolation --target $site"
    $pip "$1"/wheels/*.whl
    for source in "$1"/wheels/*.tar.gz; do
        tar xzf "$source" -C "$1" && folder=$1/$(basename "$source" .tar.gz)
        # torch >= 2.14 needs C++20; the operators are not used on the GPU.
        sed -i 's/-std=c++17/-std=c++20/' "$folder/setup.py"
        MMCV_WITH_OPS=1 FORCE_CUDA=0 CUDA_VISIBLE_DEVICES= MAX_JOBS=$(nproc) $pip "$folder"
    done
    mkdir -p ~/.cache/rtmw_ext && cp "$1"/anny-*.npz ~/.cache/rtmw_ext/
    setsid nohup python3 tools/dataset/synthesize.py --format crops --num 32768 \
        --seed 3101 --workers "$(($(nproc) - 1))" --out data/photos/rendered \
        > render.log 2>&1 &
fi
for folder in "$1"/*/; do
    [ "$(basename "$folder")" = wheels ] && continue
    ls "$folder"pack-*.npz > /dev/null 2>&1 || continue
    # Packs of one set come in several folders: each keeps its numbers.
    python3 tools/dataset/pack_crops.py "$folder" --unpack \
        --out "data/photos/$(basename "$folder")"
done
