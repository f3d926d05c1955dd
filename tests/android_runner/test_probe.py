"""What devices are taken for: by their own words, with the kernel's against the properties'."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.cache import cache_folder
from android_runner.clocks import clock_ticks
from android_runner.conditions import conditions
from android_runner.cores import core_rows
from android_runner.link import Completed, HostLink
from android_runner.probe import device_folder, device_kind, device_of, parse_api_level, probe
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import Profile, emulator, lying, pixel4, pixel8
from results.device import Device

LinkTo = Callable[..., AdbTcpLink]


def test_host_says_what_it_is_and_nothing_more() -> None:
    """A host has no thermal service, serial or fingerprint: None, never a made-up value."""
    device = probe(HostLink())
    assert device.kind == "host"
    assert device.abi in ("x86_64", "arm64-v8a")
    assert device.cores
    assert device.contradictions == ()
    assert device.memory_bytes is not None
    assert device.free_bytes is not None
    assert (device.serial_sha256, device.fingerprint, device.api_level, device.soc) == (None,) * 4


def test_work_folders() -> None:
    """On a device only /data/local/tmp lets programs run; on the host it is within the cache."""
    assert device_folder(AdbTcpLink("phone", 5555)) == "/data/local/tmp/mobilebert-bench"
    assert device_folder(HostLink()) == str(cache_folder() / "host-device")


@pytest.mark.parametrize(
    ("properties", "kind"),
    [
        ({"ro.product.model": "Pixel 4", "ro.hardware": "flame"}, "phone"),
        ({"ro.boot.virtual_phone": "1", "ro.kernel.qemu": "1"}, "virtual_phone"),
        ({"ro.boot.qemu": "1"}, "emulator"),
        ({"ro.kernel.qemu": "1"}, "emulator"),
        ({"ro.hardware": "ranchu"}, "emulator"),
        ({"ro.hardware": "goldfish"}, "emulator"),
        ({"ro.hardware": "cutf_cvm"}, "emulator"),
        ({"ro.product.model": "sdk_gphone16k_arm64"}, "emulator"),
        ({"ro.product.model": "Android SDK built for x86_64"}, "emulator"),
        ({"ro.build.fingerprint": "generic/vbox86p/vbox86p:5.1/x:userdebug/test-keys"}, "emulator"),
        ({"ro.product.manufacturer": "Genymotion"}, "emulator"),
        ({}, "phone"),
    ],
)
def test_kinds(properties: dict[str, str], kind: str) -> None:
    """No emulator may pass the 62 ms claim, even where QEMU's own marks are hidden."""
    assert device_kind(properties) == kind


@pytest.mark.parametrize(
    ("text", "level"),
    [("33", 33), ("", None), ("REL", None), ("-1", None), ("٣", None), ("9" * 7, None), ("9" * 5000, None)],
)
def test_api_levels(text: str, level: int | None) -> None:
    """Python refuses to read a number of 5000 digits, with an exception that nobody expects."""
    assert parse_api_level(text) == level
    told = dict.fromkeys(("machine", "kernel", "cpuinfo", "memory", "online", "allowed", "cores", "free"), "")
    told["properties"] = f"[ro.product.cpu.abi]: [x86_64]\n[ro.build.version.sdk]: [{text}]\n"
    assert device_of(told, "phone").api_level == level


@pytest.mark.parametrize("row", ["256 - - -", "999999999 1 1 1", "9" * 5000 + " 1 1 1", "0 9 9 9"])
def test_cores_that_nobody_asked_for(row: str) -> None:
    """A core that cannot be, or is told twice: masks of cores are made of these numbers."""
    assert core_rows(f"0 261 1785600 -\n{row}\n") == [(0, 261, 1785600, None)]


@pytest.fixture
def probed(virtual_root: Path, link_to: LinkTo) -> Callable[..., Device]:
    """Probe a virtual phone of that profile."""

    def run(profile: Profile, *, arm64: bool = False) -> Device:
        with VirtualPhone(profile, arm64=arm64) as phone:
            return probe(link_to(phone))

    return run


@pytest.mark.adbd
def test_pixel4_like_phone(probed: Callable[..., Device]) -> None:
    """Everything the record wants, from the device's own words; the serial only as a hash."""
    profile = pixel4()
    device = probed(profile)
    assert device.kind == "virtual_phone"
    assert (device.manufacturer, device.model, device.soc) == ("Google", "Pixel 4", "msmnile")
    assert (device.abi, device.api_level, device.build_type) == ("x86_64", 33, "user")
    assert device.fingerprint == profile.properties["ro.build.fingerprint"]
    assert device.serial_sha256 == hashlib.sha256(b"VIRTUAL0000PIXEL4").hexdigest()
    assert device.contradictions == ()
    assert device.free_bytes is not None
    assert device.free_bytes > 1 << 20
    told = {path: text for path, text in profile.sys_files.items() if path.endswith("/cpu_capacity")}
    assert [f"{core.capacity}\n" for core in device.cores] == list(told.values())
    assert all(core.max_khz for core in device.cores)


@pytest.mark.adbd
def test_cores_that_may_not_be_used_are_left_out(probed: Callable[..., Device]) -> None:
    """Nine cores in /sys, fewer that this shell may run on: only those can be asked for."""
    indices = [core.index for core in probed(pixel8(cores=range(256))).cores]
    assert indices == [core.index for core in probe(HostLink()).cores]


@pytest.mark.adbd
def test_soc_model_is_preferred(probed: Callable[..., Device]) -> None:
    """Android 12 and later name the SoC; before, the platform stands for it."""
    assert probed(pixel8()).soc == "Tensor G3"


@pytest.mark.adbd
def test_emulator_without_clocks(probed: Callable[..., Device]) -> None:
    """Cores whose folders are missing are known by number only."""
    device = probed(emulator())
    assert device.cores
    assert {(core.capacity, core.max_khz) for core in device.cores} == {(None, None)}


@pytest.mark.adbd
def test_lying_phone_is_contradicted_by_its_kernel(probed: Callable[..., Device]) -> None:
    """Properties are easily set; uname and /proc/cpuinfo are the kernel's."""
    device = probed(lying())
    assert device.abi == "x86_64"
    assert len(device.contradictions) == 2
    assert "x86_64" in device.contradictions[0]
    assert "/proc/cpuinfo" in device.contradictions[1]


@pytest.mark.adbd
def test_arm64_phone_agrees_with_itself(probed: Callable[..., Device]) -> None:
    """The arm64 virtual phone shows what a real one would show."""
    if shutil.which("qemu-aarch64-static") is None:
        pytest.skip("arm64 virtual phones need qemu-user-static")
    device = probed(pixel4(arm64=True), arm64=True)
    assert device.abi == "arm64-v8a"
    assert device.contradictions == ()


@pytest.mark.adbd
def test_each_question_is_one_command(adb: AdbTcpLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a phone's ADB every command costs some 40 ms, and these are asked around each launch."""
    commands: list[str] = []
    run = adb.run

    def counted(command: str, *, timeout_s: float) -> Completed:
        commands.append(command)
        return run(command, timeout_s=timeout_s)

    monkeypatch.setattr(adb, "run", counted)
    probe(adb)
    conditions(adb)
    clock_ticks(adb)
    assert len(commands) == 3
