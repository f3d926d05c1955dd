"""AdbTcpLink: a Link over adb-shell and TCP, with its own deadlines and one error class per cause."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from adb_shell.auth.sign_pythonrsa import PythonRSASigner
from adb_shell.exceptions import AdbCommandFailureException, DeviceAuthError, PushFailedError

from android_runner.adb_device import BROKEN, NO_LIMIT_S, PROTOCOL_ERRORS, AdbDevice
from android_runner.keys import Key, load_keys
from android_runner.link import Completed, pull_error, push_error, write_here
from android_runner.transport import DeadlinePassedError, ForeignGreetingError, SafeTcpTransport
from results.errors import (
    DeviceLost,
    DeviceNotReady,
    DeviceUnauthorized,
    DeviceUnreachable,
    ForeignProtocol,
    HarnessError,
    RunTimedOut,
)

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 15.0
AUTH_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 5.0
_REGULAR_FILE = 0o100000


class AdbTcpLink:
    """A device at HOST:PORT; connects at `reconnect` or the first call.

    `auth_timeout_s`: how long the phone's owner has to allow the key; `on_prompt` is called as that begins.
    `shell_v2` False: the device is older than Android 7, and stderr comes within stdout.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        keys: Callable[[], Sequence[Key]] = load_keys,
        auth_timeout_s: float = AUTH_TIMEOUT_S,
        on_prompt: Callable[[], None] | None = None,
    ) -> None:
        self._host, self._port = host, port
        self._keys = keys
        self._auth_timeout_s = auth_timeout_s
        self._on_prompt = on_prompt
        self._transport = SafeTcpTransport(host, port)
        self._device: AdbDevice | None = None
        self._wants_key = False
        self._given_up = False
        self._left_running: tuple[int, str] | None = None
        self.shell_v2 = False

    @property
    def name(self) -> str:
        return f"tcp:{self._host}:{self._port}"

    def reconnect(self, *, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Raises DeviceUnreachable, ForeignProtocol, DeviceUnauthorized, DeviceNotReady, DeviceLost."""
        self._connect(timeout_s)
        self._end_command()

    def run(self, command: str, *, timeout_s: float) -> Completed:
        begin = time.monotonic()
        device = self._ready(begin + timeout_s)
        try:
            run = device.shell_v2 if self.shell_v2 else device.shell_v1
            exit_code, stdout, stderr = run(command)
        except DeadlinePassedError as err:
            log.debug("%s: %s: no end after %.3f s", self.name, command, timeout_s)
            self._abandon(device)
            raise RunTimedOut(
                f"a command on {self.name} did not end within {timeout_s:g} s.",
                next_step="Close what else is running on the device and try again.",
                command=command,
                timeout_s=timeout_s,
            ) from err
        except BROKEN as err:
            self._left_running = device.running
            raise self._lost(f"while it ran a command ({err})", command=command) from err
        except BaseException:  # Ctrl-C
            self._abandon(device)
            raise
        seconds = time.monotonic() - begin
        log.debug("%s: %s: exit %d, %.3f s", self.name, command, exit_code, seconds)
        return Completed(command=command, exit_code=exit_code, stdout=stdout, stderr=stderr, seconds=seconds)

    def push(self, local: Path, remote: str, *, mode: int, timeout_s: float) -> None:
        begin = time.monotonic()
        try:
            content = BytesIO(local.read_bytes())
        except OSError as err:
            raise push_error(self.name, remote, f"{local}: {err.strerror}", err.errno) from err
        device = self._ready(begin + timeout_s)
        try:
            device.push(content, remote, st_mode=_REGULAR_FILE | mode, read_timeout_s=NO_LIMIT_S)
        except (PushFailedError, AdbCommandFailureException) as err:
            # adbd may still be busy with what is left of the file: the next call connects anew.
            self._drop()
            raise push_error(self.name, remote, _reason(err)) from err
        except BROKEN as err:
            raise self._lost(f"while {local.name} was sent to it ({err})", path=remote) from err
        log.debug("%s: pushed %s, %.3f s", self.name, remote, time.monotonic() - begin)

    def pull(self, remote: str, local: Path, *, timeout_s: float) -> None:
        begin = time.monotonic()
        device = self._ready(begin + timeout_s)
        content = BytesIO()
        try:
            device.pull(remote, content, read_timeout_s=NO_LIMIT_S)
        except AdbCommandFailureException as err:
            raise pull_error(self.name, remote, _reason(err)) from err
        except BROKEN as err:
            raise self._lost(f"while {remote} was fetched ({err})", path=remote) from err
        write_here(local, content.getbuffer())
        log.debug("%s: pulled %s, %.3f s", self.name, remote, time.monotonic() - begin)

    def close(self) -> None:
        self._given_up = True
        self._drop()

    def _abandon(self, device: AdbDevice) -> None:
        """Give the connection up and end the command that still runs, with its children."""
        self._left_running = device.running
        try:
            # Now, not at the next reconnect: what goes on running would disturb whatever comes next.
            with contextlib.suppress(HarnessError):
                self.reconnect(timeout_s=_END_TIMEOUT_S)
        finally:
            self.close()

    def _drop(self) -> None:
        self._device = None
        self._transport.close()

    def _lost(self, when: str, **facts: object) -> DeviceLost:
        self.close()
        return DeviceLost(
            f"{self.name} went away {when}.",
            next_step="Check the cable or network and that the device is on, then run again.",
            **facts,
        )

    def _ready(self, deadline: float) -> AdbDevice:
        """The connected device, with its deadline set."""
        if self._given_up:
            raise DeviceLost(
                f"the connection to {self.name} was closed or given up after an earlier error.",
                next_step="Run again.",
            )
        if self._device is None:
            self._connect(max(0.001, deadline - time.monotonic()))
        assert self._device is not None
        self._transport.deadline = deadline
        return self._device

    def _connect(self, timeout_s: float) -> None:
        self._drop()
        deadline = time.monotonic() + timeout_s
        try:
            self._device = self._greet(deadline, self._keys() if self._wants_key else ())
        except DeviceAuthError:
            # Only now: a device that asks for no key must not cost its user a new key file.
            self._wants_key = True
            self._device = self._greet(deadline, self._keys())
        features = re.split(r"[;,=]", self._transport.end_greeting())
        self.shell_v2 = "shell_v2" in features
        self._given_up = False
        log.debug("%s: connected, shell protocol %d", self.name, 2 if self.shell_v2 else 1)

    def _greet(self, deadline: float, keys: Sequence[Key]) -> AdbDevice:
        """One attempt. Raises DeviceAuthError when a key is asked for and none is given."""
        device = AdbDevice(self._transport, banner=b"mobilebert-bench")
        prompted = False

        def prompt(_: object) -> None:
            nonlocal prompted
            prompted = True
            log.info("%s asks its owner to allow this machine's key", self.name)
            # The owner has to find the phone and read: a time of its own.
            self._transport.deadline = time.monotonic() + self._auth_timeout_s
            if self._on_prompt is not None:
                self._on_prompt()

        self._transport.deadline = deadline
        try:
            device.connect(
                rsa_keys=[PythonRSASigner(key.public, key.private) for key in keys],
                read_timeout_s=NO_LIMIT_S,
                auth_timeout_s=NO_LIMIT_S,
                auth_callback=prompt,
            )
        except DeviceAuthError:
            self._transport.close()
            raise
        except (DeadlinePassedError, ForeignGreetingError, OSError, *PROTOCOL_ERRORS) as err:
            failure = self._connect_error(err, prompted=prompted)
            self._transport.close()
            raise failure from err
        return device

    def _connect_error(self, err: Exception, *, prompted: bool) -> HarnessError:
        greeting = bytes(self._transport.greeting)
        if not self._transport.connected:
            if isinstance(err, socket.gaierror):
                reason = f"no address is known for {self._host}"
            elif isinstance(err, ConnectionRefusedError):
                reason = f"nothing listens on port {self._port}"
            else:
                reason = getattr(err, "strerror", None) or "no answer"
            return DeviceUnreachable(
                f"{self.name} cannot be reached: {reason}.",
                next_step="Check the address; on the phone's cable, adb tcpip 5555 opens that port.",
            )
        if prompted:
            what = "did not allow" if isinstance(err, DeadlinePassedError) else "denied"
            return DeviceUnauthorized(
                f"{self.name} {what} this machine's key.",
                next_step='Accept "Allow USB debugging?" on the phone\'s screen, then run again.',
            )
        if greeting[:4] == b"STLS":
            return DeviceNotReady(
                f"{self.name} is a Wireless debugging port, which wants a paired TLS connection.",
                next_step="Only an adb server can use that port; adb tcpip 5555 opens one that this can use.",
            )
        if greeting[:4] in (b"CNXN", b"AUTH"):
            return DeviceLost(
                f"{self.name} went away while it was being connected ({err}).",
                next_step="Check that the device is on and not restarting, then run again.",
            )
        if greeting:
            said = greeting[:40].decode("ascii", errors="backslashreplace").strip()
            reason = f"answers {said!r}, which is not ADB"
        elif isinstance(err, DeadlinePassedError):
            reason = "accepts connections and never answers"
        else:
            reason = f"closes the connection without a word ({err})"
        return ForeignProtocol(
            f"{self.name} {reason}.",
            next_step="Check the port: adb tcpip 5555 on the phone's cable makes its adbd listen on 5555.",
        )

    def _end_command(self) -> None:
        """End what an earlier connection left running: its whole process group."""
        if self._left_running is None or self._device is None:
            return
        group, start = self._left_running
        self._left_running = None
        self._transport.deadline = time.monotonic() + _END_TIMEOUT_S
        # Another process may have the number by now (the phone restarted): then its start time differs.
        command = (
            f"(read -r stat </proc/{group}/stat && case $stat in *' {start} '*) ;; *) exit 0;; esac; "
            f"kill -KILL -{group}) 2>/dev/null"
        )
        try:
            run = self._device.shell_v2 if self.shell_v2 else self._device.shell_v1
            exit_code, _, _ = run(command)
        except BROKEN as err:
            raise self._lost(f"while an earlier command was being ended ({err})") from err
        log.debug("%s: ended process group %d: exit %d", self.name, group, exit_code)


def _reason(err: Exception) -> str:
    """The device's own words in an adb-shell exception."""
    words = err.args[0] if err.args else ""
    text = bytes(words).decode("utf-8", errors="replace") if isinstance(words, bytearray) else str(words)
    return text.removeprefix("Command failed: ").strip() or "no reason given"
