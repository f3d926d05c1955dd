"""Discovery with virtual phones and adb's own server: each device is asked, and none is disturbed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.discover import choose
from android_runner.keys import Key
from android_runner.link import HostLink
from android_runner.server_list import Listed, digest
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import emulator
from android_runner.virtual.server import AdbServer
from results.errors import DeviceNotReady, DeviceUnauthorized, SeveralDevices
from tests.android_runner.around import Around, refusal, register, row_of_kind

pytestmark = pytest.mark.adbd


@pytest.fixture
def beside(around: Around, server: AdbServer) -> Around:
    """The same beside a running server."""
    return {**around, "environment": {"ANDROID_ADB_SERVER_PORT": str(server.port)}}


def test_server_without_devices_leaves_the_host(beside: Around) -> None:
    """A developer's machine has a server running at all times."""
    assert isinstance(choose(None, **beside), HostLink)


def test_each_device_is_asked_what_it_is(
    beside: Around, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone
) -> None:
    """The whole table, of a phone in the server's list; what it prints selects that phone."""
    device = served(phone)
    row = row_of_kind(beside, "virtual_phone")
    assert (row.state, row.model, row.abi, row.api_level) == ("ready", "Pixel 4", "x86_64", 33)
    port = beside["environment"]["ANDROID_ADB_SERVER_PORT"]
    assert row.select == f"--device server:127.0.0.1:{port}/{device.name}"
    for selector in (
        row.select.removeprefix("--device "),
        device.name.replace("127", "tcp:127"),
        f"id-{digest(device.serial)}",
    ):
        link = choose(selector, **beside)
        assert link.run("getprop ro.product.model", timeout_s=5).text == "Pixel 4\n"
        link.close()
        with contextlib.closing(choose(link.name, **beside)) as again:
            assert again.name == link.name


def test_the_only_phone_is_used(
    beside: Around, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone
) -> None:
    """No address to look up: it is plugged in, and the job runs on it."""
    served(phone)
    link = choose(None, **beside)
    assert link.run("echo in", timeout_s=5).text == "in\n"
    assert link.name.startswith("server:")


def test_virtual_phone_is_found_by_its_file(around: Around, phone: VirtualPhone) -> None:
    """`virtual-phone start` in another window, and `run` without a word about it in this one."""
    register(around, phone)
    row = row_of_kind(around, "virtual_phone")
    assert (row.state, row.select) == ("ready", f"--device {phone.selector}")
    with contextlib.closing(choose(None, **around)) as link:
        assert link.name == phone.selector


def test_virtual_phone_in_both_lists_is_one(
    beside: Around, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone
) -> None:
    """Somebody typed adb connect as well."""
    served(phone)
    register(beside, phone)
    assert row_of_kind(beside, "virtual_phone").select == f"--device {phone.selector}"


def test_looking_makes_no_phone_ask_its_owner(
    around: Around, virtual_root: Path, own_key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dialog that pops up in somebody's hand because a table was printed, and a key file made for it."""
    monkeypatch.setenv("ANDROID_USER_HOME", str(own_key.path.parent))
    with VirtualPhone(keys=[]) as phone, phone.dialog() as dialog:
        register(around, phone)
        assert row_of_kind(around, "virtual_phone").state == "unauthorized"
        with pytest.raises(TimeoutError):
            dialog.wait_for_key(timeout_s=0.3)
        error = refusal(None, around, auth_timeout_s=0.2)
        assert type(error) is DeviceUnauthorized
        assert dialog.wait_for_key(timeout_s=5)


def test_looking_makes_no_key(
    around: Around, virtual_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first thing that somebody types on a new machine is `devices`."""
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path / "home"))
    with VirtualPhone(keys=[]) as phone:
        register(around, phone)
        assert row_of_kind(around, "virtual_phone").state == "unauthorized"
    assert not (tmp_path / "home").exists()


def test_a_hanging_phone_does_not_hold_up_the_table(
    around: Around, phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown as what it is, by the deadline."""
    monkeypatch.setattr("android_runner.discover._ASK_TIMEOUT_S", 0.3)
    register(around, phone)
    phone.freeze()
    assert row_of_kind(around, "virtual_phone").state == "does not answer"


def test_offline_phone_of_a_server_is_an_error(
    beside: Around, server: AdbServer, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone
) -> None:
    """It went away and adb still lists it."""
    served(phone)
    phone.power_cut()
    server.wait_for("offline")
    error = refusal(None, beside)
    assert type(error) is DeviceNotReady
    assert "offline" in error.what
    assert "--device host" in error.next_step


def test_several_phones_are_listed(
    beside: Around, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone, virtual_root: Path
) -> None:
    """Which one is a choice that only the user can make; an emulator beside a phone is no better."""
    with VirtualPhone(emulator()) as other:
        served(phone)
        register(beside, other)
        error = refusal(None, beside)
    assert type(error) is SeveralDevices
    assert f"/{phone.host}:{phone.port}\n" in error.what
    assert f"--device {other.selector}" in error.what


def test_named_phone_is_connected(around: Around, phone: VirtualPhone) -> None:
    """The direct way, which needs no server and no list."""
    link = choose(phone.selector, **around)
    assert link.name == phone.selector
    assert link.run("echo in", timeout_s=5).text == "in\n"
    link.close()
