"""The whole way to a device, one check after the other: passed, or what was found and what to do.

A check that fails hides none of those after it, except where they need the connection that it did not get.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from android_runner import discover
from android_runner.device_text import printable
from android_runner.doctor_checks import CHECKS
from android_runner.doctor_finding import Finding, Patient, Status, failed, passed, skipped
from android_runner.keys import android_folder, load_keys
from android_runner.link import HOST, Link
from android_runner.selector import parse_selector
from results.errors import (
    ConfigError,
    DeviceBusy,
    DeviceLost,
    DeviceUnauthorized,
    DeviceUnreachable,
    ForeignProtocol,
    HarnessError,
    NoDevice,
    RunTimedOut,
    SeveralDevices,
    UsbDenied,
)

_RECONNECT_TIMEOUT_S = 15.0
# The way to a device, in the order in which it may refuse us.
_DEVICE, _USB, _KEYS, _CONNECTION, _AUTHORIZATION = (
    "device",
    "USB permission",
    "keys",
    "connection",
    "authorization",
)
_WAY = (_DEVICE, _USB, _KEYS, _CONNECTION, _AUTHORIZATION)
# Where on that way each error belongs: the first class that fits, else the connection.
_REFUSED_AT: tuple[tuple[type[HarnessError], str], ...] = (
    (UsbDenied, _USB),
    (DeviceUnauthorized, _AUTHORIZATION),
    (DeviceUnreachable, _CONNECTION),
    (ForeignProtocol, _CONNECTION),
    (NoDevice, _DEVICE),
    (SeveralDevices, _DEVICE),
    (ConfigError, _DEVICE),
    (DeviceBusy, _DEVICE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a run needs. `found`: in words; `next_step`: what to do, None where nothing is."""

    name: str
    status: Status
    found: str
    next_step: str | None = None


def examine(
    selector: str | None,
    auth_timeout_s: float,
    *,
    on_prompt: Callable[[], None] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[Check, ...]:
    """Every check, in the order in which a run needs them; nothing that a device does is raised.

    `selector`, `auth_timeout_s` and `on_prompt`: as discover.choose takes them. The device program is sent
    and stays on the device, where the next run finds it. Raises ConfigError for what is no selector.
    """
    if selector is not None:
        parse_selector(selector)  # a typing mistake is no finding about a device
    try:
        link = discover.choose(
            selector, auth_timeout_s=auth_timeout_s, on_prompt=on_prompt, environment=environment
        )
    except HarnessError as err:
        # The device's own checks need a connection; why there is none stands above them.
        later = {name: skipped("there is no connection") for name, _ in CHECKS}
        return _checks({**_refused(err, selector or "", environment), **later})
    with contextlib.closing(link):
        patient = Patient(link=link)
        return _checks(
            {**_connected(link, environment), **{name: _look(look, patient) for name, look in CHECKS}}
        )


def _checks(findings: Mapping[str, Finding]) -> tuple[Check, ...]:
    return tuple(
        Check(
            name=name,
            status=finding.status,
            # Some of it is a device's own text, which shall not steer a terminal.
            found="\n".join(map(printable, finding.found.split("\n"))),
            next_step=finding.next_step,
        )
        for name, finding in findings.items()
    )


def _look(look: Callable[[Patient], Finding], patient: Patient) -> Finding:
    """One check; the harness's own errors are what it failed with."""
    if patient.lost:
        return skipped("the connection was lost")
    try:
        return look(patient)
    except HarnessError as err:
        if isinstance(err, DeviceLost | RunTimedOut):
            try:
                patient.link.reconnect(timeout_s=_RECONNECT_TIMEOUT_S)
            except HarnessError:
                patient.lost = True
        return failed(err.what, err.next_step)


def _connected(link: Link, environment: Mapping[str, str]) -> dict[str, Finding]:
    """The way, when it led to a device."""
    if link.name == HOST:
        return {
            _DEVICE: passed("this machine (host)"),
            **{name: skipped("not for this machine") for name in _WAY[1:]},
        }
    return {
        _DEVICE: passed(link.name),
        _USB: _usb(link.name),
        _KEYS: _keys(link.name, environment),
        _CONNECTION: passed("it answers as adbd"),
        _AUTHORIZATION: passed("it lets this machine in"),
    }


def _refused(err: HarnessError, selector: str, environment: Mapping[str, str]) -> dict[str, Finding]:
    """The way as far as it led: what lies before the refusal passed, what lies after it was not tried."""
    way = {
        _DEVICE: passed("found"),
        _USB: _usb(selector),
        _KEYS: _keys(selector, environment),
        _CONNECTION: passed("it answers as adbd"),
        _AUTHORIZATION: skipped("not tried"),
    }
    at = next((name for kind, name in _REFUSED_AT if isinstance(err, kind)), _CONNECTION)
    if err.what == way[_KEYS].found:
        at = _KEYS  # the device asked for one
    for name in _WAY[_WAY.index(at) + 1 :]:
        if name != _KEYS:
            way[name] = skipped("not tried")
    way[at] = failed(err.what, err.next_step)
    return way


def _usb(name: str) -> Finding:
    return passed("this user may open it") if name.startswith("usb") else skipped("not over USB")


def _keys(name: str, environment: Mapping[str, str]) -> Finding:
    """Whether this machine's ADB keys can be used; none is made to find out."""
    if name.startswith("server:"):
        return skipped("the adb server has its own")
    try:
        keys = load_keys(environment, make=False)
    except HarnessError as err:
        return failed(err.what, err.next_step)
    own = android_folder(environment) / "adbkey"
    if keys:
        return passed(f"{len(keys)} to offer, the first from {keys[0].path}")
    if not _can_be_made(own):
        return failed(
            f"there is no key, and {own} cannot be written",
            f"Make {own.parent} writable for this user, or set ANDROID_USER_HOME to a folder that is.",
        )
    return passed(f"none yet; {own} is made when a phone asks for it")


def _can_be_made(path: Path) -> bool:
    nearest = next(parent for parent in path.parents if parent.exists())
    return os.access(nearest, os.W_OK | os.X_OK)
