"""AdbTcpLink against AOSP's own daemon: what works, and every way in which it stops working."""

from __future__ import annotations

import hashlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.keys import Key
from android_runner.virtual.phone import VirtualPhone
from results.errors import (
    DeviceLost,
    DeviceUnauthorized,
    DeviceUnreachable,
    NoSpaceOnDevice,
    OutputUnreadable,
    PushFailed,
    RecordNotSaved,
    RunTimedOut,
    TargetNotWritable,
)

LinkTo = Callable[..., AdbTcpLink]

pytestmark = pytest.mark.adbd

TMP = "/data/local/tmp"


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


def test_large_push_arrives_over_small_segments(adb: AdbTcpLink, payload: Path) -> None:
    """Defect 1 of adb-shell: a write that is cut short is not continued, so 100 KB never arrive."""
    adb.push(payload, f"{TMP}/payload", mode=0o644, timeout_s=10)
    done = adb.run(f"sha256sum {TMP}/payload", timeout_s=10)
    assert done.text.split()[0] == hashlib.sha256(payload.read_bytes()).hexdigest()


def test_daemon_killed_in_a_silent_command_is_noticed_at_once(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """Defect 2 of adb-shell: it reads a closed connection at full load until its timeout."""
    cut = _in_a_while(phone.power_cut, seconds=0.3)
    begin, begin_cpu = time.monotonic(), time.process_time()
    with pytest.raises(DeviceLost):
        adb.run("sleep 30", timeout_s=30)
    cut.join()
    assert time.monotonic() - begin < 2.0
    assert time.process_time() - begin_cpu < 0.5


def test_exit_code_and_streams_are_kept_apart(adb: AdbTcpLink) -> None:
    """adb-shell alone gives neither; a failed launch would pass for a good one."""
    done = adb.run("echo out; echo err >&2; exit 7", timeout_s=5)
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [("kill -KILL $$", 137), ("sh -c 'kill -KILL $$'", 137), ("no-such-program", 127), (f"{TMP}", 126)],
)
def test_exit_codes_mean_what_they_mean_in_a_shell(adb: AdbTcpLink, command: str, exit_code: int) -> None:
    """137 is the device short of memory; 127 and 126 a bundle that did not arrive."""
    assert adb.run(command, timeout_s=5).exit_code == exit_code


def test_stdin_is_empty(adb: AdbTcpLink) -> None:
    """ADB's stdin never ends by itself; a program that reads it would wait for ever."""
    assert adb.run("cat", timeout_s=5).stdout == b""


def test_output_is_binary_safe_and_text_folds_crlf(adb: AdbTcpLink) -> None:
    """No terminal is in the way of the bytes; text of devices that send CRLF reads the same."""
    done = adb.run(r"printf 'a\r\nb\377\n'", timeout_s=5)
    assert done.stdout == b"a\r\nb\xff\n"
    assert done.text == "a\nb\ufffd\n"


def test_large_output_comes_whole(adb: AdbTcpLink) -> None:
    """Packets of the shell protocol are split anywhere by the transport."""
    done = adb.run("head -c 3000000 /dev/zero; echo end >&2", timeout_s=10)
    assert (len(done.stdout), done.stderr) == (3000000, b"end\n")


def test_old_shell_gives_exit_codes_too(adb: AdbTcpLink) -> None:
    """Before Android 7 there is only a terminal: both streams in one, CRLF, no exit code of its own."""
    adb.shell_v2 = False
    done = adb.run("echo out; echo err >&2; exit 7", timeout_s=5)
    assert (done.exit_code, done.text, done.stderr) == (7, "out\nerr\n", b"")


@pytest.mark.parametrize("shell_v2", [True, False])
def test_deadline_ends_the_command_with_its_children(
    phone: VirtualPhone, adb: AdbTcpLink, shell_v2: bool
) -> None:
    """adb-shell's timeout leaves the command running on the phone, in the way of the next measurement."""
    adb.shell_v2 = shell_v2
    begin = time.monotonic()
    with pytest.raises(RunTimedOut):
        adb.run("sleep 61 & sleep 62; true", timeout_s=0.4)
    assert time.monotonic() - begin < 2.0
    adb.reconnect(timeout_s=5)
    assert "sleep" not in adb.run("ps -A", timeout_s=5).text


def test_ctrl_c_ends_the_command_with_its_children(adb: AdbTcpLink) -> None:
    """Whoever stops a run would find the phone busy with it for minutes, and warm."""

    def press(signal_number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            adb.run("sleep 61 & sleep 62; true", timeout_s=30)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(DeviceLost, match="given up"):
        adb.run("true", timeout_s=5)
    adb.reconnect(timeout_s=5)
    assert "sleep" not in adb.run("ps -A", timeout_s=5).text


def test_a_stall_of_the_network_is_outlived(adb: AdbTcpLink) -> None:
    """Wi-Fi that is gone for 8 s must not cost a run of minutes, nor be asked about every 2 s of it."""
    connection = adb._transport._open()
    options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    values = [connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) for option in options]
    assert values == [15, 5, 6, 45_000]


def test_output_does_not_extend_the_deadline(adb: AdbTcpLink) -> None:
    """adb-shell's timeouts start anew with each packet: a chatty command would never end."""
    begin = time.monotonic()
    with pytest.raises(RunTimedOut):
        adb.run("while true; do echo x; sleep 0.05; done", timeout_s=0.5)
    assert time.monotonic() - begin < 2.0


def test_link_is_unusable_after_a_loss_until_it_is_made_anew(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """A command that runs on a phone which restarted meanwhile would look like a success."""
    phone.power_cut()
    with pytest.raises(DeviceLost):
        adb.run("true", timeout_s=5)
    with pytest.raises(DeviceUnreachable):
        adb.reconnect(timeout_s=5)
    phone.start()
    with pytest.raises(DeviceLost, match="given up"):
        adb.run("true", timeout_s=5)
    adb.reconnect(timeout_s=5)
    assert adb.run("echo back", timeout_s=5).text == "back\n"


def test_pull_of_a_missing_file_is_unreadable_output(adb: AdbTcpLink, tmp_path: Path) -> None:
    """adb-shell leaves an empty file behind, which would be read as empty samples."""
    with pytest.raises(OutputUnreadable, match="No such file"):
        adb.pull(f"{TMP}/none", tmp_path / "here", timeout_s=5)
    assert not list(tmp_path.iterdir())
    assert adb.run("echo still there", timeout_s=5).exit_code == 0


def test_pull_to_a_folder_that_cannot_be_written_here(adb: AdbTcpLink, tmp_path: Path) -> None:
    """The phone is well: "device lost" would send its user to the cable."""
    adb.run(f"echo x > {TMP}/samples", timeout_s=5)
    with pytest.raises(RecordNotSaved, match=r"missing/here could not be written on this machine: No such"):
        adb.pull(f"{TMP}/samples", tmp_path / "missing" / "here", timeout_s=5)
    assert adb.run("echo still there", timeout_s=5).exit_code == 0


def test_pull_gives_what_was_pushed(adb: AdbTcpLink, payload: Path, tmp_path: Path) -> None:
    """There and back, byte by byte."""
    adb.push(payload, f"{TMP}/payload", mode=0o600, timeout_s=10)
    adb.pull(f"{TMP}/payload", tmp_path / "back", timeout_s=10)
    assert (tmp_path / "back").read_bytes() == payload.read_bytes()


def test_full_disk_is_named_at_once(
    link_to: LinkTo, virtual_root: Path, payload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """adb-shell drops the device's reason and waits for its timeout instead."""
    with VirtualPhone(tmpfs={"/data/local/small": 256 << 10}) as phone:
        big = payload.with_name("big")
        big.write_bytes(payload.read_bytes() * 8)
        link = link_to(phone)
        sent: list[int] = []
        write = link._transport.bulk_write
        monkeypatch.setattr(
            link._transport, "bulk_write", lambda data, limit: sent.append(write(data, limit))
        )
        begin = time.monotonic()
        with pytest.raises(NoSpaceOnDevice):
            link.push(big, "/data/local/small/big", mode=0o644, timeout_s=30)
        assert time.monotonic() - begin < 2.0
        assert sum(sent) < big.stat().st_size / 2  # over a slow link the rest would take minutes
        assert link.run("echo still usable", timeout_s=5).exit_code == 0


def test_read_only_target_is_named(link_to: LinkTo, virtual_root: Path, payload: Path) -> None:
    """A file of more than one packet: the refusal comes while it is still being sent."""
    with VirtualPhone(read_only=["/data/local/fixed"]) as phone:
        big = payload.with_name("big")
        big.write_bytes(payload.read_bytes() * 4)
        link = link_to(phone)
        with pytest.raises(TargetNotWritable, match="Read-only file system"):
            link.push(big, "/data/local/fixed/big", mode=0o644, timeout_s=30)


def test_other_refusals_keep_the_devices_words(adb: AdbTcpLink, payload: Path) -> None:
    """A folder under that name: neither space nor rights, so the general class with the reason."""
    adb.run(f"mkdir -p {TMP}/taken/inside", timeout_s=5)
    with pytest.raises(PushFailed, match=r"Is a directory|not empty") as caught:
        adb.push(payload, f"{TMP}/taken", mode=0o644, timeout_s=10)
    assert type(caught.value) is PushFailed


def test_hanging_phone_in_a_push(phone: VirtualPhone, adb: AdbTcpLink, payload: Path) -> None:
    """It takes what fits into its buffers and nothing more: only our own deadline ends that."""
    big = payload.with_name("big")
    big.write_bytes(payload.read_bytes() * 16)
    phone.freeze()
    begin = time.monotonic()
    with pytest.raises(DeviceLost):
        adb.push(big, f"{TMP}/big", mode=0o644, timeout_s=0.5)
    assert time.monotonic() - begin < 2.0


def test_phone_lost_in_a_push(phone: VirtualPhone, adb: AdbTcpLink, payload: Path) -> None:
    """The cable is pulled in the middle of the model file."""
    big = payload.with_name("big")
    big.write_bytes(payload.read_bytes() * 64)
    cut = _cut_when(phone, phone.data / "local/tmp/big")
    with pytest.raises(DeviceLost, match="big was sent"):
        adb.push(big, f"{TMP}/big", mode=0o644, timeout_s=30)
    cut.join()


def test_phone_lost_in_a_pull(phone: VirtualPhone, adb: AdbTcpLink, tmp_path: Path) -> None:
    """No half file may be left here under the name of the samples."""
    (phone.data / "local/tmp/big").write_bytes(bytes(256 << 20))
    cut = _in_a_while(phone.power_cut, seconds=0.1)
    with pytest.raises(DeviceLost, match="fetched"):
        adb.pull(f"{TMP}/big", tmp_path / "big", timeout_s=30)
    cut.join()
    assert not list(tmp_path.iterdir())


def test_known_key_gets_in(link_to: LinkTo, virtual_root: Path, own_key: Key) -> None:
    """The phone asked for this machine's key before, and its owner said always."""
    with VirtualPhone(keys=[own_key.public]) as phone:
        link = link_to(phone, keys=lambda: [own_key])
        link.reconnect(timeout_s=5)
        assert link.run("echo in", timeout_s=5).text == "in\n"


def test_unknown_key_is_unauthorized(link_to: LinkTo, virtual_root: Path, own_key: Key) -> None:
    """Nobody taps Allow: the run ends by its own limit, with the one thing to do."""
    prompts: list[float] = []
    with VirtualPhone(keys=[]) as phone:
        link = link_to(
            phone,
            keys=lambda: [own_key],
            auth_timeout_s=0.5,
            on_prompt=lambda: prompts.append(time.monotonic()),
        )
        with pytest.raises(DeviceUnauthorized, match="did not allow") as caught:
            link.reconnect(timeout_s=5)
    assert "Accept" in caught.value.next_step
    assert len(prompts) == 1


def test_owner_allows_after_a_second(link_to: LinkTo, virtual_root: Path, own_key: Key) -> None:
    """People need longer than a connection's deadline, which is shorter here on purpose."""
    with VirtualPhone(keys=[]) as phone, phone.dialog() as dialog:
        link = link_to(phone, keys=lambda: [own_key], auth_timeout_s=10)

        def owner() -> None:
            assert dialog.wait_for_key(timeout_s=5).split()[0] == own_key.public.split()[0]
            time.sleep(1.0)
            dialog.answer(allow=True)

        tap = threading.Thread(target=owner)
        tap.start()
        link.reconnect(timeout_s=0.9)
        tap.join()
        assert link.run("echo in", timeout_s=5).text == "in\n"


def test_no_key_is_made_for_a_phone_that_asks_for_none(link_to: LinkTo, phone: VirtualPhone) -> None:
    """A new file in ~/.android is a side effect that its user must have wanted."""

    def keys() -> list[Key]:
        raise AssertionError("keys were asked for")

    link = link_to(phone, keys=keys)
    link.reconnect(timeout_s=5)


def test_serial_number_is_in_no_log(adb: AdbTcpLink, caplog: pytest.LogCaptureFixture) -> None:
    """adb-shell logs all traffic at DEBUG; getprop's answer holds the serial."""
    with caplog.at_level(logging.DEBUG):
        assert "VIRTUAL0000PIXEL4" in adb.run("getprop", timeout_s=5).text
    assert "getprop" in caplog.text
    assert "VIRTUAL0000PIXEL4" not in caplog.text
