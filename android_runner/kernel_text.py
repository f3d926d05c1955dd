"""Pure parsers of what the kernel says in /proc and /sys: processors, cores, memory, load, boots, clocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from android_runner.device_text import plain, unreadable

ProcessorFamily = Literal["arm", "x86"]

_BOOT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CPUSET = re.compile(r"/[ -~]{0,4095}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuInfo:
    """/proc/cpuinfo: what kind of processor the kernel runs on; `model` where it names one (x86)."""

    family: ProcessorFamily | None
    model: str | None


def parse_cpuinfo(text: str) -> CpuInfo:
    """`family` None where neither architecture's fields are in it."""
    fields = {
        name.strip(): value.strip()
        for name, colon, value in (line.partition(":") for line in plain(text).splitlines())
        if colon
    }
    family: ProcessorFamily | None = None
    if "CPU implementer" in fields:
        family = "arm"
    elif "vendor_id" in fields:
        family = "x86"
    return CpuInfo(family=family, model=fields.get("model name") or None)


def parse_arm_parts(text: str) -> tuple[str, ...]:
    """Kinds of cores in an ARM's /proc/cpuinfo, which names no processor, by maker and part: "0x41/0xd0b"."""
    found = re.findall(r"^CPU (?:implementer|part)\s*:\s*(0x[0-9a-f]+)$", text, re.MULTILINE)
    return tuple(sorted({f"{maker}/{part}" for maker, part in zip(found[::2], found[1::2], strict=False)}))


def parse_core_list(text: str) -> tuple[int, ...]:
    """The kernel's "0-3,6", in order; empty for an empty list. Raises OutputUnreadable."""
    cores: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", text)):
        found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)  # no kernel has more
        if found is None:
            raise unreadable("list of cores", 1, f"{text.strip()!r} is none")
        first = int(found[1])
        cores.update(range(first, int(found[2] or first) + 1))
    return tuple(sorted(cores))


def parse_allowed(text: str) -> tuple[int, ...]:
    """The cores in the Cpus_allowed_list line of /proc/PID/status; empty without one."""
    return parse_core_list(text.partition(":")[2])


def parse_memory(text: str) -> int | None:
    """Bytes from the MemTotal line of /proc/meminfo."""
    found = re.search(r"^MemTotal:\s+(\d{1,15}) kB$", plain(text), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def parse_load(text: str) -> float | None:
    """The first figure of /proc/loadavg: processes that wanted to run, over the last minute."""
    return _first_number("/proc/loadavg", text)


def parse_uptime_s(text: str) -> float | None:
    """Seconds since the boot, the first figure of /proc/uptime."""
    return _first_number("/proc/uptime", text)


def parse_boot_id(text: str) -> str | None:
    """/proc/sys/kernel/random/boot_id: another one is another boot. Raises OutputUnreadable."""
    return _whole("boot_id", text, _BOOT_ID)


def parse_cpuset(text: str) -> str | None:
    """/proc/self/cpuset: the path of the set of cores that this process may use. Raises OutputUnreadable."""
    return _whole("/proc/self/cpuset", text, _CPUSET)


def parse_time_in_state(text: str) -> dict[int, int]:
    """kHz to ticks of 10 ms at that clock, since the boot. Raises OutputUnreadable naming the line."""
    ticks: dict[int, int] = {}
    for number, line in enumerate(plain(text).splitlines(), start=1):
        if not line.strip():
            continue
        found = re.fullmatch(r"\s*([0-9]{1,9})\s+([0-9]{1,18})\s*", line)
        if found is None or int(found[1]) in ticks:
            raise unreadable("time_in_state", number, f"{line.strip()[:80]!r}")
        ticks[int(found[1])] = int(found[2])
    return ticks


def _first_number(source: str, text: str) -> float | None:
    if not text.strip():
        return None
    found = re.match(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s", text + "\n")
    if found is None:
        raise unreadable(source, 1, f"{text.strip()[:80]!r}")
    return float(found[1])


def _whole(source: str, text: str, pattern: re.Pattern[str]) -> str | None:
    value = text.strip()
    if not value:
        return None
    if not pattern.fullmatch(value):
        raise unreadable(source, 1, f"{value[:80]!r}")
    return value
