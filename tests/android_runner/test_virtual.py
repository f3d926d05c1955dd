"""Virtual phones themselves: real enough to test against, and never to be taken for a phone."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.link import Completed
from android_runner.virtual import build
from android_runner.virtual.auth_patch import require_authorization
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import Profile, emulator, lying, pixel4, pixel8
from results.errors import NoDevice

adbd = pytest.mark.adbd


def _ask(phone: VirtualPhone, command: str) -> Completed:
    with contextlib.closing(AdbTcpLink(phone.host, phone.port)) as link:
        return link.run(command, timeout_s=10)


@adbd
@pytest.mark.parametrize("profile", [pixel4(), pixel8(), emulator(), lying()])
def test_every_virtual_phone_says_what_it_is(virtual_root: Path, profile: Profile) -> None:
    """A figure taken on one must never pass for a phone's, whatever a test's properties say."""
    with VirtualPhone(profile.with_properties(ro__boot__virtual_phone="0")) as phone:
        assert _ask(phone, "getprop ro.boot.virtual_phone").text == "1\n"


@adbd
def test_nothing_of_the_machine_can_be_reached(virtual_root: Path, phone: VirtualPhone) -> None:
    """adbd gives a shell to everybody who connects: it must not be a shell on this machine."""
    done = _ask(phone, "ls /home /root /usr /work; cat /system/bin/sh > /adbd/adbd; id -u; ls /sys/class/net")
    assert done.stdout.split() == [b"2000"]
    assert done.error_text.count("No such file") >= 4


@adbd
def test_environment_of_the_test_run_does_not_leak(
    virtual_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets and settings of this machine have no business on a phone."""
    monkeypatch.setenv("MBB_SECRET", "leaked")
    with VirtualPhone() as phone:
        assert "leaked" not in _ask(phone, "cat /proc/*/environ; env").text


@adbd
def test_programs_must_bring_their_libraries(virtual_root: Path, phone: VirtualPhone) -> None:
    """On a phone there is no Debian loader: a dynamic program of this machine must not start here either."""
    shutil.copy("/bin/true", phone.data / "local/tmp/true")
    done = _ask(phone, "/data/local/tmp/true")
    assert done.exit_code == 126
    assert "No such file" in done.error_text


@adbd
def test_power_cut_keeps_address_and_data(virtual_root: Path, phone: VirtualPhone) -> None:
    """A restarted phone is the same phone."""
    before = phone.selector
    _ask(phone, "echo kept > /data/local/tmp/file")
    phone.power_cut()
    phone.start()
    assert phone.selector == before
    assert _ask(phone, "cat /data/local/tmp/file").text == "kept\n"


@adbd
def test_segments_are_those_of_a_network(virtual_root: Path, phone: VirtualPhone) -> None:
    """With loopback's own size no write is ever cut short, and adb-shell's first defect does not show."""
    with socket.create_connection((phone.host, phone.port)) as connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1400


@adbd
def test_nothing_is_left_after_it(virtual_root: Path) -> None:
    """Sandboxes and folders that pile up would fill the machine that runs the tests."""
    with VirtualPhone() as phone:
        folder = phone.data.parent
        process = phone._process
        assert process is not None
        assert folder.exists()
    assert not folder.exists()
    assert process.poll() is not None


@adbd
def test_arm64_programs_run(virtual_root: Path, tmp_path: Path) -> None:
    """The aarch64 bundle is tried here; the kernel's own word must be that of such a phone."""
    if shutil.which("qemu-aarch64-static") is None:
        pytest.skip("arm64 virtual phones need qemu-user-static")
    with VirtualPhone(arm64=True) as phone:
        program = phone.data / "local/tmp/exit42"
        program.write_bytes(_aarch64_program())
        program.chmod(0o755)
        assert _ask(phone, "uname -m; /data/local/tmp/exit42").text == "aarch64\n"
        assert _ask(phone, "/data/local/tmp/exit42").exit_code == 42


def _aarch64_program() -> bytes:
    """The smallest Linux program for aarch64: exit(42)."""
    code = bytes.fromhex("400580d2 a80b80d2 010000d4")  # mov x0, 42; mov x8, 93 (exit); svc 0
    base, headers = 0x400000, 64 + 56
    elf = b"\x7fELF\x02\x01\x01" + bytes(9)
    elf += (2).to_bytes(2, "little") + (183).to_bytes(2, "little") + (1).to_bytes(4, "little")
    elf += (base + headers).to_bytes(8, "little") + (64).to_bytes(8, "little") + bytes(8) + bytes(4)
    elf += b"".join(value.to_bytes(2, "little") for value in (64, 56, 1, 64, 0, 0))
    size = (headers + len(code)).to_bytes(8, "little")
    segment = (1).to_bytes(4, "little") + (5).to_bytes(4, "little") + bytes(8)
    segment += base.to_bytes(8, "little") * 2 + size * 2 + (0x1000).to_bytes(8, "little")
    return elf + segment + code


def test_missing_debian_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets up the machine needs the package's name, not the tool's."""
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoDevice, match="bubblewrap") as caught:
        build.phone_root()
    assert "apt-get install" in caught.value.next_step
    assert not (tmp_path / "cache").exists()


@adbd
def test_auth_patch_changes_one_bit(virtual_root: Path) -> None:
    """The authorizing daemon is AOSP's own but for that."""
    stock, asking = ((virtual_root / "adbd" / name).read_bytes() for name in ("adbd", "adbd-auth"))
    differences = [index for index, (a, b) in enumerate(zip(stock, asking, strict=True)) if a != b]
    assert len(differences) == 1
    assert (stock[differences[0]], asking[differences[0]]) == (0, 1)


@adbd
@pytest.mark.parametrize(
    "damage",
    [
        lambda program: program.replace(b"ADB_EXTERNAL_STORAGE", b"XXX_EXTERNAL_STORAGE"),
        lambda program: b"MZ" + program[2:],
        lambda program: require_authorization(program),
    ],
    ids=["other build", "not ELF", "asks already"],
)
def test_auth_patch_refuses_another_program(virtual_root: Path, damage: object) -> None:
    """A newer adbd whose code moved must stop the build, not lose its authorization tests silently."""
    assert callable(damage)
    with pytest.raises(ValueError, match=r"adbd|program"):
        require_authorization(damage((virtual_root / "adbd/adbd").read_bytes()))


def test_core_lists_are_this_machines() -> None:
    """A launch is placed on the cores that the phone tells of: they must exist here."""
    online = pixel4().sys_files["devices/system/cpu/online"].strip()
    first = min(os.sched_getaffinity(0))
    assert online.startswith(str(first))
