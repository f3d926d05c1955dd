"""`dumpsys thermalservice` of real devices: every shape that is known, and what other tools read wrongly."""

from __future__ import annotations

import pytest

from android_runner.thermal_text import CPU, SKIN, parse_thermalservice
from results.errors import OutputUnreadable
from tests.android_runner.device_samples import (
    EMULATOR,
    HIDL_THRESHOLDS,
    PIXEL_4A,
    PIXEL_6,
    PIXEL_ANDROID_15,
    THROTTLED,
)


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
    """Its status, the sensors that count, and what caps the processor: any of them spoils a launch."""
    thermal = parse_thermalservice(THROTTLED)
    assert thermal is not None
    assert thermal.status == 2
    # The battery's own status is for charging, the graphics processor's cap is not the CPU's.
    assert thermal.throttled == ("skin",)
    assert thermal.cooling == {"thermal-cpufreq-6": 11}


def test_cool_phone_of_the_same_kind() -> None:
    """Its cached block was 17 °C hotter; a cooling device at 0 caps nothing."""
    thermal = parse_thermalservice(PIXEL_4A)
    assert thermal is not None
    assert (thermal.hottest_c(CPU), thermal.hottest_c(SKIN)) == (31.7, 28.9)
    assert (thermal.status, thermal.throttled, thermal.cooling) == (0, (), {"thermal-cpufreq-4": 0})


def test_android_15_with_thresholds_and_headroom() -> None:
    """Later sections hold figures that are no temperatures, and the lowest of two skin sensors counts."""
    thermal = parse_thermalservice(PIXEL_ANDROID_15)
    assert thermal is not None
    assert thermal.skin_light_c == 37.0
    assert thermal.throttled == ("SOC",)
    assert [sensor.celsius for sensor in thermal.temperatures] == [27.5, 30.25, 31.0]
    assert not thermal.cached


def test_thresholds_of_the_older_hal() -> None:
    """C++ structures with the type as a word, on phones other than Pixels."""
    thermal = parse_thermalservice(PIXEL_4A + HIDL_THRESHOLDS)
    assert thermal is not None
    assert thermal.skin_light_c == 35.0


@pytest.mark.parametrize("value", ["NaN", "1000.0", "0.0", "-1.0"])
def test_skin_that_is_never_called_warm(value: str) -> None:
    """A limit that no skin reaches is none, not a target for cooling down."""
    thermal = parse_thermalservice(PIXEL_4A + HIDL_THRESHOLDS.replace("25.0, 35.0", f"25.0, {value}"))
    assert thermal is not None
    assert thermal.skin_light_c is None


@pytest.mark.parametrize("text", [EMULATOR, PIXEL_6])
def test_fans_and_phones_that_tell_no_cooling(text: str) -> None:
    """The emulator's test device is a fan at 100; old builds list nothing."""
    thermal = parse_thermalservice(text)
    assert thermal is not None
    assert (thermal.cooling, thermal.skin_light_c) == ({}, None)


def test_lines_without_a_status_are_skipped() -> None:
    """Some builds print them."""
    thermal = parse_thermalservice(PIXEL_6.replace(", mName=MID, mStatus=0", ", mName=MID"))
    assert thermal is not None
    assert thermal.hottest_c(CPU) == 26.000002


@pytest.mark.parametrize("value", ["30800.0", "308.0"])
def test_other_units_are_refused(value: str) -> None:
    """Thousandths or tenths of °C: guessing which would be right most of the time."""
    with pytest.raises(OutputUnreadable, match=r"line 8 of .* not in °C"):
        parse_thermalservice(EMULATOR.replace("30.8", value))


def test_absurd_sensors_that_nobody_uses_are_left_out() -> None:
    """A modem that is off gives the largest number there is; the phone can be measured all the same."""
    thermal = parse_thermalservice(PIXEL_ANDROID_15.replace("31.0, mType=9", "2.14748365E9, mType=12"))
    assert thermal is not None
    assert [sensor.name for sensor in thermal.temperatures] == ["VIRTUAL-SKIN", "SOC"]


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
        ("from HAL:\n\tTemp", "from HAL:\n\tCoolingDevice{mValue=x}\n\tTemp", 10),
        ("from HAL:\n\tTemp", "from HAL:\n\tTemperatureThreshold{mType=3}\n\tTemp", 10),
        (
            "from HAL:\n\tTemp",
            f"from HAL:\n{HIDL_THRESHOLDS.splitlines()[2].replace('35.0', 'x')}\n\tTemp",
            10,
        ),
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
