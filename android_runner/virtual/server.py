"""AdbServer: adb's own server in a sandbox; never on port 5037, never with ~/.android.

It shares this machine's loopback interface, to reach virtual phones; it sees no USB and announces nothing.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from android_runner.virtual.build import LOADER, phone_root
from results.errors import DeviceLost

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 10.0


class AdbServer:
    """A server at 127.0.0.1:`port`, up between __enter__ and __exit__."""

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._home = Path()

    def __enter__(self) -> AdbServer:
        root = phone_root()
        self._home = Path(tempfile.mkdtemp(prefix="adb-server-"))
        with socket.create_server((_HOST, 0)) as listener:
            self.port = int(listener.getsockname()[1])
            log_file = self._home / "log"
            with log_file.open("wb") as words:
                self._process = subprocess.Popen(
                    [
                        *("bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
                        *("--die-with-parent", "--new-session", "--clearenv", "--setenv", "HOME", "/data"),
                        *("--setenv", "ADB_MDNS", "0", "--setenv", "ADB_MDNS_OPENSCREEN", "0"),
                        *("--ro-bind", str(root), "/", "--bind", str(self._home), "/data"),
                        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
                        *(f"/adbd/{LOADER}", "--library-path", "/adbd", "/adbd/adb"),
                        *("-L", f"acceptfd:{listener.fileno()}", "nodaemon", "server"),
                    ],
                    env={"PATH": os.environ.get("PATH", os.defpath)},
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    pass_fds=[listener.fileno()],
                )
        try:
            self.ask("host:version")
        except (OSError, ValueError) as err:
            self.__exit__(None, None, None)
            raise DeviceLost(
                f"the adb server did not come up: {log_file.read_text(errors='replace').strip()}",
                next_step="Check that sandboxes may be made here: bwrap --unshare-all --bind / / true",
            ) from err
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(_START_TIMEOUT_S)
            self._process = None
        shutil.rmtree(self._home, ignore_errors=True)

    def ask(self, query: str) -> str:
        """One query of its protocol, such as "host:connect:HOST:PORT". Raises OSError, ValueError."""
        with socket.create_connection((_HOST, self.port), timeout=_START_TIMEOUT_S) as connection:
            connection.sendall(f"{len(query):04x}{query}".encode())
            with connection.makefile("rb") as answer:
                status = answer.read(4)
                text = answer.read(int(answer.read(4), 16)).decode("utf-8", errors="replace")
        if status != b"OKAY":
            raise ValueError(text)
        return text

    def wait_for(self, words: str) -> None:
        """Until the list of devices holds `words`. Raises TimeoutError."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while words not in self.ask("host:devices-l"):
            if time.monotonic() > deadline:
                raise TimeoutError(words)
            time.sleep(0.01)
