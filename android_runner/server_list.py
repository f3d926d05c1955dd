"""What an adb server lists, and where it is looked for; none is ever started."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from android_runner.transport import DeadlinePassedError
from results.errors import ConfigError, DeviceNotReady

log = logging.getLogger(__name__)

DEFAULT_ADDRESS = ("127.0.0.1", 5037)
READY = "ready"
_TIMEOUT_S = 3.0
_STARTING_S = 10.0  # a server that is making its first key listens, and answers seconds later
_STATES = (
    "device|offline|unauthorized|authorizing|connecting|no permissions|bootloader|recovery|sideload"
    "|rescue|host|detached|noperm"
)
_LINE = re.compile(rf"(?P<serial>.+?)\s+(?P<state>{_STATES})\b(?P<rest>.*)")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%\w]+\]|[\w.-]+):\d{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One device of an adb server. `state`: "ready" or adb's word; `serial` is shown nowhere.

    `name`: how it is selected there: its USB port, its address, "emulator-5554", else a part of the
    serial's SHA-256.
    """

    serial: str = field(repr=False)
    state: str
    model: str | None = None
    usb_port: str | None = None
    transport_id: int | None = None

    @property
    def name(self) -> str:
        if self.usb_port is not None:
            return f"usb:{self.usb_port}"
        return self.serial if self.on_network or self.is_emulator else f"id-{digest(self.serial)}"

    @property
    def is_emulator(self) -> bool:
        return re.fullmatch(r"emulator-\d{1,5}", self.serial) is not None

    @property
    def on_network(self) -> bool:
        """Whether the server reaches it at an address, which its serial then is."""
        return self.usb_port is None and _ADDRESS.fullmatch(self.serial) is not None

    @property
    def on_usb(self) -> bool:
        """Whether it hangs on a cable; Wireless debugging is named like a service of the network."""
        return not (self.on_network or self.is_emulator or "._tcp" in self.serial)

    def is_named(self, name: str) -> bool:
        """Whether a user who types `name` means this device."""
        return name in (self.name, self.serial, f"id-{digest(self.serial)}")


def digest(serial: str) -> str:
    """What stands for a serial where one is shown: the first 8 hex digits of its SHA-256."""
    return hashlib.sha256(serial.encode("utf-8", errors="surrogateescape")).hexdigest()[:8]


def server_address(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Where adb itself would look for its server; None for a kind of socket that is not TCP."""
    if chosen := environment.get("ADB_SERVER_SOCKET"):
        found = re.fullmatch(r"tcp:(?:(.+):)?(\d{1,5})", chosen, re.ASCII)
        return ((found[1] or DEFAULT_ADDRESS[0]).strip("[]"), int(found[2])) if found else None
    port = environment.get("ANDROID_ADB_SERVER_PORT", str(DEFAULT_ADDRESS[1]))
    host = environment.get("ANDROID_ADB_SERVER_ADDRESS", DEFAULT_ADDRESS[0])
    return (host, int(port)) if re.fullmatch(r"\d{1,5}", port, re.ASCII) else None


def is_local(address: tuple[str, int]) -> bool:
    """Whether a server at that address sees the same USB ports as this machine."""
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] == "localhost"


def parse_server_list(text: str) -> tuple[Listed, ...]:
    """The devices in the answer to `adb devices -l`; a line of unknown form counts as one."""
    listed = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _LINE.fullmatch(line)
        if found is None:
            listed.append(Listed(serial=line, state="unknown"))
            continue
        facts = dict(re.findall(r"(?<!\S)(usb|model|transport_id):([\w.-]+)(?!\S)", found["rest"]))
        number = facts.get("transport_id", "")
        listed.append(
            Listed(
                serial=found["serial"],
                state=READY if found["state"] == "device" else found["state"],
                model=facts["model"].replace("_", " ") if "model" in facts else None,
                usb_port=facts.get("usb"),
                transport_id=int(number) if re.fullmatch(r"[1-9]\d{0,17}", number, re.ASCII) else None,
            )
        )
    return tuple(listed)


def ask_server(address: tuple[str, int], *, timeout_s: float | None = None) -> tuple[Listed, ...] | None:
    """The devices of the server that runs there; None where none runs.

    `timeout_s` None: as long as a server takes that is only starting. Raises DeviceNotReady where something
    listens and does not list devices.
    """
    waits_s = (_TIMEOUT_S, _STARTING_S) if timeout_s is None else (timeout_s,)
    if not _listens(address, waits_s[0]):  # before the client is imported, which takes its time
        log.debug("no adb server at %s:%d", *address)
        return None
    for wait_s in waits_s[:-1]:
        try:
            return _list_of(address, wait_s)
        except DeviceNotReady as err:
            if not isinstance(err.__cause__, DeadlinePassedError):
                raise
            log.debug("the adb server at %s:%d does not answer yet", *address)
    return _list_of(address, waits_s[-1])


def _listens(address: tuple[str, int], timeout_s: float) -> bool:
    try:
        socket.create_connection(address, timeout=timeout_s).close()
    except (OSError, UnicodeError):  # UnicodeError: no resolver could even be asked for that name
        return False
    return True


def _list_of(address: tuple[str, int], timeout_s: float) -> tuple[Listed, ...] | None:
    try:
        from android_runner.adb_client import AdbError, NoServerError, ServerClient
    except (ImportError, ValueError) as err:  # ValueError: adbutils reads the environment as it is imported
        raise ConfigError(
            f"the Python package adbutils cannot be used: {err}.",
            next_step="Install this project's requirements again, and check ANDROID_ADB_SERVER_PORT.",
        ) from err
    client = ServerClient(*address)
    client.deadline = time.monotonic() + timeout_s
    try:
        return parse_server_list(client.ask("host:devices-l"))
    except NoServerError:
        log.debug("no adb server at %s:%d", *address)
        return None
    except (AdbError, OSError, ValueError, DeadlinePassedError) as err:
        raise DeviceNotReady(
            f"something listens on the adb server's port {address[1]} and does not list devices.",
            next_step="End it (adb kill-server), or choose: --device host or --device tcp:HOST:PORT.",
            reason=str(err),
        ) from err
    finally:
        client.close()
