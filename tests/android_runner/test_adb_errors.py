"""What is at the other end when it is not a ready adbd: one class and one sentence for each."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from android_runner.adb import AdbTcpLink
from results.errors import DeviceNotReady, DeviceUnreachable, ForeignProtocol, HarnessError

Answer = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], int]]:
    """Start a server that is not adbd; gives its port."""
    listeners: list[socket.socket] = []

    def start(answer: Answer) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection)
                while connection.recv(4096):
                    pass

        threading.Thread(target=_quietly(accept), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def _quietly(action: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.suppress(OSError):
            action()

    return run


def _failure(port: int, *, host: str = "127.0.0.1", timeout_s: float = 5.0) -> HarnessError:
    link = AdbTcpLink(host, port)
    with pytest.raises(HarnessError) as caught:
        link.reconnect(timeout_s=timeout_s)
    link.close()
    return caught.value


def test_refused_connection_names_the_port() -> None:
    """The most frequent mistake: adb tcpip was not typed, or the phone restarted since."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = _failure(port)
    assert type(error) is DeviceUnreachable
    assert f"nothing listens on port {port}" in error.what
    assert "adb tcpip 5555" in error.next_step


def test_unknown_host_is_unreachable() -> None:
    """A mistyped name; this one is too long for any resolver, so that none is asked."""
    error = _failure(5555, host="phone" * 13)
    assert type(error) is DeviceUnreachable
    assert "no address is known for phonephone" in error.what


def test_ssh_server_is_a_foreign_protocol(serve: Callable[[Answer], int]) -> None:
    """Its banner is shorter than an ADB header: the answer must come at once, not at the deadline."""
    port = serve(lambda connection: connection.sendall(b"SSH-2.0-x\r\n"))
    begin = time.monotonic()
    error = _failure(port)
    assert type(error) is ForeignProtocol
    assert "SSH-2.0-x" in error.what
    assert time.monotonic() - begin < 2.0


def test_http_server_is_a_foreign_protocol(serve: Callable[[Answer], int]) -> None:
    """A web server answers only after it has read our greeting as a bad request."""

    def answer(connection: socket.socket) -> None:
        connection.recv(24)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    error = _failure(serve(answer))
    assert type(error) is ForeignProtocol
    assert "HTTP/1.1 400" in error.what


def test_silent_port_is_a_foreign_protocol_by_the_deadline(serve: Callable[[Answer], int]) -> None:
    """Something that accepts and never speaks must not hang the run."""
    begin = time.monotonic()
    error = _failure(serve(lambda connection: None), timeout_s=0.2)
    assert type(error) is ForeignProtocol
    assert "never answers" in error.what
    assert time.monotonic() - begin < 2.0


def test_closing_port_is_a_foreign_protocol(serve: Callable[[Answer], int]) -> None:
    """A forwarded port whose target is gone accepts and closes; adb-shell would spin on it."""
    error = _failure(serve(lambda connection: connection.shutdown(socket.SHUT_RDWR)))
    assert type(error) is ForeignProtocol
    assert "closes the connection" in error.what


def test_wireless_debugging_is_named(serve: Callable[[Answer], int]) -> None:
    """A_STLS, the 24 bytes that a Wireless debugging port sends first: adb-shell knows no such message."""
    command = int.from_bytes(b"STLS", "little")
    header = struct.pack("<6I", command, 0x01000000, 0, 0, 0, command ^ 0xFFFFFFFF)
    error = _failure(serve(lambda connection: connection.sendall(header)))
    assert type(error) is DeviceNotReady
    assert all(words in error.next_step for words in ("adb server", "adb pair", "mobilebert-bench devices"))
