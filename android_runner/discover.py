"""What is attached, in any state, and the one device that a run uses: chosen, or refused with a reason.

Looking changes nothing: a running adb server is asked for its list, no server is ever started, and USB is
read from /sys. What is seen but cannot be used is an error; only where nothing is attached is the host meant.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from android_runner.adb import AUTH_TIMEOUT_S, CONNECT_TIMEOUT_S, AdbTcpLink
from android_runner.link import HOST, HostLink, Link
from results.errors import ConfigError, DeviceNotReady, DeviceUnauthorized, HarnessError, SeveralDevices

log = logging.getLogger(__name__)

Kind = Literal["usb", "network", "emulator", "host"]

READY, UNAUTHORIZED, ON_USB = "ready", "unauthorized", "on USB"
_USB_DEVICES = Path("/sys/bus/usb/devices")
_ADB_INTERFACE = {"bInterfaceClass": "ff", "bInterfaceSubClass": "42", "bInterfaceProtocol": "01"}
_SERVER_TIMEOUT_S = 3.0
_FORMS = "Give --device host, or --device tcp:HOST:PORT (for example tcp:192.168.1.20:5555)."
_OVER_TCP = "adb tcpip 5555, then --device tcp:PHONE_IP:5555"
_STATES = (
    "device|offline|unauthorized|authorizing|connecting|no permissions|bootloader|recovery|sideload"
    "|rescue|host"
)
_SERVER_LINE = re.compile(rf"(?P<serial>.+?)\s+(?P<state>{_STATES})\b(?P<rest>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One row of the devices table. `state`: "ready" or adb's word; `select`: how to use it; no serial."""

    state: str
    kind: Kind
    model: str | None
    select: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A candidate and the USB port that it hangs on ("1-4"), which adb's list and /sys both name."""

    candidate: Candidate
    usb_port: str | None


def list_devices(
    *, environment: Mapping[str, str] = os.environ, usb_devices: Path = _USB_DEVICES
) -> tuple[Candidate, ...]:
    """Everything attached, then the host. Raises DeviceNotReady when an adb server does not answer."""
    served = _ask_server(server_address(environment))
    ports = {seen.usb_port for seen in served}
    seen = [*served, *(found for found in _usb(usb_devices) if found.usb_port not in ports)]
    host = Candidate(state=READY, kind="host", model=None, select="--device host")
    return (*(each.candidate for each in seen), host)


def choose(
    selector: str | None,
    *,
    auth_timeout_s: float = AUTH_TIMEOUT_S,
    on_prompt: Callable[[], None] | None = None,
    environment: Mapping[str, str] = os.environ,
    usb_devices: Path = _USB_DEVICES,
) -> Link:
    """The link that `selector` names, connected; the host for None when nothing at all is attached.

    `auth_timeout_s`, `on_prompt`: as AdbTcpLink takes them, for a phone that asks its owner.

    Raises ConfigError for another form, the errors of `AdbTcpLink.reconnect`, and SeveralDevices,
    DeviceUnauthorized or DeviceNotReady when None is given and something is attached.
    """
    if selector is None:
        attached = [
            candidate
            for candidate in list_devices(environment=environment, usb_devices=usb_devices)
            if candidate.kind != "host"
        ]
        if attached:
            raise _refusal(attached)
        return HostLink()
    if selector == HOST:
        return HostLink()
    link = AdbTcpLink(*parse_address(selector), auth_timeout_s=auth_timeout_s, on_prompt=on_prompt)
    try:
        link.reconnect(timeout_s=CONNECT_TIMEOUT_S)
    except HarnessError:
        link.close()
        raise
    return link


def parse_address(selector: str) -> tuple[str, int]:
    """Host and port of "tcp:HOST:PORT" or "HOST:PORT"; IPv6 hosts in brackets. Raises ConfigError."""
    found = re.fullmatch(r"(?:tcp:)?(\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]/]+):(\d{1,5})", selector)
    if found and found[1] not in ("usb", "server") and 1 <= int(found[2]) <= 65535:
        return found[1].strip("[]"), int(found[2])
    if selector.startswith(("usb", "server:")):
        raise ConfigError(
            "USB and adb-server devices cannot be used directly yet.",
            next_step=f"Make the phone reachable over the network: {_OVER_TCP}.",
        )
    # A word without a colon may be a serial number, which is repeated nowhere.
    given = f"{selector!r}" if ":" in selector else "What was given"
    raise ConfigError(f"{given} is not an address of a device.", next_step=_FORMS)


def server_address(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Where adb itself would look for its server; None for a kind of socket that is not TCP."""
    if chosen := environment.get("ADB_SERVER_SOCKET"):
        found = re.fullmatch(r"tcp:(?:(.+):)?(\d+)", chosen)
        return (found[1] or "127.0.0.1", int(found[2])) if found else None
    port = environment.get("ANDROID_ADB_SERVER_PORT", "5037")
    host = environment.get("ANDROID_ADB_SERVER_ADDRESS", "127.0.0.1")
    return (host, int(port)) if port.isdecimal() else None


def parse_server_list(text: str) -> tuple[tuple[Candidate, str | None], ...]:
    """Candidates and their USB ports from `adb devices -l`; a line of unknown form counts as attached."""
    listed = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _SERVER_LINE.fullmatch(line)
        state = found["state"] if found else "unknown"
        facts = dict(re.findall(r"\b(usb|model):(\S+)", found["rest"])) if found else {}
        kind, select = _way_to(found["serial"] if found else "")
        model = facts.get("model")
        candidate = Candidate(
            state=READY if state == "device" else state,
            kind=kind,
            model=model.replace("_", " ") if model else None,
            select=select,
        )
        listed.append((candidate, facts.get("usb")))
    return tuple(listed)


def _way_to(serial: str) -> tuple[Kind, str]:
    """How a device that an adb server lists is reached without it, as far as its serial is an address."""
    if console := re.fullmatch(r"emulator-(\d+)", serial):
        return "emulator", f"--device tcp:127.0.0.1:{int(console[1]) + 1}"
    if re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[\w.-]+):\d+", serial):
        return "network", f"--device tcp:{serial}"
    if "._adb-tls-connect." in serial:
        return "network", _OVER_TCP
    return "usb", _OVER_TCP


def _ask_server(address: tuple[str, int] | None) -> list[_Seen]:
    """The devices of a running adb server; empty when none runs."""
    if address is None:
        return []
    try:
        connection = socket.create_connection(address, timeout=_SERVER_TIMEOUT_S)
    except OSError:
        log.debug("no adb server at %s:%d", *address)
        return []
    query = b"host:devices-l"
    try:
        with connection, connection.makefile("rb") as answer:
            connection.sendall(b"%04x%s" % (len(query), query))
            status = answer.read(4)
            text = answer.read(int(answer.read(4), 16)).decode("utf-8", errors="replace")
    except (OSError, ValueError) as err:
        status, text = b"", str(err)
    if status != b"OKAY":
        raise DeviceNotReady(
            f"something listens on the adb server's port {address[1]} and does not list devices: {text}.",
            next_step="End it (adb kill-server), or choose: --device host or --device tcp:HOST:PORT.",
        )
    return [_Seen(candidate=candidate, usb_port=port) for candidate, port in parse_server_list(text)]


def _usb(devices: Path) -> list[_Seen]:
    """USB devices with an ADB interface, as Linux shows them in /sys; empty elsewhere."""
    seen = []
    for interface in sorted(devices.glob("*:*")):
        if all(_read(interface / name) == value for name, value in _ADB_INTERFACE.items()):
            port = interface.name.partition(":")[0]
            model = _read(devices / port / "product")
            candidate = Candidate(state=ON_USB, kind="usb", model=model, select=_OVER_TCP)
            seen.append(_Seen(candidate=candidate, usb_port=port))
    return seen


def _read(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    return None


def _refusal(attached: Sequence[Candidate]) -> HarnessError:
    """Why none of the attached devices is used without being named, and what to type."""
    rows = "; ".join(f"{each.model or 'a device'} ({each.kind}, {each.state})" for each in attached)
    choices = list(dict.fromkeys(each.select for each in attached))
    host = "or measure this machine instead: --device host"
    if len(attached) > 1:
        return SeveralDevices(
            f"{len(attached)} devices are attached: {rows}.",
            next_step=f"Choose one: {'; '.join(choices)}; {host}.",
        )
    if attached[0].state in (UNAUTHORIZED, "authorizing"):
        return DeviceUnauthorized(
            f"{rows} is attached, and does not allow this machine's key yet.",
            next_step=f'Accept "Allow USB debugging?" on its screen, then {choices[0]}; {host}.',
        )
    if attached[0].state == READY and attached[0].kind != "usb":
        return DeviceNotReady(
            f"{rows} is attached, and a device is only used when it is named.",
            next_step=f"{choices[0]}; {host}.",
        )
    if attached[0].state in (READY, ON_USB):
        return DeviceNotReady(
            f"{rows} is attached, and this version reaches devices over TCP only.",
            next_step=f"{choices[0]}; {host}.",
        )
    return DeviceNotReady(
        f"{rows} is attached, and not ready.",
        next_step=f"Reconnect it or restart its debugging, then {choices[0]}; {host}.",
    )
