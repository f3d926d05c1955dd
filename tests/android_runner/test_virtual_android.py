"""The virtual phone's Android commands: what the harness changes there can be read back, and undone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.link import Completed
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import emulator, pixel4, pixel8

pytestmark = pytest.mark.adbd
CPUS = "devices/system/cpu"
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
Shell = Callable[[str], Completed]


@pytest.fixture
def shell(adb: AdbTcpLink) -> Shell:
    """A command on `phone`, which is a Pixel 4."""
    return lambda command: adb.run(command, timeout_s=10)


@pytest.fixture
def shell_of(virtual_root: Path, link_to: Callable[..., AdbTcpLink]) -> Callable[[VirtualPhone], Shell]:
    """A command on another phone."""
    return lambda phone: lambda command: link_to(phone).run(command, timeout_s=10)


def test_settings_keep_what_was_put(shell: Shell) -> None:
    """`null` is Android's word for a setting that is not there; undoing tells it from an empty one."""
    assert shell("settings get global mbb_test").text == "null\n"
    assert shell("settings put GLOBAL mbb_test 'a b'; settings get global mbb_test").text == "a b\n"
    assert shell("settings get system mbb_test").text == "null\n"
    assert shell("settings list global | grep mbb").text == "mbb_test=a b\n"
    assert shell("settings delete global mbb_test").text == "Deleted 1 rows\n"
    assert shell("settings delete global mbb_test").text == "Deleted 0 rows\n"
    for wrong in ("get nowhere x", "put global x", "get global ../global/low_power", "frobnicate"):
        done = shell(f"settings {wrong}")
        assert (done.exit_code, done.text) == (255, ""), wrong


def test_restart_forgets_what_phones_forget(phone: VirtualPhone, adb: AdbTcpLink, shell: Shell) -> None:
    """A harness that was killed finds its settings there, and overrides gone; and another boot."""
    before = shell(
        "settings put global stay_on_while_plugged_in 7; dumpsys battery unplug; input keyevent 223; "
        f"cmd thermalservice override-status 3; {BOOT_ID}"
    ).text
    phone.power_cut()
    phone.start()
    adb.reconnect(timeout_s=5)
    assert shell("settings get global stay_on_while_plugged_in").text == "7\n"
    told = shell("dumpsys battery; dumpsys power; dumpsys thermalservice").text
    assert "UPDATES STOPPED" not in told
    assert "mWakefulness=Awake" in told
    assert "IsStatusOverride: false" in told
    after = shell(BOOT_ID).text
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n", after)
    assert after != before


def test_battery_overrides(shell: Shell) -> None:
    """They change what is told, not the battery: Android says so in a line that must be noticed."""
    assert "UPDATES STOPPED" not in shell("dumpsys battery").text
    changed = shell(
        "dumpsys battery unplug; dumpsys battery set level 7; dumpsys battery set temp 411; dumpsys battery"
    ).text.splitlines()
    assert changed[1] == "  (UPDATES STOPPED -- use 'reset' to restart)"
    assert {"  level: 7", "  temperature: 411", "  USB powered: false"} < set(changed)
    told = shell("dumpsys battery reset; dumpsys battery; dumpsys battery set colour red").text
    assert "  level: 83\n" in told
    assert "UPDATES STOPPED" not in told
    assert told.endswith("Unknown set option: colour\n")


@pytest.mark.parametrize(
    ("word", "plugs", "stays"),
    [("true", 15, "true"), ("usb", 2, "true"), ("ac", 1, "false"), ("false", 0, "false")],
)
def test_stay_awake_is_by_kind_of_power(shell: Shell, word: str, plugs: int, stays: str) -> None:
    """The setting's bits name chargers; this phone hangs on USB. Switching it on wakes the screen."""
    told = shell(f"input keyevent KEYCODE_SLEEP; svc power stayon {word}; dumpsys power").text
    assert f"mStayOnWhilePluggedInSetting={plugs}\n" in told
    assert f"mStayOn={stays}\n" in told
    assert f"mWakefulness={'Awake' if plugs else 'Asleep'}\n" in told
    assert f"Display Power: state={'ON' if plugs else 'OFF'}\n" in told


def test_screen_keys(shell: Shell) -> None:
    """Sleep and wake-up are states; the power key goes back and forth."""
    asked = "; dumpsys power | grep mWakefulness="
    for key, state in ((223, "Asleep"), (223, "Asleep"), (26, "Awake"), (26, "Asleep"), (224, "Awake")):
        assert shell(f"input keyevent {key}{asked}").text == f"  mWakefulness={state}\n"
    assert shell("wm dismiss-keyguard").exit_code == 0
    assert shell("am start").exit_code == 127


def test_power_says_what_battery_and_settings_say(shell: Shell) -> None:
    """One phone, one state: services that contradicted each other would prove nothing."""
    told = shell("dumpsys battery set level 7; settings put global low_power 1; dumpsys power").text
    assert {"  mBatteryLevel=7", "  mIsPowered=true", "  mPlugType=2", "  Enabled=true"} < set(
        told.splitlines()
    )
    assert "Battery Saver is currently: ON" in told
    assert "mIsPowered=false" in shell("dumpsys battery unplug; dumpsys power").text


def test_thermal_state_moves(phone: VirtualPhone, shell: Shell) -> None:
    """Tests of waiting and throttling need a phone that warms up and cools down."""
    phone.set_thermal(status=2, skin_c=44.5, cooling={"thermal-cpufreq-4": 3})
    told = shell("dumpsys thermalservice").text
    assert "Thermal Status: 2\n" in told
    assert "Temperature{mValue=44.5, mType=3, mName=fps-therm-monitor, mStatus=2}" in told
    assert "CoolingDevice{mValue=3, mType=2, mName=thermal-cpufreq-4}" in told
    assert ".name = fps-therm-monitor, .hotThrottlingThresholds = [NaN, 39.0, " in told
    phone.set_thermal(status=0)
    told = shell("cmd thermalservice override-status 4; dumpsys thermalservice").text
    assert told.startswith("IsStatusOverride: true\n")
    assert "Thermal Status: 4\n" in told
    assert "Thermal Status: 0\n" in shell("cmd thermalservice reset; dumpsys thermalservice").text


def test_fixed_performance_where_the_phone_has_it(
    phone: VirtualPhone, shell: Shell, shell_of: Callable[[VirtualPhone], Shell]
) -> None:
    """A Pixel 4 refuses in words of its own, on stderr."""
    mode = "cmd power set-fixed-performance-mode-enabled true"
    refused = shell(mode)
    assert refused.exit_code == 255
    assert refused.error_text.startswith("Failed to set FIXED_PERFORMANCE mode\n")
    with VirtualPhone(pixel8()) as newer:
        assert shell_of(newer)(mode).exit_code == 0
        assert "mHotThrottlingThresholds=[NaN, 39.0" in shell_of(newer)("dumpsys thermalservice").text
        assert shell_of(newer)("settings get global stay_on_while_plugged_in").text == "null\n"


def test_clock_files_have_the_kernels_shapes(shell_of: Callable[[VirtualPhone], Shell]) -> None:
    """Lists end in a blank; cores that share a clock share a folder; one limit may not be read."""
    with VirtualPhone(pixel8(cores=range(9))) as phone:
        ask = shell_of(phone)
        folder = f"/sys/{CPUS}/cpu7/cpufreq"
        assert (
            ask(f"cat {folder}/scaling_available_frequencies").text
            == "402000 578000 1298000 1836000 2367000 \n"
        )
        assert ask(f"cat {folder}/related_cpus").text == "4 5 6 7 \n"
        assert ask(f"cat /sys/{CPUS}/cpu8/topology/cluster_cpus_list").text == "8\n"
        assert re.fullmatch(r"(\d+ \d+\n){5}", ask(f"cat {folder}/stats/time_in_state").text)
        assert ask("cat /dev/cpuset/background/cpus").text == "0-3\n"
        phone.set_sys(f"{CPUS}/cpu5/cpufreq/scaling_max_freq", "1298000\n")
        assert ask(f"cat {folder}/scaling_max_freq /sys/{CPUS}/cpufreq/policy4/scaling_max_freq").text == (
            "1298000\n1298000\n"
        )
        denied = ask(f"cat /sys/{CPUS}/cpu3/cpufreq/scaling_max_freq")
        assert (denied.exit_code, denied.text) == (1, "")
        assert "Permission denied" in denied.error_text


def test_emulator_tells_of_no_clocks(shell_of: Callable[[VirtualPhone], Shell]) -> None:
    """Its processor is the host's, and its one cooling device cools nothing that we measure."""
    with VirtualPhone(emulator()) as phone:
        ask = shell_of(phone)
        assert ask(f"ls /sys/{CPUS}").text.split() == ["online", "possible", "present"]
        assert (
            "CoolingDevice{mValue=100, mType=0, mName=test cooling device}"
            in ask("dumpsys thermalservice").text
        )
        assert "static thresholds" not in ask("dumpsys thermalservice").text


def test_programs_do_not_start_from_such_a_folder(shell_of: Callable[[VirtualPhone], Shell]) -> None:
    """The kernel refuses them (noexec), as on a hardened phone; files are written all the same."""
    with VirtualPhone(noexec=("/data/local/tmp",)) as phone:
        done = shell_of(phone)("cd /data/local/tmp; echo 'echo ran' >x; chmod 755 x; ./x")
        assert (done.exit_code, done.text) == (126, "")
        assert "noexec" in shell_of(phone)("grep ' /data/local/tmp ' /proc/self/mounts").text
        assert (phone.data / "local/tmp/x").read_text(encoding="ascii") == "echo ran\n"


def test_commands_can_be_missing(shell_of: Callable[[VirtualPhone], Shell]) -> None:
    """Old phones lack some; the shell's own 127 tells it from a command that failed."""
    lacking = ("sha256sum", "dumpsys", "df", "taskset")
    with VirtualPhone(without=lacking) as phone:
        for command in lacking:
            assert shell_of(phone)(command).exit_code == 127
        assert shell_of(phone)("md5sum /system/bin/sh && settings get global low_power").exit_code == 0


def test_filter_of_system_calls_shows(shell_of: Callable[[VirtualPhone], Shell], shell: Shell) -> None:
    """Some builds put one on every program; the device program must not be started blindly there."""
    ask = "grep Seccomp: /proc/self/status"
    assert shell(ask).text.split() == ["Seccomp:", "0"]
    with VirtualPhone(pixel4(), call_filter=True) as phone:
        assert shell_of(phone)(ask).text.split() == ["Seccomp:", "2"]


def test_port_can_be_chosen(phone: VirtualPhone, shell_of: Callable[[VirtualPhone], Shell]) -> None:
    """Scripts want an address that they know beforehand."""
    port = phone.port
    phone.stop()
    with VirtualPhone(port=port) as same:
        assert same.port == port
        assert shell_of(same)("echo up").text == "up\n"
