"""Checkpoints that are written whole or not at all."""

import os
import shutil
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from ..core.errors import RTMWError


class CheckpointWriteError(RTMWError, OSError):
    """A checkpoint cannot be written; the text says where and why."""


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """MMEngine's local files, which appear whole or not at all.

    A run that is killed while it writes, or fills the disk, leaves the old file.

    Raises:
        CheckpointWriteError: The disk is full or the folder unwritable.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        path = Path(filepath)
        partial = path.with_name(f'.{path.name}.partial')
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, 'wb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError as error:
            if partial.exists():
                partial.unlink()
            raise CheckpointWriteError(
                f'{path} cannot be written ({error.strerror}); an earlier one '
                'is untouched. Free space there or choose another folder with '
                '--work-dir, then go on with --resume'
            ) from error

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        self.put(obj.encode(encoding), filepath)


def check_space(folder: str | Path, needed: float) -> None:
    """Raises if ``folder`` cannot take ``needed`` bytes of checkpoints.

    Raises:
        CheckpointWriteError: The folder is unwritable, or its disk too full
            even without the checkpoints that are there and will be replaced.
    """
    folder = Path(folder)
    probe = folder / '.probe'
    AtomicBackend().put(b'', probe)
    probe.unlink()
    free = shutil.disk_usage(folder).free + sum(
        path.stat().st_size for path in folder.glob('*.pth')
    )
    if free < needed:
        raise CheckpointWriteError(
            f'{folder} has room for {free / 1e9:.2f} GB of checkpoints, but '
            f'this training keeps {needed / 1e9:.2f} GB: free space, choose '
            'another folder with --work-dir, or lower default_hooks.'
            'checkpoint.max_keep_ckpts'
        )
