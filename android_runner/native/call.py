"""Start a build tool and wait for it."""

from __future__ import annotations

import logging
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from results.errors import BundleUnavailable

log = logging.getLogger(__name__)

# Zig says it in either form, and not always on its last line.
_DISK_FULL = "No space left on device"
_FULL = re.compile(f"{_DISK_FULL}|NoSpaceLeft")


def call(
    command: Sequence[str],
    *,
    timeout_s: float,
    next_step: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What the command wrote to stdout.

    Raises: BundleUnavailable, with `next_step`, when it is not there, fails, or does not end in time.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as err:
        raise BundleUnavailable(f"this machine has no {command[0]}.", next_step=next_step) from err
    except subprocess.TimeoutExpired as err:
        raise BundleUnavailable(
            f"{command[0]} did not end within {timeout_s:g} s.", next_step=next_step, timeout_s=timeout_s
        ) from err
    log.debug("%s: exit %d", " ".join(command), done.returncode)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["nothing on stderr"]
        reason = _DISK_FULL if _FULL.search(done.stderr) else said[-1].strip()
        raise BundleUnavailable(
            f"{Path(command[0]).name} failed with exit code {done.returncode}: {reason}",
            next_step=next_step,
            argv=tuple(command),
            exit_code=done.returncode,
            stderr=done.stderr,
        )
    return done.stdout
