"""Whether a phone that answers has started: its daemon is up seconds before Android is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.boot import boot
from android_runner.conditions import conditions
from android_runner.link import HostLink
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import emulator, lying, pixel4, pixel8


@pytest.mark.adbd
@pytest.mark.parametrize(
    ("properties", "completed"),
    [
        ({"ro.build.version.sdk": "33"}, False),
        ({"ro.build.version.sdk": "33", "sys.boot_completed": "0"}, False),
        ({"ro.build.version.sdk": "33", "sys.boot_completed": "1"}, True),
        ({}, True),
    ],
    ids=["Android says nothing yet", "says no", "says yes", "bare Linux"],
)
def test_booting_phone_has_not_started(
    virtual_root: Path,
    link_to: Callable[..., AdbTcpLink],
    properties: dict[str, str],
    completed: bool,
) -> None:
    """A launch among all that Android starts would be slow; a system without Android never says more."""
    with VirtualPhone(dataclasses.replace(pixel4(), properties=properties)) as phone:
        assert boot(link_to(phone)).completed is completed


@pytest.mark.adbd
def test_boot_is_the_one_of_the_conditions(adb: AdbTcpLink) -> None:
    """Both are compared in the search for a restart."""
    assert boot(adb).id == conditions(adb).boot_id is not None


def test_host_has_started() -> None:
    """It is asked for no property of Android's, should it have a getprop."""
    now = boot(HostLink())
    assert now.completed
    assert now.id == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@pytest.mark.parametrize("profile", [pixel4, pixel8, emulator, lying])
def test_virtual_phones_have_started(profile: Callable[..., object]) -> None:
    """One that did not say so would never be measured."""
    assert profile().properties["sys.boot_completed"] == "1"  # type: ignore[attr-defined]
