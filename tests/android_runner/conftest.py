"""Virtual phones for the tests that cross ADB. They need the real daemon; nothing stands in for it."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.keys import Key, load_keys
from android_runner.probe import probe
from android_runner.server_list import READY, Listed, ask_server
from android_runner.virtual.build import missing_packages, phone_root
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.server import AdbServer
from results.device import Device
from tests.android_runner.around import Around


@pytest.fixture(scope="session")
def virtual_root() -> Path:
    """The phones' root folder, built at the first use; skips where a Debian package is missing."""
    if missing := missing_packages():
        pytest.skip(f"virtual phones need {', '.join(missing)}")
    return phone_root()


@pytest.fixture
def phone(virtual_root: Path) -> Iterator[VirtualPhone]:
    """A virtual phone that asks for no key."""
    with VirtualPhone() as switched_on:
        yield switched_on


@pytest.fixture
def link_to() -> Iterator[Callable[..., AdbTcpLink]]:
    """Make links to phones, with AdbTcpLink's options; they are closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(phone: VirtualPhone, **options: Any) -> AdbTcpLink:  # noqa: ANN401 (options of several types)
            return stack.enter_context(contextlib.closing(AdbTcpLink(phone.host, phone.port, **options)))

        yield make


@pytest.fixture
def adb(phone: VirtualPhone, link_to: Callable[..., AdbTcpLink]) -> AdbTcpLink:
    """A connected link to `phone`."""
    link = link_to(phone)
    link.reconnect(timeout_s=5)
    return link


@pytest.fixture
def server(virtual_root: Path) -> Iterator[AdbServer]:
    """adb's own server, with no device yet."""
    with AdbServer() as running:
        yield running


@pytest.fixture
def served(server: AdbServer) -> Callable[[VirtualPhone], Listed]:
    """Let the server connect to a phone; gives its row once it is ready."""

    def connect(phone: VirtualPhone) -> Listed:
        server.ask(f"host:connect:{phone.host}:{phone.port}")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for each in ask_server(("127.0.0.1", server.port)) or ():
                if each.name == f"{phone.host}:{phone.port}" and each.state == READY:
                    return each
            time.sleep(0.01)
        raise TimeoutError(phone.selector)

    return connect


@pytest.fixture(scope="session")
def own_key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    """A fresh key pair, not the user's."""
    return load_keys({"ANDROID_USER_HOME": str(tmp_path_factory.mktemp("keys"))})[0]


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    """A file of 1 MiB whose bytes all differ from their neighbours."""
    path = tmp_path / "payload"
    path.write_bytes(b"".join(hashlib.sha256(b"%d" % index).digest() for index in range(1 << 15)))
    return path


@pytest.fixture
def closed_port() -> int:
    """A port where no adb server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def around(closed_port: int, tmp_path: Path) -> Around:
    """Arguments of discovery for a machine with no server, no USB device and no virtual phone."""
    (tmp_path / "usb").mkdir()
    (tmp_path / "virtual").mkdir()
    return {
        "environment": {"ANDROID_ADB_SERVER_PORT": str(closed_port)},
        "usb_devices": tmp_path / "usb",
        "virtual_phones": tmp_path / "virtual",
    }


@pytest.fixture
def device(adb: AdbTcpLink) -> Device:
    """What `phone` says of itself."""
    return probe(adb)


@pytest.fixture
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is to be undone on devices, a test's own; it is made at the first change."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("android_runner.undo_journal.cache_folder", lambda: folder)
    return folder / "undo"
