"""What a virtual phone says of itself: properties, processor files, dumpsys texts.

The shapes (order of lines, units, blanks at line ends, services that are missing) are those of real
devices; the figures are of their kind, not copies of one phone. Processor cores are this machine's unless a
test asks for others: a process cannot be placed on a core that is only told of.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from android_runner.virtual.dumpsys import Sensors, battery

_CPUS = "devices/system/cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of phone.

    `cpuinfo` and `machine` (what `uname -m` says) None: the kernel speaks for itself. `sys_files`: paths
    below /sys; `sys_links` to others; `unreadable` are those that the shell may not read. `sensors`: its
    thermal service.
    `dumpsys`: other services to text; one that is not there is missing as on a phone. `settings`: such as
    "global/low_power". `fixed_performance`: whether its power HAL has that mode. `cpusets`: name to cores.
    """

    properties: Mapping[str, str]
    cpuinfo: str | None = None
    machine: str | None = None
    sys_files: Mapping[str, str] = field(default_factory=dict)
    sys_links: Mapping[str, str] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    sensors: Sensors | None = None
    dumpsys: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    fixed_performance: bool = False
    cpusets: Mapping[str, str] = field(default_factory=dict)

    def with_properties(self, **changes: str) -> Profile:
        """The same phone with other properties; write `ro__product__model` for `ro.product.model`."""
        changed = {name.replace("__", "."): value for name, value in changes.items()}
        return replace(self, properties={**self.properties, **changed})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One core type: the kernel's capacity (0-1024), its clocks in kHz, ascending, its ARM part number."""

    capacity: int
    khz: tuple[int, ...]
    part: int


_SILVER = _Kind(capacity=261, khz=(300000, 576000, 998400, 1420800, 1785600), part=0x805)
_GOLD = _Kind(capacity=871, khz=(710400, 1171200, 1612800, 2016000, 2419200), part=0x804)
_PRIME = _Kind(capacity=1024, khz=(825600, 1401600, 1996800, 2419200, 2841600), part=0x804)
_A510 = _Kind(capacity=160, khz=(324000, 820000, 1197000, 1548000, 1704000), part=0xD46)
_A715 = _Kind(capacity=620, khz=(402000, 578000, 1298000, 1836000, 2367000), part=0xD4D)
_X3 = _Kind(capacity=1024, khz=(500000, 1164000, 1826000, 2450000, 2914000), part=0xD4E)

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
        sys_files=_cpu_files(placed, "schedutil"),
        sys_links=_cpu_links(placed),
        sensors=Sensors(
            hal="ThermalHAL 2.0 connected: yes", skin_name="fps-therm-monitor", cpu_name="cpu0-gold-usr"
        ),
        dumpsys={"battery": battery(level=83, temperature=271)},
        settings={"global/low_power": "0", "global/stay_on_while_plugged_in": "0"},
        cpusets=_cpusets(placed, background=(_SILVER,)),
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
        sys_files=_cpu_files(placed, "sched_pixel"),
        sys_links=_cpu_links(placed),
        # As its owner sees it through adb: the limit of the small cores may not be read, the others' may.
        unreadable=tuple(
            f"{_CPUS}/cpufreq/policy{min(_cluster(placed, kind))}/scaling_max_freq"
            for kind in {_A510} & set(placed.values())
        ),
        sensors=Sensors(hal="ThermalHAL AIDL 1  connected: yes", skin_name="VIRTUAL-SKIN", cpu_name="BIG"),
        dumpsys={"battery": battery(level=64, temperature=284)},
        # stay_on_while_plugged_in was never set there: its `settings get` says null.
        settings={"global/low_power": "0"},
        fixed_performance=True,
        cpusets=_cpusets(placed, background=(_A510,)),
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
            "sys.boot_completed": "1",
        },
        sys_files={f"{_CPUS}/{name}": f"{listed}\n" for name in ("possible", "present", "online")},
        sensors=Sensors(
            hal="ThermalHAL 2.0 connected: yes",
            skin_name="test temperature sensor",
            # An emulator's own is 30.8; a virtual phone is waited for like a phone, here until the limit.
            skin_c=29.8,
            cpu_name=None,
            cooling={"test cooling device": 100},
            cooling_type=0,
            thresholds=False,
        ),
        dumpsys={"battery": battery(level=100, temperature=250)},
        settings={"global/low_power": "0", "global/stay_on_while_plugged_in": "1"},
    )


def lying() -> Profile:
    """An arm64 Pixel 4 by its properties, on this machine's x86-64 kernel: the two contradict each other."""
    return replace(pixel4(arm64=True), cpuinfo=None, machine=None)


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


def _cluster(placed: Mapping[int, _Kind], kind: _Kind) -> tuple[int, ...]:
    return tuple(core for core, its in placed.items() if its == kind)


def _cpusets(placed: Mapping[int, _Kind], *, background: Sequence[_Kind]) -> dict[str, str]:
    """Every core for what is in front, the small ones (or the first) for the rest."""
    small = [core for core, kind in placed.items() if kind in background] or [min(placed)]
    every, few = f"{_list_text(tuple(placed))}\n", f"{_list_text(small)}\n"
    return {"top-app": every, "foreground": every, "background": few, "system-background": few}


def _cpu_files(placed: Mapping[int, _Kind], governor: str) -> dict[str, str]:
    """Cores that share a clock share a policy folder, named after the first of them."""
    listed = _list_text(tuple(placed))
    files = {f"{_CPUS}/{name}": f"{listed}\n" for name in ("possible", "present", "online")}
    for core, kind in placed.items():
        cluster = _cluster(placed, kind)
        files[f"{_CPUS}/cpu{core}/cpu_capacity"] = f"{kind.capacity}\n"
        files[f"{_CPUS}/cpu{core}/topology/cluster_cpus_list"] = f"{_list_text(cluster)}\n"
        policy = f"{_CPUS}/cpufreq/policy{min(cluster)}"
        told = {
            "cpuinfo_min_freq": f"{kind.khz[0]}",
            "cpuinfo_max_freq": f"{kind.khz[-1]}",
            "scaling_min_freq": f"{kind.khz[0]}",
            "scaling_max_freq": f"{kind.khz[-1]}",
            "scaling_cur_freq": f"{kind.khz[1]}",
            "scaling_governor": governor,
            # Lists of the kernel end in a blank.
            "scaling_available_frequencies": " ".join(map(str, kind.khz)) + " ",
            "related_cpus": " ".join(map(str, cluster)) + " ",
            # kHz and ticks of 10 ms since the start.
            "stats/time_in_state": "\n".join(f"{khz} {1000 * index}" for index, khz in enumerate(kind.khz)),
        }
        files |= {f"{policy}/{name}": f"{text}\n" for name, text in told.items()}
    return files


def _cpu_links(placed: Mapping[int, _Kind]) -> dict[str, str]:
    return {
        f"{_CPUS}/cpu{core}/cpufreq": f"../cpufreq/policy{min(_cluster(placed, kind))}"
        for core, kind in placed.items()
    }


def _arm_cpuinfo(placed: Mapping[int, _Kind], implementer: int, features: str) -> str:
    return "".join(
        f"processor\t: {core}\nBogoMIPS\t: 38.40\nFeatures\t: {features}\n"
        f"CPU implementer\t: {implementer:#x}\nCPU architecture: 8\nCPU variant\t: 0xd\n"
        f"CPU part\t: {kind.part:#x}\nCPU revision\t: 14\n\n"
        for core, kind in placed.items()
    )
