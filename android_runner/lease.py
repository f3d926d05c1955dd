"""One harness at a time on one device: a lease, kept in a file there, which outlives no reboot and no owner.

Processes on one host and on several exclude each other, since the file is where the phone is. A lease is
free for the taking when its owner is a dead process of this host, when the device restarted since, or when
the time that its owner gave it is over, by the device's own clock since boot: wall clocks jump.
"""

from __future__ import annotations

import hashlib
import logging
import os
import posixpath
import re
import secrets
import shlex
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from android_runner.link import Link
from results.errors import DeviceBusy, DeviceLost, HarnessError, OutputUnreadable, TargetNotWritable

log = logging.getLogger(__name__)

_TIMEOUT_S = 30.0
_SETTLE_S = 0.2  # two who take an abandoned lease in the same moment both see the later one after it
_BEING_WRITTEN_S = 2.0
_LINE = re.compile(
    r"lease 1 token=([0-9a-f]{16}) host=([0-9a-f]{16}) host_boot=([0-9a-f]{16}) pid=(\d{1,10}) "
    r"started=(\d{1,20}) boot=([0-9a-f]{16}) until=(\d{1,12})"
)
_NO_HASH = "0" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    """Who holds a lease: a process of a host, in one boot of it. `started`: clock ticks since that boot."""

    token: str
    host: str
    host_boot: str
    pid: int
    started: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What a lease file says. `boot`: of the device; `until_s`: in its seconds since boot."""

    owner: _Owner
    boot: str
    until_s: int


class Lease:
    """The right to measure on a device, taken by `take`; `renew` before each thing that takes long."""

    def __init__(self, link: Link, folder: str) -> None:
        self._link = link
        self._file = posixpath.join(folder, "lease")
        self._owner = _this_process()

    def take(self, *, for_s: float, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Whether it was taken over from one that ended without letting go.

        Raises DeviceBusy, naming the owner, while another one holds it; TargetNotWritable; the link's errors.
        """
        deadline = time.monotonic() + _BEING_WRITTEN_S
        abandoned = False
        while True:
            boot, uptime_s, line = self._ask()
            if not line:
                if self._write(boot, uptime_s + for_s, only_where=None):
                    return abandoned
            elif (held := _parse(line)) is None:
                # Cut short: it is being written at this moment, or its writer died over it.
                if time.monotonic() > deadline:
                    self._remove(line)
                else:
                    sleep(_SETTLE_S)
            elif held.owner == self._owner and held.boot == boot:
                self.renew(for_s=for_s)
                return abandoned
            elif why := _over(held, boot, uptime_s):
                log.debug("%s: taking a lease over: %s", self._link.name, why)
                abandoned = True
                self._remove(line)
            else:
                raise self._busy(held, uptime_s)
            if time.monotonic() > deadline + _BEING_WRITTEN_S:
                raise DeviceBusy(
                    f"another run is being started on {self._link.name} at this moment.",
                    next_step="Wait until it has ended, then run again.",
                )
            # Not at once: whoever was faster is seen by the next look.
            sleep(_SETTLE_S if line else 0)

    def renew(self, *, for_s: float) -> None:
        """Hold it for so much longer. Raises DeviceLost after a reboot, DeviceBusy where another took it."""
        boot, uptime_s, line = self._ask()
        held = _parse(line)
        if held is not None and held.owner == self._owner and held.boot == boot:
            if self._write(boot, uptime_s + for_s, only_where=line):
                return
        elif held is None or _over(held, boot, uptime_s):
            raise DeviceLost(
                f"{self._link.name} restarted, or forgot this run.",
                next_step="Run again.",
            )
        raise DeviceBusy(
            f"another run took {self._link.name} over while this one slept.",
            next_step="Wait until it has ended, then go on with this one: mobilebert-bench resume RUN",
        )

    def release(self) -> None:
        """Let go; never raises: what is left behind is free for the taking once this process ended."""
        with suppress(HarnessError):
            _, _, line = self._ask()
            held = _parse(line)
            if held is not None and held.owner == self._owner:
                self._remove(line)

    def _ask(self) -> tuple[str, int, str]:
        """The device's boot (hashed), its seconds since boot, and the lease file's line, "" for none."""
        done = self._link.run(
            "read -r boot </proc/sys/kernel/random/boot_id; read -r up rest </proc/uptime; "
            f'echo "$boot"; echo "$up"; cat {shlex.quote(self._file)} 2>/dev/null',
            timeout_s=_TIMEOUT_S,
        )
        boot, uptime, *rest = [*done.text.split("\n"), "", ""]
        found = re.fullmatch(r"(\d{1,10})(?:\.\d*)?", uptime.strip())
        if found is None:
            raise OutputUnreadable(
                f"{self._link.name} does not say for how long it has been on (/proc/uptime).",
                next_step="Check that it is an Android device: adb shell cat /proc/uptime",
            )
        return (_hash(boot) if boot.strip() else _NO_HASH), int(found[1]), "\n".join(rest).strip()

    def _write(self, boot: str, until_s: float, *, only_where: str | None) -> bool:
        """Whether the file now says that it is ours; `only_where`: the line to be replaced, None for none."""
        owner = self._owner
        line = (
            f"lease 1 token={owner.token} host={owner.host} host_boot={owner.host_boot} pid={owner.pid} "
            f"started={owner.started} boot={boot} until={int(until_s) + 1}"
        )
        file, fresh = shlex.quote(self._file), shlex.quote(f"{self._file}.{owner.token}")
        if only_where is None:
            folder = shlex.quote(posixpath.dirname(self._file))
            # noclobber: of several who try, the kernel lets one create it.
            script = (
                f"mkdir -p {folder} && (set -C; echo {shlex.quote(line)} >{file}) 2>/dev/null; cat {file}"
            )
        else:
            script = (
                f'[ "$(cat {file})" = {shlex.quote(only_where)} ] && echo {shlex.quote(line)} >{fresh} '
                f"&& mv -f {fresh} {file}; cat {file}"
            )
        done = self._link.run(script, timeout_s=_TIMEOUT_S)
        if not done.text.strip() and done.exit_code != 0:
            raise TargetNotWritable(
                f"{self._file} cannot be written on {self._link.name}: {done.error_text.strip()}.",
                next_step="Make that folder writable and free some space there.",
            )
        return done.text.strip() == line

    def _remove(self, line: str) -> None:
        """Remove the file while it still says this."""
        file = shlex.quote(self._file)
        self._link.run(
            f'[ "$(cat {file} 2>/dev/null)" = {shlex.quote(line)} ] && rm -f {file}', timeout_s=_TIMEOUT_S
        )

    def _busy(self, held: _Held, uptime_s: int) -> DeviceBusy:
        left_s = held.until_s - uptime_s
        if held.owner.host == self._owner.host:
            return DeviceBusy(
                f"another run is measuring on {self._link.name}: process {held.owner.pid} of this machine.",
                next_step=f"Wait until it has ended, or end it: kill {held.owner.pid}",
            )
        return DeviceBusy(
            f"another machine is measuring on {self._link.name}.",
            next_step=f"Wait until it has ended. If it died, the device is free in {left_s} s at the latest.",
        )


def _over(held: _Held, boot: str, uptime_s: int) -> str | None:
    """Why that lease holds no longer; None while it does."""
    me = _this_process()
    if held.boot != boot:
        return "the device restarted since"
    if held.owner.host == me.host:
        if held.owner.host_boot != me.host_boot:
            return "this machine restarted since"
        if _started(held.owner.pid) != held.owner.started:
            return "its process ended"
        return None  # a living process of this host needs no clock
    return "its time is over" if uptime_s > held.until_s else None


def _parse(line: str) -> _Held | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    token, host, host_boot, pid, started, boot, until = found.groups()
    owner = _Owner(token=token, host=host, host_boot=host_boot, pid=int(pid), started=int(started))
    return _Held(owner=owner, boot=boot, until_s=int(until))


_TOKEN = secrets.token_hex(8)


def _this_process() -> _Owner:
    pid = os.getpid()
    return _Owner(
        token=_TOKEN,
        host=_hash(_read("/etc/machine-id") or socket.gethostname()),
        host_boot=_hash(_read("/proc/sys/kernel/random/boot_id") or "unknown"),
        pid=pid,
        started=_started(pid) or 0,
    )


def _started(pid: int) -> int | None:
    """When a process of this host began, in ticks since boot (proc(5), field 22); None where it ended."""
    stat = _read(f"/proc/{pid}/stat")
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] == "Z":
        return None
    return int(fields[19])


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]
