"""A network file on one backend, ONNX Runtime or OpenVINO.

Shapes: B items of a batch.
"""
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

#: Key of our metadata (a JSON object) in an ONNX or OpenVINO file.
METADATA = 'rtmw'
BACKENDS = ('onnxruntime', 'openvino')
PRECISIONS = ('fp32', 'bf16')
PROVIDERS = {
    'cpu': 'CPUExecutionProvider',
    'cuda': 'CUDAExecutionProvider',
    'tensorrt': 'TensorrtExecutionProvider',
    'rocm': 'ROCMExecutionProvider',
    'coreml': 'CoreMLExecutionProvider',
}


class NetworkError(ValueError):
    """A network cannot be loaded or run; the text names it and the fix."""


def load_network(path, backend=None, device='cpu', threads=0,
                 precision='fp32'):
    """
    Args:
        path (str | Path): ``.onnx``, or OpenVINO's ``.xml``.
        backend (str, optional): One of ``BACKENDS``; by default ONNX Runtime
            for ``.onnx`` and OpenVINO for ``.xml``.
        device (str): ``cpu``, ``cuda``, ``cuda:1``, ``tensorrt``, ``rocm``,
            ``coreml``; with OpenVINO ``cpu``, ``gpu``, ``npu``.
        threads (int): Of a CPU; 0 takes all cores.
        precision (str): ``bf16`` computes in bfloat16 where OpenVINO and the
            CPU can.

    Returns:
        OnnxRuntime | OpenVino: Call it with a batch.

    Raises:
        NetworkError: The file, backend, device or precision cannot be used.
    """
    path = Path(path)
    if not path.is_file():
        raise NetworkError(f'network {path} does not exist: check the path, '
                           'or make it with `rtmw export`')
    if path.suffix not in ('.onnx', '.xml'):
        raise NetworkError(f'network {path} is neither .onnx nor .xml: export '
                           'it with `rtmw export`')
    if backend is None:
        backend = 'openvino' if path.suffix == '.xml' else 'onnxruntime'
    if backend not in BACKENDS:
        raise NetworkError(f'unknown backend "{backend}": use one of '
                           f'{", ".join(BACKENDS)}')
    if precision not in PRECISIONS:
        raise NetworkError(f'unknown precision "{precision}": use one of '
                           f'{", ".join(PRECISIONS)}; fp16 and int8 are '
                           'properties of a file, see `rtmw export`')
    if backend == 'onnxruntime' and path.suffix == '.xml':
        raise NetworkError(f'network {path} is an OpenVINO file: use the '
                           'backend openvino, or the .onnx file')
    if backend == 'onnxruntime' and precision == 'bf16':
        raise NetworkError('ONNX Runtime has no bf16 on CPUs: use the '
                           'backend openvino, or an int8 file')
    kind = OpenVino if backend == 'openvino' else OnnxRuntime
    return kind(path, device, threads or os.cpu_count(), precision)


class OnnxRuntime:
    """An ONNX file in ONNX Runtime.

    A batch of as many items as threads or more is shared out among threads
    that each compute whole items: they need not wait for each other after
    every layer.

    Attributes:
        path (Path): The file.
        inputs, outputs (dict): {name: shape}, None for a free side.
        metadata (dict): Of ``rtmw export``; empty for other files.
    """

    def __init__(self, path, device, threads, precision='fp32'):
        import onnxruntime
        self.path, self.threads = path, threads
        self._providers = _providers(onnxruntime, device)
        self._session = self._load()
        entries = self._session.get_inputs()
        self.inputs = dict(map(_node, entries))
        self.outputs = dict(map(_node, self._session.get_outputs()))
        self.dtype = (np.float16 if entries[0].type == 'tensor(float16)' else
                      np.float32)
        self.metadata = _metadata(
            self._session.get_modelmeta().custom_metadata_map.get(METADATA))
        fixed = isinstance(entries[0].shape[0], int)
        self._pool = None if device != 'cpu' or threads < 2 or fixed else (
            ThreadPoolExecutor(threads))

    def _load(self):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        # Detector and pose network take turns: a thread that spins for the
        # one takes a core from the other.
        options.add_session_config_entry('session.intra_op.allow_spinning',
                                         '0')
        try:
            return onnxruntime.InferenceSession(
                str(self.path), options, providers=self._providers)
        except Exception as error:
            raise NetworkError(
                f'network {self.path} is no model that ONNX Runtime can load: '
                f'{_one_line(error)}') from None

    def __call__(self, batch):
        """(B, ...) float32 -> list of (B, ...) float32, one an output."""
        batch = np.ascontiguousarray(batch, self.dtype)
        if self._pool is None or len(batch) < self.threads:
            return self._run(batch)
        parts = np.array_split(batch, self.threads)
        results = list(self._pool.map(self._run, parts))
        return [np.concatenate(output) for output in zip(*results)]

    def _run(self, batch):
        name = next(iter(self.inputs))
        try:
            return self._session.run(None, {name: batch})
        except Exception as error:
            raise NetworkError(f'network {self.path} fails on an input of '
                               f'shape {batch.shape}: {_one_line(error)}'
                               ) from None


class OpenVino:
    """An ONNX or OpenVINO file in OpenVINO; as :class:`OnnxRuntime`."""

    def __init__(self, path, device, threads, precision='fp32'):
        try:
            import openvino
        except ImportError:
            raise NetworkError('the backend openvino is not installed: pip '
                               'install openvino') from None
        self.path, self.dtype = path, np.float32
        core = openvino.Core()
        name = device.upper()
        if name.split('.')[0] not in {
                found.split('.')[0] for found in core.available_devices}:
            raise NetworkError(
                f'OpenVINO has no device "{device}" here: use one of '
                f'{", ".join(core.available_devices).lower()}')
        hints = dict(
            PERFORMANCE_HINT='LATENCY',
            INFERENCE_PRECISION_HINT='bf16' if precision == 'bf16' else 'f32')
        if name == 'CPU':
            hints['INFERENCE_NUM_THREADS'] = threads
            known = core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
            if precision == 'bf16' and 'BF16' not in known:
                raise NetworkError('this CPU has no bf16 instructions: use '
                                   'the precision fp32')
        try:
            model = core.read_model(str(path))
            self._compiled = core.compile_model(model, name, hints)
        except Exception as error:
            raise NetworkError(f'network {path} is no model that OpenVINO can '
                               f'load: {_one_line(error)}') from None
        self.inputs = dict(map(_port, model.inputs))
        self.outputs = dict(map(_port, model.outputs))
        place = ['framework', METADATA]
        self.metadata = _metadata(
            model.get_rt_info(place).astype(str) if model.has_rt_info(place)
            else None)

    def __call__(self, batch):
        """(B, ...) float32 -> list of (B, ...) float32, one an output."""
        try:
            results = self._compiled(np.ascontiguousarray(batch, self.dtype))
        except Exception as error:
            raise NetworkError(f'network {self.path} fails on an input of '
                               f'shape {np.shape(batch)}: {_one_line(error)}'
                               ) from None
        return [results[output].copy() for output in self._compiled.outputs]


def _providers(onnxruntime, device):
    kind, _, number = device.partition(':')
    provider = PROVIDERS.get(kind)
    available = onnxruntime.get_available_providers()
    if provider not in available:
        here = [name for name in PROVIDERS if PROVIDERS[name] in available]
        raise NetworkError(
            f'ONNX Runtime here has no device "{device}", only '
            f'{", ".join(here)}: install the build for it (for NVIDIA, '
            'pip install onnxruntime-gpu)')
    options = dict(device_id=number) if number else {}
    chosen = [(provider, options)]
    if kind == 'tensorrt':
        chosen.append(('CUDAExecutionProvider', options))
    return chosen


def _node(node):
    return node.name, [side if isinstance(side, int) else None
                       for side in node.shape]


def _port(port):
    shape = [dim.get_length() if dim.is_static else None
             for dim in port.partial_shape]
    return port.any_name, shape


def _metadata(text):
    return json.loads(text) if text else {}


def _one_line(error):
    return ' '.join(str(error).split())[:300]
