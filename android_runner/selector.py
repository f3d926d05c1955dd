"""What --device takes, read into values; nothing is looked up here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from android_runner.link import HOST
from results.errors import ConfigError

FORMS = (
    "Give --device host, usb, usb:PORT, tcp:HOST:PORT, server:HOST:PORT/NAME or server:/NAME; "
    "mobilebert-bench devices prints what fits."
)
_HOST_PORT = r"(\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]/]+):([0-9]{1,5})"
_USB_PORT = re.compile(r"[0-9]{1,4}-[0-9]{1,3}(\.[0-9]{1,3})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """This machine itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """An adbd that listens on the network."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usb:
    """A phone on this machine's USB: at a port ("1-4"), of a serial, or the only one."""

    port: str | None = None
    serial: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A device of an adb server; `address` None: the server that adb itself would ask."""

    address: tuple[str, int] | None
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A word that is none of the others: what adb calls an attached device, such as emulator-5554."""

    name: str = field(repr=False)


Selector = Host | Tcp | Usb | Server | Name


def parse_selector(text: str) -> Selector:
    """Raises ConfigError for what can name no device."""
    if text == HOST:
        return Host()
    if text == "usb":
        return Usb()
    if text.startswith("usb:") and text != "usb:":
        rest = text.removeprefix("usb:")
        return Usb(port=rest) if is_usb_port(rest) else Usb(serial=rest)
    if found := re.fullmatch(rf"server:(?:{_HOST_PORT})?/(.+)", text, re.DOTALL):
        address = None if found[1] is None else (found[1].strip("[]"), int(found[2]))
        if address is None or _is_port(address[1]):
            return Server(address=address, name=found[3])
    elif (found := re.fullmatch(rf"(?:tcp:)?{_HOST_PORT}", text)) and found[1] not in ("usb", "server"):
        if _is_port(int(found[2])):
            return Tcp(host=found[1].strip("[]"), port=int(found[2]))
    elif text.strip() and ":" not in text and text.lower() not in (HOST, "tcp", "server", "usb"):
        return Name(name=text)
    # Only what was meant as an address is repeated: anything else may hold a serial number.
    given = repr(text) if text.startswith("tcp") else "What was given"
    raise ConfigError(f"{given} is not an address of a device.", next_step=FORMS)


def is_usb_port(text: str) -> bool:
    """Whether it has the form of a port as /sys and `adb devices -l` name it: 1-4, 1-4.2."""
    return _USB_PORT.fullmatch(text) is not None


def _is_port(number: int) -> bool:
    return 1 <= number <= 65535
