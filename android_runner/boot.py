"""Which boot of a device this is, and whether it has started."""

from __future__ import annotations

import re
from dataclasses import dataclass

from android_runner.link import HOST, Link

_TIMEOUT_S = 20.0
_BOOT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """`id`: the kernel's, None where it may not be read; `completed`: Android's services are up."""

    id: str | None
    completed: bool


def boot(link: Link) -> Boot:
    """Raises the link's errors."""
    ask = "cat /proc/sys/kernel/random/boot_id 2>/dev/null; echo"
    if link.name != HOST:
        ask += "; getprop sys.boot_completed 2>/dev/null"
    lines = [line.strip() for line in link.run(ask, timeout_s=_TIMEOUT_S).text.splitlines() if line.strip()]
    found = next((line for line in lines if _BOOT_ID.fullmatch(line)), None)
    # A system without Android's properties (a bare Linux with adbd) never says 1: only Android's 0 counts.
    return Boot(id=found, completed="0" not in lines)
