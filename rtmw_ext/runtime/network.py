"""A network file on one backend, ONNX Runtime or OpenVINO.

Shapes: B items of a batch.
"""

import functools
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.metadata import METADATA_KEY, NetworkError, NetworkMetadata
from ..core.paths import cache_folder

#: Sides of an input or output, None for a free one.
Shape = list[int | None]

BACKENDS = ('onnxruntime', 'openvino')
#: ``auto`` is that of :func:`auto_precision`.
PRECISIONS = ('auto', 'fp32', 'bf16')
#: More threads than any machine has cores; backends fail on other numbers.
MAX_THREADS = 1024
#: Bytes a thread that further copies of the weights may take in OpenVINO.
COPIES = 2**25
#: Items of a batch for which OpenVINO compiles a network, the most useful first: each
#: takes a copy of the weights. One item is done soonest; of many, four at once take a
#: seventh to a fifth less time (RTMW-t, AVX512-BF16, bf16 and int8).
SIZES = (1, 4, 2)
PROVIDERS = {
    'cpu': 'CPUExecutionProvider',
    'cuda': 'CUDAExecutionProvider',
    'tensorrt': 'TensorrtExecutionProvider',
    'rocm': 'ROCMExecutionProvider',
    'coreml': 'CoreMLExecutionProvider',
}


def load_network(
    path: str | Path,
    backend: str | None = None,
    device: str = 'cpu',
    threads: int = 0,
    precision: str = 'fp32',
    streams: int = 1,
) -> 'Network':
    """
    Args:
        path: ``.onnx``, or OpenVINO's ``.xml``.
        backend: One of ``BACKENDS``. None takes OpenVINO for ``.xml`` and,
            where it is installed and can, for ``.onnx`` on a CPU, which it runs
            faster; else ONNX Runtime.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``tensorrt``, ``rocm``,
            ``coreml``; with OpenVINO ``cpu``, ``gpu``, ``npu``.
        threads: Of a CPU, in [0, 1024]; 0 takes all cores.
        precision: ``bf16`` computes in bfloat16 where OpenVINO and the CPU can;
            ``auto`` does where that is faster, and never fails for it.
        streams: Threads that call the network at the same time; each gets its
            share of a CPU's ``threads``.

    Returns:
        Call it with a batch.

    Raises:
        NetworkError: The file, backend, device or precision cannot be used.
    """
    path = Path(path)
    if not path.is_file():
        raise NetworkError(
            f'network {path} does not exist: check the path, '
            'or make it with `rtmw export`'
        )
    if path.suffix not in ('.onnx', '.xml'):
        raise NetworkError(
            f'network {path} is neither .onnx nor .xml: export it with `rtmw export`'
        )
    if backend not in (None, *BACKENDS):
        raise NetworkError(
            f'unknown backend "{backend}": use one of {", ".join(BACKENDS)}'
        )
    if precision not in PRECISIONS:
        raise NetworkError(
            f'unknown precision "{precision}": use one of '
            f'{", ".join(PRECISIONS)}; fp16 and int8 are '
            'properties of a file, see `rtmw export`'
        )
    if backend == 'onnxruntime' and path.suffix == '.xml':
        raise NetworkError(
            f'network {path} is an OpenVINO file: use the '
            'backend openvino, or the .onnx file'
        )
    if backend == 'onnxruntime' and precision == 'bf16':
        raise NetworkError(
            'ONNX Runtime has no bf16 on CPUs: use the '
            'backend openvino, or an int8 file'
        )
    if not 0 <= threads <= MAX_THREADS:
        raise NetworkError(
            f'threads={threads} is not in [0, {MAX_THREADS}]: 0 takes all cores'
        )
    threads = threads or os.cpu_count() or 1
    if backend == 'openvino' or path.suffix == '.xml':
        return OpenVino(path, device, threads, precision, streams)
    if backend is None and device == 'cpu' and find_spec('openvino'):
        try:
            return OpenVino(path, device, threads, precision, streams)
        except NetworkError:
            if precision == 'bf16':
                raise
    return OnnxRuntime(path, device, threads, streams)


def has_vnni() -> bool:
    """Whether an x64 CPU is known to multiply int8 without overflow."""
    return 'vnni' in cpu_info()


def has_bf16() -> bool:
    """Whether an x64 CPU is known to multiply bfloat16; others take longer for it than
    for fp32."""
    return any(name in cpu_info() for name in ('avx512_bf16', 'amx_bf16'))


@functools.lru_cache(maxsize=None)
def cpu_info(path: str = '/proc/cpuinfo') -> str:
    """What Linux says of the CPU; elsewhere nothing."""
    try:
        return Path(path).read_text()
    except OSError:
        return ''


def auto_precision(backend: str, device: str = 'cpu') -> str:
    """The fastest one whose points are those of fp32."""
    fits = backend == 'openvino' and device == 'cpu' and has_bf16()
    return 'bf16' if fits else 'fp32'


class OnnxRuntime:
    """An ONNX file in ONNX Runtime.

    A batch with at least as many items as threads, or streams, is split among threads
    that compute whole items: they need not wait for each other after every layer.

    Attributes:
        path (Path): The file.
        inputs, outputs (dict[str, Shape]): {name: shape}, None for a free side.
        streams (int): Threads that may call it at once.
        at_once (int): Items of a batch that are computed side by side.
        metadata (NetworkMetadata): Of ``rtmw export``; other files have none
            and say nothing.
    """

    def __init__(self, path: Path, device: str, threads: int, streams: int = 1) -> None:
        import onnxruntime

        self.path, self.threads = path, max(1, threads // streams)
        self.streams = streams
        self._providers = _providers(onnxruntime, device)
        self._session = self._load()
        entries = self._session.get_inputs()
        self.inputs = dict(map(_node, entries))
        self.outputs = dict(map(_node, self._session.get_outputs()))
        half = entries[0].type == 'tensor(float16)'
        self.dtype: Any = np.float16 if half else np.float32
        self.metadata = _metadata(
            path, self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        )
        fixed = isinstance(entries[0].shape[0], int)
        # All that call it share the workers.
        workers = max(self.threads, streams) if device == 'cpu' and not fixed else 1
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None
        self.at_once = workers

    def _load(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        if not has_vnni():
            # int8 products would overflow 16 bits; with VNNI this only slows.
            options.add_session_config_entry('session.x64quantprecision', '1')
        # Detector and pose network take turns: a thread that spins for the
        # one takes a core from the other.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        try:
            return onnxruntime.InferenceSession(
                str(self.path), options, providers=self._providers
            )
        except Exception as error:
            raise NetworkError(
                f'network {self.path} is no model that ONNX Runtime can load: '
                f'{_one_line(error)}'
            ) from None

    def __call__(self, batch: ArrayLike) -> list[np.ndarray]:
        """(B, ...) float32 -> list of (B, ...) float32, one an output."""
        batch = np.ascontiguousarray(batch, self.dtype)
        if self._pool is None or len(batch) < self.at_once:
            return self._run(batch)
        parts = np.array_split(batch, self.at_once)
        results = list(self._pool.map(self._run, parts))
        return [np.concatenate(output) for output in zip(*results)]

    def _run(self, batch: np.ndarray) -> list[np.ndarray]:
        name = next(iter(self.inputs))
        try:
            return self._session.run(None, {name: batch})
        except Exception as error:
            raise NetworkError(
                f'network {self.path} fails on an input of '
                f'shape {batch.shape}: {_one_line(error)}'
            ) from None


@functools.lru_cache(maxsize=1)
def openvino_core() -> Any:
    """OpenVINO's core: one for the process, which is never released.

    Each core installs a signal stack of its own (2026.4). Of two cores that are
    released in the order of their creation, the second restores the stack of
    the first, which is gone; the next signal that Python handles then kills the
    process."""
    import openvino

    return openvino.Core()


class OpenVino:
    """An ONNX or OpenVINO file in OpenVINO; as :class:`OnnxRuntime`.

    A network of any batch is compiled for one item: with its shape known it is
    a third faster. On a CPU it is compiled for ``SIZES``, too, when a batch first
    fills them in all threads, if the weights are small.
    """

    def __init__(
        self,
        path: Path,
        device: str,
        threads: int,
        precision: str = 'fp32',
        streams: int = 1,
    ) -> None:
        try:
            self._core = openvino_core()
        except ImportError:
            raise NetworkError(
                'the backend openvino is not installed: pip install openvino'
            ) from None
        self.path, self.streams = path, streams
        self._device = name = device.upper()
        if name.split('.')[0] not in {
            known.split('.')[0] for known in self._core.available_devices
        }:
            raise NetworkError(
                f'OpenVINO has no device "{device}" here: use one of '
                f'{", ".join(self._core.available_devices).lower()}'
            )
        if precision == 'auto':
            precision = auto_precision('openvino', device)
        self._hints: dict[str, Any] = dict(
            INFERENCE_PRECISION_HINT=('bf16' if precision == 'bf16' else 'f32')
        )
        if name == 'CPU':
            self._hints['INFERENCE_NUM_THREADS'] = threads
            capabilities = self._core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
            if precision == 'bf16' and 'BF16' not in capabilities:
                raise NetworkError(
                    'this CPU has no bf16 instructions: use the precision fp32'
                )
        model = self._loaded(self._core.read_model, str(path))
        self.dtype: Any = model.inputs[0].element_type.to_dtype()
        self.inputs = dict(map(_port, model.inputs))
        self.outputs = dict(map(_port, model.outputs))
        keys = ['framework', METADATA_KEY]
        self.metadata = _metadata(
            path,
            model.get_rt_info(keys).astype(str) if model.has_rt_info(keys) else None,
        )
        self._free = next(iter(self.inputs.values()))[0] is None
        self._model, self.at_once, copies = model, streams, 0
        packed = sum(
            _packed_size(node, precision)
            for node in model.get_ops()
            if node.get_type_name() == 'Constant'
        )
        if name == 'CPU' and self._free:
            copies = threads * COPIES // max(packed, 1)
        if copies:
            self.at_once = max(streams, min(threads, max(2, threads // 4)))
        self._sizes = sorted(SIZES[:copies], reverse=True)
        self._lock = threading.Lock()
        #: By streams and items.
        self._compiled: dict[tuple[int, int], Any] = {}
        self._idle: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
        self._compile(streams, 1)

    def _compile(self, streams: int, size: int) -> None:
        if self._free:
            shape = self._model.inputs[0].partial_shape
            shape[0] = size
            self._loaded(self._model.reshape, {self._model.inputs[0]: shape})
        self._compiled[streams, size] = self._loaded(
            self._core.compile_model,
            self._model,
            self._device,
            self._hints | dict(NUM_STREAMS=streams),
        )

    def _loaded(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a step of loading the file."""
        try:
            return step(*arguments)
        except Exception as error:
            raise NetworkError(
                f'network {self.path} is no model that OpenVINO can load: '
                f'{_one_line(error)}'
            ) from None

    def __call__(self, batch: ArrayLike) -> list[np.ndarray]:
        """(B, ...) float32 -> list of (B, ...) float32, one an output."""
        batch = np.ascontiguousarray(batch, self.dtype)
        results: list[list[np.ndarray]] = []
        rest = batch
        try:
            for size in self._sizes:
                full = len(rest) - len(rest) % (size * self.at_once)
                results += self._run(rest[:full], self.at_once, size)
                rest = rest[full:]
            # What does not fill all streams is faster on all threads.
            results += self._run(rest, self.streams, 1 if self._free else len(rest))
        except NetworkError:
            raise
        except Exception as error:
            raise NetworkError(
                f'network {self.path} fails on an input of '
                f'shape {np.shape(batch)}: {_one_line(error)}'
            ) from None
        return [np.concatenate(output) for output in zip(*results)]

    def _run(
        self, batch: np.ndarray, streams: int, size: int
    ) -> list[list[np.ndarray]]:
        """(B, ...) -> the outputs of every ``size`` items; two requests a stream keep
        it busy."""
        items = [batch[start : start + size] for start in range(0, len(batch), size)]
        key = streams, size if self._free else 1
        requests = [self._request(*key) for _ in range(min(2 * streams, len(items)))]
        results: list[list[np.ndarray]] = []
        ahead = len(requests)
        for number in range(len(items) + ahead):
            request = requests[number % ahead]
            if number >= ahead:
                request.wait()
                results.append(
                    [tensor.data.copy() for tensor in request.output_tensors]
                )
            if number < len(items):
                request.start_async([items[number]])
        with self._lock:
            self._idle[key] += requests
        return results

    def _request(self, streams: int, size: int) -> Any:
        """An inference request that no other thread is using."""
        key = streams, size
        with self._lock:
            if key not in self._compiled:
                self._compile(streams, size)
            if self._idle[key]:
                return self._idle[key].pop()
            return self._compiled[key].create_infer_request()


#: Either backend.
Network = OnnxRuntime | OpenVino


def _providers(onnxruntime: Any, device: str) -> list[tuple[str, dict[str, str]]]:
    kind, _, number = device.partition(':')
    provider = PROVIDERS.get(kind)
    available = onnxruntime.get_available_providers()
    if provider is None or provider not in available:
        here = [name for name in PROVIDERS if PROVIDERS[name] in available]
        raise NetworkError(
            f'ONNX Runtime here has no device "{device}", only '
            f'{", ".join(here)}: install the build for it (for NVIDIA, '
            'pip install onnxruntime-gpu)'
        )
    options = dict(device_id=number) if number else {}
    if kind != 'tensorrt':
        return [(provider, options)]
    # Engines take minutes to build, so they are kept; ONNX Runtime names them by
    # network, GPU and version of TensorRT.
    folder = cache_folder('tensorrt')
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        name: value
        for cache in ('engine', 'timing')
        for name, value in (
            (f'trt_{cache}_cache_enable', 'True'),
            (f'trt_{cache}_cache_path', str(folder)),
        )
    }
    return [(provider, options | kept), (PROVIDERS['cuda'], options)]


def _node(node: Any) -> tuple[str, Shape]:
    return node.name, [side if isinstance(side, int) else None for side in node.shape]


def _port(port: Any) -> tuple[str, Shape]:
    shape = [dim.get_length() if dim.is_static else None for dim in port.partial_shape]
    return port.any_name, shape


def _packed_size(constant: Any, precision: str) -> int:
    """Bytes that weights take once OpenVINO has packed them: real numbers take
    those of the precision that it computes in, whatever the file stores."""
    kind = constant.get_element_type()
    if not kind.is_real():
        return constant.get_byte_size()
    return (
        8
        * constant.get_byte_size()
        // kind.bitwidth
        * (2 if precision == 'bf16' else 4)
    )


def _metadata(path: Path, text: str | None) -> NetworkMetadata:
    try:
        return NetworkMetadata.from_json(text)
    except NetworkError as error:
        raise NetworkError(f'network {path}: {error}') from None


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())[:300]
