"""Where a cluster's scheduler is: the form of its address, and whether anything listens there."""

from __future__ import annotations

import importlib.util
import socket
from urllib.parse import urlsplit

from results.errors import ConfigError, WorkersLost, did_you_mean

# Source: dask.distributed, its comm back ends.
_SCHEMES = ("tcp", "tls", "ws", "wss")
_LIKE = "such as --scheduler tcp://10.0.0.7:8786"
_KNOCK_S = 3.0


def refuse_unreachable(address: str) -> None:
    """Refuse an address before anything is exported or measured for it; nothing is joined.

    Raises: ConfigError where the extra is not installed, the address is malformed or its host unknown;
    WorkersLost where nothing listens.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ConfigError(
            f"--scheduler {address} is a Dask cluster, and the package distributed is not installed here.",
            next_step='Install it: pip install "mobilebert-bench[cluster]"',
            address=address,
        )
    host, port = _parts(address)
    try:
        socket.create_connection((host, port), timeout=_KNOCK_S).close()
    except (socket.gaierror, UnicodeError) as err:
        raise ConfigError(
            f'--scheduler {address}: there is no host "{host}" ({getattr(err, "strerror", None) or err}).',
            next_step=f"Give the host's name or address, {_LIKE}.",
            address=address,
        ) from err
    except OSError as err:
        raise WorkersLost(
            f"--scheduler {address}: nothing answers there ({err.strerror or err}).",
            next_step="Start a scheduler on that host (dask scheduler prints its address), or give the right "
            "address; to resume a run on this machine: --scheduler none.",
            address=address,
        ) from err


def _parts(address: str) -> tuple[str, int]:
    """Host and port. Raises ConfigError."""
    scheme, separator, _ = address.partition("://")
    if not separator:
        raise ConfigError(
            f'--scheduler "{address}" does not say by which protocol.',
            next_step=f"Give tcp://HOST:PORT, {_LIKE}.",
            address=address,
        )
    if scheme in ("http", "https"):
        raise ConfigError(
            f"--scheduler {address} is a page, such as the scheduler's dashboard.",
            next_step=f"Give the address that the scheduler printed beside it, {_LIKE}.",
            address=address,
        )
    if scheme not in _SCHEMES:
        raise ConfigError(
            f'--scheduler {address}: there is no protocol "{scheme}".{did_you_mean(scheme, _SCHEMES)}',
            next_step=f"Give one of {', '.join(_SCHEMES)}, {_LIKE}.",
            address=address,
        )
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as err:
        raise _without_port(address, str(err)) from err
    if not host or not port or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise _without_port(address, "it is not HOST:PORT")
    return host, port


def _without_port(address: str, why: str) -> ConfigError:
    return ConfigError(
        f"--scheduler {address} is no address of a scheduler: {why}.",
        next_step=f"Give PROTOCOL://HOST:PORT and nothing else, {_LIKE}.",
        address=address,
    )
