"""Whether another of our device programs runs on a device: two that share cores measure each other."""

from __future__ import annotations

from android_runner.link import Link
from results.errors import DeviceNotReady

_TIMEOUT_S = 30.0
# Every process's arguments, read by the shell itself: it drops the NULs between them, so that no command line
# of several words, such as a shell's script, looks like the program's. The quotes within the name keep this
# script's own text from matching. Not pidof or pgrep: on a phone the process is named after its loader.
_LIVE = (
    "for p in /proc/[0-9]*; do w=; { read -r w <$p/cmdline; } 2>/dev/null; "
    'case $w in *./run""ner--runtime./libLiteRt.so*) echo ${p#/proc/};; esac; done; true'
)


def check_idle(link: Link) -> None:
    """Raises DeviceNotReady while a device program of this or another run is alive there."""
    pids = link.run(_LIVE, timeout_s=_TIMEOUT_S).text.split()
    if pids:
        raise DeviceNotReady(
            f"another run is measuring on {link.name} (busy): process {', '.join(pids)}.",
            next_step=f"Wait until it has ended, or end what was left behind there: kill {' '.join(pids)}",
            pids=tuple(pids),
        )
