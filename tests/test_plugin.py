"""Importing rtmw_ext registers its modules in MMPose, whatever comes first."""

import subprocess
import sys

import pytest

from support.paths import ROOT

pytestmark = [pytest.mark.torch, pytest.mark.slow]


@pytest.mark.parametrize(
    'statement',
    [
        'import rtmw_ext; from mmpose.apis import MMPoseInferencer',
        'import rtmw_ext.runtime, rtmw_ext; import mmpose',
        'import mmengine; import rtmw_ext',
        'from rtmw_ext.codecs import SimCC3DLabel',
        'from rtmw_ext.models import GAU',
        'from rtmw_ext.datasets import WholeBodyDataset',
        'from rtmw_ext.evaluation import WholeBodyMetric',
        'import rtmw_ext.synthetic, rtmw_ext.engine, rtmw_ext.export',
        'from rtmw_ext.apis.topdown import estimate_poses',
        'import rtmw_ext; rtmw_ext.models.GAU',
        'import rtmw_ext; import mmdet.apis',
    ],
)
def test_registered_in_any_order(statement):
    code = (
        f'{statement}\n'
        'from mmengine.infer import BaseInferencer\n'
        'from mmpose.registry import MODELS, DATASETS\n'
        'import rtmw_ext.models, mmpose\n'
        'assert MODELS.get("RTMWSimCCHead")'
        ' is rtmw_ext.models.RTMWSimCCHead\n'
        'assert DATASETS.get("WholeBodyDataset")\n'
        'assert BaseInferencer._init_model.by_rtmw_ext\n'
        'assert type(mmpose.__spec__.loader).__name__ == "SourceFileLoader"\n'
    )
    subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        check=True,
        cwd=ROOT,
        capture_output=True,
    )
