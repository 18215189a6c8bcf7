"""Weights as ``.safetensors``: tensors and text, nothing that could run code.

Once this module is imported, MMEngine's loader reads them wherever it reads a
``.pth``: ``load_from``, ``init_model``, inferencers, ``init_cfg``.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import safetensors.torch
import torch
from mmengine.dist import barrier, get_rank
from mmengine.runner import CheckpointLoader

from ..core.calibration import CURVES, is_calibration
from ..core.metadata import METADATA_KEY
from ..models.loading import CheckpointError
from .checkpoints import AtomicBackend

SUFFIX = '.safetensors'


# MMEngine takes prefixes for regular expressions, the one that is greatest as
# text first: these come before its own ``https://`` and the empty one.
@CheckpointLoader.register_scheme(
    prefixes=(r'https?://\S+\.safetensors(\?|$)', r'.*\.safetensors$')
)
def load_from_safetensors(
    filename: str, map_location: str | torch.device | Callable | dict | None = None
) -> dict[str, dict[str, Any]]:
    """Reads a file as MMEngine reads a checkpoint.

    Args:
        filename: Path, or address; what is fetched is kept where MMEngine keeps
            checkpoints (``$TORCH_HOME/hub/checkpoints``).
        map_location: A device; anything else means the CPU.

    Returns:
        ``meta``, as :func:`save_safetensors` took it (of other programs' files
        the texts of the header), and ``state_dict``. Curves of scores,
        ``meta['calibration']``, are also in the metadata of ``state_dict``: a
        model gets them with the weights, whatever loads these.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is damaged, no safetensors file, or has no curves where
            its header should.
    """
    path = _fetched(filename) if '://' in filename else Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist')
    device = map_location if isinstance(map_location, (str, torch.device)) else 'cpu'
    try:
        with safetensors.safe_open(path, 'pt', device=str(device)) as file:
            meta = file.metadata() or {}
            state_dict = OrderedDict(
                (name, file.get_tensor(name)) for name in file.keys()
            )
    except safetensors.SafetensorError as error:
        raise CheckpointError(
            f'checkpoint {path} is damaged or no safetensors file ({error}): fetch or '
            'install it again'
        ) from None
    if METADATA_KEY in meta:
        meta = json.loads(meta[METADATA_KEY], object_hook=_integer_keys)
    curves = meta.get('calibration') if isinstance(meta, dict) else None
    if curves is not None:
        if not is_calibration(curves):
            raise CheckpointError(
                f'checkpoint {path}: "calibration" of its header is not curves of some '
                f'of {", ".join(CURVES)}: fetch or install it again'
            )
        # Where torch keeps the versions of modules; '' is the whole model.
        state_dict._metadata = {'': {'calibration': curves}}  # type: ignore
    return dict(meta=meta, state_dict=state_dict)


def save_safetensors(
    state_dict: Mapping[str, torch.Tensor], meta: Mapping[str, Any], path: str | Path
) -> None:
    """Writes a file, whole or not at all.

    Args:
        state_dict: {name: tensor}; no two share memory.
        meta: What JSON can hold, for the header.
        path: ``.safetensors`` to write.

    Raises:
        CheckpointWriteError: The disk is full or the folder unwritable.
    """
    # One entry: several would be in another order in each file.
    header = {METADATA_KEY: json.dumps(meta)}
    content = safetensors.torch.save(dict(state_dict), header)
    AtomicBackend().put(content, path)


def _integer_keys(values: dict[str, Any]) -> dict[int | str, Any]:
    """JSON has texts for the numbers of ``keypoint_id2name``."""
    return {
        int(key) if key.isdecimal() else key: value for key, value in values.items()
    }


def _fetched(address: str) -> Path:
    """The file of an address. In a distributed run the first process fetches it,
    then those that do not see its disk."""
    path = Path(torch.hub.get_dir()) / 'checkpoints' / Path(urlparse(address).path).name
    if get_rank() == 0:
        _download(address, path)
    barrier()
    _download(address, path)
    return path


def _download(address: str, path: Path) -> None:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(address, str(path), progress=False)
