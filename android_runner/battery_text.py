"""Pure parsers of what a device says of its power: `dumpsys battery`, `dumpsys power`, `settings get`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from android_runner.device_text import absent, plain, unreadable

_COLDEST_TENTHS, _HOTTEST_TENTHS = -600, 2000  # beyond is another unit
_WAKEFULNESS = ("Awake", "Asleep", "Dozing", "Dreaming")
# Of the battery saver, in the versions that have them; a mode of its own (ADAPTIVE) saves as well.
_SAVER = re.compile(
    r"^\s*(?:Battery Saver is currently: |mLowPowerModeEnabled=|Battery saver state machine:\n\s+Enabled=)"
    r"(\w+)",
    re.MULTILINE | re.IGNORECASE,
)
_SAVER_WORDS = {"on": True, "adaptive": True, "true": True, "off": False, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """`dumpsys battery`: `frozen` when its values were set by hand and are no longer the battery's."""

    percent: int | None
    celsius: float | None
    charging: bool | None
    frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """`dumpsys power`: `wakefulness` is Android's word, "Awake" with the screen on."""

    wakefulness: str | None
    battery_saver: bool | None

    @property
    def awake(self) -> bool | None:
        return None if self.wakefulness is None else self.wakefulness == "Awake"


def parse_battery(text: str) -> Battery | None:
    """None where there is no such service. Raises OutputUnreadable when it is another text."""
    if absent(text):
        return None
    text = plain(text)
    if "Current Battery Service state:" not in text:
        raise unreadable("dumpsys battery", 1, "no Current Battery Service state in it")
    present = re.search(r"^\s+present:\s*false$", text, re.MULTILINE) is None
    level, scale = _number(text, "level"), _number(text, "scale")
    tenths, status = _number(text, "temperature"), _number(text, "status")
    if present and level is not None and scale and not 0 <= level <= scale:
        raise unreadable("dumpsys battery", _line_of(text, "  level:"), f"a level of {level} in {scale}")
    if present and tenths is not None and not _COLDEST_TENTHS < tenths < _HOTTEST_TENTHS:
        raise unreadable(
            "dumpsys battery", _line_of(text, "  temperature:"), f"{tenths} is not in tenths of °C"
        )
    return Battery(
        percent=round(100 * level / scale) if present and level is not None and scale else None,
        celsius=tenths / 10 if present and tenths is not None else None,
        charging=None if status in (None, 1) else status == 2,
        frozen="UPDATES STOPPED" in text,
    )


def parse_power(text: str) -> Power | None:
    """None where there is no such service. Raises OutputUnreadable for a state that Android does not have.

    Source: AOSP, PowerManagerService.dumpInternal, BatterySavingStats.dump, BatterySaverStateMachine.dump.
    """
    if absent(text):
        return None
    text = plain(text)
    wakefulness = _first(text, r"^\s*mWakefulness=(.*)$")  # those of further displays come after it
    if wakefulness is not None and wakefulness not in _WAKEFULNESS:
        raise unreadable("dumpsys power", _line_of(text, "mWakefulness="), "an unknown mWakefulness")
    savers = [found[1].lower() for found in _SAVER.finditer(text)]
    unknown = [word for word in savers if word not in _SAVER_WORDS]
    if unknown:
        raise unreadable(
            "dumpsys power",
            _line_of(text, unknown[0], ignore_case=True),
            "a battery saver that is neither on nor off",
        )
    return Power(
        wakefulness=wakefulness,
        battery_saver=any(_SAVER_WORDS[word] for word in savers) if savers else None,
    )


def parse_setting(text: str) -> str | None:
    """The value from `settings get`, None where it is unset. Raises OutputUnreadable for anything else."""
    text = plain(text)
    value = text.removesuffix("\n")
    if absent(text) or "\n" in value or not value.isprintable():
        # A setting may be an account's name or a key: none is quoted.
        raise unreadable("settings get", 1, "not one line with a value")
    return None if value == "null" else value


def _number(text: str, name: str) -> int | None:
    # Anchored: "Capacity level:" and lines of the event log hold the same words.
    found = _first(text, rf"^\s+{name}:\s*(-?[0-9]{{1,9}})$")
    return None if found is None else int(found)


def _first(text: str, pattern: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else None


def _line_of(text: str, word: str, *, ignore_case: bool = False) -> int:
    found = re.search(re.escape(word), text, re.IGNORECASE if ignore_case else 0)
    return text.count("\n", 0, found.start() if found else 0) + 1
