"""The devices table, and the one device that a run uses: chosen, or refused with a reason.

What is seen but cannot be used is an error; only where nothing is attached is the host meant.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from android_runner.adb import AdbLink
from android_runner.candidates import (
    NO_PERMISSIONS,
    Candidate,
    Served,
    Surroundings,
    Way,
    attached,
    host_row,
    printable,
    row_of,
    rows_text,
)
from android_runner.device_text import parse_getprop
from android_runner.keys import load_keys
from android_runner.link import HostLink, Link
from android_runner.probe import device_kind, parse_api_level
from android_runner.selector import FORMS, Host, Name, Selector, Server, Tcp, Usb, parse_selector
from android_runner.server import AdbServerLink
from android_runner.server_list import READY, ask_server, is_local
from android_runner.session import AUTH_TIMEOUT_S, CONNECT_TIMEOUT_S
from android_runner.transport import SafeTcpTransport, Transport
from android_runner.usb_ports import USB_DEVICES, UsbPort
from results.errors import (
    ConfigError,
    DeviceBusy,
    DeviceError,
    DeviceUnauthorized,
    DeviceUnreachable,
    HarnessError,
    NoDevice,
    RunError,
    SeveralDevices,
    UsbDenied,
)

log = logging.getLogger(__name__)

_ASK_TIMEOUT_S = 3.0
_MOST_AT_ONCE = 16
_SEE = "See what is attached: mobilebert-bench devices"
# What the table says of a device that could not be asked; the first class that fits.
_STATES: tuple[tuple[type[HarnessError], str], ...] = (
    (DeviceUnauthorized, "unauthorized"),
    (UsbDenied, NO_PERMISSIONS),
    (DeviceBusy, "held by another program"),
    (DeviceError, "does not answer"),
    (RunError, "does not answer"),
)


def list_devices(
    *,
    environment: Mapping[str, str] = os.environ,
    usb_devices: Path = USB_DEVICES,
    virtual_phones: Path | None = None,
) -> tuple[Candidate, ...]:
    """Everything attached, each ready device asked what it is, then the host.

    No phone is made to ask its owner, and no key is made. Raises DeviceNotReady when an adb server does not
    answer.
    """
    rows = attached(_surroundings(environment, usb_devices, virtual_phones))
    return (*_ask(rows), host_row())


def choose(
    selector: str | None,
    *,
    auth_timeout_s: float = AUTH_TIMEOUT_S,
    on_prompt: Callable[[], None] | None = None,
    environment: Mapping[str, str] = os.environ,
    usb_devices: Path = USB_DEVICES,
    virtual_phones: Path | None = None,
) -> Link:
    """The link that `selector` names, connected.

    None: the device that ANDROID_SERIAL names; else the only one attached; the host when nothing is.
    `auth_timeout_s`, `on_prompt`: as AdbLink takes them, for a phone that asks its owner.

    Raises ConfigError for another form, NoDevice, SeveralDevices, and the errors of the link's `reconnect`.
    """
    surroundings = _surroundings(environment, usb_devices, virtual_phones)
    connect = partial(_connected, auth_timeout_s=auth_timeout_s, on_prompt=on_prompt)
    if selector is not None:
        return connect(_find(parse_selector(selector), surroundings))
    if named := environment.get("ANDROID_SERIAL"):
        return connect(_named_by_environment(named, surroundings))
    rows = attached(surroundings)
    if len(rows) > 1:
        raise _several(rows)
    try:
        return connect(rows[0].way if rows else Host())
    except HarnessError as err:
        err.next_step += " Or measure this machine instead: --device host."
        raise


def open_link(
    way: Way,
    *,
    auth_timeout_s: float = AUTH_TIMEOUT_S,
    on_prompt: Callable[[], None] | None = None,
    may_prompt: bool = True,
) -> Link:
    """The link to a device that was found, not connected yet."""
    if isinstance(way, Host):
        return HostLink()
    if isinstance(way, Served):
        return AdbServerLink(
            way.address,
            way.listed,
            auth_timeout_s=auth_timeout_s,
            on_prompt=on_prompt,
            may_prompt=may_prompt,
        )
    if isinstance(way, UsbPort):
        from android_runner.usb import SafeUsbTransport

        transport: Transport = SafeUsbTransport(way.port)
    else:
        transport = SafeTcpTransport(way.host, way.port)
    return AdbLink(
        transport,
        # Looking at a device must not cost its user a new key file.
        keys=partial(load_keys, make=may_prompt),
        auth_timeout_s=auth_timeout_s,
        on_prompt=on_prompt,
        may_prompt=may_prompt,
    )


def _surroundings(
    environment: Mapping[str, str], usb_devices: Path, virtual_phones: Path | None
) -> Surroundings:
    found = Surroundings(environment=environment, usb_devices=usb_devices)
    return found if virtual_phones is None else dataclasses.replace(found, virtual_phones=virtual_phones)


def _connected(way: Way, *, auth_timeout_s: float, on_prompt: Callable[[], None] | None) -> Link:
    link = open_link(way, auth_timeout_s=auth_timeout_s, on_prompt=on_prompt)
    try:
        link.reconnect(timeout_s=CONNECT_TIMEOUT_S)
    except BaseException:
        link.close()
        raise
    return link


def _find(selector: Selector, surroundings: Surroundings) -> Way:
    """The device that was named. Raises NoDevice, SeveralDevices, DeviceNotReady."""
    if isinstance(selector, Host | Tcp):
        return selector
    if isinstance(selector, Server):
        return _of_server(selector, surroundings)
    if isinstance(selector, Usb):
        return _on_usb(selector, surroundings)
    if found := _named(selector.name, surroundings):
        return found
    raise NoDevice("no attached device has the name that was given.", next_step=f"{_SEE}. {FORMS}")


def _named_by_environment(name: str, surroundings: Surroundings) -> Way:
    """As adb takes ANDROID_SERIAL: a name in its list; and whatever --device takes."""
    if found := _named(name, surroundings):
        return found
    try:
        selector = parse_selector(name)
    except ConfigError:
        selector = Name(name=name)
    if isinstance(selector, Tcp | Usb | Server):
        return _find(selector, surroundings)
    raise NoDevice(
        "the device that ANDROID_SERIAL names is not attached.",
        next_step=f"Unset ANDROID_SERIAL, or give --device, which goes before it. {_SEE}",
    )


def _named(name: str, surroundings: Surroundings) -> Way | None:
    served = surroundings.served()
    ways = [each for each in served if each.listed.is_named(name)]
    ports = [port for port in surroundings.unserved_ports(served) if port.serial == name]
    return _one([*ways, *ports])


def _of_server(selector: Server, surroundings: Surroundings) -> Way:
    address = selector.address or surroundings.server_address
    if address is None:
        raise ConfigError(
            "ADB_SERVER_SOCKET and ANDROID_ADB_SERVER_PORT name no TCP address of an adb server.",
            next_step="Give it in full: --device server:HOST:PORT/NAME",
        )
    listed = ask_server(address)
    if listed is None:
        raise DeviceUnreachable(
            f"no adb server answers at {address[0]}:{address[1]}.",
            next_step="Start it there: adb start-server (for other machines: adb -a nodaemon server start).",
        )
    ways = [Served(address=address, listed=each) for each in listed if each.is_named(selector.name)]
    found = _one(ways)
    if found is None:
        names = ", ".join(f"{each.name} ({each.state})" for each in listed) or "nothing"
        raise NoDevice(
            f"the adb server at {address[0]}:{address[1]} lists no device of that name; it lists {names}.",
            next_step="Give one of those after the slash, or plug the phone in there.",
        )
    return found


def _on_usb(selector: Usb, surroundings: Surroundings) -> Way:
    """A phone that a server of this machine holds is used through it; others through their cable."""
    served = tuple(
        each
        for each in surroundings.served()
        # What the server itself may not open is tried directly, which says why.
        if is_local(each.address) and each.listed.on_usb and each.listed.state != NO_PERMISSIONS
    )
    seen: list[Served | UsbPort] = [*served, *surroundings.unserved_ports(served)]
    if found := _one([way for way in seen if _is_at(selector, way)]):
        return found
    if selector.port is not None and not surroundings.usb_devices.exists():
        # A system without /sys: libusb looks for itself.
        return UsbPort(port=selector.port, model=None, denied=False, serial=None)
    where = f"at the USB port {selector.port}" if selector.port else "on this machine's USB"
    raise NoDevice(
        f"no phone {'of that serial number ' if selector.serial else ''}with USB debugging is {where}.",
        next_step=f"Plug it in, and switch on USB debugging (Settings, Developer options). {_SEE}",
    )


def _is_at(selector: Usb, way: Served | UsbPort) -> bool:
    seen = way if isinstance(way, UsbPort) else way.listed
    port = seen.port if isinstance(seen, UsbPort) else seen.usb_port
    if selector.port is not None:
        return port == selector.port
    return selector.serial in (None, seen.serial)


def _one(ways: Sequence[Served | UsbPort]) -> Way | None:
    """None for none. Raises SeveralDevices."""
    if len(ways) > 1:
        raise _several(tuple(row_of(way) for way in ways))
    return ways[0] if ways else None


def _several(rows: tuple[Candidate, ...]) -> SeveralDevices:
    return SeveralDevices(
        f"{len(rows)} devices are attached, and which one is meant is not said:{rows_text(_ask(rows))}",
        next_step="Choose one of these with --device; this machine itself is --device host.",
    )


def _ask(rows: Sequence[Candidate]) -> tuple[Candidate, ...]:
    with ThreadPoolExecutor(max_workers=_MOST_AT_ONCE) as pool:
        return tuple(pool.map(_asked, rows))


def _asked(row: Candidate) -> Candidate:
    """The row with what the device says of itself, or why it cannot be used."""
    if row.state != READY:
        return row
    deadline = time.monotonic() + _ASK_TIMEOUT_S
    link = open_link(row.way, may_prompt=False)
    try:
        link.reconnect(timeout_s=_ASK_TIMEOUT_S)
        left_s = max(0.1, deadline - time.monotonic())
        properties = parse_getprop(link.run("getprop", timeout_s=left_s).text)
    except HarnessError as err:
        log.debug("%s: %s", link.name, err.what)
        state = next((word for kind, word in _STATES if isinstance(err, kind)), err.slug)
        return dataclasses.replace(row, state=state)
    finally:
        link.close()
    return dataclasses.replace(
        row,
        kind=device_kind(properties),
        model=printable(properties.get("ro.product.model")) or row.model,
        abi=printable(properties.get("ro.product.cpu.abi")),
        api_level=parse_api_level(properties.get("ro.build.version.sdk", "")),
    )
