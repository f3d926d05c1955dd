"""Phones on this machine's own USB, as Linux shows them in /sys: no cable is opened to look."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

USB_DEVICES = Path("/sys/bus/usb/devices")
_NODES = Path("/dev/bus/usb")
# The class, subclass and protocol by which adb itself knows its interface.
_ADB_INTERFACE = {"bInterfaceClass": "ff", "bInterfaceSubClass": "42", "bInterfaceProtocol": "01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbPort:
    """A port with an ADB device: "1-4" or, behind a hub, "1-4.2", as `adb devices -l` names it too.

    `denied`: this user may not open it. `serial` is for comparing only and is shown nowhere.
    """

    port: str
    model: str | None
    denied: bool
    serial: str | None = field(repr=False)


def usb_ports(devices: Path = USB_DEVICES, nodes: Path = _NODES) -> tuple[UsbPort, ...]:
    """Every port with an ADB interface, by name; empty on systems without /sys."""
    found = {}
    for interface in devices.glob("*:*"):
        if all(_read(interface / name) == value for name, value in _ADB_INTERFACE.items()):
            port = interface.name.partition(":")[0]
            found[port] = UsbPort(
                port=port,
                model=_read(devices / port / "product"),
                denied=_denied(devices / port, nodes),
                serial=_read(devices / port / "serial"),
            )
    return tuple(found[port] for port in sorted(found))


def node_of(port: str, devices: Path = USB_DEVICES, nodes: Path = _NODES) -> Path | None:
    """The device file through which that port is opened: /dev/bus/usb/001/005."""
    bus, number = _read(devices / port / "busnum"), _read(devices / port / "devnum")
    if bus is None or number is None or not (bus.isdecimal() and number.isdecimal()):
        return None
    return nodes / f"{int(bus):03}" / f"{int(number):03}"


def _denied(device: Path, nodes: Path) -> bool:
    node = node_of(device.name, device.parent, nodes)
    return node is not None and node.exists() and not os.access(node, os.R_OK | os.W_OK)


def _read(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    return None
