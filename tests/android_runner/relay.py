"""A bad link in front of a phone: cut, frozen, or cut after so many bytes. Real sockets, and no ADB in it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType

_PIECE = 16384
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER 0: close with a reset, as when a network goes away


class Relay:
    """Passes a loopback port on to `target`; a context manager. `selector` is what --device takes."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._flowing = threading.Event()
        self._flowing.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._up = True
        self._left: dict[str, int | None] = {"up": None, "down": None}
        self.cuts = 0
        self.passed = {"up": 0, "down": 0}  # bytes, so far
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._flowing.set()
        self.cut()

    @property
    def selector(self) -> str:
        return f"tcp:127.0.0.1:{self.port}"

    def freeze(self, *, frozen: bool = True) -> None:
        """Nothing passes any more, and nobody is told."""
        if frozen:
            self._flowing.clear()
        else:
            self._flowing.set()

    def unplug(self) -> None:
        """Cut what is connected, and let nobody in until `plug_in`."""
        self._up = False
        self.cut()

    def plug_in(self) -> None:
        self._up = True

    def cut(self) -> None:
        """Reset every connection; new ones are let in."""
        self.cuts += 1
        for pair in self._pairs:
            for side in pair:
                with contextlib.suppress(OSError):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    side.shutdown(socket.SHUT_RDWR)
                side.close()
        self._pairs.clear()

    def cut_after(self, count: int, direction: str) -> None:
        """Cut once that many more bytes went "up" to the phone or "down" from it."""
        self._left[direction] = count

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._up:
                near.close()
                continue
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            for side in (near, far):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.append((near, far))
            for source, sink, direction in ((near, far, "up"), (far, near, "down")):
                threading.Thread(target=self._pass_on, args=(source, sink, direction), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE):
                self.passed[direction] += len(data)
                self._flowing.wait()
                left = self._left[direction]
                if left is not None and len(data) >= left:
                    sink.sendall(data[:left])
                    self._left[direction] = None
                    self.cut()
                    return
                if left is not None:
                    self._left[direction] = left - len(data)
                sink.sendall(data)
        for side in (source, sink):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
