"""`getprop` and `df`."""

from __future__ import annotations

import pytest

from android_runner.device_text import parse_df, parse_getprop
from android_runner.probe import device_kind
from results.errors import OutputUnreadable
from tests.android_runner.device_samples import EMULATOR_GETPROP


def test_getprop_values_may_span_lines() -> None:
    """The boot history has one reason a line, and a bracket at a line's end."""
    history = "[persist.sys.boot.reason.history]: [reboot,1700000000\n[odd]\nshell,1690000000]\n"
    text = f"{history}[ro.product.model]: [Pixel 8]\n"
    assert parse_getprop(text) == {
        "persist.sys.boot.reason.history": "reboot,1700000000\n[odd]\nshell,1690000000",
        "ro.product.model": "Pixel 8",
    }


def test_getprop_of_an_emulator() -> None:
    """Its own marks, and a bridge for foreign programs whose timing would be another machine's."""
    properties = parse_getprop(EMULATOR_GETPROP)
    assert len(properties) == len(EMULATOR_GETPROP.splitlines())
    assert properties["ro.boot.qemu"] == "1"
    assert properties["ro.product.cpu.abilist"] == "x86_64,arm64-v8a"
    assert device_kind(properties) == "emulator"


def test_getprop_keeps_empty_values_and_brackets_and_folds_crlf() -> None:
    """An old phone's terminal sends CRLF."""
    text = "[a.b]: []\r\n[c]: [x]: [y]\r\n"
    assert parse_getprop(text) == {"a.b": "", "c": "x]: [y"}


def test_torn_getprop_names_line_and_property_but_no_value() -> None:
    """The value may be the serial number."""
    with pytest.raises(OutputUnreadable, match="line 2 of the device's getprop") as caught:
        parse_getprop("[a]: [b]\n[ro.serialno]: [SECRET")
    assert "ro.serialno" in caught.value.what
    assert "SECRET" not in caught.value.render() + repr(caught.value.facts)


def test_something_else_is_no_getprop() -> None:
    """A shell's error message must not read as a phone without properties."""
    with pytest.raises(OutputUnreadable, match="getprop"):
        parse_getprop("/bin/sh: getprop: not found\n")


@pytest.mark.parametrize(
    ("text", "free_bytes"),
    [
        (
            "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/block/dm-5 111 11 100 10% /data\n",
            102400,
        ),
        ("Filesystem      1K-blocks     Used Available Use% Mounted on\ntmpfs 0 0 0 - /x y\n", 0),
        ("df: /data: Permission denied\n", None),
        ("", None),
    ],
)
def test_free_space(text: str, free_bytes: int | None) -> None:
    """What df does not say stays unknown."""
    assert parse_df(text) == free_bytes
