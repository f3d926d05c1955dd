"""What a device is: its own words, in one command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from hashlib import sha256

from android_runner.ask import CPUS, ask
from android_runner.cache import cache_folder
from android_runner.cores import EACH_CORE, core_rows
from android_runner.device_text import VIRTUAL_PHONE_PROPERTY, parse_df, parse_getprop
from android_runner.kernel_text import (
    CpuInfo,
    parse_allowed,
    parse_core_list,
    parse_cpuinfo,
    parse_memory,
)
from android_runner.link import HOST, Link
from results.device import Core, Device, DeviceKind
from results.errors import OutputUnreadable

DEVICE_FOLDER = "/data/local/tmp/mobilebert-bench"
_IDENTITY = {
    "properties": "getprop",
    "machine": "uname -m",
    "kernel": "uname -r",
    "cpuinfo": "cat /proc/cpuinfo",
    "memory": "grep MemTotal /proc/meminfo",
    "online": f"cat {CPUS}/online",
    "allowed": "grep Cpus_allowed_list /proc/self/status",
    "cores": EACH_CORE,
}
# The kernels (`uname -m`) that run programs of an Android ABI, and the shape of their /proc/cpuinfo.
_MACHINES = {
    "arm64-v8a": ("aarch64",),
    "armeabi-v7a": ("armv7l", "armv8l", "aarch64"),
    "x86_64": ("x86_64",),
    "x86": ("i686", "x86_64"),
}
_FAMILIES = {"arm64-v8a": "arm", "armeabi-v7a": "arm", "x86_64": "x86", "x86": "x86"}


def device_folder(link: Link) -> str:
    """The folder on the device that is this harness's own."""
    if link.name == HOST:
        return str(cache_folder() / "host-device")
    return DEVICE_FOLDER


def probe(link: Link) -> Device:
    """Raises OutputUnreadable when the device's words make no sense, and the link's errors."""
    return device_of(ask(link, {**_IDENTITY, "free": _free_space(device_folder(link))}), link.name)


def device_of(told: Mapping[str, str], name: str) -> Device:
    """What the answers of the device `name` say, by the names of the questions. Raises OutputUnreadable."""
    host = name == HOST
    properties = {} if host else parse_getprop(told["properties"])
    machine = told["machine"].strip()
    cpuinfo = parse_cpuinfo(told["cpuinfo"])
    abi = _abi_of(machine) if host else properties.get("ro.product.cpu.abi")
    if not abi:
        raise OutputUnreadable(
            f"{name} does not say for which processor its programs are (ro.product.cpu.abi).",
            next_step="Check that it is an Android device: adb shell getprop ro.product.cpu.abi",
        )
    contradictions = _contradictions(abi, machine, cpuinfo)
    return Device(
        kind="host" if host else device_kind(properties),
        serial_sha256=serial_digest(properties.get("ro.serialno")),
        manufacturer=properties.get("ro.product.manufacturer") or None,
        model=cpuinfo.model if host else properties.get("ro.product.model") or None,
        soc=properties.get("ro.soc.model") or properties.get("ro.board.platform") or None,
        # Where they differ, the kernel's word counts: it is what starts programs.
        abi=abi if machine in _MACHINES.get(abi, (machine,)) else _abi_of(machine) or abi,
        api_level=parse_api_level(properties.get("ro.build.version.sdk", "")),
        fingerprint=properties.get("ro.build.fingerprint") or None,
        build_type=properties.get("ro.build.type") or None,
        kernel=told["kernel"].strip() or None,
        cores=_cores(told),
        memory_bytes=parse_memory(told["memory"]),
        free_bytes=parse_df(told["free"]),
        contradictions=contradictions,
    )


def parse_api_level(text: str) -> int | None:
    """The property ro.build.version.sdk; None where it is no such number."""
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else None


def serial_digest(serial: str | None) -> str | None:
    """What stands for a device's serial number: its SHA-256 in hex, None without one."""
    return sha256(serial.encode()).hexdigest() if serial else None


def _free_space(folder: str) -> str:
    """Ask df about the folder, or the nearest one above that is there."""
    nearest = f'd={shlex.quote(folder)}; while [ -n "$d" ] && [ ! -d "$d" ]; do d=${{d%/*}}; done'
    return f'{nearest}; df -k "${{d:-/}}"'


def device_kind(properties: Mapping[str, str]) -> DeviceKind:
    """Virtual phone by its mark, emulator by androidx.benchmark's rules and QEMU's own marks, else phone.

    Source: androidx.benchmark, DeviceInfo.isEmulator.
    """
    if properties.get(VIRTUAL_PHONE_PROPERTY) == "1":
        return "virtual_phone"
    fingerprint = properties.get("ro.build.fingerprint", "")
    model = properties.get("ro.product.model", "")
    emulated = (
        "1" in (properties.get("ro.boot.qemu"), properties.get("ro.kernel.qemu"))
        or properties.get("ro.hardware", "").startswith(("ranchu", "goldfish", "cutf"))
        or fingerprint.startswith(("generic", "unknown"))
        or "emulator" in fingerprint
        or model.startswith("sdk_")
        or any(word in model for word in ("google_sdk", "Emulator", "Android SDK built for"))
        or "Genymotion" in properties.get("ro.product.manufacturer", "")
        or properties.get("ro.product.name") == "google_sdk"
    )
    return "emulator" if emulated else "phone"


def _abi_of(machine: str) -> str | None:
    return next((abi for abi, machines in _MACHINES.items() if machine in machines), machine or None)


def _contradictions(abi: str, machine: str, cpuinfo: CpuInfo) -> tuple[str, ...]:
    """Where the kernel's own word differs from the properties: they were set, or another machine answers."""
    found = []
    if abi in _MACHINES and machine and machine not in _MACHINES[abi]:
        found.append(f"properties say {abi}, and the kernel says {machine}")
    if abi in _FAMILIES and cpuinfo.family is not None and cpuinfo.family != _FAMILIES[abi]:
        found.append(f"properties say {abi}, and /proc/cpuinfo is that of an {cpuinfo.family} processor")
    return tuple(found)


def _cores(told: Mapping[str, str]) -> tuple[Core, ...]:
    """The cores that are switched on and that this shell may use."""
    rows = core_rows(told["cores"]) or [
        (index, None, None, None) for index in parse_core_list(told["online"])
    ]
    usable = {index for index, _, _, _ in rows}
    for limit in (parse_core_list(told["online"]), parse_allowed(told["allowed"])):
        usable &= set(limit) or usable  # a file that cannot be read limits nothing
    return tuple(
        Core(index=index, capacity=capacity, max_khz=max_khz)
        for index, capacity, max_khz, _ in rows
        if index in usable
    )
