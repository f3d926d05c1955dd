"""push_verified: whole files only, named reasons, nothing sent twice."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.link import HostLink
from android_runner.push import push_verified
from android_runner.virtual.phone import VirtualPhone
from results.errors import DeviceLost, DeviceNotReady, NoSpaceOnDevice, PushFailed, TargetNotWritable

LinkTo = Callable[..., AdbTcpLink]

FOLDER = "/data/local/tmp/mobilebert-bench"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_second_push_sends_nothing(tmp_path: Path) -> None:
    """25 MB over a slow link at every launch would be minutes."""
    local, remote = tmp_path / "model", tmp_path / "device" / "model"
    local.write_bytes(b"weights")
    assert push_verified(HostLink(), local, str(remote), sha256=_sha256(local), mode=0o644, timeout_s=5)
    local_hash = _sha256(local)
    local.write_bytes(b"not looked at when the device has the file already")
    assert not push_verified(HostLink(), local, str(remote), sha256=local_hash, mode=0o755, timeout_s=5)
    assert remote.read_bytes() == b"weights"
    assert remote.stat().st_mode & 0o777 == 0o755


def test_damaged_file_never_gets_the_name(tmp_path: Path) -> None:
    """One flipped bit on the way: a model that runs and computes something else."""
    local, remote = tmp_path / "model", tmp_path / "device" / "model"
    local.write_bytes(b"weights")
    with pytest.raises(PushFailed, match="SHA-256"):
        push_verified(HostLink(), local, str(remote), sha256="0" * 64, mode=0o644, timeout_s=5)
    assert not list(remote.parent.iterdir())


def test_names_with_blanks_and_quotes_arrive(tmp_path: Path) -> None:
    """The name goes through a shell on the device."""
    local, remote = tmp_path / "model", tmp_path / "it's a $(folder)" / "the model"
    local.write_bytes(b"weights")
    push_verified(HostLink(), local, str(remote), sha256=_sha256(local), mode=0o644, timeout_s=5)
    assert remote.read_bytes() == b"weights"


def test_device_that_cannot_hash_is_refused_before_a_byte_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Android before 8.0: another cable, which a wrong SHA-256 calls for, would not help."""
    local, remote = tmp_path / "model", tmp_path / "device" / "model"
    local.write_bytes(b"weights")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceNotReady, match="no sha256sum") as raised:
        push_verified(HostLink(), local, str(remote), sha256=_sha256(local), mode=0o644, timeout_s=5)
    assert "Android 8.0" in raised.value.next_step
    assert not remote.parent.exists()


@pytest.mark.adbd
def test_file_arrives_with_its_mode(phone: VirtualPhone, adb: AdbTcpLink, payload: Path) -> None:
    """The device program must be executable; parents are made."""
    remote = f"{FOLDER}/bundle/program"
    assert push_verified(adb, payload, remote, sha256=_sha256(payload), mode=0o755, timeout_s=10)
    assert not push_verified(adb, payload, remote, sha256=_sha256(payload), mode=0o755, timeout_s=10)
    done = adb.run(f"stat -c '%a %s' {remote}; ls {FOLDER}/bundle", timeout_s=5)
    assert done.text == f"755 {payload.stat().st_size}\nprogram\n"


@pytest.mark.adbd
def test_too_large_file_is_refused_before_it_is_sent(
    link_to: LinkTo, virtual_root: Path, payload: Path
) -> None:
    """A disk that is filled to the last byte harms more than this run."""
    with VirtualPhone(tmpfs={FOLDER: 256 << 10}) as phone:
        link = link_to(phone)
        with pytest.raises(NoSpaceOnDevice, match="1,048,576 bytes"):
            push_verified(link, payload, f"{FOLDER}/f", sha256=_sha256(payload), mode=0o644, timeout_s=10)
        assert link.run(f"ls {FOLDER}", timeout_s=5).text == ""


@pytest.mark.adbd
def test_read_only_target_is_named(link_to: LinkTo, virtual_root: Path, payload: Path) -> None:
    """The work folder itself, or the disk below it, is read-only."""
    with VirtualPhone(read_only=[FOLDER]) as phone:
        link = link_to(phone)
        with pytest.raises(TargetNotWritable, match="Read-only file system"):
            push_verified(link, payload, f"{FOLDER}/f", sha256=_sha256(payload), mode=0o644, timeout_s=10)


@pytest.mark.adbd
def test_forbidden_target_is_named(phone: VirtualPhone, adb: AdbTcpLink, payload: Path) -> None:
    """Another user's folder: root's, left there by an earlier rooted session."""
    adb.run(f"mkdir -p {FOLDER}; chmod 555 {FOLDER}", timeout_s=5)
    with pytest.raises(TargetNotWritable, match="Permission denied"):
        push_verified(adb, payload, f"{FOLDER}/f", sha256=_sha256(payload), mode=0o644, timeout_s=10)


@pytest.mark.adbd
def test_power_cut_in_the_middle_leaves_no_named_file(
    phone: VirtualPhone, adb: AdbTcpLink, payload: Path
) -> None:
    """adbd that dies leaves a partial file under the name it was given; that name is not the final one."""
    big = payload.with_name("big")
    big.write_bytes(payload.read_bytes() * 64)
    part = phone.data / "local/tmp/mobilebert-bench/big.part"

    def cut() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not (part.exists() and part.stat().st_size):
            time.sleep(0.001)
        phone.power_cut()

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(DeviceLost):
        push_verified(adb, big, f"{FOLDER}/big", sha256=_sha256(big), mode=0o644, timeout_s=30)
    thread.join()
    assert 0 < part.stat().st_size < big.stat().st_size
    assert not part.with_name("big").exists()
    phone.start()
    adb.reconnect(timeout_s=5)
    assert push_verified(adb, big, f"{FOLDER}/big", sha256=_sha256(big), mode=0o644, timeout_s=30)
    assert not part.exists()
