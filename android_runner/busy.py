"""Whether another of our device programs runs on a device: two that share cores measure each other."""

from __future__ import annotations

import re

from android_runner.link import Link
from results.errors import DeviceBusy, OutputUnreadable

_TIMEOUT_S = 30.0
# Every process's arguments, read by the shell itself: it drops the NULs between them, so that no command line
# of several words, such as a shell's script, looks like the program's. The quotes within the name keep this
# script's own text from matching. Not pidof or pgrep: on a phone the process is named after its loader.
_LIVE = (
    "for p in /proc/[0-9]*; do w=; { read -r w <$p/cmdline; } 2>/dev/null; "
    'case $w in *./run""ner--runtime./libLiteRt.so*|*/benchmark""_model--graph=*) echo ${p#/proc/};; esac; '
    "done; true"
)


def check_idle(link: Link) -> None:
    """Raises DeviceBusy while a device program of this or another run is alive there; OutputUnreadable."""
    pids = link.run(_LIVE, timeout_s=_TIMEOUT_S).text.split()
    if not all(re.fullmatch(r"[0-9]{1,10}", pid) for pid in pids):  # its user is told to type them
        raise OutputUnreadable(
            f"{link.name} gives something else than numbers for its processes.",
            next_step="Look at what its shell prints: adb shell 'echo /proc/[0-9]*'",
        )
    if pids:
        raise DeviceBusy(
            f"another run is measuring on {link.name} (busy): process {', '.join(pids)}.",
            next_step=f"Wait until it has ended, or end what was left behind there: kill {' '.join(pids)}",
            pids=tuple(pids),
        )
