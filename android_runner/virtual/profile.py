"""What a virtual phone says of itself: properties, processor files, dumpsys texts.

The shapes (order of lines, units, blanks at line ends, services that are missing) are those of real
devices; the figures are of their kind, not copies of one phone. Processor cores are this machine's unless a
test asks for others: a process cannot be placed on a core that is only told of.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of phone.

    `cpuinfo` and `machine` (what `uname -m` says) None: the kernel speaks for itself. `sys_files`: paths
    below /sys. `dumpsys`: service to text; a service that is not there is missing as on a phone.
    """

    properties: Mapping[str, str]
    cpuinfo: str | None = None
    machine: str | None = None
    sys_files: Mapping[str, str] = field(default_factory=dict)
    dumpsys: Mapping[str, str] = field(default_factory=dict)

    def with_properties(self, **changes: str) -> Profile:
        """The same phone with other properties; write `ro__product__model` for `ro.product.model`."""
        changed = {name.replace("__", "."): value for name, value in changes.items()}
        return replace(self, properties={**self.properties, **changed})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One core type: the kernel's capacity (0-1024), its top clock in kHz, its ARM part number."""

    capacity: int
    max_khz: int
    part: int


_SILVER = _Kind(capacity=261, max_khz=1785600, part=0x805)
_GOLD = _Kind(capacity=871, max_khz=2419200, part=0x804)
_PRIME = _Kind(capacity=1024, max_khz=2841600, part=0x804)
_A510 = _Kind(capacity=160, max_khz=1704000, part=0xD46)
_A715 = _Kind(capacity=620, max_khz=2367000, part=0xD4D)
_X3 = _Kind(capacity=1024, max_khz=2914000, part=0xD4E)

_PIXEL_4_FEATURES = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
)
_PIXEL_8_FEATURES = f"{_PIXEL_4_FEATURES} sve sve2 i8mm bf16"


def pixel4(*, arm64: bool = False, cores: Sequence[int] | None = None) -> Profile:
    """Like a Pixel 4 with Android 13: no ro.soc.model, clusters of 4, 3 and 1.

    `arm64` for phones that run aarch64 programs; otherwise the properties say x86_64, as the kernel does.
    """
    abi, abis = ("arm64-v8a", "arm64-v8a,armeabi-v7a,armeabi") if arm64 else ("x86_64", "x86_64")
    kinds = (_SILVER,) * 4 + (_GOLD,) * 3 + (_PRIME,)
    placed = _placed(kinds, cores)
    return Profile(
        properties={
            "ro.product.manufacturer": "Google",
            "ro.product.brand": "google",
            "ro.product.model": "Pixel 4",
            "ro.product.name": "flame",
            "ro.product.device": "flame",
            "ro.board.platform": "msmnile",
            "ro.hardware": "flame",
            "ro.build.version.release": "13",
            "ro.build.version.sdk": "33",
            "ro.build.type": "user",
            "ro.build.fingerprint": "google/flame/flame:13/TP1A.221005.002.B2/9382335:user/release-keys",
            "ro.product.cpu.abi": abi,
            "ro.product.cpu.abilist": abis,
            "ro.serialno": "VIRTUAL0000PIXEL4",
            "sys.boot_completed": "1",
        },
        cpuinfo=_arm_cpuinfo(placed, 0x51, _PIXEL_4_FEATURES) if arm64 else None,
        machine="aarch64" if arm64 else None,
        sys_files=_cpu_files(placed),
        dumpsys={
            "thermalservice": thermalservice(
                hal="ThermalHAL 2.0 connected: yes", skin_name="fps-therm-monitor", cpu_name="cpu0-gold-usr"
            ),
            "battery": battery(level=83, temperature=271),
        },
    )


def pixel8(*, arm64: bool = False, cores: Sequence[int] | None = None) -> Profile:
    """Like a Pixel 8 with Android 14: ro.soc.model, clusters of 4, 4 and 1, the AIDL thermal HAL."""
    abi = "arm64-v8a" if arm64 else "x86_64"
    placed = _placed((_A510,) * 4 + (_A715,) * 4 + (_X3,), cores)
    return Profile(
        properties={
            "ro.product.manufacturer": "Google",
            "ro.product.brand": "google",
            "ro.product.model": "Pixel 8",
            "ro.product.name": "shiba",
            "ro.product.device": "shiba",
            "ro.soc.manufacturer": "Google",
            "ro.soc.model": "Tensor G3",
            "ro.board.platform": "zuma",
            "ro.hardware": "shiba",
            "ro.build.version.release": "14",
            "ro.build.version.sdk": "34",
            "ro.build.type": "user",
            "ro.build.fingerprint": "google/shiba/shiba:14/AP1A.240305.019.A1/11445699:user/release-keys",
            "ro.product.cpu.abi": abi,
            "ro.product.cpu.abilist": abi,
            "ro.serialno": "VIRTUAL0000PIXEL8",
            "persist.sys.boot.reason.history": "reboot,1700000000\\nreboot,1690000000",
            "sys.boot_completed": "1",
        },
        cpuinfo=_arm_cpuinfo(placed, 0x41, _PIXEL_8_FEATURES) if arm64 else None,
        machine="aarch64" if arm64 else None,
        sys_files=_cpu_files(placed),
        dumpsys={
            "thermalservice": thermalservice(
                hal="ThermalHAL AIDL 1  connected: yes", skin_name="VIRTUAL-SKIN", cpu_name="BIG"
            ),
            "battery": battery(level=64, temperature=284),
        },
    )


def emulator() -> Profile:
    """Like the Android emulator, API 34: ranchu, no clocks or capacities, one constant test sensor."""
    listed = _list_text(_this_machine())
    return Profile(
        properties={
            "ro.boot.qemu": "1",
            "ro.kernel.qemu": "1",
            "ro.hardware": "ranchu",
            "ro.product.manufacturer": "Google",
            "ro.product.brand": "google",
            "ro.product.model": "sdk_gphone64_x86_64",
            "ro.product.name": "sdk_gphone64_x86_64",
            "ro.product.device": "emu64xa",
            "ro.product.board": "goldfish_x86_64",
            "ro.soc.manufacturer": "AOSP",
            "ro.soc.model": "ranchu",
            "ro.build.version.sdk": "34",
            "ro.build.type": "userdebug",
            "ro.build.fingerprint": "google/sdk_gphone64_x86_64/emu64xa:14/UE1A.230829/1:userdebug/dev-keys",
            "ro.product.cpu.abi": "x86_64",
            "ro.product.cpu.abilist": "x86_64,arm64-v8a",
            "ro.dalvik.vm.native.bridge": "libndk_translation.so",
            "ro.serialno": "EMULATOR34X0X0X0",
        },
        sys_files={f"devices/system/cpu/{name}": f"{listed}\n" for name in ("possible", "present", "online")},
        dumpsys={
            "thermalservice": thermalservice(
                hal="ThermalHAL 2.0 connected: yes",
                skin_name="test temperature sensor",
                skin_c=30.8,
                cpu_name=None,
            ),
            "battery": battery(level=100, temperature=250),
        },
    )


def lying() -> Profile:
    """An arm64 Pixel 4 by its properties, on this machine's x86-64 kernel: the two contradict each other."""
    return replace(pixel4(arm64=True), cpuinfo=None, machine=None)


def thermalservice(
    *,
    hal: str,
    skin_name: str,
    cpu_name: str | None,
    status: int = 0,
    skin_c: float = 28.4,
    cpu_c: float = 31.7,
    overridden: bool = False,
) -> str:
    """A `dumpsys thermalservice` text; the cached block is stale, as on real phones."""
    sensors = [] if cpu_name is None else [(cpu_c, 0, cpu_name)]
    sensors += [(skin_c, 3, skin_name), (1250.0, 6, "vdroop2"), (-1.8060001, -1, "USB2-MINUS-QI")]
    stale = [(value + 14.0, kind, name) for value, kind, name in sensors]
    lines = [
        f"IsStatusOverride: {str(overridden).lower()}",
        "ThermalEventListeners:",
        "\tcallbacks: 1",
        "ThermalStatusListeners:",
        "\tcallbacks: 2",
        f"Thermal Status: {status}",
        "Cached temperatures:",
        *(_temperature(*sensor, status) for sensor in stale),
        "HAL Ready: true",
        "HAL connection:",
        f"\t{hal}",
        "Current temperatures from HAL:",
        *(_temperature(*sensor, status) for sensor in sensors),
        "Current cooling devices from HAL:",
        "\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-4}",
    ]
    return "".join(f"{line}\n" for line in lines)


def battery(*, level: int, temperature: int, status: int = 2, updates_stopped: bool = False) -> str:
    """A `dumpsys battery` text of Android 13; `temperature` in tenths of °C."""
    return (
        "Current Battery Service state:\n"
        + ("  (UPDATES STOPPED -- use 'reset' to restart)\n" if updates_stopped else "")
        + "  AC powered: false\n  USB powered: true\n  Wireless powered: false\n  Dock powered: false\n"
        "  Max charging current: 500000\n  Max charging voltage: 5000000\n  Charge counter: 1082000\n"
        f"  status: {status}\n  health: 2\n  present: true\n  level: {level}\n  scale: 100\n"
        f"  voltage: 3764\n  temperature: {temperature}\n  technology: Li-ion\n"
    )


def _temperature(value: float, kind: int, name: str, status: int) -> str:
    return f"\tTemperature{{mValue={value}, mType={kind}, mName={name}, mStatus={status}}}"


def _this_machine() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0)))


def _placed(kinds: Sequence[_Kind], cores: Sequence[int] | None) -> dict[int, _Kind]:
    """Core index to kind: the strongest where there are fewer cores, the weakest again where more."""
    indices = _this_machine() if cores is None else tuple(cores)
    padded = (kinds[0],) * max(0, len(indices) - len(kinds)) + tuple(kinds)
    return dict(zip(indices, padded[-len(indices) :], strict=True))


def _list_text(cores: Sequence[int]) -> str:
    """The kernel's shape of a core list: "0-3,6"."""
    runs: list[list[int]] = []
    for core in cores:
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def _cpu_files(placed: Mapping[int, _Kind]) -> dict[str, str]:
    listed = _list_text(tuple(placed))
    files = {f"devices/system/cpu/{name}": f"{listed}\n" for name in ("possible", "present", "online")}
    for core, kind in placed.items():
        folder = f"devices/system/cpu/cpu{core}"
        cluster = [str(other) for other, its in placed.items() if its == kind]
        files[f"{folder}/cpu_capacity"] = f"{kind.capacity}\n"
        files[f"{folder}/cpufreq/cpuinfo_max_freq"] = f"{kind.max_khz}\n"
        files[f"{folder}/cpufreq/scaling_max_freq"] = f"{kind.max_khz}\n"
        files[f"{folder}/cpufreq/related_cpus"] = " ".join(cluster) + " \n"
    return files


def _arm_cpuinfo(placed: Mapping[int, _Kind], implementer: int, features: str) -> str:
    return "".join(
        f"processor\t: {core}\nBogoMIPS\t: 38.40\nFeatures\t: {features}\n"
        f"CPU implementer\t: {implementer:#x}\nCPU architecture: 8\nCPU variant\t: 0xd\n"
        f"CPU part\t: {kind.part:#x}\nCPU revision\t: 14\n\n"
        for core, kind in placed.items()
    )
