"""``rtmw serve``: a service and a page."""

import argparse
import ipaddress
import os
import socket
import sys
from dataclasses import fields

from ..core.errors import UsageError
from ..output.records import Run
from ..serve.limits import Limits, flag_of
from .estimator_flags import (
    add_network_flags,
    add_people_flags,
    build_estimator,
    check_people,
    complete,
    networks_of,
)
from .exit_codes import ExitCode

PORT = 8000


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'serve',
        help='a service and a page',
        description='A service that finds people in images and videos, and a page '
        'for it; needs the extra serve.',
    )
    # Of other commands.
    parser.set_defaults(run=run, boxes=None, no_fallback=False, stride=None)
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        help='address to listen on (default: 127.0.0.1, this machine alone)',
    )
    parser.add_argument(
        '--port', type=int, default=PORT, help=f'default: {PORT}; 0 takes a free one'
    )
    parser.add_argument(
        '--token',
        help='that requests must show; needed if other machines can connect '
        '(default: $RTMW_TOKEN)',
    )
    parser.add_argument('--no-page', action='store_true', help='the service alone')
    add_people_flags(parser)
    add_network_flags(parser)
    add_limit_flags(parser)


def add_limit_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of :class:`rtmw_ext.serve.limits.Limits`."""
    group = parser.add_argument_group('limits')
    for field in fields(Limits):
        group.add_argument(
            flag_of(field.name),
            type=type(field.default),
            default=field.default,
            metavar='N',
            help=f'{field.metadata["help"]} (default: {field.default:,.10g})',
        )


def run(flags: argparse.Namespace) -> int:
    """Serves until it is stopped. Returns the exit code."""
    token = flags.token or os.environ.get('RTMW_TOKEN') or None
    if token is None and not is_loopback(flags.host):
        raise UsageError(
            f'other machines can connect to --host {flags.host}: give --token, or '
            'leave --host out'
        )
    try:
        import uvicorn

        from ..serve.app import build_app
        from ..serve.service import Service
    except ImportError as error:
        raise UsageError(
            f"rtmw serve needs {error.name}: pip install 'rtmw_ext[serve]'"
        ) from None
    limits = Limits(
        **{field.name: getattr(flags, field.name) for field in fields(Limits)}
    )
    complete(flags, None)
    camera = check_people(flags)
    estimator = build_estimator(flags, None, camera)
    service = Service(estimator, Run(networks_of(estimator), camera=camera), limits)
    app = build_app(service, token)
    if not flags.no_page:
        from ..serve.page import add_page

        app = add_page(app, service)
    family = socket.AF_INET6 if ':' in flags.host else socket.AF_INET
    listening = socket.create_server((flags.host, flags.port), family=family)
    host, port = listening.getsockname()[:2]
    print(
        f'rtmw: http://{f"[{host}]" if ":" in host else host}:{port}', file=sys.stderr
    )
    config = uvicorn.Config(
        app,
        log_level='warning',
        server_header=False,
        ws_max_size=limits.image_bytes,
        timeout_graceful_shutdown=2,
        # Longer than clients wait: a connection is not closed under a request.
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run([listening])
    return ExitCode.DONE


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
