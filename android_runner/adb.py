"""AdbLink: a Link over adb-shell, which speaks to adbd itself; AdbTcpLink is the one over TCP.

What carries it (TCP or USB) is a Transport.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from io import BytesIO

from adb_shell.auth.sign_pythonrsa import PythonRSASigner
from adb_shell.exceptions import AdbCommandFailureException, DeviceAuthError, PushFailedError

from android_runner.adb_device import BROKEN, NO_LIMIT_S, PROTOCOL_ERRORS, AdbDevice
from android_runner.keys import Key, load_keys
from android_runner.session import (
    AUTH_TIMEOUT_S,
    BrokenSessionError,
    RefusedFileError,
    Session,
    SessionLink,
)
from android_runner.shell_protocol import FEATURE_V2, Running
from android_runner.transport import DeadlinePassedError, ForeignGreetingError, SafeTcpTransport, Transport
from results.errors import DeviceLost, DeviceNotReady, DeviceUnauthorized, HarnessError

log = logging.getLogger(__name__)

_REGULAR_FILE = 0o100000


class AdbLink(SessionLink):
    """A device at the end of `transport`; connects at `reconnect` or the first call.

    `auth_timeout_s`: how long the phone's owner has to allow the key; `on_prompt` is called as that begins.
    `may_prompt` False: a phone that would ask its owner is DeviceUnauthorized at once, and shows nothing.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        keys: Callable[[], Sequence[Key]] = load_keys,
        auth_timeout_s: float = AUTH_TIMEOUT_S,
        on_prompt: Callable[[], None] | None = None,
        may_prompt: bool = True,
    ) -> None:
        super().__init__()
        self._transport = transport
        self._keys = keys
        self._auth_timeout_s = auth_timeout_s
        self._on_prompt = on_prompt
        self._may_prompt = may_prompt
        self._wants_key = False

    @property
    def name(self) -> str:
        return self._transport.name

    def _open_session(self, deadline: float) -> Session:
        """Raises the transport's errors, ForeignProtocol, DeviceUnauthorized, DeviceNotReady, DeviceLost."""
        try:
            device = self._greet(deadline, self._keys() if self._wants_key else ())
        except DeviceAuthError:
            # Only now: a device that asks for no key must not cost its user a new key file.
            self._wants_key = True
            keys = self._keys()
            if not keys:
                raise self._unauthorized("asks for a key, and this machine has none") from None
            device = self._greet(deadline, keys)
        features = re.split(r"[;,=]", self._transport.end_greeting())
        return _AdbSession(device, self._transport, shell_v2=FEATURE_V2 in features)

    def _greet(self, deadline: float, keys: Sequence[Key]) -> AdbDevice:
        """One attempt. Raises DeviceAuthError when a key is asked for and none is given."""
        device = AdbDevice(self._transport, banner=b"mobilebert-bench")
        prompted = False

        def prompt(_: object) -> None:
            nonlocal prompted
            prompted = True
            if not self._may_prompt:
                raise _NoPromptError
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
        except (DeviceAuthError, HarnessError):
            self._transport.close()
            raise
        except (DeadlinePassedError, ForeignGreetingError, _NoPromptError, OSError, *PROTOCOL_ERRORS) as err:
            failure = self._connect_error(err, prompted=prompted)
            self._transport.close()
            raise failure from err
        return device

    def _connect_error(self, err: Exception, *, prompted: bool) -> HarnessError:
        greeting = bytes(self._transport.greeting)
        if prompted:
            what = "did not allow" if isinstance(err, DeadlinePassedError) else "denied"
            if isinstance(err, _NoPromptError):
                what = "does not allow"
            return self._unauthorized(f"{what} this machine's key")
        if greeting[:4] == b"STLS":
            return DeviceNotReady(
                f"{self.name} is a Wireless debugging port, which wants a paired TLS connection.",
                next_step="Only an adb server can use that port: adb pair and adb connect; after that "
                "mobilebert-bench devices shows how to select it.",
            )
        if greeting[:4] in (b"CNXN", b"AUTH"):
            return DeviceLost(
                f"{self.name} went away while it was being connected ({err}).",
                next_step="Check that the device is on and not restarting, then run again.",
            )
        if greeting:
            said = greeting[:40].decode("ascii", errors="backslashreplace").strip()
            return self._transport.no_answer(f"answers {said!r}, which is not ADB")
        if isinstance(err, DeadlinePassedError):
            return self._transport.no_answer("accepts connections and never answers")
        return self._transport.no_answer(f"closes the connection without a word ({err})")

    def _unauthorized(self, what: str) -> DeviceUnauthorized:
        return DeviceUnauthorized(
            f"{self.name} {what}.",
            next_step='Accept "Allow USB debugging?" on the phone\'s screen, then run again.',
        )


class AdbTcpLink(AdbLink):
    """A device at HOST:PORT; the other arguments are AdbLink's."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        keys: Callable[[], Sequence[Key]] = load_keys,
        auth_timeout_s: float = AUTH_TIMEOUT_S,
        on_prompt: Callable[[], None] | None = None,
        may_prompt: bool = True,
    ) -> None:
        super().__init__(
            SafeTcpTransport(host, port),
            keys=keys,
            auth_timeout_s=auth_timeout_s,
            on_prompt=on_prompt,
            may_prompt=may_prompt,
        )


class _AdbSession:
    """One connection of adb-shell's device, with its many exceptions told apart."""

    def __init__(self, device: AdbDevice, transport: Transport, *, shell_v2: bool) -> None:
        self._device = device
        self._transport = transport
        self.shell_v2 = shell_v2

    @property
    def deadline(self) -> float:
        return self._transport.deadline

    @deadline.setter
    def deadline(self, moment: float) -> None:
        self._transport.deadline = moment

    @property
    def running(self) -> Running | None:
        return self._device.running

    def execute(self, command: str, *, v2: bool) -> tuple[int, bytes, bytes]:
        try:
            return self._device.execute(command, v2=v2)
        except BROKEN as err:
            raise BrokenSessionError(str(err)) from err

    def send(self, content: bytes, remote: str, mode: int) -> None:
        try:
            self._device.push(
                BytesIO(content), remote, st_mode=_REGULAR_FILE | mode, read_timeout_s=NO_LIMIT_S
            )
        except (PushFailedError, AdbCommandFailureException) as err:
            raise RefusedFileError(_reason(err)) from err
        except BROKEN as err:
            raise BrokenSessionError(str(err)) from err

    def fetch(self, remote: str) -> memoryview:
        content = BytesIO()
        try:
            self._device.pull(remote, content, read_timeout_s=NO_LIMIT_S)
        except AdbCommandFailureException as err:
            raise RefusedFileError(_reason(err)) from err
        except BROKEN as err:
            raise BrokenSessionError(str(err)) from err
        return content.getbuffer()

    def close(self) -> None:
        self._transport.close()


class _NoPromptError(Exception):
    """The device would ask its owner, and is not to."""


def _reason(err: Exception) -> str:
    """The device's own words in an adb-shell exception."""
    words = err.args[0] if err.args else ""
    text = bytes(words).decode("utf-8", errors="replace") if isinstance(words, bytearray) else str(words)
    return text.removeprefix("Command failed: ").strip() or "no reason given"
