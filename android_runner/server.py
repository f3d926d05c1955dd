"""AdbServerLink: a Link through a running adb server, on this machine or another, which holds the phone.

Most developers' machines have one; it alone can use Android's Wireless debugging. It is never started here.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from android_runner.server_list import READY, Listed, ask_server
from android_runner.session import (
    AUTH_TIMEOUT_S,
    BrokenSessionError,
    Session,
    SessionLink,
)
from android_runner.shell_protocol import FEATURE_V2, Running, ShellCall
from android_runner.transport import DeadlinePassedError
from results.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotReady,
    DeviceUnauthorized,
    DeviceUnreachable,
    NoDevice,
    UsbDenied,
)

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 0.2
_READ_BYTES = 64 << 10
_MOST_REQUEST_BYTES = 0xFFFF  # four hexadecimal digits
_WAITS_FOR_OWNER = ("unauthorized", "authorizing")


class AdbServerLink(SessionLink):
    """The device that the server at `address` lists as `device`; the other arguments are AdbLink's.

    A device that was connected once is waited for by `reconnect`: its server finds it again within seconds.
    """

    def __init__(
        self,
        address: tuple[str, int],
        device: Listed,
        *,
        auth_timeout_s: float = AUTH_TIMEOUT_S,
        on_prompt: Callable[[], None] | None = None,
        may_prompt: bool = True,
    ) -> None:
        super().__init__()
        self._address = address
        self._listed = device
        self._auth_timeout_s = auth_timeout_s
        self._on_prompt = on_prompt
        self._may_prompt = may_prompt
        self._was_there = False

    @property
    def name(self) -> str:
        return f"{server_name(self._address)}/{self._listed.name}"

    def _open_session(self, deadline: float) -> Session:
        """Raises DeviceUnreachable, NoDevice, DeviceUnauthorized, UsbDenied, DeviceNotReady, DeviceLost."""
        prompted = False
        while True:
            try:
                session = self._try(deadline)
            except DeviceUnauthorized:
                if not self._may_prompt:
                    raise
                if not prompted:
                    prompted = True
                    log.info("%s asks its owner to allow the server's key", self.name)
                    deadline = time.monotonic() + self._auth_timeout_s
                    if self._on_prompt is not None:
                        self._on_prompt()
                if time.monotonic() + _LOOK_AGAIN_S > deadline:
                    raise
            except DeviceError:
                if not self._was_there or time.monotonic() + _LOOK_AGAIN_S > deadline:
                    raise
            else:
                self._was_there = True
                return session
            time.sleep(_LOOK_AGAIN_S)

    def _try(self, deadline: float) -> Session:
        """One attempt; a server also lists a device that does not answer, so it has to."""
        listed = ask_server(self._address, timeout_s=max(0.001, deadline - time.monotonic()))
        if listed is None:
            raise DeviceUnreachable(
                f"no adb server answers at {self._address[0]}:{self._address[1]}.",
                next_step="Start it there: adb start-server (for other machines: adb -a start-server).",
            )
        self._listed = self._find(listed)
        if self._listed.state != READY:
            raise _not_ready(self.name, self._listed.state)
        session = _ServerSession(self._address, self._listed, deadline)
        try:
            session.begin()
        except (DeadlinePassedError, BrokenSessionError) as err:
            raise DeviceLost(
                f"{self.name} is listed as ready and does not answer ({err}).",
                next_step="Check the cable or network and that the device is on, then run again.",
            ) from err
        return session

    def _find(self, listed: tuple[Listed, ...]) -> Listed:
        same = [each for each in listed if each.serial == self._listed.serial]
        # Some makers give every phone the same serial number.
        there = [each for each in same if each.usb_port == self._listed.usb_port] or same
        if len(there) == 1:
            return there[0]
        raise NoDevice(
            f"{self.name} is not attached to that adb server.",
            next_step="Plug it in or connect it there (adb connect), and see: mobilebert-bench devices",
        )


class _ServerSession:
    """One device of a server that listed it; each call is a connection of its own to the server."""

    def __init__(self, address: tuple[str, int], device: Listed, deadline: float) -> None:
        from android_runner.adb_client import AdbDevice, AdbError, Files, ServerClient

        self._client = ServerClient(*address)
        self._client.deadline = deadline
        serial = device.serial if device.transport_id is None else None
        self._device = AdbDevice(self._client, serial=serial, transport_id=device.transport_id)
        self._files = Files(self._device)
        self._hidden = device.serial
        self._broken = (AdbError, OSError, ValueError)
        self._shell: ShellCall | None = None
        self.shell_v2 = False

    @property
    def deadline(self) -> float:
        return self._client.deadline

    @deadline.setter
    def deadline(self, moment: float) -> None:
        self._client.deadline = moment

    @property
    def running(self) -> Running | None:
        return None if self._shell is None else self._shell.running

    def begin(self) -> None:
        """Ask for the shell protocol, and whether the device answers at all."""
        with self._call():
            self.shell_v2 = FEATURE_V2 in self._device.get_features().split(",")
        self.execute("true", v2=self.shell_v2)

    def execute(self, command: str, *, v2: bool) -> tuple[int, bytes, bytes]:
        self._shell = shell = ShellCall(command, v2=v2)
        if len(shell.request.encode()) > _MOST_REQUEST_BYTES:
            raise ValueError(f"a command of {len(command)} characters, and an adb server takes 64 KiB")
        with self._call():
            with self._device.open_transport() as connection:
                connection.send_command(shell.request)
                connection.check_okay()
                while not shell.ended:
                    try:
                        data = connection.recv(_READ_BYTES)
                    except ConnectionResetError:
                        break  # by protocol 1 that is the end; by protocol 2 `result` says that it is none
                    shell.feed(data)
            return shell.result()

    def send(self, content: bytes, remote: str, mode: int) -> None:
        with self._call():
            self._files.send(content, remote, mode)

    def fetch(self, remote: str) -> bytes:
        with self._call():
            return self._files.fetch(remote)

    def close(self) -> None:
        """Nothing is open between calls."""

    @contextlib.contextmanager
    def _call(self) -> Iterator[None]:
        try:
            yield
        except self._broken as err:
            raise BrokenSessionError(str(err).replace(self._hidden, "the device")) from err
        finally:
            self._client.close()


def server_name(address: tuple[str, int]) -> str:
    """How a server stands in a selector: server:HOST:PORT, IPv6 hosts in brackets."""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"server:{host}:{address[1]}"


def _not_ready(name: str, state: str) -> DeviceNotReady:
    if state in _WAITS_FOR_OWNER:
        return DeviceUnauthorized(
            f"{name} does not allow that adb server's key yet.",
            next_step='Accept "Allow USB debugging?" on the phone\'s screen, then run again.',
        )
    if state in ("no permissions", "noperm"):
        return UsbDenied(
            f"the adb server may not open the phone at {name}.",
            next_step="Install udev rules for phones (Debian, Ubuntu: apt-get install "
            "android-sdk-platform-tools-common), join the group plugdev, log in again, then: adb kill-server",
        )
    return DeviceNotReady(
        f'{name} is attached, and its adb server calls it "{state}".',
        next_step="Reconnect it, or restart its debugging: adb reconnect offline; then run again.",
    )
