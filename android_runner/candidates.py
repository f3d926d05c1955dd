"""What is attached, in any state: one row for each device, however many lists it stands in.

Looking changes nothing: a running adb server is asked for its list, no server is ever started, and USB is
read from /sys.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from android_runner import device_text
from android_runner.cache import cache_folder
from android_runner.process import alive
from android_runner.selector import Host, Selector, Tcp, is_usb_port, parse_selector
from android_runner.server import server_name
from android_runner.server_list import DEFAULT_ADDRESS, READY, Listed, ask_server, is_local, server_address
from android_runner.usb_ports import USB_DEVICES, UsbPort, usb_ports
from results.device import DeviceKind
from results.errors import ConfigError

log = logging.getLogger(__name__)

NO_PERMISSIONS = "no permissions"
_WIDEST = 60  # characters of a device's word in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A device of an adb server."""

    address: tuple[str, int]
    listed: Listed


Way = Host | Tcp | UsbPort | Served


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One row of the devices table; None where the device was not asked or does not say.

    `state`: "ready", or adb's word, or why it cannot be used; `select`: what to type, never a serial.
    """

    state: str
    kind: DeviceKind
    select: str
    model: str | None = None
    abi: str | None = None
    api_level: int | None = None
    way: Way = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where to look: the environment, USB in /sys, and the folder in which virtual phones register."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    usb_devices: Path = USB_DEVICES
    virtual_phones: Path = field(default_factory=lambda: cache_folder() / "virtual-phones")

    @property
    def server_address(self) -> tuple[str, int] | None:
        return server_address(self.environment)

    def served(self) -> tuple[Served, ...]:
        """The devices of the server that adb would ask, if it runs. Raises DeviceNotReady."""
        address = self.server_address
        listed = () if address is None else ask_server(address) or ()
        return tuple(Served(address=address, listed=each) for each in listed) if address else ()

    def unserved_ports(self, served: tuple[Served, ...]) -> tuple[UsbPort, ...]:
        """The USB ports whose phones no server of this machine holds."""
        here = [each.listed for each in served if is_local(each.address)]
        return tuple(
            port
            for port in usb_ports(self.usb_devices)
            if not any(each.usb_port == port.port or each.serial == port.serial for each in here)
        )


def attached(surroundings: Surroundings) -> tuple[Candidate, ...]:
    """Every device but the host, none of them asked. Raises DeviceNotReady where a server does not answer."""
    served = surroundings.served()
    virtual = _registered(surroundings.virtual_phones)
    models = {port.port: port.model for port in usb_ports(surroundings.usb_devices)}
    own = {f"{way.host}:{way.port}" for way in virtual}
    rows = [
        _named(row_of(each), models)
        for each in served
        # A virtual phone that was connected to the server as well: its own row says how to reach it.
        if not (each.listed.serial in own and is_local(each.address))
    ]
    return (*rows, *map(row_of, surroundings.unserved_ports(served)), *map(row_of, virtual))


def row_of(way: Served | UsbPort | Tcp) -> Candidate:
    """What is known without asking the device; at a bare address only virtual phones are found."""
    if isinstance(way, Tcp):
        return Candidate(
            state=READY, kind="virtual_phone", select=f"--device tcp:{way.host}:{way.port}", way=way
        )
    if isinstance(way, UsbPort):
        state = NO_PERMISSIONS if way.denied else READY
        return Candidate(
            state=state, kind="phone", model=printable(way.model), select=f"--device usb:{way.port}", way=way
        )
    return Candidate(
        state=way.listed.state,
        kind="emulator" if way.listed.is_emulator else "phone",
        model=way.listed.model,
        select=f"--device {_select(way)}",
        way=way,
    )


def printable(text: str | None) -> str | None:
    """A device's word for a table: nothing in it steers a terminal; None for an empty one."""
    if text is None:
        return None
    return device_text.printable(text)[:_WIDEST].strip() or None


def host_row() -> Candidate:
    """This machine, which can always be measured."""
    return Candidate(state=READY, kind="host", select="--device host", way=Host())


def rows_text(rows: tuple[Candidate, ...]) -> str:
    """The rows as lines of an error message."""
    columns = [
        (
            each.model or each.kind.replace("_", " "),
            each.state,
            each.abi or "-",
            "-" if each.api_level is None else f"API {each.api_level}",
            each.kind.replace("_", " "),
            each.select,
        )
        for each in rows
    ]
    widths = [max(map(len, cells)) for cells in zip(*columns, strict=True)]
    lines = ("  ".join(map(str.ljust, cells, widths)).rstrip() for cells in columns)
    return "".join(f"\n         {line}" for line in lines)


def _named(row: Candidate, models: Mapping[str, str | None]) -> Candidate:
    """The row with the model that /sys knows, where the server does not: of a phone that is not ready."""
    assert isinstance(row.way, Served)
    port = row.way.listed.usb_port
    if row.model is None and port is not None and is_local(row.way.address):
        return dataclasses.replace(row, model=printable(models.get(port)))
    return row


def _select(served: Served) -> str:
    name = served.listed.name
    if served.listed.is_emulator:
        return name
    if is_local(served.address) and served.listed.usb_port and is_usb_port(served.listed.usb_port):
        return name
    at = "server:" if served.address == DEFAULT_ADDRESS else server_name(served.address)
    return shlex.quote(f"{at}/{name}")


def _registered(folder: Path) -> tuple[Tcp, ...]:
    """The virtual phones that run: each has a file there with its process and its selector."""
    found = []
    for path in sorted(folder.glob("*.json")):
        way: Selector | None = None
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, ConfigError):
            entry = json.loads(path.read_text(encoding="utf-8"))
            if alive(int(entry["pid"]), None):
                way = parse_selector(str(entry["selector"]))
        if isinstance(way, Tcp):
            found.append(way)
    return tuple(found)
