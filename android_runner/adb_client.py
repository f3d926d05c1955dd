"""adbutils' client of an adb server, with deadlines that hold and without a server of its own.

adbutils starts a server where none answers; sends on a socket with a time limit and ignores how much went;
counts its limits per packet; and takes a connection that ended for one that had no more to say.
Importing this costs 0.1 s: only where a server is used.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from typing import Any, cast

import adbutils
from adbutils import AdbDevice
from adbutils.errors import AdbError
from adbutils.sync import Sync

from android_runner.session import RefusedFileError
from android_runner.transport import DeadlinePassedError

__all__ = ["AdbDevice", "AdbError", "Files", "NoServerError", "ServerClient"]

_CHUNK_BYTES = 64 << 10  # the most that adb's file service takes at once


class NoServerError(ConnectionError):
    """No server answers at that address."""


class ClosedError(ConnectionResetError):
    """The server ended the connection."""


class ServerClient(adbutils.AdbClient):  # type: ignore[misc]  # adbutils is not marked as typed
    """A client of the server at HOST:PORT. Every wait of its calls ends at `deadline` (time.monotonic())."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.deadline = 0.0
        self._made: list[_Connection] = []

    def make_connection(self, timeout: float | None = None) -> adbutils.AdbConnection:
        """Raises NoServerError; adbutils' own limit `timeout` is not used."""
        made = _Connection(self)
        self._made.append(made)
        return made

    def close(self) -> None:
        """Close what adbutils left open, which is every connection that was refused."""
        while self._made:
            self._made.pop().close()

    def ask(self, query: str) -> str:
        """One query of the server itself, such as host:devices-l. Raises AdbError, OSError, ValueError."""
        with self.make_connection() as connection:
            connection.send_command(query)
            connection.check_okay()
            return cast("str", connection.read_string_block())


class Files(Sync):  # type: ignore[misc]
    """The file service of one device. Its methods raise RefusedFileError, AdbError, OSError, ValueError."""

    def send(self, content: bytes, remote: str, mode: int) -> None:
        """Ends as soon as the device refuses, not after the whole file."""
        source = _Source(memoryview(content), self)
        self._push_file(source, remote, mode)
        if source.position < len(content):
            raise RefusedFileError("it stopped taking the file")

    def fetch(self, remote: str) -> bytes:
        return b"".join(self.iter_content(remote))

    @contextlib.contextmanager
    def _prepare_sync(self, path: str, cmd: str) -> Iterator[adbutils.AdbConnection]:
        with super()._prepare_sync(path, cmd) as connection:
            self.connection = cast("_Connection", connection)
            try:
                yield connection
            except AdbError as err:
                # adbutils leaves the reason of a push unread, and gives that of a pull with the path.
                if err.args == ("FAIL",):
                    reason = connection.read_string(connection.read_uint32())
                    raise RefusedFileError(reason) from err
                if err.args[1:] == (path,):
                    raise RefusedFileError(str(err.args[0])) from err
                raise


class _Source:
    """A file as adbutils reads it; it ends early where the device has something to say: a refusal."""

    def __init__(self, content: memoryview, files: Files) -> None:
        self._content = content
        self._files = files
        self.position = 0

    def read(self, _: int) -> memoryview:
        if self._files.connection.answers:
            return memoryview(b"")
        chunk = self._content[self.position : self.position + _CHUNK_BYTES]
        self.position += len(chunk)
        return chunk


class _Connection(adbutils.AdbConnection):  # type: ignore[misc]
    def __init__(self, client: ServerClient) -> None:
        self._client = client
        super().__init__(client.host, client.port)

    @property
    def answers(self) -> bool:
        """Whether something came that was not read yet."""
        return bool(select.select([self.conn.fileno()], [], [], 0)[0])

    def close(self) -> None:
        # adbutils waits 10 ms here, for servers of another system.
        if not self.closed:
            cast("_DeadlineSocket", self.conn).close()

    def _safe_connect(self) -> Any:  # noqa: ANN401 (stands for a socket)
        # adbutils starts a server here where none answers.
        return _DeadlineSocket(self._client)


class _DeadlineSocket:
    """The few calls of a socket that adbutils makes, each until the client's deadline."""

    def __init__(self, client: ServerClient) -> None:
        self._client = client
        address = (client.host, client.port)
        try:
            self._socket = socket.create_connection(address, timeout=self._left())
        except (OSError, UnicodeError) as err:  # UnicodeError: no resolver could even be asked for that name
            raise NoServerError("no adb server answers") from err
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> int:
        self._socket.settimeout(self._left())
        try:
            self._socket.sendall(data)
        except TimeoutError as err:
            raise DeadlinePassedError("the adb server takes no more data") from err
        return len(data)

    def recv(self, size: int) -> bytes:
        self._socket.settimeout(self._left())
        try:
            data = self._socket.recv(size)
        except TimeoutError as err:
            raise DeadlinePassedError("no word from the adb server") from err
        if not data:
            raise ClosedError("the adb server ended the connection")
        return data

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def _left(self) -> float:
        left_s = self._client.deadline - time.monotonic()
        if left_s <= 0:
            raise DeadlinePassedError("no time left")
        return left_s
