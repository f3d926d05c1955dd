"""The rules: when a launch may begin, and when it counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from android_runner.readiness import Ready, Refuse, Wait, invalid_reasons, readiness, rebooted
from results.device import ClockUse, Conditions, DeviceKind

COOL = Conditions(
    at="2026-11-22T10:00:00.000Z",
    thermal_status=0,
    thermal_overridden=False,
    skin_c=28.4,
    cpu_c=31.7,
    battery_percent=83,
    battery_c=27.1,
    charging=True,
    max_khz_by_core={0: 1785600, 7: 2841600},
    cooling={"thermal-cpufreq-7": 0},
    skin_light_c=39.0,
    awake=True,
    battery_saver=False,
    cpuset="/",
    allowed_cores=(0, 7),
    load_1min=0.4,
    uptime_s=1000.0,
    boot_id="a",
)
UNKNOWN = Conditions(
    at=COOL.at,
    thermal_status=None,
    thermal_overridden=False,
    skin_c=None,
    cpu_c=None,
    battery_percent=None,
    battery_c=None,
    charging=None,
)


def _with(**changes: Any) -> Conditions:  # noqa: ANN401 (fields of several types)
    return dataclasses.replace(COOL, **changes)


@pytest.mark.parametrize("state", [COOL, UNKNOWN, _with(battery_percent=25), _with(skin_c=30.0)])
def test_ready(state: Conditions) -> None:
    """A cool phone, and one that does not tell, do not wait."""
    assert readiness(state, None, "phone") == Ready()


@pytest.mark.parametrize(
    ("changes", "reason", "advice"),
    [
        ({"battery_percent": 24}, "24 %", "Charge it to 25 %"),
        ({"thermal_overridden": True}, "set by hand", "cmd thermalservice reset"),
        ({"battery_saver": True}, "battery saver", "settings put global low_power 0"),
    ],
)
@pytest.mark.parametrize("kind", ["phone", "virtual_phone", "emulator"])
def test_refused(changes: dict[str, Any], reason: str, advice: str, kind: DeviceKind) -> None:
    """No waiting helps there, so the message says what does."""
    found = readiness(_with(**changes, skin_c=45.0), None, kind)
    assert isinstance(found, Refuse)
    assert reason in found.reason
    assert advice in found.next_step


@pytest.mark.parametrize(
    ("now", "first", "target_c"),
    [
        (_with(skin_c=30.1), None, 30.0),
        # A phone that calls its skin warm early: 4 °C below that.
        (_with(skin_c=30.0, skin_light_c=33.0), None, 29.0),
        (_with(skin_c=30.1, skin_light_c=None), None, 30.0),
        # Between launches: as it began, and a degree.
        (_with(skin_c=29.5), COOL, 29.4),
        # In a warm room: 37 °C, and never colder than the run began.
        (_with(skin_c=37.2), _with(skin_c=36.5), 37.0),
        (_with(skin_c=38.1), _with(skin_c=38.0), 38.0),
        # It began without a figure: as before the first launch.
        (_with(skin_c=31.0), UNKNOWN, 30.0),
    ],
)
def test_warm_skin_is_waited_for(now: Conditions, first: Conditions | None, target_c: float) -> None:
    """An equal start makes launches alike, and none may begin near the first limit."""
    found = readiness(now, first, "phone")
    assert isinstance(found, Wait)
    assert found.target_c == pytest.approx(target_c)
    assert "°C" in found.reason
    exactly = dataclasses.replace(now, skin_c=found.target_c)
    assert readiness(exactly, first, "phone") == Ready()


@pytest.mark.parametrize("kind", ["emulator", "host"])
def test_constant_sensors_are_not_waited_for(kind: DeviceKind) -> None:
    """The emulator's is at 30.8 °C for ever; a host's power profile does not go by waiting."""
    state = _with(skin_c=30.8, cooling={"fan": 100}, max_khz_by_core={0: 1000, 7: 1000})
    for first in (None, COOL):
        assert readiness(state, first, kind) == Ready()
        assert isinstance(readiness(state, first, "virtual_phone"), Wait)


@pytest.mark.parametrize(
    "changes",
    [
        {"thermal_status": 1},
        {"throttled": ("cpu0",)},
        {"cooling": {"thermal-cpufreq-7": 1}},
        {"cooling": {"thermal-cpufreq-7": 0, "new": 2}},
        {"max_khz_by_core": {0: 1785600, 7: 2419200}},
    ],
)
def test_processor_that_is_held_back(changes: dict[str, Any]) -> None:
    """Waited for before a launch; any one of the signs makes a launch invalid, on either side of it."""
    held = _with(**changes)
    waiting = readiness(held, COOL, "phone")
    assert isinstance(waiting, Wait)
    assert waiting.target_c is None
    assert len(invalid_reasons(COOL, held, COOL)) == 1
    assert invalid_reasons(COOL, held, COOL)[0].endswith("before the launch")
    assert invalid_reasons(COOL, COOL, held)[0].endswith("after the launch")
    assert len(invalid_reasons(COOL, held, held)) == 2


def test_what_was_so_from_the_start_is_no_change() -> None:
    """A cap that a vendor sets for good is told, and spoils no launch: they are all alike."""
    capped = _with(cooling={"thermal-cpufreq-7": 2}, max_khz_by_core={0: 1785600, 7: 1401600})
    found = readiness(capped, None, "phone")
    assert isinstance(found, Ready)
    assert "thermal-cpufreq-7 at step 2" in found.doubts[0]
    assert invalid_reasons(capped, capped, capped) == ()
    assert invalid_reasons(capped, COOL, COOL) == ()


def test_screen_that_is_off_is_told() -> None:
    """What it does to the cores shows in the cpuset; a phone that cannot be woken is measured too."""
    found = readiness(_with(awake=False), None, "phone")
    assert isinstance(found, Ready)
    assert "screen" in found.doubts[0]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (COOL, _with(thermal_overridden=True), "overridden after"),
        (COOL, _with(boot_id="b"), "restarted"),
        (_with(boot_id=None), _with(boot_id=None, uptime_s=3.0), "restarted"),
        (COOL, _with(cpuset="/background"), "cpuset was /background after the launch and / at the start"),
        (COOL, _with(allowed_cores=(0,)), "cores 0 were allowed after the launch, and 0, 7 at the start"),
    ],
)
def test_other_launches_that_do_not_count(before: Conditions, after: Conditions, reason: str) -> None:
    """Somebody faked the evidence, the phone restarted, or it put its programs on other cores."""
    found = invalid_reasons(COOL, before, after)
    assert len(found) == 1
    assert reason in found[0]


def test_phone_that_tells_nothing_has_valid_launches() -> None:
    """Unknown is not a fault; the verdict says that it is unknown."""
    assert invalid_reasons(UNKNOWN, UNKNOWN, UNKNOWN) == ()
    assert invalid_reasons(COOL, UNKNOWN, COOL) == ()


def test_moving_clocks_count_only_where_they_are_meant_to_be_fixed() -> None:
    """A governor moves them; Android's fixed-performance mode must not."""
    steady = ClockUse(cores=(0,), shares={1000: 0.96, 2000: 0.04})
    moving = ClockUse(cores=(4, 7), shares={1000: 0.06, 2000: 0.94})
    assert invalid_reasons(COOL, COOL, COOL, (steady, moving)) == ()
    found = invalid_reasons(COOL, COOL, COOL, (steady, moving), fixed_clocks=True)
    assert found == ("the clock of cores 4, 7 was to be fixed, and was at 2000 kHz for only 94% of the time",)


def test_restarts() -> None:
    """By the kernel's word for the boot, else by its clock; unknown where it says neither."""
    assert rebooted(COOL, _with(uptime_s=1.0)) is False
    assert rebooted(COOL, _with(boot_id="b")) is True
    assert rebooted(COOL, _with(boot_id=None, uptime_s=1.0)) is True
    assert rebooted(_with(boot_id=None, uptime_s=None), COOL) is None
