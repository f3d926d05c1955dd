"""AdbTcpLink against AOSP's own daemon: what works, and every way in which it stops working."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner import adb_device
from android_runner.adb import AdbTcpLink
from android_runner.keys import Key
from android_runner.virtual.phone import VirtualPhone
from results.errors import (
    DeviceUnauthorized,
    NoSpaceOnDevice,
)

LinkTo = Callable[..., AdbTcpLink]

pytestmark = pytest.mark.adbd

TMP = "/data/local/tmp"


def test_a_stall_of_the_network_is_outlived(adb: AdbTcpLink) -> None:
    """Wi-Fi that is gone for 8 s must not cost a run of minutes, nor be asked about every 2 s of it."""
    connection = adb._transport._open()
    options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    values = [connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) for option in options]
    assert values == [15, 5, 6, 45_000]


def test_full_disk_ends_a_push_at_once(
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


def test_ctrl_c_within_a_message_leaves_a_usable_link(
    adb: AdbTcpLink, payload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done on the way out (settings put back) must not be taken for the rest of the file."""
    write = adb._transport.bulk_write

    def write_half(data: bytes, limit: float | None) -> int:
        if len(data) < 1000:
            return int(write(data, limit))
        write(data[: len(data) // 2], limit)
        raise KeyboardInterrupt

    with monkeypatch.context() as ctrl_c:
        ctrl_c.setattr(adb._transport, "bulk_write", write_half)
        with pytest.raises(KeyboardInterrupt):
            adb.push(payload, f"{TMP}/payload", mode=0o644, timeout_s=10)
    assert adb.run("echo still there", timeout_s=2).text == "still there\n"


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


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 1 << 20])
@pytest.mark.parametrize("byte", [0, 1, 255])
def test_the_checksum_is_the_sum(size: int, byte: int) -> None:
    """Daemons before Android 9 refuse a message of another; newer ones do not look."""
    data = bytes([byte]) * size
    assert adb_device._sum_of_bytes(data) == sum(data)
