"""What several commands ask of their flags."""

import argparse

from ..core.errors import UsageError


def check_least(flags: argparse.Namespace, **least: int) -> None:
    """Raises if a flag that is given is less than its least value.

    Raises:
        UsageError: It is.
    """
    for name, value in least.items():
        given = getattr(flags, name)
        if given is not None and given < value:
            flag = name.replace('_', '-')
            raise UsageError(f'--{flag} is {given}: it must be {value} or more')
