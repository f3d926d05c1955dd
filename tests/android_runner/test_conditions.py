"""A device's state at one moment, from the device itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.clocks import clock_ticks, clock_use
from android_runner.conditions import conditions
from android_runner.link import Completed, HostLink
from android_runner.probe import probe
from android_runner.virtual.dumpsys import battery
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import emulator, pixel8
from results.device import ClockUse
from results.errors import DeviceUnfit
from tests.android_runner.device_samples import POWER

LinkTo = Callable[..., AdbTcpLink]
_CPUS = "devices/system/cpu"


def test_host_has_no_android(monkeypatch: pytest.MonkeyPatch) -> None:
    """None, never a made-up value, and no Android command is even tried; the kernel's words are the same."""
    asked: list[str] = []
    run = HostLink.run

    def noted(link: HostLink, command: str, *, timeout_s: float) -> Completed:
        asked.append(command)
        return run(link, command, timeout_s=timeout_s)

    monkeypatch.setattr(HostLink, "run", noted)
    state = conditions(HostLink())
    assert (state.thermal_status, state.skin_c, state.battery_percent, state.charging) == (None,) * 4
    assert (state.awake, state.battery_saver, state.throttled, state.cooling) == (None, None, (), {})
    assert state.at.endswith("Z")
    assert state.boot_id
    assert state.uptime_s is not None
    assert state.load_1min is not None
    assert state.allowed_cores == tuple(core.index for core in probe(HostLink()).cores)
    assert not any(word in command for command in asked for word in ("dumpsys", "settings", "getprop"))


@pytest.mark.adbd
def test_conditions_follow_the_phone(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """Taken before and after each launch: they must be of now."""
    cool = conditions(adb)
    assert (cool.thermal_status, cool.skin_c, cool.cpu_c, cool.skin_light_c) == (0, 28.4, 31.7, 39.0)
    assert (cool.battery_percent, cool.battery_c, cool.charging) == (83, 27.1, True)
    assert (cool.awake, cool.battery_saver, cool.throttled) == (True, False, ())
    assert cool.cooling == {"thermal-cpufreq-4": 0}
    device = probe(adb)
    assert cool.max_khz_by_core == {core.index: core.max_khz for core in device.cores}
    assert cool.allowed_cores == tuple(core.index for core in device.cores)
    assert cool.cpuset
    phone.set_thermal(status=2, skin_c=44.6, cpu_status=1, cooling={"thermal-cpufreq-4": 11})
    adb.run("settings put global low_power 1; input keyevent KEYCODE_SLEEP", timeout_s=5)
    hot = conditions(adb)
    assert (hot.thermal_status, hot.skin_c) == (2, 44.6)
    assert hot.throttled == ("cpu0-gold-usr", "fps-therm-monitor")
    assert hot.cooling == {"thermal-cpufreq-4": 11}
    assert (hot.awake, hot.battery_saver) == (False, True)
    assert hot.boot_id == cool.boot_id


@pytest.mark.adbd
def test_restart_shows_in_the_boot(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """A launch whose phone restarted and came back in time looks like any other, but for this."""
    before = conditions(adb).boot_id
    assert before is not None
    phone.power_cut()
    phone.start()
    adb.reconnect(timeout_s=5)
    assert conditions(adb).boot_id not in (None, before)


@pytest.mark.adbd
def test_no_thermal_service_is_unavailable(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """Before Android 10: None, so that no verdict takes the phone for cool."""
    phone.set_dumpsys("thermalservice", "Can't find service: thermalservice\n")
    state = conditions(adb)
    assert (state.thermal_status, state.skin_c, state.cpu_c) == (None,) * 3


@pytest.mark.adbd
def test_phone_without_dumpsys_and_settings(virtual_root: Path, link_to: LinkTo) -> None:
    """A board with adbd and no Android: what the kernel tells is all there is, and is no error."""
    with VirtualPhone(without=("dumpsys", "settings")) as board:
        state = conditions(link_to(board))
    assert (state.thermal_status, state.battery_percent, state.awake, state.battery_saver) == (None,) * 4
    assert state.boot_id


@pytest.mark.adbd
def test_frozen_battery_is_refused(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """Its figures are somebody's invention, until `dumpsys battery reset`."""
    phone.set_dumpsys("battery", battery(level=50, temperature=250, updates_stopped=True))
    with pytest.raises(DeviceUnfit, match="battery") as caught:
        conditions(adb)
    assert "dumpsys battery reset" in caught.value.next_step


@pytest.mark.adbd
def test_limit_that_may_not_be_read_is_left_out(virtual_root: Path, link_to: LinkTo) -> None:
    """A Pixel 8 hides the limit of its small cores and tells those of the others."""
    profile = pixel8(cores=range(9))
    with VirtualPhone(profile) as phone:
        told = conditions(link_to(phone)).max_khz_by_core
    assert sorted(told) == [4, 5, 6, 7, 8]


@pytest.mark.adbd
def test_adaptive_saver_is_seen(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """It lowers clocks as the other one does, and the setting knows nothing of it."""
    phone.set_dumpsys("power", POWER.replace("currently: OFF", "currently: ADAPTIVE"))
    assert adb.run("settings get global low_power", timeout_s=5).text == "0\n"
    assert conditions(adb).battery_saver is True


@pytest.mark.adbd
def test_clocks_between_two_readings(virtual_root: Path, link_to: LinkTo) -> None:
    """One figure per cluster, whose cores share a clock: there, a quarter of the time lower down."""
    path = f"{_CPUS}/cpu4/cpufreq/stats/time_in_state"
    with VirtualPhone(pixel8(cores=range(9))) as phone:
        link = link_to(phone)
        phone.set_sys(path, "402000 900\n2367000 100\n")
        before = clock_ticks(link)
        phone.set_sys(path, "402000 925\n2367000 175\n")
        use = clock_use(before, clock_ticks(link))
    assert [book.cores for book in before] == [(0, 1, 2, 3), (4, 5, 6, 7), (8,)]
    assert use == (ClockUse(cores=(4, 5, 6, 7), shares={402000: 0.25, 2367000: 0.75}),)


@pytest.mark.adbd
def test_emulator_has_no_clocks(virtual_root: Path, link_to: LinkTo) -> None:
    """No figure, and no error either."""
    with VirtualPhone(emulator()) as phone:
        link = link_to(phone)
        assert clock_ticks(link) == ()
        assert conditions(link).max_khz_by_core == {}
