"""Pure parsers of what devices say in text: dumpsys, getprop, /proc, /sys, df.

"Not there" is None, never a made-up value; text that should be one thing and is another raises
OutputUnreadable naming its line. No message quotes a property's value: one of them is the serial number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from results.errors import OutputUnreadable

ProcessorFamily = Literal["arm", "x86"]

VIRTUAL_PHONE_PROPERTY = "ro.boot.virtual_phone"
CPU, SKIN = 0, 3  # of Android's temperature types, those that we use
_NOT_CELSIUS = (-1, 6, 7, 8)  # unknown, volts, milliamperes, percent
_NOT_FITTED_C = (0.0, -99.9)  # what a HAL gives for a sensor that this model of phone lacks

_PROPERTY = re.compile(r"^\[([^\]\n]+)\]: \[", re.MULTILINE)
_TEMPERATURE = re.compile(
    r"Temperature\{mValue=(?P<value>[^,]+), mType=(?P<type>-?\d+), "
    r"mName=(?P<name>.*), mStatus=(?P<status>\d+)\}"
)
_DF_NUMBERS = re.compile(r"\s\d+\s+\d+\s+(\d{1,15})\s+(?:\d+%|-)\s")


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
    set the status by hand, so it says nothing.
    """

    status: int | None
    overridden: bool
    cached: bool
    temperatures: tuple[Temperature, ...]

    def hottest_c(self, kind: int) -> float | None:
        """The highest temperature of that kind in °C."""
        return max((sensor.celsius for sensor in self.temperatures if sensor.kind == kind), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """`dumpsys battery`: `frozen` when its values were set by hand and are no longer the battery's."""

    percent: int | None
    celsius: float | None
    charging: bool | None
    frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuInfo:
    """/proc/cpuinfo: what kind of processor the kernel runs on; `model` where it names one (x86)."""

    family: ProcessorFamily | None
    model: str | None


def parse_getprop(text: str) -> dict[str, str]:
    """`[name]: [value]` lines; a value may span lines. Raises OutputUnreadable naming line and property."""
    text = _plain(text)
    starts = list(_PROPERTY.finditer(text))
    before = text[: starts[0].start()] if starts else text
    if before.strip():
        raise _unreadable("getprop", 1, "no [name]: [value]")
    properties = {}
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        value = text[start.end() : end].rstrip("\n")
        if not value.endswith("]"):
            line = text.count("\n", 0, start.start()) + 1
            raise _unreadable("getprop", line, f"{start[1]} has no closing bracket")
        properties[start[1]] = value[:-1]
    return properties


def parse_thermalservice(text: str) -> Thermal | None:
    """None where there is no such service. Raises OutputUnreadable naming the line."""
    if _absent(text):
        return None
    status: int | None = None
    overridden, ready, shifted = False, True, False
    section = ""
    blocks: dict[str, list[Temperature]] = {}
    for number, raw in enumerate(_plain(text).splitlines(), start=1):
        line = raw.strip()
        if line.startswith("Temperature{"):
            if (sensor := _temperature(line, number)) is not None:
                blocks.setdefault(section, []).append(sensor)
        elif line.endswith(":"):
            section = line[:-1]
            blocks.setdefault(section, [])
        elif line.startswith("IsStatusOverride:"):
            overridden = _flag(line, number)
        elif line.startswith("HAL Ready:"):
            ready = _flag(line, number)
        elif line.startswith("Thermal Status:"):
            status = _whole_number("dumpsys thermalservice", line, number)
        elif line.startswith("Sdhms connected: yes"):
            shifted = True  # Samsung's older service counts types from one more: CPU is 1, SKIN is 4
    if status is None:
        raise _unreadable("dumpsys thermalservice", 1, "no Thermal Status in it")
    fresh = blocks.get("Current temperatures from HAL")
    sensors = fresh if fresh is not None else blocks.get("Cached temperatures", [])
    if shifted:
        sensors = [
            Temperature(name=sensor.name, kind=sensor.kind - 1, celsius=sensor.celsius, status=sensor.status)
            for sensor in sensors
        ]
    return Thermal(
        # "Not ready" is a phone without sensors: its 0 is no evidence that it is cool.
        status=status if ready else None,
        overridden=overridden,
        cached=fresh is None,
        temperatures=tuple(sensor for sensor in sensors if _is_celsius(sensor)) if ready else (),
    )


def parse_battery(text: str) -> Battery | None:
    """None where there is no such service. Raises OutputUnreadable when it is another text."""
    if _absent(text):
        return None
    text = _plain(text)
    if "Current Battery Service state:" not in text:
        raise _unreadable("dumpsys battery", 1, "no Current Battery Service state in it")
    present = re.search(r"^\s+present:\s*false$", text, re.MULTILINE) is None
    level, scale = _battery_number(text, "level"), _battery_number(text, "scale")
    tenths, status = _battery_number(text, "temperature"), _battery_number(text, "status")
    return Battery(
        percent=round(100 * level / scale) if present and level is not None and scale else None,
        celsius=tenths / 10 if present and tenths is not None else None,
        charging=None if status in (None, 1) else status == 2,
        frozen="UPDATES STOPPED" in text,
    )


def parse_cpuinfo(text: str) -> CpuInfo:
    """`family` None where neither architecture's fields are in it."""
    fields = {
        name.strip(): value.strip()
        for name, colon, value in (line.partition(":") for line in _plain(text).splitlines())
        if colon
    }
    family: ProcessorFamily | None = None
    if "CPU implementer" in fields:
        family = "arm"
    elif "vendor_id" in fields:
        family = "x86"
    return CpuInfo(family=family, model=fields.get("model name") or None)


def parse_core_list(text: str) -> tuple[int, ...]:
    """The kernel's "0-3,6", in order; empty for an empty list. Raises OutputUnreadable."""
    cores: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", text)):
        found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)  # no kernel has more
        if found is None:
            raise _unreadable("list of cores", 1, f"{text.strip()!r} is none")
        first = int(found[1])
        cores.update(range(first, int(found[2] or first) + 1))
    return tuple(sorted(cores))


def parse_df(text: str) -> int | None:
    """Free bytes from `df -k FOLDER`, its last line; None when df does not say."""
    lines = [line for line in _plain(text).splitlines() if line.strip()]
    found = _DF_NUMBERS.search(lines[-1] + " ") if lines else None
    return int(found[1]) * 1024 if found else None


def parse_memory(text: str) -> int | None:
    """Bytes from the MemTotal line of /proc/meminfo."""
    found = re.search(r"^MemTotal:\s+(\d{1,15}) kB$", _plain(text), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _absent(text: str) -> bool:
    words = text.strip()
    return not words or "Can't find service" in words or words.startswith("Permission Denial")


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
        raise _unreadable("dumpsys thermalservice", number, f"{line!r}") from err


def _is_celsius(sensor: Temperature) -> bool:
    return (
        sensor.kind not in _NOT_CELSIUS
        and math.isfinite(sensor.celsius)
        and sensor.celsius not in _NOT_FITTED_C
    )


def _flag(line: str, number: int) -> bool:
    value = line.partition(":")[2].strip()
    if value not in ("true", "false"):
        raise _unreadable("dumpsys thermalservice", number, f"{line!r}")
    return value == "true"


def _whole_number(source: str, line: str, number: int) -> int:
    value = line.partition(":")[2].strip()
    if not re.fullmatch(r"\d{1,9}", value):
        raise _unreadable(source, number, f"{line!r}")
    return int(value)


def _battery_number(text: str, name: str) -> int | None:
    # Anchored: "Capacity level:" and lines of the event log hold the same words.
    found = re.search(rf"^\s+{name}:\s*(-?\d{{1,9}})$", text, re.MULTILINE)
    return int(found[1]) if found else None


def _unreadable(source: str, line: int, detail: str) -> OutputUnreadable:
    return OutputUnreadable(
        f"line {line} of the device's {source} cannot be read: {detail}.",
        next_step="Report this text: the device says it in a form that is not known here yet.",
        source=source,
        line=line,
    )
