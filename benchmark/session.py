"""Session: one device through a run, whatever happens to it. It is held, waited for, and given back."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from android_runner import probe
from android_runner.boot import boot
from benchmark.journal import Journal, now, same
from benchmark.listener import Listener
from results.device import Device, Interruption
from results.errors import (
    DeviceBusy,
    DeviceLost,
    DeviceNotReady,
    DeviceUnfit,
    HarnessError,
    NoDevice,
    NotResumable,
    OutputUnreadable,
    RunFailed,
    RunTimedOut,
    UsbDenied,
)

if TYPE_CHECKING:
    from android_runner.lease import Lease
    from android_runner.link import Link

log = logging.getLogger(__name__)

T = TypeVar("T")

# What a device that restarts goes through; anything else is a reason to stop.
_NOT_YET = (DeviceLost, NoDevice, DeviceNotReady, RunTimedOut, OutputUnreadable)
_NEVER = (DeviceBusy, DeviceUnfit, UsbDenied)  # of those, what waiting does not change
_TRY_S = 15.0
_BETWEEN_TRIES_S = 1.0
HELD_S = 900.0  # what takes longer says so
_MOST_INTERRUPTIONS = (
    100  # of a run: past them the device is not fit to be measured, and the record stays small
)
_WHAT_CHARACTERS = 500


@dataclass(kw_only=True)
class Session:
    """`endure` does things on the device; `again` is what makes a device ready that went away and came back.

    `wait_s`: how long it may be away each time.
    """

    link: Link
    device: Device
    lease: Lease
    journal: Journal
    listener: Listener
    wait_s: float
    boot_id: str | None = None
    again: list[Callable[[], object]] = field(default_factory=list)
    taken: bool = False
    _enduring: bool = False

    def take(self) -> bool:
        """Make the device ours; whether it was left behind by one that ended without letting go.

        Raises DeviceBusy, and the errors of `Lease.take`.
        """
        abandoned = self.lease.take(for_s=HELD_S)
        self.taken = True
        return abandoned

    def hold(self, for_s: float = HELD_S) -> None:
        """Keep the device ours for what comes next. Raises DeviceBusy, DeviceLost."""
        if self.taken:
            self.lease.renew(for_s=max(for_s, HELD_S))

    def endure(self, act: Callable[[], T], *, during: str, order: int | None = None) -> T:
        """Do it, and do it again where something outside of it got in its way: never averaged, never hidden.

        Raises what `act` raises once that is no longer bad luck, and DeviceLost where the device stays away.
        """
        assert not self._enduring, "one within another would wait twice"
        hits: dict[type[HarnessError], int] = {}
        while True:
            try:
                self._enduring = True
                self.hold()
                return act()
            except HarnessError as err:
                kind = type(err)
                hits[kind] = hits.get(kind, 0) + 1
                if hits[kind] > _most(err) or len(self.journal.record.interruptions) >= _MOST_INTERRUPTIONS:
                    raise
                self._wait_out(err, during, order)
            finally:
                self._enduring = False

    def _wait_out(self, err: HarnessError, during: str, order: int | None) -> None:
        """Write down what happened, wait until the device is back, and make it ready again."""
        began = time.monotonic()
        self.listener.on_step(f"Interrupted ({err.slug}): {err.what}")
        self.listener.on_step(f"Then {during} again, as soon as the device is ready.")
        rebooted: bool | None = None
        try:
            if isinstance(err, DeviceLost | RunTimedOut):
                rebooted = self._back(began + self.wait_s, err)
        finally:
            waited_s = round(time.monotonic() - began, 3)
            hit = Interruption(
                at=now(),
                during=during,
                order=order,
                error=err.slug,
                what=err.what[:_WHAT_CHARACTERS],
                waited_s=waited_s,
                rebooted=rebooted,
            )
            self.journal.add("interruptions", interruptions=(*self.journal.record.interruptions, hit))

    def _back(self, deadline: float, err: HarnessError) -> bool | None:
        """Whether it restarted meanwhile; None where it does not say. Raises DeviceLost past the deadline."""
        rebooted: bool | None = None
        while True:
            try:
                self.link.reconnect(timeout_s=max(1.0, min(_TRY_S, deadline - time.monotonic())))
                found = self._same_device()
                rebooted = rebooted or found  # a restart is seen at the first of several tries only
                self.take()
                for prepare in self.again:
                    prepare()
            except _NEVER:
                raise
            except _NOT_YET as late:
                log.debug("%s: not back yet: %s", self.link.name, late.what)
                if time.monotonic() >= deadline:
                    raise DeviceLost(
                        f"{self.link.name} went away, and is not ready after {self.wait_s:g} s: {late.what}",
                        next_step=late.next_step,
                        lost=err.what,
                    ) from late
                time.sleep(_BETWEEN_TRIES_S)
            else:
                return rebooted

    def _same_device(self) -> bool | None:
        """Whether it restarted. Raises NotResumable for another device, DeviceNotReady while it starts."""
        now_up = boot(self.link)
        if not now_up.completed:
            raise DeviceNotReady(
                f"{self.link.name} is still starting.", next_step="Wait until it has started."
            )
        if not same(self.device, probe.probe(self.link)):
            raise NotResumable(
                f"{self.link.name} is another device now, or has another system.",
                next_step="Attach the one that the run began with, then: "
                f"mobilebert-bench resume {shlex.quote(str(self.journal.store.folder))}",
            )
        before, self.boot_id = self.boot_id, now_up.id
        return None if before is None or now_up.id is None else before != now_up.id


def _most(err: HarnessError) -> int:
    """How often that may happen to one thing before it is no longer bad luck."""
    if isinstance(err, DeviceLost):
        return 3
    if isinstance(err, RunTimedOut):
        return 1
    if isinstance(err, OutputUnreadable):
        return 2
    # Ended by a signal: the device's system killed it, for want of memory most often.
    if isinstance(err, RunFailed) and int(str(err.facts.get("exit_code", 0))) > 128:
        return 2
    return 0
