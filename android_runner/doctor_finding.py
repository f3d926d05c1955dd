"""What doctor's checks are made of: a device under examination, and a finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from android_runner.bundle import Bundle
from android_runner.link import HOST, Completed, Link
from android_runner.probe import probe
from results.device import Device

Status = Literal["pass", "warn", "fail", "skipped"]

NO_SUCH_COMMAND = 127  # as every POSIX shell says it
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found. `next_step`: what to do about it, None where nothing is."""

    status: Status
    found: str
    next_step: str | None = None


def passed(found: str) -> Finding:
    return Finding(status="pass", found=found)


def warned(found: str, next_step: str) -> Finding:
    return Finding(status="warn", found=found, next_step=next_step)


def failed(found: str, next_step: str) -> Finding:
    return Finding(status="fail", found=found, next_step=next_step)


def skipped(found: str) -> Finding:
    return Finding(status="skipped", found=found)


@dataclass(slots=True, kw_only=True)
class Patient:
    """The device under examination; `lost` when it went away, `bundle` once it was found for it."""

    link: Link
    lost: bool = False
    bundle: Bundle | None = None
    _device: Device | None = None

    @property
    def is_host(self) -> bool:
        return self.link.name == HOST

    @property
    def device(self) -> Device:
        """What it is; asked once. Raises OutputUnreadable and the link's errors."""
        if self._device is None:
            self._device = probe(self.link)
        return self._device

    def run(self, command: str) -> Completed:
        return self.link.run(command, timeout_s=_TIMEOUT_S)
