"""What dask.distributed and what it stands on would print: lines of our log instead."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

# Those that distributed gives a handler on stderr or a level, and asyncio's, which tells of what it dropped.
_NAMES = (
    *("distributed", "distributed.client", "distributed.gc", "bokeh"),
    *("tornado", "tornado.application", "tornado.general", "asyncio"),
)


class _Forward(logging.Handler):
    def __init__(self, to: logging.Logger) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        self._to.debug("%s: %s", record.name, record.getMessage())


@contextlib.contextmanager
def foreign_log(to: logging.Logger) -> Iterator[None]:
    """Within it, they are DEBUG lines of `to`, without tracebacks."""
    import distributed  # noqa: F401  # sets its loggers up as it is imported

    handler = _Forward(to)
    before = []
    for logger in map(logging.getLogger, _NAMES):
        before.append((logger, logger.handlers[:], logger.propagate))
        logger.handlers[:] = [handler]
        logger.propagate = False
    try:
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers[:] = handlers
            logger.propagate = propagate
