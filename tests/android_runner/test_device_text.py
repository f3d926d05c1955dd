"""Parsers of device texts, on texts of real devices as public bug trackers and tests hold them."""

from __future__ import annotations

import pytest

from android_runner.device_text import (
    CPU,
    SKIN,
    parse_battery,
    parse_core_list,
    parse_cpuinfo,
    parse_df,
    parse_getprop,
    parse_memory,
    parse_thermalservice,
)
from results.errors import OutputUnreadable

# A Pixel 6 class phone (GS101), Android 12, shortened; indented by tabs.
PIXEL_6 = """Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=55.000004, mType=0, mName=LITTLE, mStatus=0}
\tTemperature{mValue=-1.8060001, mType=-1, mName=USB2-MINUS-QI, mStatus=0}
\tTemperature{mValue=61.000004, mType=0, mName=BIG, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=8400.0, mType=7, mName=soft_ocp_tpu, mStatus=0}
\tTemperature{mValue=1250.0, mType=6, mName=vdroop2, mStatus=0}
\tTemperature{mValue=26.000002, mType=0, mName=BIG, mStatus=0}
\tTemperature{mValue=27.000002, mType=0, mName=MID, mStatus=0}
\tTemperature{mValue=24.83324, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
\tTemperature{mValue=1.0, mType=6, mName=battery_cycle, mStatus=0}
\tTemperature{mValue=22.1, mType=2, mName=battery, mStatus=0}
Current cooling devices from HAL:
"""
EMULATOR = """Thermal Status: 0
Cached temperatures:
    Temperature{mValue=30.8, mType=3, mName=test temperature sensor, mStatus=0}
HAL Ready: true
HAL connection:
    ThermalHAL 2.0 connected: yes
Current temperatures from HAL:
    Temperature{mValue=30.8, mType=3, mName=test temperature sensor, mStatus=0}
Current cooling devices from HAL:
    CoolingDevice{mValue=100, mType=0, mName=test cooling device}
"""
PIXEL_8_PRO_BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Dock powered: false
  Max charging current: 500000
 Time when the latest updated value of the Max charging current was sent via battery changed broadcast: +14h58m53s789ms
  Max charging voltage: 5000000
  Charge counter: 1082000
  status: 2
  health: 2
  present: true
  level: 22
  scale: 100
  voltage: 3764
 Time when the latest updated value of the voltage was sent via battery changed broadcast: +14h59m21s407ms
 The last voltage value sent via the battery changed broadcast: 3775
  temperature: 280
  technology: Li-ion
  Charging state: 4
  Charging policy: 2
  Capacity level: 2
"""  # noqa: E501 (a device's text)


def test_thermal_block_of_the_hal_is_taken() -> None:
    """The cached block is stale: 61 °C there, 27 °C now."""
    thermal = parse_thermalservice(PIXEL_6)
    assert thermal is not None
    assert (thermal.status, thermal.overridden, thermal.cached) == (0, False, False)
    assert thermal.hottest_c(CPU) == 27.000002
    assert thermal.hottest_c(SKIN) == 24.83324


def test_volts_and_milliamperes_are_no_temperatures() -> None:
    """Other tools have read 8400 mA as 8.4 °C."""
    thermal = parse_thermalservice(PIXEL_6)
    assert thermal is not None
    assert {sensor.name for sensor in thermal.temperatures} == {"BIG", "MID", "VIRTUAL-SKIN", "battery"}


def test_cached_block_is_taken_only_when_the_hal_gives_none_and_is_said() -> None:
    """Old figures are better than none, as long as their age is known."""
    thermal = parse_thermalservice(PIXEL_6.partition("Current temperatures")[0])
    assert thermal is not None
    assert thermal.cached
    assert thermal.hottest_c(CPU) == 61.000004


def test_sensor_names_may_hold_blanks_and_commas() -> None:
    """The emulator's sensor has blanks; vendors write commas."""
    text = EMULATOR.replace("test temperature sensor", "skin, upper left")
    thermal = parse_thermalservice(text)
    assert thermal is not None
    assert [sensor.name for sensor in thermal.temperatures] == ["skin, upper left"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("-3.5", -3.5), ("3.05E1", 30.5), ("NaN", None), ("0.0", None), ("-99.9", None), ("1.0E-2", 0.01)],
)
def test_values_of_sensors(value: str, expected: float | None) -> None:
    """Frost and exponents are real; NaN, 0.0 and -99.9 are a sensor that is not fitted."""
    thermal = parse_thermalservice(EMULATOR.replace("30.8", value))
    assert thermal is not None
    assert thermal.hottest_c(SKIN) == expected


def test_hal_that_is_not_ready_is_unavailable_not_cool() -> None:
    """Phones without sensors say status 0 for ever."""
    thermal = parse_thermalservice(PIXEL_6.replace("HAL Ready: true", "HAL Ready: false"))
    assert thermal is not None
    assert thermal.status is None
    assert thermal.temperatures == ()


def test_override_is_seen() -> None:
    """A status that was set by hand is no evidence."""
    thermal = parse_thermalservice("IsStatusOverride: true\n" + EMULATOR)
    assert thermal is not None
    assert thermal.overridden


def test_throttled_phone() -> None:
    """Status 2 of a Qualcomm device; a line without mStatus is skipped, as some builds print them."""
    text = PIXEL_6.replace("Thermal Status: 0", "Thermal Status: 2").replace(
        ", mName=MID, mStatus=0", ", mName=MID"
    )
    thermal = parse_thermalservice(text)
    assert thermal is not None
    assert thermal.status == 2
    assert thermal.hottest_c(CPU) == 26.000002


def test_old_samsung_counts_types_from_one_more() -> None:
    """Type 4 is the skin there; read as Android's number it is the USB port."""
    text = EMULATOR.replace("ThermalHAL 2.0 connected: yes", "Sdhms connected: yes").replace(
        "mType=3", "mType=4"
    )
    thermal = parse_thermalservice(text)
    assert thermal is not None
    assert thermal.hottest_c(SKIN) == 30.8


@pytest.mark.parametrize(
    "text", ["", "\n", "Can't find service: thermalservice\n", "Permission Denial: can't dump\n"]
)
def test_no_thermal_service_is_none(text: str) -> None:
    """Android 9 has none."""
    assert parse_thermalservice(text) is None


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        ("mValue=24.83324", "mValue=24,83324x", 14),
        ("Thermal Status: 0", "Thermal Status: -", 1),
        ("HAL Ready: true", "HAL Ready: maybe", 6),
        ("mType=3, mName=VIRTUAL", "mType=SKIN, mName=VIRTUAL", 14),
    ],
)
def test_unknown_thermal_line_is_named(good: str, bad: str, line: int) -> None:
    """A format that is not known must be an error, not a missing figure."""
    with pytest.raises(OutputUnreadable, match=f"line {line} of the device's dumpsys thermalservice"):
        parse_thermalservice(PIXEL_6.replace(good, bad))


def test_other_text_is_no_thermal_service() -> None:
    """A shell's error message is not a cool phone."""
    with pytest.raises(OutputUnreadable, match="no Thermal Status"):
        parse_thermalservice("/system/bin/sh: dumpsys: inaccessible or not found\n")


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


def test_getprop_values_may_span_lines() -> None:
    """The boot history has one reason a line, and a bracket at a line's end."""
    history = "[persist.sys.boot.reason.history]: [reboot,1700000000\n[odd]\nshell,1690000000]\n"
    text = f"{history}[ro.product.model]: [Pixel 8]\n"
    assert parse_getprop(text) == {
        "persist.sys.boot.reason.history": "reboot,1700000000\n[odd]\nshell,1690000000",
        "ro.product.model": "Pixel 8",
    }


def test_getprop_keeps_empty_values_and_brackets_and_folds_crlf() -> None:
    """An old phone's terminal sends CRLF."""
    text = "[a.b]: []\r\n[c]: [x]: [y]\r\n"
    assert parse_getprop(text) == {"a.b": "", "c": "x]: [y"}


def test_torn_getprop_names_line_and_property_but_no_value() -> None:
    """The value may be the serial number."""
    with pytest.raises(OutputUnreadable, match="line 2 of the device's getprop") as caught:
        parse_getprop("[a]: [b]\n[ro.serialno]: [SECRET")
    assert "ro.serialno" in caught.value.what
    assert "SECRET" not in caught.value.render() + repr(caught.value.facts)


def test_something_else_is_no_getprop() -> None:
    """A shell's error message must not read as a phone without properties."""
    with pytest.raises(OutputUnreadable, match="getprop"):
        parse_getprop("/bin/sh: getprop: not found\n")


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("0-3,6\n", (0, 1, 2, 3, 6)),
        ("0\n", (0,)),
        ("0 1 2 3 \n", (0, 1, 2, 3)),
        ("\n", ()),
        ("8,0-1", (0, 1, 8)),
    ],
)
def test_lists_of_cores(text: str, cores: tuple[int, ...]) -> None:
    """The kernel writes ranges; cpufreq writes words and ends in a blank."""
    assert parse_core_list(text) == cores


def test_bad_list_of_cores_is_an_error() -> None:
    """A mask in hexadecimal looks like a list."""
    with pytest.raises(OutputUnreadable, match="list of cores"):
        parse_core_list("ff")


def test_cpuinfo_tells_the_processors_family() -> None:
    """The kernel's own word against the properties'; a Pixel 2 XL starts with a line of its own."""
    arm = "Processor\t: AArch64 Processor rev 4 (aarch64)\nprocessor\t: 0\nCPU implementer\t: 0x51\n"
    x86 = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU @ 2.40GHz\n"
    assert parse_cpuinfo(arm).family == "arm"
    assert parse_cpuinfo(x86).family == "x86"
    assert parse_cpuinfo(x86).model == "Some CPU @ 2.40GHz"
    assert parse_cpuinfo("").family is None


@pytest.mark.parametrize(
    ("text", "free_bytes"),
    [
        (
            "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/block/dm-5 111 11 100 10% /data\n",
            102400,
        ),
        ("Filesystem      1K-blocks     Used Available Use% Mounted on\ntmpfs 0 0 0 - /x y\n", 0),
        ("df: /data: Permission denied\n", None),
        ("", None),
    ],
)
def test_free_space(text: str, free_bytes: int | None) -> None:
    """What df does not say stays unknown."""
    assert parse_df(text) == free_bytes


def test_memory() -> None:
    """Kilobytes of 1024, as the kernel means them."""
    assert parse_memory("MemTotal:        5730396 kB\n") == 5730396 * 1024
    assert parse_memory("") is None
