"""One harness at a time on one device, and none locked out by a dead one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.lease import Lease
from android_runner.link import Completed, HostLink
from android_runner.run import tidy
from android_runner.virtual.phone import VirtualPhone
from results.errors import DeviceBusy, DeviceLost, NoSpaceOnDevice, OutputUnreadable, TargetNotWritable

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


def _holder(folder: Path, within: Sequence[str] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*within, sys.executable, "-c", _HOLDER, str(folder)],
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


@pytest.mark.parametrize("content", [b"", b"\n", bytes(64), b"\xff\xfe", b"lease 1 token=12", b"9" * 5000])
def test_a_torn_lease_is_replaced(tmp_path: Path, content: bytes) -> None:
    """A power cut or a full disk leaves a file without a lease: nobody is locked out for ever."""
    (tmp_path / "lease").write_bytes(content)
    slept: list[float] = []
    lease = Lease(HostLink(), str(tmp_path))
    assert lease.take(for_s=5, sleep=slept.append) is False
    assert 1 < sum(slept) < 5
    lease.release()
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_lease_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """On a slow device there is a moment between its creation and its line."""
    lease, path = Lease(HostLink(), str(tmp_path)), tmp_path / "lease"
    lease.take(for_s=50)
    _changed(path, token="0" * 16, host="f" * 16)
    line = path.read_text()
    slept: list[float] = []

    def write_on(seconds: float) -> None:
        slept.append(seconds)
        path.write_text(line[: 5 * len(slept)])

    path.write_text("")
    with pytest.raises(DeviceBusy, match="another machine"):
        lease.take(for_s=5, sleep=write_on)
    assert len(slept) > 20


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    """Nothing that is in the way may look like a run that never ends."""
    (tmp_path / "lease").mkdir()
    with pytest.raises(OutputUnreadable) as refused:
        Lease(HostLink(), str(tmp_path)).take(for_s=5)
    assert "rm -r" in refused.value.next_step


def test_a_look_changes_nothing(tmp_path: Path) -> None:
    """Before the export it is only asked whether the device is free."""
    lease, path = Lease(HostLink(), str(tmp_path / "ours")), tmp_path / "ours" / "lease"
    lease.check()
    assert not path.parent.exists()
    lease.take(for_s=50)
    lease.check()
    _changed(path, token="0" * 16, host="f" * 16)
    theirs = path.read_text()
    with pytest.raises(DeviceBusy):
        lease.check()
    for over in ({"until": "0"}, {"boot": "a" * 16}):
        path.write_text(theirs)
        _changed(path, **over)
        lease.check()
        assert path.exists()


def test_what_a_killed_renewal_left_is_tidied(tmp_path: Path) -> None:
    """One more small file in the work folder for each run that was killed."""
    lease = Lease(HostLink(), str(tmp_path))
    lease.take(for_s=5)
    (tmp_path / f"lease.{'0' * 16}").touch()
    tidy(HostLink(), str(tmp_path))
    assert os.listdir(tmp_path) == ["lease"]  # noqa: PTH208
    lease.renew(for_s=5)


_SEEN_WHOLE = ("bwrap", "--dev-bind", "/", "/", "--die-with-parent")


@pytest.mark.adbd
@pytest.mark.parametrize(
    "apart", [("--unshare-uts", "--hostname", "clone"), ("--unshare-pid", "--proc", "/proc")]
)
def test_a_copied_machine_or_a_container_is_another_one(tmp_path: Path, apart: tuple[str, ...]) -> None:
    """They have this machine's id, and their process numbers mean nothing here: alive, and called dead."""
    holder = _holder(tmp_path, [*_SEEN_WHOLE, *apart])
    try:
        assert _answer(holder) == "took"
        with pytest.raises(DeviceBusy, match="another machine or container"):
            Lease(HostLink(), str(tmp_path)).take(for_s=5)
    finally:
        _end(holder)


@pytest.mark.adbd
def test_an_owner_that_hides_is_alive(tmp_path: Path) -> None:
    """Without its line in /proc (another user's, or a system without one) it still answers to its number."""
    owner = _holder(tmp_path)
    assert _answer(owner) == "took"
    hidden = [*_SEEN_WHOLE, "--tmpfs", f"/proc/{owner.pid}"]
    other = _holder(tmp_path, hidden)
    try:
        assert _answer(other) == "busy"
        _changed(tmp_path / "lease", until="1")  # its number may be another's by now: its time counts
        last = _holder(tmp_path, hidden)
        assert _answer(last) == "took"
        _end(last)
    finally:
        _end(other)
        _end(owner)


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


@pytest.mark.adbd
@pytest.mark.parametrize("content", [b"", bytes(64), b"\xff\xfe"])
def test_a_torn_lease_over_adb(
    phone: VirtualPhone, link_to: Callable[..., AdbTcpLink], content: bytes
) -> None:
    """The phone's own shell drops NULs, and cannot compare what is no text."""
    path = phone.data / "local/tmp/lease"
    path.write_bytes(content)
    Lease(link_to(phone), "/data/local/tmp").take(for_s=5, sleep=lambda _: None)
    assert path.read_bytes().startswith(b"lease 1 token=")


@pytest.mark.adbd
def test_a_lease_of_another_user_is_not_removed(
    phone: VirtualPhone, link_to: Callable[..., AdbTcpLink]
) -> None:
    """What cannot be read may well be held by somebody: root's harness on the same phone."""
    path = phone.data / "local/tmp/lease"
    path.touch(mode=0)
    with pytest.raises(OutputUnreadable, match="cannot be read"):
        Lease(link_to(phone), "/data/local/tmp").take(for_s=5)
    assert path.exists()


@pytest.mark.adbd
@pytest.mark.parametrize("shell_v2", [True, False])
def test_whoever_was_faster_has_it(
    phone: VirtualPhone,
    link_to: Callable[..., AdbTcpLink],
    shell_v2: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the look and the creation another one came: its lease is neither overwritten nor removed."""
    link = link_to(phone)
    link.reconnect(timeout_s=5)
    link.shell_v2 = shell_v2
    lease, path = Lease(link, FOLDER), phone.data / "local/tmp/a harness's folder/lease"
    lease.take(for_s=50)
    _changed(path, token="0" * 16, host="f" * 16)
    theirs = path.read_text()
    lease.release()
    path.write_text("")

    def free(seconds: float) -> None:
        path.unlink(missing_ok=True)

    run = link.run

    def race(command: str, *, timeout_s: float) -> Completed:
        if "set -C" in command:
            path.write_text(theirs)
        return run(command, timeout_s=timeout_s)

    monkeypatch.setattr(link, "run", race)
    with pytest.raises(DeviceBusy, match="another machine"):
        lease.take(for_s=5, sleep=free)
    assert path.read_text() == theirs


@pytest.mark.adbd
def test_a_full_disk_is_no_other_run(virtual_root: Path, link_to: Callable[..., AdbTcpLink]) -> None:
    """Its user would wait for a run that does not exist; with space, all is well again."""
    folder = "/data/local/tmp"
    fill = f"head -c 9999999 /dev/zero >{folder}/big 2>/dev/null; true"
    with VirtualPhone(tmpfs={folder: 64 << 10}) as phone:
        link = link_to(phone)
        lease = Lease(link, folder)
        link.run(fill, timeout_s=10)
        with pytest.raises(NoSpaceOnDevice, match="No space left"):
            lease.take(for_s=5)
        assert link.run(f"ls {folder}", timeout_s=5).text == "big\n"
        link.run(f"rm {folder}/big", timeout_s=5)
        assert lease.take(for_s=5) is False
        link.run(fill, timeout_s=10)
        with pytest.raises(NoSpaceOnDevice, match="No space left"):
            lease.renew(for_s=50)
        link.run(f"rm {folder}/big", timeout_s=5)
        lease.renew(for_s=50)  # it was still ours
        assert link.run(f"ls {folder}", timeout_s=5).text == "lease\n"


@pytest.mark.adbd
def test_ctrl_c_lets_go(phone: VirtualPhone, link_to: Callable[..., AdbTcpLink]) -> None:
    """It gives the connection up; other hosts would wait for a quarter of an hour."""
    link = link_to(phone)
    lease = Lease(link, FOLDER)
    lease.take(for_s=900)

    def press(signal_number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            link.run("sleep 30", timeout_s=30)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    lease.release()
    assert not (phone.data / "local/tmp/a harness's folder/lease").exists()


def test_ctrl_c_in_the_taking_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows yet that it is held, so that nobody would let go."""
    link = HostLink()

    def press(command: str, *, timeout_s: float) -> Completed:
        done = HostLink.run(link, command, timeout_s=timeout_s)
        if "set -C" in command:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(link, "run", press)
    with pytest.raises(KeyboardInterrupt):
        Lease(link, str(tmp_path)).take(for_s=5)
    assert os.listdir(tmp_path) == []  # noqa: PTH208
