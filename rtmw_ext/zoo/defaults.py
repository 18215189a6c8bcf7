"""The networks that run where none is named: the released ones, or those of the
package where they cannot be had.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path

from .checksums import FetchError
from .fetch import cached, fetch, resolve_network
from .registry import MIRROR, Kind, get

#: What runs where none is named.
DEFAULTS: dict[Kind, str] = {'pose': 'rtmw-m', 'detector': 'yolox-tiny'}
#: What the package has in their place.
STAND_INS: dict[Kind, str] = {
    'pose': 'rtmw-t',
    'detector': 'rtmdet-nano',
}
#: What the package has for faces and hands.
SECOND_LOOK = 'rtmw-t-parts'
#: Seconds that a server has to answer before the stand-ins take over.
PATIENCE = 5


def resolve_networks(names: Mapping[Kind, str | Path | None]) -> dict[Kind, Path]:
    """The files of networks. One that is not named is the released one, or, where
    that is neither cached nor can be fetched, its stand-in; a warning says so.

    Args:
        names: {kind: file, name, or None}.

    Returns:
        {kind: file}, in the same order.

    Raises:
        NetworkError, WeightsError: As of :func:`resolve_network`, of those named.
    """
    # The named first: a wrong name is said before a server is waited for.
    files = {kind: resolve_network(name, kind) for kind, name in names.items() if name}
    absent: list[Kind] = []
    why = ''
    for kind in names:
        if kind in files:
            continue
        model = get(DEFAULTS[kind])
        address = str(model.onnx)
        try:
            # A server that failed once is not asked again.
            if absent:
                files[kind] = cached(address)
            else:
                files[kind] = fetch(address, PATIENCE, model.sha256)
            found = files[kind].is_file()
        except FetchError as error:
            found = False
            why = f'{"/".join(address.split("/")[:3])} ({error})'
        if not found:
            absent.append(kind)
            files[kind] = resolve_network(STAND_INS[kind], kind)
    if absent:
        better = ' and '.join(DEFAULTS[kind] for kind in absent)
        used = ' and '.join(STAND_INS[kind] for kind in absent)
        warnings.warn(
            f'using {used} of this package; the better {better} cannot be fetched from '
            f'{why}: connect once, set {MIRROR}, or give files to --pose and --det',
            stacklevel=2,
        )
    return {kind: files[kind] for kind in names}
