"""Networks on ONNX Runtime and OpenVINO."""

import functools
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from rtmw_ext.core.metadata import METADATA_KEY
from rtmw_ext.runtime import NetworkError, load_network, network
from support.networks import toy
from support.paths import ROOT

MEMORY = """
import resource, sys
import numpy as np
from rtmw_ext.runtime import load_network
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
network = load_network(sys.argv[1], "openvino", threads=2)
network(np.ones((1, 64, 8, 8), np.float32))
before = peak()
several = network(np.ones((5, 64, 8, 8), np.float32))[0]
print(peak() - before, len(network._compiled), *several.shape)
"""


@pytest.mark.parametrize(
    'text, known',
    [('flags : avx2', False), ('flags : avx_vnni', True), ('avx512_vnni', True)],
)
def test_int8_products_on_cpus_without_vnni(rtmw_t_file, text, known, monkeypatch):
    """The slower, exact way there, and there only."""
    monkeypatch.setattr(network, 'cpu_info', lambda: text)
    options = load_network(rtmw_t_file[0], 'onnxruntime')._session.get_session_options()
    entry = 'session.x64quantprecision'
    if known:
        with pytest.raises(RuntimeError, match='x64quantprecision'):
            options.get_session_config_entry(entry)
    else:
        assert options.get_session_config_entry(entry) == '1'


@pytest.mark.parametrize(
    'text, precision',
    [
        ('flags : avx2 avx512f', 'fp32'),
        ('flags : avx512f avx512_bf16', 'bf16'),
        ('flags : amx_bf16 amx_tile', 'bf16'),
        ('', 'fp32'),
    ],
)
def test_bf16_where_the_cpu_multiplies_in_it(text, precision, monkeypatch):
    monkeypatch.setattr(network, 'cpu_info', lambda: text)
    assert network.auto_precision('openvino') == precision
    assert network.auto_precision('openvino', 'gpu') == 'fp32'
    assert network.auto_precision('onnxruntime') == 'fp32'


def test_auto_precision_runs_everywhere(rtmw_t_file, monkeypatch):
    """On a CPU that only emulates bfloat16, in ONNX Runtime, and as OpenVINO says."""
    pytest.importorskip('openvino')
    plain = load_network(rtmw_t_file[0], precision='auto')
    monkeypatch.setattr(network, 'cpu_info', lambda: 'avx2')
    crops = np.random.default_rng(0).normal(size=(1, 3, 256, 192)).astype(np.float32)
    for backend in network.BACKENDS:
        auto, fp32 = (
            load_network(rtmw_t_file[0], backend, precision=precision)(crops)
            for precision in ('auto', 'fp32')
        )
        assert all((a == b).all() for a, b in zip(auto, fp32))
    assert all(np.isfinite(output).all() for output in plain(crops))


def test_cpu_info(tmp_path):
    info = tmp_path / 'cpuinfo'
    info.write_text('flags : avx2')
    assert network.cpu_info(str(info)) == 'flags : avx2'
    assert network.cpu_info(str(tmp_path / 'none')) == ''


def test_providers_of_a_gpu(tmp_path, monkeypatch):
    """Without one: what ONNX Runtime is asked for."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    there = [network.PROVIDERS[name] for name in ('tensorrt', 'cuda', 'cpu')]
    runtime = SimpleNamespace(get_available_providers=lambda: there)
    cuda = ('CUDAExecutionProvider', {'device_id': '1'})
    assert network._providers(runtime, 'cuda:1') == [cuda]
    (name, options), behind = network._providers(runtime, 'tensorrt:1')
    assert (name, behind) == ('TensorrtExecutionProvider', cuda)
    # Engines take minutes to build.
    assert options['trt_engine_cache_enable'] == 'True' and options['device_id'] == '1'
    assert options['trt_engine_cache_path'] == str(tmp_path / 'rtmw_ext' / 'tensorrt')
    assert (tmp_path / 'rtmw_ext' / 'tensorrt').is_dir()


def test_network_errors(tmp_path, rtmw_t_file):
    path = rtmw_t_file[0]
    bad = tmp_path / 'bad.onnx'
    bad.write_text('no model')
    for arguments, text in [
        ((tmp_path / 'none.onnx',), 'none.onnx does not exist'),
        ((bad,), 'bad.onnx is no model'),
        ((bad, 'openvino'), 'bad.onnx is no model'),
        ((ROOT / 'setup.py',), 'neither .onnx nor .xml'),
        ((path, 'tflite'), 'unknown backend "tflite"'),
        ((path, None, 'cpu', 2**31), r'threads=2147483648 is not in \[0, 1024\]'),
        ((path, None, 'tpu'), 'no device "tpu"'),
        ((path, 'openvino', 'tpu'), 'no device "tpu"'),
        ((path, None, 'cpu', 0, 'fp8'), 'unknown precision "fp8"'),
        ((path, 'onnxruntime', 'cpu', 0, 'bf16'), 'ONNX Runtime has no bf16'),
    ]:
        with pytest.raises(NetworkError, match=text):
            load_network(*arguments)


def test_default_backend(rtmw_t_file, tmp_path, monkeypatch):
    pytest.importorskip('openvino')
    path = rtmw_t_file[0]
    assert isinstance(load_network(path), network.OpenVino)
    # A file that OpenVINO cannot read goes to ONNX Runtime.
    node = helper.make_node('Inverse', ['x'], ['y'], domain='com.microsoft')
    sides = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 2, 2))
        for name in 'xy'
    ]
    model = helper.make_model(
        helper.make_graph([node], 'g', sides[:1], sides[1:]),
        opset_imports=[
            helper.make_opsetid('', 17),
            helper.make_opsetid('com.microsoft', 1),
        ],
    )
    model.ir_version = 8
    onnx.save(model, tmp_path / 'inverse.onnx')
    inverse = load_network(tmp_path / 'inverse.onnx')
    assert isinstance(inverse, network.OnnxRuntime)
    assert np.allclose(inverse(np.eye(2)[None] * 4), np.eye(2) / 4)
    with pytest.raises(NetworkError, match='OpenVINO can load'):
        load_network(tmp_path / 'inverse.onnx', 'openvino')
    monkeypatch.setattr(network, 'find_spec', lambda name: None)
    assert isinstance(load_network(path), network.OnnxRuntime)


@pytest.fixture(scope='module')
def openvino_t(rtmw_t_file):
    """From the number of a random item to its outputs, computed alone."""
    pytest.importorskip('openvino')
    model = load_network(rtmw_t_file[0], 'openvino', threads=2)
    batch = np.random.default_rng(0).normal(size=(19, 3, 256, 192))
    return functools.cache(
        lambda number: model(batch[number : number + 1].astype(np.float32))
    )


@pytest.mark.parametrize(
    ('convolutions', 'compilations', 'half'),
    [(2, 2, False), (4, 1, False), (4, 1, True)],
)
def test_openvino_copies_few_weights(tmp_path, convolutions, compilations, half):
    """A second compilation shares the file's weights, of 25 MiB a
    convolution, and there is none where its own would be too many; in
    float32, if the file has half of that, too."""
    openvino = pytest.importorskip('openvino')
    channels = [64, *[2560, 288] * 2][: convolutions + 1]
    rng, nodes, values = np.random.default_rng(0), [], []
    for number, pair in enumerate(zip(channels, channels[1:])):
        values.append(
            onnx.numpy_helper.from_array(
                rng.normal(size=(*pair[::-1], 3, 3)).astype(np.float32), f'w{number}'
            )
        )
        nodes.append(
            helper.make_node(
                'Conv', [str(number), f'w{number}'], [str(number + 1)], pads=[1] * 4
            )
        )
    sides = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ('batch', side, 8, 8))
        for name, side in (('0', channels[0]), (str(convolutions), channels[-1]))
    ]
    onnx.save(
        helper.make_model(
            helper.make_graph(nodes, 'g', sides[:1], sides[1:], values),
            opset_imports=[helper.make_opsetid('', 17)],
            ir_version=9,
        ),
        tmp_path / 'wide.onnx',
    )
    path = tmp_path / 'wide.onnx'
    weights = path.stat().st_size / 2**20
    if half:
        model = network.openvino_core().read_model(path)
        path = tmp_path / 'half.xml'
        openvino.save_model(model, path, compress_to_fp16=True)
    out = subprocess.run(
        [sys.executable, '-c', MEMORY, path], text=True, capture_output=True, check=True
    ).stdout.split()
    assert out[1:] == [str(compilations), '5', str(channels[-1]), '8', '8']
    assert float(out[0]) < 20 + (1.3 * weights if compilations == 2 else 0)


@pytest.mark.parametrize(
    'threads, copies, items, shapes',
    [
        (2, 9, 19, {(1, 1), (2, 4), (2, 1)}),
        (2, 9, 15, {(1, 1), (2, 4), (2, 2), (2, 1)}),
        (2, 2, 15, {(1, 1), (2, 4), (2, 1)}),
        (2, 1, 15, {(1, 1), (2, 1)}),
        (2, 0, 15, {(1, 1)}),
        (1, 9, 7, {(1, 4), (1, 2), (1, 1)}),
        (2, 9, 1, {(1, 1)}),
    ],
)
def test_openvino_batches(
    rtmw_t_file, monkeypatch, openvino_t, threads, copies, items, shapes
):
    """Any number of items has the results of each; a shape is compiled once."""
    monkeypatch.setattr(network, '_packed_size', lambda *_: 0)
    monkeypatch.setattr(network, 'SIZES', network.SIZES[:copies])
    if not copies:
        monkeypatch.setattr(network, 'COPIES', 0)
    model = load_network(rtmw_t_file[0], 'openvino', threads=threads)
    batch = np.random.default_rng(0).normal(size=(items, 3, 256, 192))
    outputs = model(batch.astype(np.float32))
    assert set(model._compiled) == shapes
    for number in range(items):
        for output, single in zip(outputs, openvino_t(number)):
            assert np.allclose(output[number], single[0], atol=1e-4)
    assert all(len(output) == items for output in outputs)


def test_openvino_leaves_signals_alone(rtmw_t_file):
    """Networks released in the order of their making; then a signal that
    Python handles."""
    pytest.importorskip('openvino')
    code = (
        'import gc, signal, subprocess, sys\n'
        'from rtmw_ext.runtime import load_network\n'
        'signal.signal(signal.SIGCHLD, lambda *_: print("heard"))\n'
        'first, second = (load_network(sys.argv[1], "openvino")'
        ' for _ in range(2))\n'
        'del first; gc.collect()\n'
        'del second; gc.collect()\n'
        'subprocess.run(["true"])\n'
    )
    run = subprocess.run(
        [sys.executable, '-c', code, rtmw_t_file[0]], text=True, capture_output=True
    )
    assert run.returncode == 0 and 'heard' in run.stdout, run.stderr


def test_describe_needs_no_more(rtmw_t_file):
    from rtmw_ext.export.model import Exportable, describe

    path, model, config = rtmw_t_file
    meta = load_network(path).metadata
    assert meta == describe(model, config, 'rtmw-t', 'random')
    assert Exportable(model).training is False


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_bad_metadata_is_named(backend, tmp_path):
    pytest.importorskip(backend)
    path = toy(tmp_path / 'bad.onnx', {'x': (1, 3, 4, 4)}, {'y': (1, 2)})
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: '{"beta": -1}'})
    onnx.save(model, path)
    with pytest.raises(NetworkError, match=r'bad\.onnx: metadata "beta" is -1, not'):
        load_network(path, backend)
