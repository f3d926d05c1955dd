"""One harness at a time on one device, and none locked out by a dead one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.lease import Lease
from android_runner.link import HostLink
from android_runner.virtual.phone import VirtualPhone
from results.errors import DeviceBusy, DeviceLost, TargetNotWritable

FOLDER = "/data/local/tmp/a harness's folder"
# Takes the lease, says so, and goes on living until its stdin ends.
_HOLDER = """
import sys
from android_runner.link import HostLink
from android_runner.lease import Lease
from results.errors import DeviceBusy
try:
    Lease(HostLink(), sys.argv[1]).take(for_s=30)
    print("took", flush=True)
except DeviceBusy:
    print("busy", flush=True)
sys.stdin.read()
"""


def _holder(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def _changed(path: Path, **fields: str) -> None:
    """The lease file with other fields, as another machine would have written it."""
    words = path.read_text().split()
    path.write_text(
        " ".join(next((f"{k}={v}" for k, v in fields.items() if w.startswith(f"{k}=")), w) for w in words)
    )


def test_of_many_one_gets_it(tmp_path: Path) -> None:
    """Jobs that a farm starts in the same second must not measure each other."""
    crowd = [_holder(tmp_path / "device") for _ in range(6)]
    try:
        assert sorted(_answer(one) for one in crowd) == ["busy"] * 5 + ["took"]
    finally:
        for one in crowd:
            _end(one)


def test_a_dead_owner_locks_nobody_out(tmp_path: Path) -> None:
    """A killed harness frees nothing; the next one finds its process gone, and goes on at once."""
    first = _holder(tmp_path)
    assert _answer(first) == "took"
    lease = Lease(HostLink(), str(tmp_path))
    with pytest.raises(DeviceBusy, match=f"process {first.pid} of this machine"):
        lease.take(for_s=5)
    _end(first)
    assert lease.take(for_s=5) is True  # taken over: what it left running may still run
    lease.release()
    assert lease.take(for_s=5) is False
    lease.release()
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_the_process_number_of_a_dead_owner_is_not_mistaken(tmp_path: Path) -> None:
    """Numbers are used again: another process with the owner's number is not the owner."""
    lease = Lease(HostLink(), str(tmp_path))
    lease.take(for_s=5)
    _changed(tmp_path / "lease", token="0" * 16, pid=str(os.getppid()), started="1")
    assert lease.take(for_s=5) is True


def test_another_machine_is_trusted_until_its_time_is_over(tmp_path: Path) -> None:
    """A process of another host cannot be looked at: its lease holds until the time that it gave."""
    lease, path = Lease(HostLink(), str(tmp_path)), tmp_path / "lease"
    lease.take(for_s=50)
    _changed(path, token="0" * 16, host="f" * 16)
    with pytest.raises(DeviceBusy, match="another machine") as refused:
        lease.take(for_s=5)
    assert "free in 5" in refused.value.next_step
    _changed(path, until="1")
    assert lease.take(for_s=5) is True


def test_a_lease_does_not_outlive_a_reboot(tmp_path: Path) -> None:
    """After a restart of the device nothing runs there any more, whoever held it."""
    lease, path = Lease(HostLink(), str(tmp_path)), tmp_path / "lease"
    lease.take(for_s=5000)
    _changed(path, token="0" * 16, host="f" * 16, boot="a" * 16)
    assert lease.take(for_s=5) is True


def test_a_lease_cut_short_is_replaced(tmp_path: Path) -> None:
    """Its writer died between two bytes: nobody is locked out for ever."""
    (tmp_path / "lease").write_text("lease 1 token=12")
    slept: list[float] = []
    Lease(HostLink(), str(tmp_path)).take(for_s=5, sleep=slept.append)
    assert slept


def test_renewal_notices_what_happened_meanwhile(tmp_path: Path) -> None:
    """A laptop that slept through the night must not go on measuring beside the next user."""
    lease, path = Lease(HostLink(), str(tmp_path)), tmp_path / "lease"
    lease.take(for_s=5)
    lease.renew(for_s=50)
    ours = path.read_text()
    other = _holder(tmp_path)
    try:
        assert _answer(other) == "busy"
        path.unlink()
        with pytest.raises(DeviceLost):
            lease.renew(for_s=5)
    finally:
        _end(other)
    path.write_text(ours)
    _changed(path, token="0" * 16, host="f" * 16, until="9999999999")
    with pytest.raises(DeviceBusy, match="took host over"):
        lease.renew(for_s=5)
    lease.release()
    assert path.exists()  # not ours to remove


@pytest.mark.adbd
def test_over_adb(phone: VirtualPhone, link_to: Callable[..., AdbTcpLink]) -> None:
    """The same on a phone's own shell and tools, in a folder whose name needs quotes."""
    link = link_to(phone)
    lease = Lease(link, FOLDER)
    assert lease.take(for_s=5) is False
    lease.renew(for_s=50)
    path = phone.data / "local/tmp/a harness's folder/lease"
    _changed(path, token="0" * 16, host="f" * 16)
    with pytest.raises(DeviceBusy):
        lease.take(for_s=5)
    phone.power_cut()
    phone.start()
    link.reconnect(timeout_s=5)
    assert lease.take(for_s=5) is True  # the phone restarted
    lease.release()
    assert not path.exists()


@pytest.mark.adbd
def test_a_folder_that_cannot_be_written(link_to: Callable[..., AdbTcpLink]) -> None:
    """Without a place for the lease nothing else could be written either: said as that."""
    with VirtualPhone(read_only=("/data/local/tmp",)) as phone, pytest.raises(TargetNotWritable):
        Lease(link_to(phone), "/data/local/tmp/ours").take(for_s=5)
