"""The whole job on complete arm64 machines: a kernel of their own, and one that has its phone on USB."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.server_list import READY, ask_server
from android_runner.virtual.machine import VirtualMachine
from android_runner.virtual.machine_image import machine_image, missing_packages
from results.errors import HarnessError

# Each launch takes some 6 s there.
BRIEF = ("--recipe", "dynamic_int8", "--launches", "2")

pytestmark = [pytest.mark.adbd, pytest.mark.slow]


@pytest.fixture(scope="module")
def image() -> None:
    """Built in the machine's own cache, before tests choose others."""
    if missing := missing_packages():
        pytest.skip(f"virtual machines need {', '.join(missing)}")
    machine_image()


@pytest.fixture(scope="module")
def machine(image: None) -> Iterator[VirtualMachine]:
    with VirtualMachine() as switched_on:
        yield switched_on


def test_the_whole_job_on_an_arm64_machine(machine: VirtualMachine, run: Callable[..., int]) -> None:
    """On a kernel of its own, with a real /proc and /sys, the whole way works, and nothing is claimed."""
    assert run(machine.selector, *BRIEF) == 0
    _sound(Path("runs/0001"))


def test_the_whole_job_over_usb(image: None, run: Callable[..., int]) -> None:
    """The phone hangs on another computer, whose adb server is reached over the network, as in a lab."""
    with VirtualMachine(cable=True) as machine:
        with contextlib.closing(AdbTcpLink(machine.host, machine.port)) as computer:
            serve = "HOME=/tmp ADB_MDNS=0 /usr/bin/adb -a nodaemon server </dev/null >/dev/null 2>&1 &"
            computer.run(serve, timeout_s=20)
        address = (machine.host, machine.server_port)
        _wait_until_listed(address)
        selector = f"server:{address[0]}:{address[1]}/usb:1-1"
        assert run(selector, *BRIEF) == 0
    _sound(Path("runs/0001"))
    assert json.loads(Path("runs/0001/record.json").read_text())["device"]["kind"] == "virtual_phone"
    for path in Path("runs/0001").iterdir():
        assert b"VIRTUAL0000PIXEL4" not in path.read_bytes(), path.name


def _wait_until_listed(address: tuple[str, int]) -> None:
    """The port is open before the machine's server is; then the server looks at its USB once a second."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(HarnessError):
            if [each.state for each in ask_server(address) or ()] == [READY]:
                return
        time.sleep(0.2)
    raise TimeoutError("the computer's adb server does not list the phone")


def _sound(folder: Path) -> None:
    record = json.loads((folder / "record.json").read_text())
    assert record["program"]["abi"] == "arm64-v8a"
    assert [one["status"] for one in record["parities"]] == ["passed"]
    assert len(record["launches"]) == 2
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["verdict"]["status"] == "not_comparable"
