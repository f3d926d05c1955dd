"""What is on the device is not sent again: the bytes that cross the wire are counted."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.bundle import device_bundle
from android_runner.run import send, set_up
from android_runner.virtual.phone import VirtualPhone
from tests.android_runner.relay import Relay

pytestmark = pytest.mark.adbd


@pytest.fixture
def wire(phone: VirtualPhone) -> Iterator[Relay]:
    with Relay((phone.host, phone.port)) as one:
        yield one


def _put_all(wire: Relay, model: Path) -> int:
    """Program and model on the phone, over a connection of their own; how many bytes that took."""
    before = wire.passed["up"]
    with contextlib.closing(AdbTcpLink("127.0.0.1", wire.port)) as link:
        place = set_up(link, "/data/local/tmp/ours", device_bundle("x86_64"))
        send(place, model, "model", sha256=hashlib.sha256(model.read_bytes()).hexdigest())
    return wire.passed["up"] - before


def test_a_second_run_sends_no_byte_of_a_file(wire: Relay, payload: Path) -> None:
    """Over Wi-Fi the program and its model are minutes, and nothing of them changed."""
    bundle = device_bundle("x86_64")
    program = [bundle.folder / file.name for file in bundle.files]
    files = sum(path.stat().st_size for path in (*program, payload))
    first = _put_all(wire, payload)
    again = _put_all(wire, payload)
    assert first > files > 10_000_000
    # Questions only: a command and its acknowledgements for each file, and the greeting.
    assert again < 1_000 * (len(program) + 3)
    # One byte of one file is another: that file is sent, and no other.
    payload.write_bytes(payload.read_bytes()[:-1] + b"!")
    third = _put_all(wire, payload)
    assert payload.stat().st_size < third < payload.stat().st_size + again + 100_000
