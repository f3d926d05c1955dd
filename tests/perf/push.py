"""How fast a file reaches a device: over loopback, and of what a link of 40 MB/s carries (slow_push.py)."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from android_runner.adb import AdbTcpLink
from android_runner.virtual.phone import VirtualPhone
from tests.perf.compare import alternate, line, ratio, save, spread

FILE_MB, ROUNDS = 100, 5
REMOTE = "/data/local/tmp/pushed"


def main() -> None:
    """Our link to a real adbd and a plain socket, in turn; then the same where the network is slow."""
    ours, plain = compare(FILE_MB, ROUNDS)
    line(
        f"push, {FILE_MB} MB, loopback",
        spread(ours, "MB/s"),
        f"{ratio(ours, plain)} of a plain socket",
        target=">= 100 MB/s",
    )
    save("push", {"mb_per_s": ours, "plain_socket_mb_per_s": plain})
    if shutil.which("tc") is None:
        print("push, slow link: not measured, tc is not here (Debian: iproute2)", flush=True)
        return
    # A network of its own, which ends with the process; as another user than root, in a user namespace.
    own = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    subprocess.run([*own, sys.executable, "-m", "tests.perf.slow_push"], check=True)


def compare(file_mb: int, rounds: int) -> tuple[list[float], list[float]]:
    """MB/s of pushes to a virtual phone and of a plain socket's transfers, round by round."""
    with tempfile.TemporaryDirectory() as folder, VirtualPhone() as phone:
        file = Path(folder) / "file"
        file.write_bytes(os.urandom(file_mb * 1_000_000))
        with contextlib.closing(AdbTcpLink(phone.host, phone.port)) as link:
            link.reconnect(timeout_s=5)

            def push() -> None:
                link.push(file, REMOTE, mode=0o644, timeout_s=300)

            ours, plain = alternate(rounds, _mb_per_s(file, push), _mb_per_s(file, lambda: _send(file)))
    return ours, plain


def _mb_per_s(file: Path, move: Callable[[], None]) -> Callable[[], float]:
    def run() -> float:
        before = time.perf_counter()
        move()
        return file.stat().st_size / 1e6 / (time.perf_counter() - before)

    return run


def _send(file: Path) -> None:
    """The file through a plain socket, to its last byte's arrival."""
    with _reader() as port, socket.create_connection(("127.0.0.1", port)) as connection:
        with file.open("rb") as content:
            connection.sendfile(content)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b"!"


@contextlib.contextmanager
def _reader() -> Iterator[int]:
    """A port that reads one connection to its end, and then says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def read() -> None:
            connection, _ = server.accept()
            with connection:
                while connection.recv(1 << 20):
                    pass
                connection.sendall(b"!")

        thread = threading.Thread(target=read)
        thread.start()
        yield server.getsockname()[1]
        thread.join()
