"""Pure parser of `dumpsys thermalservice`: temperatures, what caps the processor, and where warm begins.

Source: AOSP, ThermalManagerService.dumpInternal, and texts of phones that print it in other ways.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from android_runner.device_text import absent, plain, unreadable

CPU, SKIN, SOC = 0, 3, 13  # of Android's temperature types, those that we use
_COOLS_CPU = 2  # of its cooling types
_LIGHT = 1  # of its statuses, which index the thresholds
_NOT_CELSIUS = (-1, 6, 7, 8)  # unknown, volts, milliamperes, percent
_NOT_FITTED_C = (0.0, -99.9)  # what a HAL gives for a sensor that this model of phone lacks
_COLDEST_C, _HOTTEST_C = -60.0, 200.0  # beyond is another unit, or no sensor
_SOURCE = "dumpsys thermalservice"

_TEMPERATURE = re.compile(
    r"Temperature\{mValue=(?P<value>[^,]+), mType=(?P<type>-?\d{1,9}), "
    r"mName=(?P<name>.*), mStatus=(?P<status>\d{1,9})\}"
)
_COOLING = re.compile(
    r"CoolingDevice\{mValue=(?P<value>-?\d{1,18}), mType=(?P<type>-?\d{1,9}), mName=(?P<name>.*)\}"
)
# The Java service's form, and the C++ one that some phones' HAL prints itself, where types are words.
_THRESHOLD = re.compile(
    r"TemperatureThreshold\{mType=(?P<type>-?\d{1,9}), mName=(?P<name>.*), "
    r"mHotThrottlingThresholds=\[(?P<hot>[^\]]*)\].*"
)
_HIDL_THRESHOLD = re.compile(
    r"\{\.type = (?P<type>\w+), \.name = (?P<name>.*), \.hotThrottlingThresholds = \[(?P<hot>[^\]]*)\].*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperature:
    """One sensor: `celsius` at type `kind` (Android's number), throttling status 0-6."""

    name: str
    kind: int
    celsius: float
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Thermal:
    """`dumpsys thermalservice`: `status` None when the phone has no sensors behind it.

    `cached`: the temperatures are the service's old ones, because the HAL gave none. `overridden`: somebody
    set the status by hand, so it says nothing. `throttled`: sensors of processor, skin or SoC whose own
    status is above 0. `cooling`: what caps the processor, by name; steps, 0 is none. `skin_light_c`: where
    the phone's status leaves 0, the lowest of its skin sensors, in °C.
    """

    status: int | None
    overridden: bool
    cached: bool
    temperatures: tuple[Temperature, ...]
    throttled: tuple[str, ...]
    cooling: dict[str, int]
    skin_light_c: float | None

    def hottest_c(self, kind: int) -> float | None:
        """The highest temperature of that kind in °C."""
        return max((sensor.celsius for sensor in self.temperatures if sensor.kind == kind), default=None)


def parse_thermalservice(text: str) -> Thermal | None:
    """None where there is no such service. Raises OutputUnreadable naming the line."""
    if absent(text):
        return None
    status: int | None = None
    overridden, ready, shifted = False, True, False
    section = ""
    blocks: dict[str, list[tuple[int, Temperature]]] = {}
    cooling: dict[str, int] = {}
    lights: list[float] = []
    for number, raw in enumerate(plain(text).splitlines(), start=1):
        line = raw.strip()
        if line.startswith("Temperature{"):
            if (sensor := _temperature(line, number)) is not None:
                blocks.setdefault(section, []).append((number, sensor))
        elif line.startswith("CoolingDevice{"):
            if (device := _cooling(line, number)) is not None:
                cooling[device[0]] = device[1]
        elif line.startswith(("TemperatureThreshold{", "{.type = ")):
            if (light_c := _skin_light(line, number, shifted=shifted)) is not None:
                lights.append(light_c)
        elif line.endswith(":"):
            section = line[:-1]
            blocks.setdefault(section, [])
        elif line.startswith("IsStatusOverride:"):
            overridden = _flag(line, number)
        elif line.startswith("HAL Ready:"):
            ready = _flag(line, number)
        elif line.startswith("Thermal Status:"):
            status = _status(line, number)
        elif line.startswith("Sdhms connected: yes"):
            shifted = True  # Samsung's older service counts types from one more: CPU is 1, SKIN is 4
    if status is None:
        raise unreadable(_SOURCE, 1, "no Thermal Status in it")
    fresh = blocks.get("Current temperatures from HAL")
    told = fresh if fresh is not None else blocks.get("Cached temperatures", [])
    # "Not ready" is a phone without sensors: its 0 is no evidence that it is cool.
    sensors = _celsius(told, shifted=shifted) if ready else ()
    return Thermal(
        status=status if ready else None,
        overridden=overridden,
        cached=fresh is None,
        temperatures=sensors,
        throttled=tuple(
            sensor.name for sensor in sensors if sensor.kind in (CPU, SKIN, SOC) and sensor.status > 0
        ),
        cooling=cooling if ready else {},
        skin_light_c=min(lights, default=None) if ready else None,
    )


def _temperature(line: str, number: int) -> Temperature | None:
    """One sensor's line; None for a line without mStatus, which some builds print."""
    if "mStatus=" not in line:
        return None
    found = _TEMPERATURE.fullmatch(line)
    try:
        if found is None:
            raise ValueError("not a Temperature{...}")
        return Temperature(
            name=found["name"],
            kind=int(found["type"]),
            celsius=float(found["value"]),
            status=int(found["status"]),
        )
    except ValueError as err:
        raise unreadable(_SOURCE, number, f"{line!r}") from err


def _cooling(line: str, number: int) -> tuple[str, int] | None:
    """Name and step of what cools the processor; None for fans, batteries and modems."""
    found = _COOLING.fullmatch(line)
    if found is None:
        raise unreadable(_SOURCE, number, f"{line!r}")
    return (found["name"], int(found["value"])) if int(found["type"]) == _COOLS_CPU else None


def _skin_light(line: str, number: int, *, shifted: bool) -> float | None:
    """Where status 1 begins for a skin sensor, in °C; None for other sensors and where it never begins."""
    found = _THRESHOLD.fullmatch(line) or _HIDL_THRESHOLD.fullmatch(line)
    if found is None:
        raise unreadable(_SOURCE, number, f"{line!r}")
    if found["type"] not in ("SKIN", str(SKIN + shifted)):
        return None
    values = [value.strip() for value in found["hot"].split(",")]
    try:
        light_c = float(values[_LIGHT]) if len(values) > _LIGHT else math.nan
    except ValueError as err:
        raise unreadable(_SOURCE, number, f"{line!r}") from err
    return light_c if 0 < light_c < _HOTTEST_C else None


def _celsius(told: list[tuple[int, Temperature]], *, shifted: bool) -> tuple[Temperature, ...]:
    """The sensors that are fitted and measure temperatures. Raises OutputUnreadable for other units."""
    found = []
    for number, raw in told:
        sensor = replace(raw, kind=raw.kind - shifted)
        value = sensor.celsius
        if sensor.kind in _NOT_CELSIUS or value in _NOT_FITTED_C or not math.isfinite(value):
            continue
        if value > _HOTTEST_C and sensor.kind in (CPU, SKIN):
            raise unreadable(_SOURCE, number, f"{sensor.name!r} has {value:g}, which is not in °C")
        if _COLDEST_C < value <= _HOTTEST_C:
            found.append(sensor)
    return tuple(found)


def _flag(line: str, number: int) -> bool:
    value = line.partition(":")[2].strip()
    if value not in ("true", "false"):
        raise unreadable(_SOURCE, number, f"{line!r}")
    return value == "true"


def _status(line: str, number: int) -> int:
    value = line.partition(":")[2].strip()
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise unreadable(_SOURCE, number, f"{line!r}")
    return int(value)
