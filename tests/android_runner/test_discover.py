"""What is seen, what is chosen, and that the host is measured only when nothing else is meant."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_runner.discover import (
    Candidate,
    choose,
    list_devices,
    parse_address,
    parse_server_list,
    server_address,
)
from android_runner.link import HostLink
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.server import AdbServer
from results.errors import (
    ConfigError,
    DeviceNotReady,
    DeviceUnauthorized,
    DeviceUnreachable,
    HarnessError,
    SeveralDevices,
)

# Lines of `adb devices -l` as users have reported them.
LISTED = """R58M12ABCDE            device usb:1-4 product:beyond1ltexx model:SM_G973F device:beyond1 transport_id:3
0123456789ABCDEF       no permissions (user in plugdev group; are your udev rules wrong?); see [http://x] usb:1-2
HT85G1A00001           unauthorized usb:3-1 transport_id:9
192.168.1.20:5555      offline product:flame model:Pixel_4 device:flame transport_id:1
emulator-5554          device product:sdk_gphone64 model:sdk_gphone64_x86_64 device:emu64xa transport_id:2
serial with blanks     device usb:1-7 product:x model:Tab device:x transport_id:5
adb-HT85G1A00001-aBcDeF._adb-tls-connect._tcp device product:flame model:Pixel_4 device:flame transport_id:6
garbage
"""  # noqa: E501 (lines of adb)
SERIALS = ("R58M12ABCDE", "0123456789ABCDEF", "HT85G1A00001", "serial with blanks")
OVER_TCP = "adb tcpip 5555, then --device tcp:PHONE_IP:5555"


@pytest.fixture
def closed_port() -> int:
    """A port where no adb server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def nothing(closed_port: int, tmp_path: Path) -> dict[str, object]:
    """Arguments of discovery for a machine with no server and no USB device."""
    return {"environment": {"ANDROID_ADB_SERVER_PORT": str(closed_port)}, "usb_devices": tmp_path}


def _plug_in(usb_devices: Path, *, protocol: str = "01", product: str | None = "Pixel 4") -> None:
    """A phone as Linux shows it in /sys/bus/usb/devices; its second interface is the ADB one."""
    (usb_devices / "1-4").mkdir()
    if product is not None:
        (usb_devices / "1-4/product").write_text(f"{product}\n", encoding="utf-8")
    (usb_devices / "1-4/serial").write_text("SERIAL0001\n", encoding="utf-8")
    for number, values in ((0, ("06", "01", "01")), (1, ("ff", "42", protocol))):
        interface = usb_devices / f"1-4:1.{number}"
        interface.mkdir()
        for name, value in zip(
            ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"), values, strict=True
        ):
            (interface / name).write_text(f"{value}\n", encoding="utf-8")


def test_host_is_chosen_when_nothing_is_attached(nothing: dict[str, object]) -> None:
    """`make bench` on a machine without a phone."""
    assert isinstance(choose(None, **nothing), HostLink)  # type: ignore[arg-type]
    (host,) = list_devices(**nothing)  # type: ignore[arg-type]
    assert (host.kind, host.select) == ("host", "--device host")


def test_usb_phone_is_never_passed_over_for_the_host(nothing: dict[str, object], tmp_path: Path) -> None:
    """Somebody plugged in a phone and wants its figures: the host's would be taken for them."""
    _plug_in(tmp_path)
    with pytest.raises(DeviceNotReady, match="Pixel 4") as caught:
        choose(None, **nothing)  # type: ignore[arg-type]
    assert OVER_TCP in caught.value.next_step
    assert "--device host" in caught.value.next_step
    assert isinstance(choose("host", **nothing), HostLink)  # type: ignore[arg-type]


def test_usb_devices_without_adb_do_not_count(nothing: dict[str, object], tmp_path: Path) -> None:
    """Fastboot is the same interface with another protocol number."""
    _plug_in(tmp_path, protocol="03")
    assert [candidate.kind for candidate in list_devices(**nothing)] == ["host"]  # type: ignore[arg-type]


def test_usb_phone_without_a_name(nothing: dict[str, object], tmp_path: Path) -> None:
    """Some devices have no product text; the serial must not stand in for it."""
    _plug_in(tmp_path, product=None)
    phone, _ = list_devices(**nothing)  # type: ignore[arg-type]
    assert phone == Candidate(state="on USB", kind="usb", model=None, select=OVER_TCP)


def test_server_list_is_understood() -> None:
    """Every state counts, a serial with blanks too, and a line of unknown form."""
    rows = parse_server_list(LISTED)
    assert [(row.state, row.kind, row.model, port) for row, port in rows] == [
        ("ready", "usb", "SM G973F", "1-4"),
        ("no permissions", "usb", None, "1-2"),
        ("unauthorized", "usb", None, "3-1"),
        ("offline", "network", "Pixel 4", None),
        ("ready", "emulator", "sdk gphone64 x86 64", None),
        ("ready", "usb", "Tab", "1-7"),
        ("ready", "network", "Pixel 4", None),
        ("unknown", "usb", None, None),
    ]
    assert rows[3][0].select == "--device tcp:192.168.1.20:5555"
    assert rows[4][0].select == "--device tcp:127.0.0.1:5555"
    assert rows[6][0].select == OVER_TCP


def test_no_serial_is_shown() -> None:
    """It names a person's phone for ever."""
    shown = repr(parse_server_list(LISTED))
    assert not [serial for serial in SERIALS if serial in shown]


@pytest.mark.parametrize(
    ("selector", "address"),
    [
        ("tcp:192.168.1.20:5555", ("192.168.1.20", 5555)),
        ("192.168.1.20:5555", ("192.168.1.20", 5555)),
        ("tcp:my-phone.local:40123", ("my-phone.local", 40123)),
        ("tcp:[fe80::1%eth0]:5555", ("fe80::1%eth0", 5555)),
    ],
)
def test_addresses(selector: str, address: tuple[str, int]) -> None:
    """The two accepted forms, and IPv6."""
    assert parse_address(selector) == address


@pytest.mark.parametrize(
    "selector",
    ["", "tcp", "tcp:phone", "tcp:phone:0", "tcp:phone:99999", "tcp:phone:x", "R58M12ABCDE", "Host", "::1:5"],
)
def test_typing_mistakes_name_the_accepted_forms(selector: str) -> None:
    """A wrong call, not a missing device: exit 2."""
    with pytest.raises(ConfigError) as caught:
        choose(selector)
    assert "--device tcp:HOST:PORT" in caught.value.next_step
    assert "R58M12ABCDE" not in caught.value.render()


@pytest.mark.parametrize("selector", ["usb", "usb:R58M12ABCDE", "server:localhost:5037/x"])
def test_ways_of_a_later_version_say_what_works_now(selector: str) -> None:
    """They are documented for later; now there is one way, and it is one command away."""
    with pytest.raises(ConfigError) as caught:
        choose(selector)
    assert "adb tcpip 5555" in caught.value.next_step


def test_absent_device_never_falls_back(closed_port: int) -> None:
    """Whoever names a device wants that device's figures."""
    with pytest.raises(DeviceUnreachable):
        choose(f"tcp:127.0.0.1:{closed_port}")


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, ("127.0.0.1", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "5038"}, ("127.0.0.1", 5038)),
        ({"ADB_SERVER_SOCKET": "tcp:5039"}, ("127.0.0.1", 5039)),
        ({"ADB_SERVER_SOCKET": "tcp:lab:5040", "ANDROID_ADB_SERVER_PORT": "1"}, ("lab", 5040)),
        ({"ADB_SERVER_SOCKET": "localfilesystem:/tmp/adb"}, None),
    ],
)
def test_server_is_looked_for_where_adb_looks(
    environment: dict[str, str], address: tuple[str, int] | None
) -> None:
    """A phone that adb would see must not be overlooked."""
    assert server_address(environment) == address


def test_something_else_on_the_servers_port_is_an_error() -> None:
    """It may be a hanging adb server with a phone on it: better to stop than to measure the host."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DeviceNotReady, match="adb server's port"):
            list_devices(environment={"ANDROID_ADB_SERVER_PORT": str(listener.getsockname()[1])})
        thread.join()


@pytest.fixture
def server(virtual_root: Path) -> Iterator[AdbServer]:
    """adb's own server, with no device yet."""
    with AdbServer() as running:
        yield running


@pytest.fixture
def refusal(server: AdbServer, tmp_path: Path) -> Callable[[], HarnessError]:
    """What choose(None) says with that server."""

    def run() -> HarnessError:
        with pytest.raises(HarnessError) as caught:
            choose(None, environment={"ANDROID_ADB_SERVER_PORT": str(server.port)}, usb_devices=tmp_path)
        return caught.value

    return run


@pytest.mark.adbd
def test_server_without_devices_leaves_the_host(server: AdbServer, tmp_path: Path) -> None:
    """A developer's machine has a server running at all times."""
    environment = {"ANDROID_ADB_SERVER_PORT": str(server.port)}
    assert isinstance(choose(None, environment=environment, usb_devices=tmp_path), HostLink)


@pytest.mark.adbd
def test_phone_of_a_server_is_named_with_its_address(
    server: AdbServer, refusal: Callable[[], HarnessError], phone: VirtualPhone
) -> None:
    """It was connected by `adb connect`: the same address works here."""
    server.ask(f"host:connect:{phone.host}:{phone.port}")
    server.wait_for(" device ")
    error = refusal()
    assert type(error) is DeviceNotReady
    assert "Pixel 4 (network, ready)" in error.what
    assert f"--device {phone.selector}" in error.next_step


@pytest.mark.adbd
def test_unauthorized_phone_of_a_server_is_an_error(
    server: AdbServer, refusal: Callable[[], HarnessError], virtual_root: Path
) -> None:
    """The host must not be measured while a phone waits for its owner's tap."""
    with VirtualPhone(keys=[]) as phone:
        server.ask(f"host:connect:{phone.host}:{phone.port}")
        server.wait_for("unauthorized")
        error = refusal()
    assert type(error) is DeviceUnauthorized
    assert "Accept" in error.next_step


@pytest.mark.adbd
def test_offline_phone_of_a_server_is_an_error(
    server: AdbServer, refusal: Callable[[], HarnessError], phone: VirtualPhone
) -> None:
    """It went away and adb still lists it."""
    server.ask(f"host:connect:{phone.host}:{phone.port}")
    server.wait_for(" device ")
    phone.power_cut()
    server.wait_for("offline")
    error = refusal()
    assert type(error) is DeviceNotReady
    assert "offline" in error.what


@pytest.mark.adbd
def test_several_phones_are_listed(
    server: AdbServer, refusal: Callable[[], HarnessError], phone: VirtualPhone, virtual_root: Path
) -> None:
    """Which one is a choice that only the user can make."""
    with VirtualPhone() as other:
        for each in (phone, other):
            server.ask(f"host:connect:{each.host}:{each.port}")
            server.wait_for(str(each.port))
        error = refusal()
    assert type(error) is SeveralDevices
    assert phone.selector in error.next_step
    assert other.selector in error.next_step


@pytest.mark.adbd
def test_named_phone_is_connected(phone: VirtualPhone) -> None:
    """The one way that this version has."""
    link = choose(phone.selector)
    assert link.name == phone.selector
    assert link.run("echo in", timeout_s=5).text == "in\n"
    link.close()
