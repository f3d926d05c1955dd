"""Which boot of a device this is, and whether it has started."""

from __future__ import annotations

from dataclasses import dataclass

from android_runner.ask import ask
from android_runner.kernel_text import parse_boot_id
from android_runner.link import Link

_BOOT = {
    "boot": "cat /proc/sys/kernel/random/boot_id",
    "api level": "getprop ro.build.version.sdk",
    "completed": "getprop sys.boot_completed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """`id`: the kernel's, None where it may not be read; `completed`: Android's services are up."""

    id: str | None
    completed: bool


def boot(link: Link) -> Boot:
    """Raises OutputUnreadable, and the link's errors."""
    told = ask(link, _BOOT)
    # Android says nothing, not 0, until it is up; a bare Linux with adbd never says anything.
    is_android = bool(told["api level"].strip())
    return Boot(id=parse_boot_id(told["boot"]), completed=not is_android or told["completed"].strip() == "1")
