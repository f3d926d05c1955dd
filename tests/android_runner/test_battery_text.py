"""`dumpsys battery`, `dumpsys power` and `settings get` of real devices."""

from __future__ import annotations

import pytest

from android_runner.battery_text import parse_battery, parse_power, parse_setting
from results.errors import OutputUnreadable
from tests.android_runner.device_samples import EMULATOR_BATTERY, PIXEL_8_PRO_BATTERY, POWER


def test_battery_of_a_recent_phone() -> None:
    """ "Capacity level" and the broadcast lines hold the words of other fields."""
    battery = parse_battery(PIXEL_8_PRO_BATTERY)
    assert battery is not None
    assert (battery.percent, battery.celsius, battery.charging, battery.frozen) == (22, 28.0, True, False)


def test_capacity_level_is_not_the_level() -> None:
    """A loose pattern reads 2 % here."""
    battery = parse_battery(PIXEL_8_PRO_BATTERY.replace("  level: 22\n", ""))
    assert battery is not None
    assert battery.percent is None


@pytest.mark.parametrize(("status", "charging"), [(1, None), (2, True), (3, False), (4, False), (5, False)])
def test_charging_by_status(status: int, charging: bool | None) -> None:
    """1 is Android's own "unknown"."""
    battery = parse_battery(PIXEL_8_PRO_BATTERY.replace("status: 2", f"status: {status}"))
    assert battery is not None
    assert battery.charging is charging


def test_frozen_battery_is_seen() -> None:
    """`dumpsys battery set` of an earlier tool is still in force."""
    state = "Current Battery Service state:\n"
    frozen = PIXEL_8_PRO_BATTERY.replace(state, f"{state}  (UPDATES STOPPED -- use 'reset' to restart)\n")
    battery = parse_battery(frozen)
    assert battery is not None
    assert battery.frozen


def test_board_without_a_battery() -> None:
    """Its level is 0 and means nothing."""
    battery = parse_battery(PIXEL_8_PRO_BATTERY.replace("present: true", "present: false"))
    assert battery is not None
    assert (battery.percent, battery.celsius) == (None, None)


def test_other_text_is_no_battery() -> None:
    """Absent is None; something else is an error."""
    assert parse_battery("Can't find service: battery\n") is None
    with pytest.raises(OutputUnreadable, match="dumpsys battery"):
        parse_battery("level: 72\n")


def test_battery_of_an_emulator() -> None:
    """Android 10 to 12 end at the technology, and know no dock."""
    battery = parse_battery(EMULATOR_BATTERY)
    assert battery is not None
    assert (battery.percent, battery.celsius, battery.charging, battery.frozen) == (100, 25.0, False, False)


def test_scale_is_not_always_a_hundred() -> None:
    """A level of 50 in 200 is a quarter."""
    battery = parse_battery(
        EMULATOR_BATTERY.replace("level: 100", "level: 50").replace("scale: 100", "scale: 200")
    )
    assert battery is not None
    assert battery.percent == 25


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        ("temperature: 250", "temperature: 25000", 14),
        ("level: 100", "level: 101", 11),
        ("level: 100", "level: -1", 11),
    ],
)
def test_battery_in_other_units_is_refused(good: str, bad: str, line: int) -> None:
    """25000 is neither 2500 °C nor, by a guess, 25."""
    with pytest.raises(OutputUnreadable, match=f"line {line} of the device's dumpsys battery"):
        parse_battery(EMULATOR_BATTERY.replace(good, bad))


def test_power_of_the_first_display() -> None:
    """Each display has a line; the phone's own comes first."""
    power = parse_power(POWER)
    assert power is not None
    assert (power.wakefulness, power.awake, power.battery_saver) == ("Awake", True, False)


@pytest.mark.parametrize("word", ["Asleep", "Dozing", "Dreaming"])
def test_all_other_states_are_not_awake(word: str) -> None:
    """A clock on a dimmed screen is no screen that keeps the strong cores for what runs."""
    power = parse_power(POWER.replace("mWakefulness=Awake", f"mWakefulness={word}"))
    assert power is not None
    assert power.awake is False


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("currently: OFF", "currently: ON"),
        ("currently: OFF", "currently: ADAPTIVE"),
        ("Enabled=false\n    full", "Enabled=true\n    full"),
        ("mDirty=0x0", "mLowPowerModeEnabled=true"),
    ],
)
def test_battery_saver_of_any_version(good: str, bad: str) -> None:
    """Three wordings since Android 5; the adaptive saver is in no setting."""
    power = parse_power(POWER.replace(good, bad))
    assert power is not None
    assert power.battery_saver is True


def test_power_that_does_not_say() -> None:
    """A board with another power service: unknown, neither asleep nor saving."""
    power = parse_power("Power Manager State:\n")
    assert power is not None
    assert (power.awake, power.battery_saver) == (None, None)
    assert parse_power("Can't find service: power\n") is None


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [("mWakefulness=Awake", "mWakefulness=7", 5), ("currently: OFF", "currently: MAYBE", 16)],
)
def test_unknown_state_of_power_is_named(good: str, bad: str, line: int) -> None:
    """A new state must not pass for one of the old ones."""
    with pytest.raises(OutputUnreadable, match=f"line {line} of the device's dumpsys power"):
        parse_power(POWER.replace(good, bad, 1))


@pytest.mark.parametrize(
    ("text", "value"), [("7\n", "7"), ("null\n", None), ("0\r\n", "0"), ("a b\n", "a b")]
)
def test_settings(text: str, value: str | None) -> None:
    """Android's word for unset is null."""
    assert parse_setting(text) == value


@pytest.mark.parametrize(
    "text", ["", "\n", "Error: SECRET\n  at x\n", "SECRET\x1b[2J\n", "cmd: Can't find service: settings\n"]
)
def test_setting_that_is_none_is_refused_unquoted(text: str) -> None:
    """A stack trace must not be put back as a value; what it says may be private."""
    with pytest.raises(OutputUnreadable, match="settings get") as caught:
        parse_setting(text)
    assert "SECRET" not in caught.value.render()
