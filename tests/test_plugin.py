"""Importing rtmw_ext registers its modules in MMPose, whatever comes first."""

import json
import subprocess
import sys

import pytest

from support.paths import ROOT

pytestmark = [pytest.mark.torch, pytest.mark.slow]

STATEMENTS = [
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
]
CHECK = """
from mmengine.infer import BaseInferencer
from mmpose.registry import MODELS, DATASETS
import rtmw_ext.models, mmpose
assert MODELS.get("RTMWSimCCHead") is rtmw_ext.models.RTMWSimCCHead
assert DATASETS.get("WholeBodyDataset")
assert BaseInferencer._init_model.by_rtmw_ext
assert type(mmpose.__spec__.loader).__name__ == "SourceFileLoader"
"""
#: What OpenMMLab imports is imported once; each statement has a process of its own.
PROGRAM = """
import json, os, sys, traceback
import cv2, matplotlib.pyplot, scipy.stats, torch, torch._dynamo, torchvision
import torch.distributed.fsdp, torch.distributed.optim
assert not {'mmcv', 'mmengine', 'mmpose', 'rtmw_ext'} & set(sys.modules)
statements, check = json.loads(sys.argv[1])
failed = {}
for statement in statements:
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            exec(statement + check, {})
        except BaseException:
            os.write(theirs, traceback.format_exc().encode())
        os._exit(0)
    os.close(theirs)
    with open(ours) as text:
        failed[statement] = text.read()
    assert os.waitpid(child, 0)[1] == 0
print(json.dumps(failed))
"""


@pytest.fixture(scope='module')
def failed():
    """{statement: traceback, or nothing}."""
    done = subprocess.run(
        [*(sys.executable, '-W', 'ignore', '-c'), PROGRAM]
        + [json.dumps([STATEMENTS, CHECK])],
        check=True,
        cwd=ROOT,
        capture_output=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize('statement', STATEMENTS)
def test_registered_in_any_order(statement, failed):
    assert failed[statement] == ''
