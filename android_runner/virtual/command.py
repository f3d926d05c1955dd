"""`virtual-phone start`: one virtual phone in the foreground, until Ctrl-C, and its owner's answers.

While it runs it is registered, so that the table of devices can name it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import select
import signal
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from android_runner.cache import cache_folder
from android_runner.virtual.phone import Dialog, VirtualPhone
from android_runner.virtual.profile import Profile, emulator, pixel4, pixel8
from results.errors import ConfigError, DeviceLost

# An adb server takes whatever listens there for an emulator, and its transport for its own.
_ADB_SCANS = range(5555, 5586)
# By name: not every system on which this module is imported has all of them.
_SIGNALS = tuple(each for each in signal.Signals if each.name in ("SIGINT", "SIGTERM", "SIGHUP"))
_LOOK_S = 1.0


class _StopError(BaseException):
    """Ctrl-C, or another way to say that it is enough; no Exception, so that nothing else catches it."""


def start(*, abi: str, model: str, auth: bool, port: int, say: Callable[[str], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; nothing of the phone is left then.

    `abi`, `model`: as the command line names them. `auth`: the phone asks, here, whether to allow a
    computer's key. `port` 0: a free one. Raises ConfigError, NoDevice where a sandbox cannot be made, and
    DeviceLost.
    """
    # Phones are told apart by their serial numbers, and several may run at once.
    own = {"ro.serialno": f"VIRTUAL{secrets.token_hex(5).upper()}"}
    profile = _profile(abi, model).with_properties(**own)
    if not 0 <= port <= 65535 or port in _ADB_SCANS:
        raise ConfigError(
            f"--port {port} is no port for a virtual phone.",
            next_step=f"Give another, or none; adb takes {_ADB_SCANS[0]} to {_ADB_SCANS[-1]} for emulators.",
        )
    say("Starting; the first time, its parts come from Debian's archive.")
    phone = VirtualPhone(profile, keys=() if auth else None, arm64=abi == "arm64", port=port)
    with (
        contextlib.suppress(_StopError),
        _until_signalled(),
        _switched_on(phone),
        _registered(phone, profile),
    ):
        name = profile.properties["ro.product.model"]
        say(f"virtual phone: {name}, {profile.properties['ro.product.cpu.abi']}, at {phone.selector}")
        say(f"In another terminal: mobilebert-bench doctor --device {phone.selector}")
        say("Ctrl-C switches it off.")
        if auth:
            with phone.dialog() as dialog:
                _answer(phone, dialog, say)
        while True:
            _wait(phone, None)


def _profile(abi: str, model: str) -> Profile:
    arm64 = abi == "arm64"
    if model == "emulator":
        if arm64:
            raise ConfigError(
                "an emulator of another processor is not offered as a virtual phone.",
                next_step="Give --model emulator --abi x86_64, or --model pixel8 --abi arm64.",
            )
        return emulator()
    return pixel8(arm64=arm64) if model == "pixel8" else pixel4(arm64=arm64)


@contextlib.contextmanager
def _until_signalled() -> Iterator[None]:
    """Turn each of _SIGNALS into _StopError, once: what is cleaned up then is not disturbed."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise _StopError

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _switched_on(phone: VirtualPhone) -> Iterator[None]:
    try:
        phone.__enter__()
    except OSError as err:
        raise ConfigError(
            f"the virtual phone gets no port: {err.strerror}.", next_step="Give another --port, or none."
        ) from err
    try:
        yield
    finally:
        phone.stop()


@contextlib.contextmanager
def _registered(phone: VirtualPhone, profile: Profile) -> Iterator[None]:
    """The phone's file in the registry; those whose process is gone are removed."""
    folder = cache_folder() / "virtual-phones"
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if not Path(f"/proc/{int(json.loads(left_over.read_bytes())['pid'])}").exists():
                left_over.unlink()
    own = folder / f"{phone.port}.json"
    told = {"pid": os.getpid(), "selector": phone.selector, "model": profile.properties["ro.product.model"]}
    part = own.with_name(f"{own.name}.part")
    try:
        part.write_text(json.dumps(told), encoding="utf-8")
        part.replace(own)
        yield
    finally:
        part.unlink(missing_ok=True)
        own.unlink(missing_ok=True)


def _answer(phone: VirtualPhone, dialog: Dialog, say: Callable[[str], None]) -> NoReturn:
    """Ask about each unknown key, on this terminal; an allowed one is remembered while the phone runs."""
    allowed: set[str] = set()
    while True:
        _wait(phone, dialog)
        key = dialog.wait_for_key(timeout_s=_LOOK_S)
        if key not in allowed:
            say(f"Allow debugging? The computer's key: {_fingerprint(key)}. y or n:")
            line = sys.stdin.readline()
            if line.strip().lower() in ("y", "yes"):
                allowed.add(key)
                phone.remember(key)
            elif not line:
                say("nobody can be asked, because standard input has ended")
        say("allowed" if key in allowed else "denied")
        dialog.answer(allow=key in allowed)


def _fingerprint(key: str) -> str:
    """As a phone shows it: the MD5 of the key, in pairs of digits."""
    try:
        content = b64decode(key.split()[0], validate=True)
    except (ValueError, IndexError):
        return "unreadable"
    return hashlib.md5(content, usedforsecurity=False).digest().hex(":").upper()


def _wait(phone: VirtualPhone, dialog: Dialog | None) -> None:
    """Until the dialog has something to read. Raises DeviceLost when the phone has ended by itself."""
    while True:
        if not phone.is_up:
            raise DeviceLost(
                f"the virtual phone at {phone.selector} ended by itself.",
                next_step="Start it again; if it repeats, look at how much memory this machine has left.",
            )
        if select.select([dialog] if dialog is not None else [], [], [], _LOOK_S)[0]:
            return
