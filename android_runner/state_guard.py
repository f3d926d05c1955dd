"""Change a device's state for a run and put it back on every way out, also after a kill.

Each change: read the old value, write it into the journal of this host, change, read back. Before it is
undone, what is there is compared with what was set: what somebody else set meanwhile is not ours to change.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Collection
from types import TracebackType

from android_runner.link import Link
from android_runner.probe import serial_digest
from android_runner.switches import BY_NAME, SWITCHES, Switch, Wanted
from android_runner.undo_journal import UndoJournal
from results.device import Device, StateChange
from results.errors import (
    ConfigError,
    DeviceBusy,
    DeviceLost,
    DeviceUnfit,
    HarnessError,
    OutputUnreadable,
)

log = logging.getLogger(__name__)

_TIMEOUT_S = 20.0
_LATER = "The next run on it from this machine restores it first."


class Guard:
    """A context manager; made by `changed`.

    `changes`: what was changed, `restored` None until the run is over. `doubts`: what a reader must know of
    it, sentences. `still_ours`: whether the device's lease is this run's, asked before anything is put back.
    """

    def __init__(
        self,
        link: Link,
        device: Device,
        wishes: Collection[Wanted],
        *,
        still_ours: Callable[[], bool] = lambda: True,
    ) -> None:
        self.changes: tuple[StateChange, ...] = ()
        self.doubts: tuple[str, ...] = ()
        self._link = link
        self._device = device
        self._wishes = wishes
        self._still_ours = still_ours
        self._journal = UndoJournal(link, device)
        self._first: dict[str, str | None] = {}  # each switch's value when it was read first

    def __enter__(self) -> Guard:
        try:
            self.reapply()
        except BaseException:
            self.restore()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()

    def reapply(self) -> None:
        """Make sure of the changes: after a restart, some are gone. Raises as `__enter__` does.

        A phone that does not let itself be kept awake is a doubt. Raises DeviceUnfit where it has no
        fixed-performance mode, RecordNotSaved where the journal cannot be written, and the link's errors.
        """
        for wish in self._wishes:
            for switch in SWITCHES[wish]:
                try:
                    self._hold(switch)
                except (DeviceUnfit, OutputUnreadable) as err:
                    if wish == "fixed_performance":
                        raise
                    # A phone that cannot be kept awake can be measured, as long as it does not fall asleep.
                    self._doubt(f"The phone is not kept awake: {err.what}")

    def restore(self) -> None:
        """Put back what is still as it was set; never raises a HarnessError.

        Where the device is gone, the journal stays, and the next run on it does this first.
        """
        if not self.changes:
            return
        if self._journal.is_taken_over():
            self._give_up("another run on this machine has taken the device over, and has the journal.")
            return
        try:
            self._restore_all()
        except DeviceBusy as err:
            self._give_up(f"{err.what} {_LATER}")
        except HarnessError as err:
            log.debug("%s: restoring, once more: %s", self._link.name, err.what)
            try:
                self._link.reconnect(timeout_s=_TIMEOUT_S)
                _check_same(self._link, self._device)
                self._restore_all()
            except HarnessError as last:
                self._give_up(f"{last.what} {_LATER}")

    def _restore_all(self) -> None:
        if not self._still_ours():
            raise DeviceBusy(
                f"another run has taken {self._link.name} over.", next_step="Wait until it has ended."
            )
        for index in reversed(range(len(self.changes))):
            change = self.changes[index]
            if change.restored is None:
                self._set(index, _undo(self._link, change))
                self._journal.write([one for one in self.changes if one.restored is None])
                if not self.changes[index].restored:
                    self._doubt(
                        f"{change.name} was not put back to {change.before or 'unset'}: somebody else has "
                        "changed it meanwhile."
                    )

    def _hold(self, switch: Switch) -> None:
        """Change it, or change it again where it is as it was before the run."""
        now = switch.read(self._link)
        ours = next((change for change in self.changes if change.name == switch.name), None)
        if ours is not None:
            if now == ours.before and not switch.set(self._link, ours.during):
                raise self._not_taken(switch)
            return
        first = self._first.setdefault(switch.name, now)
        during = switch.during(now)
        if during is None or now == during:
            return
        if not switch.lasts and first == during:
            # It was so before the run, and a restart undid it: nothing that would have to be put back.
            if not switch.set(self._link, during):
                raise self._not_taken(switch)
            return
        change = StateChange(name=switch.name, before=now, during=during)
        self._journal.write((*self.changes, change))
        self.changes = (*self.changes, change)
        try:
            if not switch.set(self._link, during):
                raise self._not_taken(switch)
        except DeviceUnfit:
            if not switch.readable or switch.read(self._link) == now:  # nothing is there to be undone
                self.changes = self.changes[:-1]
                self._journal.write(self.changes)
            raise

    def _not_taken(self, switch: Switch) -> DeviceUnfit:
        return DeviceUnfit(
            f"{self._link.name} does not take {switch.name}: it reads as before.",
            next_step="Change it on the phone itself, in its developer options.",
        )

    def _set(self, index: int, restored: bool) -> None:
        change = dataclasses.replace(self.changes[index], restored=restored)
        self.changes = (*self.changes[:index], change, *self.changes[index + 1 :])

    def _give_up(self, why: str) -> None:
        left = [change for change in self.changes if change.restored is None]
        for index, change in enumerate(self.changes):
            self._set(index, bool(change.restored))
        if left:
            told = ", ".join(f"{change.name} (before: {change.before or 'unset'})" for change in left)
            self._doubt(f"Not restored on the device: {told}; {why}")

    def _doubt(self, sentence: str) -> None:
        if sentence not in self.doubts:
            self.doubts = (*self.doubts, sentence)


def wanted(device: Device, *, fixed_performance: bool) -> tuple[Wanted, ...]:
    """What to change for a run. Raises ConfigError for this machine's fixed-performance mode: it has none."""
    if device.kind != "host":
        return ("awake", "fixed_performance") if fixed_performance else ("awake",)
    if fixed_performance:
        raise ConfigError(
            "the fixed-performance mode is Android's; this machine has none",
            next_step="Leave --fixed-performance out, or give a phone with --device.",
        )
    return ()


def changed(
    link: Link,
    device: Device,
    wishes: Collection[Wanted],
    *,
    still_ours: Callable[[], bool] = lambda: True,
) -> Guard:
    """Within it, the device's state is as wished; after it, as before. Hold the device's lease meanwhile."""
    return Guard(link, device, wishes, still_ours=still_ours)


def restore_left_over(link: Link, device: Device) -> tuple[str, ...]:
    """Undo what a run left changed that was killed or lost its device; a sentence for each.

    Call it while holding the device's lease. Raises RecordDamaged, RecordNotSaved, and the link's errors.
    """
    done: list[str] = []
    for journal in UndoJournal.left_over(link, device):
        left = list(journal.read())
        while left:
            change = left.pop()
            try:
                restored = _undo(link, change)
            except (DeviceUnfit, OutputUnreadable) as err:
                log.debug("%s: %s stays as it is: %s", link.name, change.name, err.what)
                restored = False  # and never tried again: it would keep every later run from this device
            was = "was put back" if restored else "could not be put back"
            done.append(
                f"{change.name} {was} to {change.before or 'unset'}, after an earlier run that was cut short."
            )
            journal.write(left)
    return tuple(done)


def _undo(link: Link, change: StateChange) -> bool:
    """Put it back where it is as it was set; whether it is as before now."""
    switch = BY_NAME[change.name]
    if switch.readable:
        now = switch.read(link)
        if now == change.before:
            return True
        if now != change.during:
            return False
    return switch.set(link, change.before)


def _check_same(link: Link, device: Device) -> None:
    """Raises DeviceLost where another device is at that address now."""
    serial = link.run("getprop ro.serialno", timeout_s=_TIMEOUT_S).text.strip()
    if serial_digest(serial) != device.serial_sha256:
        raise DeviceLost(f"{link.name} is another device now.", next_step="Attach the one that was measured.")
