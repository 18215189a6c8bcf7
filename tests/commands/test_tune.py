"""``rtmw tune``, and that ``rtmw infer`` does what it found."""

import json
import os
from dataclasses import replace

import numpy as np
import onnx
import pytest

from rtmw_ext.commands import bench, cli
from rtmw_ext.core.images import read_image
from rtmw_ext.export.quantize import person_crops, quantize
from rtmw_ext.runtime import PoseModel, tuning
from rtmw_ext.runtime.network import BACKENDS, has_vnni
from rtmw_ext.runtime.pose import PERSON
from rtmw_ext.zoo import resolve_network
from support.networks import bright
from support.paths import PEOPLE

THREADS = os.cpu_count()


@pytest.fixture(scope='module')
def network():
    return resolve_network('rtmw-t')


def test_a_table_is_printed_and_kept(capsys, monkeypatch, network):
    monkeypatch.setattr(bench, 'WAYS', bench.WAYS[:1])
    assert cli.main(['tune', 'rtmw-t', '--no-int8', '--rounds', '1']) == 0
    out = capsys.readouterr().out
    (row,) = tuning.load(network, THREADS)
    assert f'| onnxruntime | fp32 | {row.load:.2f} | {row.single:.2f} | ' in out
    assert 'videos: onnxruntime fp32' in out
    assert row.apart == 0 and row.single > 0 and row.each > 0
    assert cli.main(['tune', 'rtmw-t', '--forget']) == 0
    assert tuning.load(network, THREADS) == []


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['rtmw-q'], 'unknown network "rtmw-q"'),
        (['rtmw-t', '--rounds', '0'], '--rounds is 0: it must be 1 or more'),
        (['rtmdet-nano'], 'unknown network "rtmdet-nano"'),
    ],
)
def test_what_cannot_be_tuned(capsys, arguments, text):
    assert cli.main(['tune', *arguments]) == 1
    assert text in capsys.readouterr().err


def measured(folder):
    """Networks of which the second one is faster, as of one measurement."""
    for name in ('slow.onnx', 'fast.onnx'):
        bright(folder / name, 1.0)
    slow = tuning.Setting(
        str(folder / 'slow.onnx'), 'onnxruntime', 'fp32', 1.0, 100.0, 100.0, 0.0
    )
    fast = replace(slow, file=str(folder / 'fast.onnx'), load=0.1, single=1.0)
    tuning.save(folder / 'slow.onnx', max(THREADS, 2), [slow, fast])


@pytest.mark.parametrize(
    'flags, used',
    [
        ([], 'fast.onnx'),
        (['--no-tuned'], 'slow.onnx'),
        (['--precision', 'fp32'], 'slow.onnx'),
        (['--backend', 'onnxruntime'], 'slow.onnx'),
        (['--threads', '1'], 'slow.onnx'),
        # Of the modes, the fast one leaves the precision open.
        (['--mode', 'fast'], 'fast.onnx'),
        (['--mode', 'balanced'], 'slow.onnx'),
    ],
)
def test_infer_does_what_was_found(flags, used, tmp_path):
    measured(tmp_path)
    threads = [] if '--threads' in flags else ['--threads', str(max(THREADS, 2))]
    command = ['infer', str(PEOPLE), '--pose', str(tmp_path / 'slow.onnx'), '--det']
    command += ['none', '--no-draw', '--out', str(tmp_path / 'out'), *flags, *threads]
    assert cli.main([*command, '--format', 'json']) == 0
    (meta,) = (tmp_path / 'out').glob('*.meta.jsonl')
    assert (
        json.loads(meta.read_text().splitlines()[0])['models']['pose']['file'] == used
    )


def test_labels_do_not_depend_on_the_machine(tmp_path):
    pytest.importorskip('pyarrow')
    measured(tmp_path)
    command = ['label', str(PEOPLE), '--pose', str(tmp_path / 'slow.onnx'), '--det']
    command += ['none', '--engine', 'local', '--threads', str(max(THREADS, 2))]
    assert cli.main([*command, '--out', str(tmp_path / 'out')]) == 0
    manifest = (tmp_path / 'out' / '_manifest.json').read_text()
    assert 'slow.onnx' in manifest and 'fast.onnx' not in manifest


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
def test_int8_of_a_shipped_network(network, tmp_path, backend):
    """Its weights are float16, in another file than the graph."""
    pytest.importorskip(backend)
    plain = PoseModel(network, backend='onnxruntime')
    crops = person_crops(plain, [PERSON], limit=2)
    quantize(network, tmp_path / 'int8.onnx', crops, backend)
    nodes = onnx.load(tmp_path / 'int8.onnx').graph.node
    takers = {node.input[0]: node.op_type for node in nodes if node.input}
    behind = {takers[node.output[0]] for node in nodes if node.op_type == 'Conv'}
    # OpenVINO joins a convolution and its activation, which takes float.
    assert ('QuantizeLinear' in behind) == (backend == 'onnxruntime')
    small = PoseModel(tmp_path / 'int8.onnx', backend=backend)
    assert small.network.metadata == plain.network.metadata
    image = read_image(PERSON)
    apart = small(image).keypoints - plain(image).keypoints
    seen = plain(image).scores > 0.3
    # Without VNNI, OpenVINO's products of int8 overflow.
    most = 3 if backend == 'onnxruntime' or has_vnni() else 10
    assert 0 < np.linalg.norm(apart, axis=-1)[seen].mean() < most
