"""The run folder's device.log: every call to the device, with its exit code and seconds."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOURCE = "android_runner"


class _Handler(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A log that cannot be written is no reason to print a traceback for every line of it."""


@contextmanager
def device_log(path: Path) -> Iterator[None]:
    """Write what android_runner logs, from DEBUG on, to `path` while the context lasts.

    Other handlers keep the level that they had: the terminal gets no more than before.
    """
    logger = logging.getLogger(_SOURCE)
    handler = _Handler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    level, quiet = logger.level, logging.getLogger().getEffectiveLevel()
    others = [one for one in logging.getLogger().handlers if one.level < quiet]
    before = [one.level for one in others]
    for one in others:
        one.setLevel(quiet)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.setLevel(level)
        for one, was in zip(others, before, strict=True):
            one.setLevel(was)
