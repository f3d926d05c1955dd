"""Every Link over ADB does the same: direct, and through an adb server; AOSP's own daemon and server."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.server import AdbServerLink
from android_runner.session import SessionLink
from android_runner.virtual.phone import VirtualPhone
from results.errors import (
    DeviceError,
    DeviceLost,
    NoSpaceOnDevice,
    OutputUnreadable,
    PushFailed,
    RecordNotSaved,
    RunTimedOut,
    TargetNotWritable,
)

Connect = Callable[[VirtualPhone], SessionLink]

pytestmark = pytest.mark.adbd

TMP = "/data/local/tmp"


@pytest.fixture(params=["tcp", "server"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Make connected links to phones, of each kind in turn."""
    with contextlib.ExitStack() as stack:

        def make(phone: VirtualPhone) -> SessionLink:
            link: SessionLink = AdbTcpLink(phone.host, phone.port)
            if request.param == "server":
                device = request.getfixturevalue("served")(phone)
                server = request.getfixturevalue("server")
                link = AdbServerLink(("127.0.0.1", server.port), device)
            stack.enter_context(contextlib.closing(link))
            link.reconnect(timeout_s=5)
            return link

        yield make


@pytest.fixture
def link(phone: VirtualPhone, connect: Connect) -> SessionLink:
    """A connected link to `phone`."""
    return connect(phone)


def _in_a_while(action: Callable[[], object], *, seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


def _cut_when(phone: VirtualPhone, path: Path) -> threading.Thread:
    """Cut the phone's power as soon as that file has its first bytes."""

    def watch() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not (path.exists() and path.stat().st_size):
            time.sleep(0.001)
        phone.power_cut()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_exit_code_and_streams_are_kept_apart(link: SessionLink) -> None:
    """adb-shell alone gives neither; a failed launch would pass for a good one."""
    done = link.run("echo out; echo err >&2; exit 7", timeout_s=5)
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [("kill -KILL $$", 137), ("sh -c 'kill -KILL $$'", 137), ("no-such-program", 127), (f"{TMP}", 126)],
)
def test_exit_codes_mean_what_they_mean_in_a_shell(link: SessionLink, command: str, exit_code: int) -> None:
    """137 is the device short of memory; 127 and 126 a bundle that did not arrive."""
    assert link.run(command, timeout_s=5).exit_code == exit_code


def test_stdin_is_empty(link: SessionLink) -> None:
    """ADB's stdin never ends by itself; a program that reads it would wait for ever."""
    assert link.run("cat", timeout_s=5).stdout == b""


def test_output_is_binary_safe_and_text_folds_crlf(link: SessionLink) -> None:
    """No terminal is in the way of the bytes; text of devices that send CRLF reads the same."""
    done = link.run(r"printf 'a\r\nb\377\n'", timeout_s=5)
    assert done.stdout == b"a\r\nb\xff\n"
    assert done.text == "a\nb\ufffd\n"


def test_large_output_comes_whole(link: SessionLink) -> None:
    """Packets of the shell protocol are split anywhere by the transport."""
    done = link.run("head -c 3000000 /dev/zero; echo end >&2", timeout_s=10)
    assert (len(done.stdout), done.stderr) == (3000000, b"end\n")


def test_old_shell_gives_exit_codes_too(link: SessionLink) -> None:
    """Before Android 7 there is only a terminal: both streams in one, CRLF, no exit code of its own."""
    link.shell_v2 = False
    done = link.run("echo out; echo err >&2; exit 7", timeout_s=5)
    assert (done.exit_code, done.text, done.stderr) == (7, "out\nerr\n", b"")


@pytest.mark.parametrize("shell_v2", [True, False])
def test_deadline_ends_the_command_with_its_children(
    phone: VirtualPhone, link: SessionLink, shell_v2: bool
) -> None:
    """adb-shell's timeout leaves the command running on the phone, in the way of the next measurement."""
    link.shell_v2 = shell_v2
    begin = time.monotonic()
    with pytest.raises(RunTimedOut):
        link.run("sleep 61 & sleep 62; true", timeout_s=0.4)
    assert time.monotonic() - begin < 2.0
    link.reconnect(timeout_s=5)
    assert "sleep" not in link.run("ps -A", timeout_s=5).text


def test_ctrl_c_ends_the_command_with_its_children(link: SessionLink) -> None:
    """Whoever stops a run would find the phone busy with it for minutes, and warm."""

    def press(signal_number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            link.run("sleep 61 & sleep 62; true", timeout_s=30)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(DeviceLost, match="not connected any more"):
        link.run("true", timeout_s=5)
    link.reconnect(timeout_s=5)
    assert "sleep" not in link.run("ps -A", timeout_s=5).text


def test_output_does_not_extend_the_deadline(link: SessionLink) -> None:
    """adb-shell's timeouts start anew with each packet: a chatty command would never end."""
    begin = time.monotonic()
    with pytest.raises(RunTimedOut):
        link.run("while true; do echo x; sleep 0.05; done", timeout_s=0.5)
    assert time.monotonic() - begin < 2.0


def test_daemon_killed_in_a_silent_command_is_noticed_at_once(phone: VirtualPhone, link: SessionLink) -> None:
    """Defect 2 of adb-shell: it reads a closed connection at full load until its timeout."""
    cut = _in_a_while(phone.power_cut, seconds=0.3)
    begin, begin_cpu = time.monotonic(), time.process_time()
    with pytest.raises(DeviceLost):
        link.run("sleep 30", timeout_s=30)
    cut.join()
    assert time.monotonic() - begin < 2.0
    assert time.process_time() - begin_cpu < 0.5


def test_pull_of_a_missing_file_is_unreadable_output(link: SessionLink, tmp_path: Path) -> None:
    """adb-shell leaves an empty file behind, which would be read as empty samples."""
    with pytest.raises(OutputUnreadable, match="No such file"):
        link.pull(f"{TMP}/none", tmp_path / "here", timeout_s=5)
    assert not list(tmp_path.iterdir())
    assert link.run("echo still there", timeout_s=5).exit_code == 0


def test_pull_to_a_folder_that_cannot_be_written_here(link: SessionLink, tmp_path: Path) -> None:
    """The phone is well: "device lost" would send its user to the cable."""
    link.run(f"echo x > {TMP}/samples", timeout_s=5)
    with pytest.raises(RecordNotSaved, match=r"missing/here could not be written on this machine: No such"):
        link.pull(f"{TMP}/samples", tmp_path / "missing" / "here", timeout_s=5)
    assert link.run("echo still there", timeout_s=5).exit_code == 0


def test_pull_gives_what_was_pushed(link: SessionLink, payload: Path, tmp_path: Path) -> None:
    """There and back, byte by byte."""
    link.push(payload, f"{TMP}/payload", mode=0o600, timeout_s=10)
    link.pull(f"{TMP}/payload", tmp_path / "back", timeout_s=10)
    assert (tmp_path / "back").read_bytes() == payload.read_bytes()


def test_other_refusals_keep_the_devices_words(link: SessionLink, payload: Path) -> None:
    """A folder under that name: neither space nor rights, so the general class with the reason."""
    link.run(f"mkdir -p {TMP}/taken/inside", timeout_s=5)
    with pytest.raises(PushFailed, match=r"Is a directory|not empty") as caught:
        link.push(payload, f"{TMP}/taken", mode=0o644, timeout_s=10)
    assert type(caught.value) is PushFailed


def test_hanging_phone_in_a_push(phone: VirtualPhone, link: SessionLink, payload: Path) -> None:
    """It takes what fits into its buffers and nothing more: only our own deadline ends that."""
    big = payload.with_name("big")
    big.write_bytes(payload.read_bytes() * 16)
    phone.freeze()
    begin = time.monotonic()
    with pytest.raises(DeviceLost):
        link.push(big, f"{TMP}/big", mode=0o644, timeout_s=0.5)
    assert time.monotonic() - begin < 2.0


def test_phone_lost_in_a_push(phone: VirtualPhone, link: SessionLink, payload: Path) -> None:
    """The cable is pulled in the middle of the model file."""
    big = payload.with_name("big")
    big.write_bytes(payload.read_bytes() * 64)
    cut = _cut_when(phone, phone.data / "local/tmp/big")
    with pytest.raises(DeviceLost, match="big was sent"):
        link.push(big, f"{TMP}/big", mode=0o644, timeout_s=30)
    cut.join()


def test_phone_lost_in_a_pull(phone: VirtualPhone, link: SessionLink, tmp_path: Path) -> None:
    """No half file may be left here under the name of the samples."""
    (phone.data / "local/tmp/big").write_bytes(bytes(256 << 20))
    cut = _in_a_while(phone.power_cut, seconds=0.1)
    with pytest.raises(DeviceLost, match="fetched"):
        link.pull(f"{TMP}/big", tmp_path / "big", timeout_s=30)
    cut.join()
    assert not list(tmp_path.iterdir())


def test_read_only_target_is_named(connect: Connect, virtual_root: Path, payload: Path) -> None:
    """A file of more than one packet: the refusal comes while it is still being sent."""
    with VirtualPhone(read_only=["/data/local/fixed"]) as phone:
        big = payload.with_name("big")
        big.write_bytes(payload.read_bytes() * 4)
        link = connect(phone)
        with pytest.raises(TargetNotWritable, match="Read-only file system"):
            link.push(big, "/data/local/fixed/big", mode=0o644, timeout_s=30)


def test_serial_number_is_in_no_log(link: SessionLink, caplog: pytest.LogCaptureFixture) -> None:
    """adb-shell logs all traffic at DEBUG; getprop's answer holds the serial."""
    with caplog.at_level(logging.DEBUG):
        assert "VIRTUAL0000PIXEL4" in link.run("getprop", timeout_s=5).text
    assert "getprop" in caplog.text
    assert "VIRTUAL0000PIXEL4" not in caplog.text


def test_large_push_arrives_over_small_segments(link: SessionLink, payload: Path) -> None:
    """Defect 1 of adb-shell: a write that is cut short is not continued, so 100 KB never arrive."""
    link.push(payload, f"{TMP}/payload", mode=0o644, timeout_s=10)
    done = link.run(f"sha256sum {TMP}/payload", timeout_s=10)
    assert done.text.split()[0] == hashlib.sha256(payload.read_bytes()).hexdigest()


def test_full_disk_is_named_at_once(connect: Connect, virtual_root: Path, payload: Path) -> None:
    """adb-shell waits for its timeout, and adbutils loses the reason."""
    with VirtualPhone(tmpfs={"/data/local/small": 256 << 10}) as phone:
        big = payload.with_name("big")
        big.write_bytes(payload.read_bytes() * 8)
        link = connect(phone)
        begin = time.monotonic()
        with pytest.raises(NoSpaceOnDevice, match="No space left"):
            link.push(big, "/data/local/small/big", mode=0o644, timeout_s=30)
        assert time.monotonic() - begin < 2.0
        assert link.run("echo still usable", timeout_s=5).exit_code == 0


def test_mode_is_set(link: SessionLink, payload: Path) -> None:
    """The program has to be executable; adbd gives group and others its owner's rights."""
    link.push(payload, f"{TMP}/program", mode=0o700, timeout_s=10)
    assert link.run(f"stat -c %a {TMP}/program", timeout_s=5).text == "777\n"


def test_empty_file_arrives(link: SessionLink, tmp_path: Path) -> None:
    """Nothing to send must not be taken for a refusal, nor for a connection that ended."""
    (tmp_path / "empty").touch()
    link.push(tmp_path / "empty", f"{TMP}/empty", mode=0o644, timeout_s=5)
    link.pull(f"{TMP}/empty", tmp_path / "back", timeout_s=5)
    assert (tmp_path / "back").read_bytes() == b""


def test_names_reach_the_device_as_they_are(link: SessionLink, tmp_path: Path) -> None:
    """A path is data: neither protocol may give it to a shell."""
    name = f'{TMP}/it\'s "a"; $(touch {TMP}/owned) `id`,0644\nlast'
    (tmp_path / "x").write_bytes(b"content")
    link.push(tmp_path / "x", name, mode=0o644, timeout_s=5)
    assert link.run(f"cat {shlex.quote(name)}", timeout_s=5).stdout == b"content"
    link.pull(name, tmp_path / "back", timeout_s=5)
    assert (tmp_path / "back").read_bytes() == b"content"
    assert "owned" not in link.run(f"ls {TMP}", timeout_s=5).text


def test_frozen_phone_in_a_command(
    phone: VirtualPhone, link: SessionLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is still listed as ready, and answers nothing: only our own deadlines end that."""
    monkeypatch.setattr("android_runner.session._END_TIMEOUT_S", 0.3)
    phone.freeze()
    begin = time.monotonic()
    with pytest.raises(RunTimedOut):
        link.run("true", timeout_s=0.3)
    assert time.monotonic() - begin < 2.0


def test_link_is_unusable_after_a_loss_until_it_is_made_anew(phone: VirtualPhone, link: SessionLink) -> None:
    """A command that runs on a phone which restarted meanwhile would look like a success."""
    phone.power_cut()
    with pytest.raises(DeviceLost):
        link.run("true", timeout_s=5)
    with pytest.raises(DeviceError):
        link.reconnect(timeout_s=0.3)
    phone.start()
    with pytest.raises(DeviceLost, match="not connected any more"):
        link.run("true", timeout_s=5)
    link.reconnect(timeout_s=10)
    assert link.run("echo back", timeout_s=5).text == "back\n"


def test_command_that_outlived_its_connection_is_ended(phone: VirtualPhone, link: SessionLink) -> None:
    """A cable that comes back finds the old launch still running, in the way of its own repetition."""
    with pytest.raises(RunTimedOut):
        link.run("sleep 61 & sleep 62; true", timeout_s=0.3)
    with pytest.raises(DeviceLost, match="not connected any more"):
        link.run("true", timeout_s=5)
    link.reconnect(timeout_s=5)
    assert "sleep" not in link.run("ps -A", timeout_s=5).text
