"""A client of a Dask scheduler: made within bounds, also where something else listens there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from typing import TYPE_CHECKING, Any

from results.errors import WorkersLost

if TYPE_CHECKING:
    from distributed import Client, Security

log = logging.getLogger(__name__)

GOODBYE_S = 2.0  # for leaving
_CONNECT_S = 5.0


def connect(address: str) -> Client:
    """A client of the scheduler there. Raises: WorkersLost where what listens is none."""
    from distributed import Client, Security

    try:
        # First without the client, which waits without end for the first words of a foreign protocol.
        kind = asyncio.run(asyncio.wait_for(_kind(address, Security()), _CONNECT_S))
        if kind != "Scheduler":
            raise TypeError(f"it is a {kind}")
        with warnings.catch_warnings(record=True) as said:  # of other versions, which fitness.py is about
            warnings.simplefilter("always")
            client = Client(address, timeout=_CONNECT_S, set_as_default=False, name="mobilebert-bench")
    except Exception as err:  # a foreign protocol's bytes can end in any error
        why = str(err) or f"no word in {_CONNECT_S:g} s"
        if isinstance(err, MemoryError):  # its first bytes, read as a length
            why = "it speaks another protocol"
        raise WorkersLost(
            f"What listens at {address} does not answer as a Dask scheduler: {why}.",
            next_step="Give the address that the scheduler printed as it started (not a worker's or the "
            "dashboard's), with its protocol; certificates for tls belong into Dask's own configuration.",
        ) from err
    for warning in said:
        log.debug("%s", warning.message)
    return client


async def _kind(address: str, security: Security) -> object:
    """What it calls itself."""
    from distributed.core import rpc

    async with rpc(address, connection_args=security.get_connection_args("client")) as there:
        said = await there.identity()
        return said.get("type") if isinstance(said, dict) else type(said).__name__


def close(client: Any) -> None:  # noqa: ANN401  # its stub returns an awaitable or None
    with contextlib.suppress(OSError, TimeoutError):
        client.close(timeout=GOODBYE_S)
