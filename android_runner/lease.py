"""One harness at a time on one device: a lease, kept in a file there, which outlives no reboot and no owner.

Processes on one host and on several exclude each other, since the file is where the phone is. A lease is
free for the taking when its owner is a dead process of this host, when the device restarted since, or when
the time that its owner gave it is over, by the device's own clock since boot: wall clocks jump. A torn one
(its writer died over it, a power cut, a full disk) is removed once it stays as it is.
"""

from __future__ import annotations

import logging
import posixpath
import re
import shlex
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from android_runner.lease_owner import Owner, is_alive, short_hash, this_process
from android_runner.link import Link, push_error
from results.errors import DeviceBusy, DeviceLost, HarnessError, OutputUnreadable

log = logging.getLogger(__name__)

_TIMEOUT_S = 30.0
_RECONNECT_S = 5.0
_SETTLE_S = 0.2  # two who take an abandoned lease in the same moment both see the later one after it
_TORN_LOOKS = 10  # as many in a row see the same torn lease: nobody is writing it
_MOST_LOOKS = 30
_LINE = re.compile(
    r"lease 1 token=([0-9a-f]{16}) host=([0-9a-f]{16}) host_boot=([0-9a-f]{16}) pid=([0-9]{1,10}) "
    r"started=([0-9]{1,20}) boot=([0-9a-f]{16}) until=([0-9]{1,12})"
)
_NO_HASH = "0" * 16
# How our scripts end, besides 0.
_NOT_AS_SEEN, _FAILED = 8, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a lease says. `boot`: of the device; `until_s`: in its seconds since boot."""

    owner: Owner
    boot: str
    until_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A device's boot (hashed), its seconds since boot, and the lease file: its content, None for no file.

    `sha256`: of the file, or "" where the device cannot tell; `held`: None for no lease, or a torn one.
    """

    boot: str
    uptime_s: int
    content: str | None
    sha256: str
    held: Held | None


class Lease:
    """The right to measure on a device, taken by `take`; `renew` before each thing that takes long."""

    def __init__(self, link: Link, folder: str) -> None:
        self._link = link
        self._file = posixpath.join(folder, "lease")
        self._owner = this_process()

    def check(self) -> None:
        """Raises DeviceBusy while another one holds it; changes nothing. The link's errors."""
        look = self._look()
        if look.held is not None and not self._is_ours(look) and _over(look, look.held, self._owner) is None:
            raise self._busy(look.held, look.uptime_s)

    def take(self, *, for_s: float, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Whether it was taken over from one that ended without letting go.

        Raises DeviceBusy, naming the owner, while another one holds it; NoSpaceOnDevice, TargetNotWritable or
        PushFailed where it cannot be written; the link's errors.
        """
        abandoned = False
        torn: Look | None = None
        same = 0
        for _ in range(_MOST_LOOKS):
            look = self._look()
            if look.content is None:
                if self._create(look, for_s):
                    return abandoned
                continue  # another one was faster: the next look sees it
            if look.held is None:
                # It is being written at this moment, or its writer died over it.
                is_same = torn is not None and (torn.content, torn.sha256) == (look.content, look.sha256)
                same = same + 1 if is_same else 1
                torn = look
                if same >= _TORN_LOOKS:
                    self._remove(look)
            elif self._is_ours(look):
                self.renew(for_s=for_s)
                return abandoned
            elif why := _over(look, look.held, self._owner):
                log.debug("%s: taking a lease over: %s", self._link.name, why)
                abandoned = True
                self._remove(look)
            else:
                raise self._busy(look.held, look.uptime_s)
            # Not at once: whoever was faster is seen by the next look.
            sleep(_SETTLE_S)
        raise DeviceBusy(
            f"another run is being started on {self._link.name} at this moment.",
            next_step="Wait until it has ended, then run again.",
        )

    def renew(self, *, for_s: float) -> None:
        """Hold it for so much longer.

        Raises DeviceLost after a reboot, DeviceBusy where another took it; like `take` where it cannot be
        written.
        """
        look = self._look()
        if self._is_ours(look):
            fresh = shlex.quote(f"{self._file}.{self._owner.token}")
            write = f"echo {shlex.quote(self._line(look, for_s))} >{fresh} && mv -f {fresh} {self._quoted}"
            if self._change(look, f"{write} || {{ rm -f {fresh}; exit {_FAILED}; }}"):
                return
        elif look.held is None or _over(look, look.held, self._owner):
            raise DeviceLost(
                f"{self._link.name} restarted, or forgot this run.",
                next_step="Run again.",
            )
        raise DeviceBusy(
            f"another run took {self._link.name} over while this one slept.",
            next_step="Wait until it has ended, then go on with this one.",
        )

    def release(self) -> None:
        """Let go, on a new connection where the old one was lost or given up (Ctrl-C); never raises.

        What is left behind is free for the taking once this process ended, or by other hosts once its time is
        over.
        """
        try:
            self._let_go()
        except HarnessError as err:
            log.debug("%s: letting go, once more: %s", self._link.name, err.what)
            with suppress(HarnessError):
                self._link.reconnect(timeout_s=_RECONNECT_S)
                self._let_go()

    def _let_go(self) -> None:
        look = self._look()
        if look.held is not None and look.held.owner == self._owner:
            self._remove(look)

    @property
    def _quoted(self) -> str:
        return shlex.quote(self._file)

    def _is_ours(self, look: Look) -> bool:
        return look.held is not None and look.held.owner == self._owner and look.held.boot == look.boot

    def _line(self, look: Look, for_s: float) -> str:
        owner = self._owner
        return (
            f"lease 1 token={owner.token} host={owner.host} host_boot={owner.host_boot} pid={owner.pid} "
            f"started={owner.started} boot={look.boot} until={int(look.uptime_s + for_s) + 1}"
        )

    def _look(self) -> Look:
        file = self._quoted
        # The checksum first: where the file changes in between, it is the old one's, and nothing is removed.
        done = self._link.run(
            "read -r boot </proc/sys/kernel/random/boot_id; read -r up rest </proc/uptime; "
            f'echo "$boot"; echo "$up"; if [ -e {file} ] || [ -L {file} ]; then sum=$(sha256sum <{file}); '
            f'echo "there ${{sum%% *}}"; cat {file} || [ ! -e {file} ] || exit {_FAILED}; else echo none; fi '
            "2>/dev/null",
            timeout_s=_TIMEOUT_S,
        )
        if done.exit_code == _FAILED:  # it may well be a lease: another user's
            raise OutputUnreadable(
                f"{self._file} on {self._link.name} says who measures there, and cannot be read.",
                next_step=f"If no run is going on there, remove it: adb shell rm -r {self._file}",
            )
        return parse_lease(done.text)

    def _create(self, look: Look, for_s: float) -> bool:
        """Whether it is ours now; False where another one was faster."""
        file, line = self._quoted, shlex.quote(self._line(look, for_s))
        # noclobber: of several who try, the kernel lets one create it. A line that found no space is ours to
        # remove; a file that could not be created and is there is another one's.
        script = (
            f"{{ mkdir -p {shlex.quote(posixpath.dirname(self._file))} && "
            f"(set -C; exec 3>{file}; echo {line} >&3 || exit {_FAILED}); }} 2>&1; code=$?; "
            f"case $code in 0) ;; {_FAILED}) rm -f {file};; "
            f"*) if [ -e {file} ] || [ -L {file} ]; then code={_NOT_AS_SEEN}; fi;; esac; exit $code"
        )
        try:
            return self._done(script)
        except BaseException:  # Ctrl-C or a deadline: it may be there all the same
            self.release()
            raise

    def _remove(self, look: Look) -> None:
        """Remove the file while it still is what was seen."""
        self._change(look, f"rm -f {self._quoted}")

    def _change(self, look: Look, script: str) -> bool:
        """Whether that was done; False where the file is no longer what was seen."""
        same = (
            f'sum=$(sha256sum <{self._quoted} 2>/dev/null); [ "${{sum%% *}}" = {shlex.quote(look.sha256)} ]'
        )
        return self._done(f"{same} || exit {_NOT_AS_SEEN}; {{ {script}; }} 2>&1")

    def _done(self, script: str) -> bool:
        """Whether it went well; False for _NOT_AS_SEEN. Raises the class of what the shell said."""
        done = self._link.run(script, timeout_s=_TIMEOUT_S)
        if done.exit_code not in (0, _NOT_AS_SEEN):
            raise push_error(self._link.name, self._file, " ".join(done.text.split()) or "without a reason")
        return done.exit_code == 0

    def _busy(self, held: Held, uptime_s: int) -> DeviceBusy:
        left_s = held.until_s - uptime_s
        if held.owner.host == self._owner.host:
            return DeviceBusy(
                f"another run is measuring on {self._link.name}: process {held.owner.pid} of this machine.",
                next_step=f"Wait until it has ended, or end it: kill {held.owner.pid}",
            )
        return DeviceBusy(
            f"another machine or container is measuring on {self._link.name}.",
            next_step=f"Wait until it has ended. If it died, the device is free in {left_s} s at the latest.",
        )


def parse_lease(text: str) -> Look:
    """A device's answer: its boot's id, its uptime, "none" or "there" with a SHA-256, the lease file.

    Raises OutputUnreadable.
    """
    boot, uptime, state, content = [*text.split("\n", 3), "", "", "", ""][:4]
    up_s = re.fullmatch(r"([0-9]{1,10})(?:\.[0-9]*)?", uptime.strip())
    there = re.fullmatch(r"none|there ?([0-9a-f]{64})?", state.strip())
    if up_s is None or there is None:
        raise OutputUnreadable(
            "the device does not say for how long it has been on (/proc/uptime), or who measures there.",
            next_step="Check that it is an Android device: adb shell cat /proc/uptime",
        )
    is_there = state.startswith("there")
    return Look(
        boot=short_hash(boot) if boot.strip() else _NO_HASH,
        uptime_s=int(up_s[1]),
        content=content if is_there else None,
        sha256=there[1] or "",
        held=_held(content.strip()) if is_there else None,
    )


def _held(line: str) -> Held | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    token, host, host_boot, pid, started, boot, until = found.groups()
    owner = Owner(token=token, host=host, host_boot=host_boot, pid=int(pid), started=int(started))
    return Held(owner=owner, boot=boot, until_s=int(until))


def _over(look: Look, held: Held, me: Owner) -> str | None:
    """Why that lease holds no longer; None while it does."""
    if held.boot != look.boot:
        return "the device restarted since"
    if held.owner.host == me.host:
        if held.owner.host_boot != me.host_boot:
            return "this machine restarted since"
        lives = is_alive(held.owner)
        if lives is not None:
            return None if lives else "its process ended"  # a living process of this host needs no clock
    return "its time is over" if look.uptime_s > held.until_s else None
