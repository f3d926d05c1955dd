"""What a computer meets on a phone's USB cable, row by row. Runs inside a virtual machine, as root.

Prints one JSON object: the name of each row to what was seen. The log goes to stderr.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from android_runner.discover import choose, list_devices
from android_runner.link import Link
from android_runner.server_list import DEFAULT_ADDRESS, READY, ask_server
from android_runner.usb_ports import usb_ports
from results.errors import HarnessError

CABLE = Path("/cable")
SCRATCH = Path("/tmp")
# Whole packets of 512 bytes, one more, one less: a transfer ends with a packet that is not full.
SIZES = (1, 511, 512, 513, 65536, 3 << 20)
PATIENCE_S = 30.0
UNASKED = {"ANDROID_ADB_SERVER_PORT": "5038"}  # where no server runs

Seen = dict[str, Any]


def nothing_plugged_in() -> Seen:
    _unplug()
    try:
        return _refusal(lambda: choose("usb", environment={}))
    finally:
        _plug_in()


def wrong_serial() -> Seen:
    return _refusal(lambda: choose("usb:0123456789ABCDEF", environment={}))


def no_libusb() -> Seen:
    hidden = {name: sys.modules.pop(name, None) for name in ("usb1", "adb_shell.transport.usb_transport")}
    sys.modules["usb1"] = None  # type: ignore[assignment]  # Python's own way to make an import fail
    try:
        return _refusal(lambda: choose("usb", environment={}))
    finally:
        del sys.modules["usb1"]
        sys.modules.update({name: module for name, module in hidden.items() if module is not None})


def no_permission() -> Seen:
    os.setresuid(1000, 1000, 0)
    try:
        return _refusal(lambda: choose("usb", environment={})) | {"states": _states({})}
    finally:
        os.setresuid(0, 0, 0)


def three_names() -> Seen:
    """By the cable, by its port, by its serial number: the same phone, under one name."""
    (port,) = usb_ports()
    names = {}
    for selector in ("usb", f"usb:{port.port}", f"usb:{port.serial}"):
        link = choose(selector, environment={})
        names[link.name] = link.run("id -un", timeout_s=PATIENCE_S).text.strip()
        link.close()
    return {"names": names, "rows": _rows({})}


def commands() -> Seen:
    with _link() as link:
        done = [link.run(command, timeout_s=PATIENCE_S) for command in ("exit 7", "echo out; echo err >&2")]
        begin = time.monotonic()
        slow = _refusal(lambda: link.run("sleep 300; true", timeout_s=1))
        seconds = time.monotonic() - begin
        link.reconnect(timeout_s=PATIENCE_S)
        left = link.run("ps -A -o ARGS | grep -c '^sleep 300'", timeout_s=PATIENCE_S).text.strip()
    return {
        "codes": [one.exit_code for one in done],
        "out": done[1].text,
        "err": done[1].error_text,
        "slow": slow["error"],
        "seconds": seconds,
        "left_running": left,
    }


def files() -> Seen:
    wrong = []
    with _link() as link:
        for size in SIZES:
            sent, back = SCRATCH / "sent", SCRATCH / "back"
            sent.write_bytes(os.urandom(size))
            remote = f"/data/local/tmp/file of {size}"
            begin = time.monotonic()
            link.push(sent, remote, mode=0o755, timeout_s=PATIENCE_S)
            rate = size / (time.monotonic() - begin)
            there = link.run(f"sha256sum '{remote}'; stat -c %a '{remote}'", timeout_s=PATIENCE_S).text
            link.pull(remote, back, timeout_s=PATIENCE_S)
            digest = hashlib.sha256(sent.read_bytes()).hexdigest()
            # adbd gives group and others what the owner has.
            if not there.startswith(digest) or not there.endswith("\n777\n"):
                wrong.append(f"{size} pushed: {there}")
            if back.read_bytes() != sent.read_bytes():
                wrong.append(f"{size} pulled")
        missing = _refusal(lambda: link.pull("/data/local/tmp/none", SCRATCH / "none", timeout_s=PATIENCE_S))
    return {"wrong": wrong, "missing": missing["error"], "bytes_per_s": rate}


def cable_pulled() -> Seen:
    """In a command that says nothing; the phone that comes back is found by the same link."""
    with _link() as link:
        pulled: list[float] = []

        def pull() -> None:
            time.sleep(1)
            pulled.append(time.monotonic())
            _unplug()

        puller = threading.Thread(target=pull)
        puller.start()
        lost = _refusal(lambda: link.run("sleep 30", timeout_s=60))
        lost["seconds"] = time.monotonic() - pulled[0]
        puller.join()
        away = _refusal(lambda: link.reconnect(timeout_s=1))
        _plug_in(wait=False)
        link.reconnect(timeout_s=PATIENCE_S)
        return lost | {"away": away["error"], "back": link.run("echo back", timeout_s=PATIENCE_S).text}


def server_holds_it() -> Seen:
    """The server that adb would ask is used; one that is not asked is in the way, until it is ended."""
    with _server():
        (rows, link) = _rows({}), choose("usb", environment={})
        used = link.run("exit 7", timeout_s=PATIENCE_S).exit_code
        link.close()
        held = _refusal(lambda: choose("usb", environment=UNASKED))
        states = _states(UNASKED)
        subprocess.run(["/usr/bin/adb", "kill-server"], check=True, capture_output=True)
    freed = choose("usb", environment={})
    try:
        return held | {
            "states": states,
            "rows": rows,
            "used": [link.name, used],
            "freed": [freed.name, freed.run("echo free", timeout_s=PATIENCE_S).text],
        }
    finally:
        freed.close()


@contextmanager
def _link() -> Iterator[Link]:
    link = choose("usb", environment={})
    try:
        yield link
    finally:
        link.close()


@contextmanager
def _server() -> Iterator[None]:
    environment = {"HOME": "/tmp", "PATH": os.environ["PATH"], "ADB_MDNS": "0"}
    with subprocess.Popen(
        ["/usr/bin/adb", "nodaemon", "server"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _until(_is_served)
            yield
        finally:
            server.kill()


def _is_served() -> bool:
    with contextlib.suppress(HarnessError):  # it listens some time before it answers
        return [each.state for each in ask_server(DEFAULT_ADDRESS) or ()] == [READY]
    return False


def _unplug() -> None:
    CABLE.write_text("out\n")
    _until(lambda: not usb_ports())


def _plug_in(*, wait: bool = True) -> None:
    CABLE.write_text("in\n")
    if wait:
        _until(lambda: bool(usb_ports()))


def _rows(environment: dict[str, str]) -> list[str]:
    return [row.select for row in list_devices(environment=environment)]


def _states(environment: dict[str, str]) -> list[str]:
    return [row.state for row in list_devices(environment=environment)]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.1)


def _refusal(call: Callable[[], object]) -> Seen:
    try:
        call()
    except HarnessError as err:
        return {"error": type(err).__name__, "text": err.render()}
    return {"error": None, "text": ""}


ROWS = (
    nothing_plugged_in,
    wrong_serial,
    no_libusb,
    no_permission,
    three_names,
    commands,
    files,
    cable_pulled,
    server_holds_it,
)


def main() -> None:
    logging.basicConfig(level=logging.DEBUG)
    seen = {}
    for row in ROWS:
        begin = time.monotonic()
        try:
            seen[row.__name__] = row()
        except Exception as err:
            logging.getLogger(__name__).exception("row %s", row.__name__)
            seen[row.__name__] = {"fault": repr(err)}
        seen[row.__name__]["took_s"] = round(time.monotonic() - begin, 1)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
