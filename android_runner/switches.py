"""What this harness changes on a device, without root: how each is read, set and named.

Source: AOSP, SettingsProvider's shell command, PowerManagerService and PowerManagerShellCommand.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from android_runner.battery_text import parse_power, parse_setting
from android_runner.device_text import absent
from android_runner.link import Completed, Link
from results.errors import DeviceUnfit

# awake: the screen on, and kept on while there is power; fixed_performance: Android's mode of that name.
Wanted = Literal["awake", "fixed_performance"]

_TIMEOUT_S = 20.0
_TRIES, _BETWEEN_TRIES_S = 10, 0.2  # a screen takes a moment to wake up
_ANY_POWER = 1 | 2 | 4  # AC, USB, wireless: BatteryManager's bits
_STAY_ON = "stay_on_while_plugged_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One thing that can be changed. `name` is also how a record and its reader know it.

    `read`: its value, None where it is unset. `during`: the value to set, by the one before; the same one
    where nothing has to be done. `write`: set it, None to unset it. `readable`: False where a device does not
    tell the value; `read` then gives None. `lasts`: False where a restart of the device undoes it. All raise
    DeviceUnfit where the device does not have it or refuses, OutputUnreadable, and the link's errors.
    """

    name: str
    read: Callable[[Link], str | None]
    during: Callable[[str | None], str | None]
    write: Callable[[Link, str | None], None]
    readable: bool = True
    lasts: bool = True

    def set(self, link: Link, value: str | None) -> bool:
        """Write it; whether it then reads so."""
        self.write(link, value)
        for left in range(_TRIES, 0, -1):
            if not self.readable or self.read(link) == value:
                return True
            if left > 1:
                time.sleep(_BETWEEN_TRIES_S)
        return False


def _read_stay_on(link: Link) -> str | None:
    done = link.run(f"settings get global {_STAY_ON}", timeout_s=_TIMEOUT_S)
    if done.exit_code != 0 or absent(done.text):
        raise _refused(link, "it has no settings to read", done)
    value = parse_setting(done.text)
    if value is not None and not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise _refused(link, f"its setting {_STAY_ON} is not a number", done)
    return value


def _write_stay_on(link: Link, value: str | None) -> None:
    # The value is quoted: it is what the device told.
    what = f"delete global {_STAY_ON}" if value is None else f"put global {_STAY_ON} {shlex.quote(value)}"
    done = link.run(f"settings {what}", timeout_s=_TIMEOUT_S)
    if done.exit_code != 0:
        raise _refused(link, f"it does not let {_STAY_ON} be changed", done)


def _read_screen(link: Link) -> str | None:
    done = link.run("dumpsys power", timeout_s=_TIMEOUT_S)
    power = parse_power(done.text)
    if power is None or power.awake is None:
        raise _refused(link, "it does not say whether its screen is on", done)
    return "on" if power.awake else "off"


def _write_screen(link: Link, value: str | None) -> None:
    key = "KEYCODE_WAKEUP" if value == "on" else "KEYCODE_SLEEP"
    done = link.run(f"input keyevent {key}", timeout_s=_TIMEOUT_S)
    if done.exit_code != 0:
        raise _refused(link, "it takes no key presses", done)


def _write_fixed_performance(link: Link, value: str | None) -> None:
    mode = "true" if value == "true" else "false"
    done = link.run(f"cmd power set-fixed-performance-mode-enabled {mode}", timeout_s=_TIMEOUT_S)
    # Some builds print the failure and end with 0.
    if done.exit_code != 0 or "fail" in (done.text + done.error_text).lower():
        raise DeviceUnfit(
            f"{link.name} has no fixed-performance mode: its power HAL does not take it (Android 11 and "
            "later have it, and not on every phone).",
            next_step="Run again without --fixed-performance.",
            exit_code=done.exit_code,
            stderr=done.error_text,
        )


def _refused(link: Link, why: str, done: Completed) -> DeviceUnfit:
    return DeviceUnfit(
        f"the state of {link.name} cannot be changed: {why}.",
        next_step="Allow it in the phone's developer options; some have a switch of their own for it.",
        exit_code=done.exit_code,
        stderr=done.error_text,
    )


STAY_ON = Switch(
    name=f"settings global {_STAY_ON}",
    read=_read_stay_on,
    during=lambda before: str(int(before or 0) | _ANY_POWER) if _lacks(before) else before,
    write=_write_stay_on,
)
SCREEN = Switch(
    name="screen", read=_read_screen, during=lambda before: "on", write=_write_screen, lasts=False
)
FIXED_PERFORMANCE = Switch(
    name="fixed-performance mode",
    read=lambda link: None,
    during=lambda before: "true",
    write=_write_fixed_performance,
    readable=False,
    lasts=False,
)
# The setting first: a screen that is woken while it is not in force falls asleep again.
SWITCHES: dict[Wanted, tuple[Switch, ...]] = {
    "awake": (STAY_ON, SCREEN),
    "fixed_performance": (FIXED_PERFORMANCE,),
}
BY_NAME = {switch.name: switch for switches in SWITCHES.values() for switch in switches}


def _lacks(before: str | None) -> bool:
    return int(before or 0) & _ANY_POWER != _ANY_POWER
