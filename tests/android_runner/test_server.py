"""What only happens with an adb server between: its states, its own end, and that none is ever started."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from android_runner import adb_client
from android_runner.adb_client import ServerClient
from android_runner.server import AdbServerLink, _ServerSession
from android_runner.server_list import Listed, ask_server
from android_runner.session import BrokenSessionError, SessionLink
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.server import AdbServer
from results.errors import (
    DeviceLost,
    DeviceNotReady,
    DeviceUnauthorized,
    DeviceUnreachable,
    HarnessError,
    NoDevice,
    NoSpaceOnDevice,
)
from tests.android_runner.relay import Relay

Served = Callable[[VirtualPhone], Listed]

pytestmark = pytest.mark.adbd

TMP = "/data/local/tmp"


@pytest.fixture
def link_of() -> Iterator[Callable[..., AdbServerLink]]:
    """Make links through servers; they are closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(port: int, device: Listed, **options: Any) -> AdbServerLink:  # noqa: ANN401 (several types)
            link = AdbServerLink(("127.0.0.1", port), device, **options)
            return stack.enter_context(contextlib.closing(link))

        yield make


@pytest.fixture
def link(
    server: AdbServer, phone: VirtualPhone, served: Served, link_of: Callable[..., AdbServerLink]
) -> SessionLink:
    """A connected link to `phone` through `server`."""
    made = link_of(server.port, served(phone))
    made.reconnect(timeout_s=5)
    return made


def _failure(link: SessionLink, *, timeout_s: float = 1.0) -> HarnessError:
    with pytest.raises(HarnessError) as caught:
        link.reconnect(timeout_s=timeout_s)
    return caught.value


def test_name_is_what_selects_it(server: AdbServer, phone: VirtualPhone, link: SessionLink) -> None:
    """`resume` goes on with the name that the record holds."""
    assert link.name == f"server:127.0.0.1:{server.port}/{phone.host}:{phone.port}"


def test_no_server_is_ever_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """adbutils starts one where none answers: it would take every phone on USB, with a key of its own."""
    adb, started = tmp_path / "adb", tmp_path / "started"
    adb.write_text(f"#!/bin/sh\ntouch {started}\n", encoding="utf-8")
    adb.chmod(0o755)
    monkeypatch.setenv("ADBUTILS_ADB_PATH", str(adb))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask_server(("127.0.0.1", port)) is None
    error = _failure(AdbServerLink(("127.0.0.1", port), Listed(serial="x", state="ready", transport_id=1)))
    assert type(error) is DeviceUnreachable
    assert "adb start-server" in error.next_step
    assert not started.exists()


def test_server_that_is_only_starting_is_waited_for(
    server: AdbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens while it still makes its first key, which takes seconds on a slow machine."""
    monkeypatch.setattr("android_runner.server_list._TIMEOUT_S", 0.1)
    assert server._process is not None
    pids = _descendants(server._process.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    going_on = threading.Timer(0.4, lambda: [os.kill(pid, signal.SIGCONT) for pid in pids])
    going_on.start()
    assert ask_server(("127.0.0.1", server.port)) == ()
    going_on.join()


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [each for child in children for each in (int(child), *_descendants(int(child)))]


def test_server_that_ends_in_a_command_is_a_loss(virtual_root: Path, phone: VirtualPhone) -> None:
    """`adb kill-server` in another window, as the error of a busy phone itself advises."""
    with AdbServer() as server:
        server.ask(f"host:connect:{phone.host}:{phone.port}")
        server.wait_for(" device ")
        (device,) = ask_server(("127.0.0.1", server.port)) or ()
        link = AdbServerLink(("127.0.0.1", server.port), device)
        kill = threading.Timer(0.2, server.__exit__, (None, None, None))
        kill.start()
        begin = time.monotonic()
        with pytest.raises(DeviceLost):
            link.run("sleep 30", timeout_s=30)
        kill.join()
    assert time.monotonic() - begin < 2.0
    assert type(_failure(link, timeout_s=0.1)) is DeviceUnreachable


def test_no_exit_code_is_made_up_for_a_dead_phone(phone: VirtualPhone, link: SessionLink) -> None:
    """`adb shell` prints what had come and exits 0; half a list of samples would count as whole."""
    cut = threading.Timer(0.2, phone.power_cut)
    cut.start()
    with pytest.raises(DeviceLost, match="no exit code came"):
        link.run("echo half; sleep 30", timeout_s=30)
    cut.join()


def test_frozen_way_to_the_server_ends_by_our_deadline(
    server: AdbServer,
    phone: VirtualPhone,
    served: Served,
    link_of: Callable[..., AdbServerLink],
    tmp_path: Path,
) -> None:
    """A laboratory's server across a network that stalls; adb itself would wait for minutes."""
    (tmp_path / "file").write_bytes(bytes(8 << 20))
    device = served(phone)
    with Relay(("127.0.0.1", server.port)) as relay:
        link = link_of(relay.port, device)
        link.reconnect(timeout_s=5)
        relay.freeze()
        begin = time.monotonic()
        with pytest.raises(DeviceLost):
            link.push(tmp_path / "file", f"{TMP}/file", mode=0o644, timeout_s=0.3)
        with pytest.raises(DeviceNotReady):
            link.reconnect(timeout_s=0.3)
        assert time.monotonic() - begin < 2.0
        relay.freeze(frozen=False)
        link.reconnect(timeout_s=5)
        assert link.run("echo back", timeout_s=5).text == "back\n"


def test_everything_is_sent_to_a_server_that_reads_slowly() -> None:
    """adbutils sends on a socket with a time limit and ignores how much went; full buffers show it."""
    data = bytes(range(256)) * (32 << 10)
    arrived = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = ServerClient(*listener.getsockname())
        client.deadline = time.monotonic() + 10
        connection = client.make_connection()
        near, _ = listener.accept()

        def read() -> None:
            with near:
                while piece := near.recv(1 << 16):
                    arrived.extend(piece)

        thread = threading.Thread(target=read)
        thread.start()
        assert connection.send(data) == len(data)
        client.close()
        thread.join()
    assert bytes(arrived) == data


def test_full_disk_ends_a_push_at_once(
    virtual_root: Path,
    server: AdbServer,
    served: Served,
    link_of: Callable[..., AdbServerLink],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """adbutils sends the rest of the file all the same, which over a slow link takes minutes."""
    sent: list[int] = []
    send = adb_client._DeadlineSocket.send
    monkeypatch.setattr(
        adb_client._DeadlineSocket, "send", lambda self, data: sent.append(len(data)) or send(self, data)
    )
    big = tmp_path / "big"
    big.write_bytes(bytes(64 << 20))
    with VirtualPhone(tmpfs={"/data/local/small": 256 << 10}) as phone:
        link = link_of(server.port, served(phone))
        with pytest.raises(NoSpaceOnDevice):
            link.push(big, "/data/local/small/big", mode=0o644, timeout_s=30)
    assert sum(sent) < big.stat().st_size / 2


def test_unauthorized_phone_is_waited_for(
    server: AdbServer, virtual_root: Path, link_of: Callable[..., AdbServerLink]
) -> None:
    """The server asked the phone's owner; its tap comes after ours was told to look at the phone."""
    prompts: list[str] = []
    with VirtualPhone(keys=[]) as phone, phone.dialog() as dialog:
        server.ask(f"host:connect:{phone.host}:{phone.port}")
        server.wait_for("unauthorized")
        (device,) = ask_server(("127.0.0.1", server.port)) or ()
        link = link_of(
            server.port, device, auth_timeout_s=10, on_prompt=lambda: prompts.append("look at the phone")
        )
        dialog.wait_for_key(timeout_s=5)
        tap = threading.Timer(0.4, dialog.answer, kwargs={"allow": True})
        tap.start()
        link.reconnect(timeout_s=0.2)
        tap.join()
        assert link.run("echo in", timeout_s=5).text == "in\n"
    assert prompts == ["look at the phone"]


def test_unauthorized_phone_ends_by_the_owners_limit(
    server: AdbServer, virtual_root: Path, link_of: Callable[..., AdbServerLink]
) -> None:
    """Nobody taps; and where nobody is to be asked, the answer comes at once."""
    with VirtualPhone(keys=[]) as phone:
        server.ask(f"host:connect:{phone.host}:{phone.port}")
        server.wait_for("unauthorized")
        (device,) = ask_server(("127.0.0.1", server.port)) or ()
        begin = time.monotonic()
        error = _failure(link_of(server.port, device, auth_timeout_s=0.4))
        assert 0.1 < time.monotonic() - begin < 2.0
        assert type(error) is DeviceUnauthorized
        begin = time.monotonic()
        assert type(_failure(link_of(server.port, device, may_prompt=False))) is DeviceUnauthorized
        assert time.monotonic() - begin < 0.4


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("offline", "device-not-ready"),
        ("recovery", "device-not-ready"),
        ("authorizing", "device-unauthorized"),
        ("no permissions", "usb-denied"),
    ],
)
def test_each_state_has_its_own_error(state: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to do differs: a tap, a udev rule, or patience."""
    device = Listed(serial="SECRET00", state=state, usb_port="1-4")
    monkeypatch.setattr("android_runner.server.ask_server", lambda address, timeout_s: (device,))
    error = _failure(AdbServerLink(("127.0.0.1", 5037), device, may_prompt=False))
    assert error.slug == kind
    assert "usb:1-4" in error.what
    assert "SECRET00" not in error.render()


def test_two_phones_of_one_serial_are_told_apart_by_their_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some makers give every phone 0123456789ABCDEF; the run must not go on with the other one."""
    ours, other = (Listed(serial="0123", state="offline", usb_port=port) for port in ("1-4", "1-5"))
    monkeypatch.setattr("android_runner.server.ask_server", lambda address, timeout_s: (other, ours))
    assert "usb:1-4" in _failure(AdbServerLink(("127.0.0.1", 5037), ours)).what


def test_phone_that_left_the_server_is_no_device(
    server: AdbServer, phone: VirtualPhone, link: SessionLink
) -> None:
    """`adb disconnect`, or a cable pulled: the server forgets it."""
    server.ask(f"host:disconnect:{phone.host}:{phone.port}")
    assert type(_failure(link, timeout_s=0.1)) is NoDevice


def test_phone_that_is_listed_and_does_not_answer_is_lost(phone: VirtualPhone, link: SessionLink) -> None:
    """A server says "device" for as long as its socket is open: minutes after the phone has gone."""
    phone.freeze()
    error = _failure(link, timeout_s=0.3)
    assert type(error) is DeviceLost
    assert "does not answer" in error.what


def test_serial_is_in_no_error(server: AdbServer, phone: VirtualPhone, served: Served) -> None:
    """adb's own refusals name the serial; here an address stands for that of a phone on a cable."""
    device = served(phone)
    # Without the number that new servers give: by the serial, as adb itself asks.
    session = _ServerSession(
        ("127.0.0.1", server.port), dataclasses.replace(device, transport_id=None), time.monotonic() + 5
    )
    assert session.execute("echo in", v2=True) == (0, b"in\n", b"")
    server.ask(f"host:disconnect:{phone.host}:{phone.port}")
    with pytest.raises(BrokenSessionError, match="the device") as caught:
        session.execute("true", v2=True)
    assert device.serial not in str(caught.value)
