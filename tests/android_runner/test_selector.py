"""What --device takes: each form, and what is no form at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_runner.selector import Host, Name, Selector, Server, Tcp, Usb, parse_selector
from android_runner.transport import SafeTcpTransport
from results.errors import ConfigError

SERIAL = "R58M12ABCDE"


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("host", Host()),
        ("tcp:192.168.1.20:5555", Tcp(host="192.168.1.20", port=5555)),
        ("192.168.1.20:5555", Tcp(host="192.168.1.20", port=5555)),
        ("tcp:my-phone.local:40123", Tcp(host="my-phone.local", port=40123)),
        ("tcp:[fe80::1%eth0]:5555", Tcp(host="fe80::1%eth0", port=5555)),
        ("usb", Usb()),
        ("usb:1-4", Usb(port="1-4")),
        ("usb:2-1.4.3", Usb(port="2-1.4.3")),
        (f"usb:{SERIAL}", Usb(serial=SERIAL)),
        ("usb:two words", Usb(serial="two words")),
        ("server:/emulator-5554", Server(address=None, name="emulator-5554")),
        ("server:lab:5037/usb:1-4", Server(address=("lab", 5037), name="usb:1-4")),
        ("server:[::1]:5038/10.0.0.7:5555", Server(address=("::1", 5038), name="10.0.0.7:5555")),
        ("server:/id-0123abcd", Server(address=None, name="id-0123abcd")),
        ("emulator-5554", Name(name="emulator-5554")),
        (SERIAL, Name(name=SERIAL)),
    ],
)
def test_each_form_is_read(text: str, selector: Selector) -> None:
    """Every way to a device that the table prints, and what people type from memory."""
    assert parse_selector(text) == selector


@pytest.mark.parametrize("selector", ["tcp:192.168.1.20:5555", "tcp:[fe80::1%eth0]:5555"])
def test_a_links_name_selects_it_again(selector: str) -> None:
    """`resume` goes on with the name that the record holds."""
    parsed = parse_selector(selector)
    assert isinstance(parsed, Tcp)
    assert SafeTcpTransport(parsed.host, parsed.port).name == selector


@pytest.mark.parametrize("name", ["a b", 'it\'s "x"', "$(touch owned)", "two\nlines", "a/b", "größe"])
def test_any_name_of_a_server_is_taken_as_it_is(name: str) -> None:
    """adb lets a device's maker choose its serial number; no character of it may mean something here."""
    assert parse_selector(f"server:/{name}") == Server(address=None, name=name)
    assert parse_selector(f"server:lab:5037/{name}") == Server(address=("lab", 5037), name=name)
    assert parse_selector(f"usb:{name}") == Usb(serial=name)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\n", "Host", "tcp", "tcp:", "tcp:phone", "tcp:phone:0", "tcp:phone:99999", "tcp:phone:x"),
        *(
            "::1:5",
            "usb:",
            "server",
            "server:",
            "server:/",
            "server:lab/x",
            "server:lab:0/x",
            "server:lab:5037",
        ),
    ],
)
def test_typing_mistakes_name_the_accepted_forms(text: str) -> None:
    """A wrong call, not a missing device: exit 2."""
    with pytest.raises(ConfigError) as caught:
        parse_selector(text)
    assert "tcp:HOST:PORT" in caught.value.next_step


@pytest.mark.parametrize("text", [f"{SERIAL}:x", f"server:lab:99999/{SERIAL}"])
def test_what_may_hold_a_serial_is_not_repeated(text: str) -> None:
    """Error messages are pasted into tickets."""
    with pytest.raises(ConfigError) as caught:
        parse_selector(text)
    assert SERIAL not in caught.value.render()


@pytest.mark.parametrize(
    "selector", [Usb(serial=SERIAL), Server(address=("lab", 5037), name=SERIAL), Name(name=SERIAL)]
)
def test_a_selector_shows_no_serial(selector: Selector) -> None:
    """Values end in logs and tracebacks."""
    assert SERIAL not in repr(selector)


@given(st.text(max_size=12) | st.from_regex(r"(tcp|usb|server):?[\w\[\]:./%-]{0,12}"))
def test_any_text_is_a_selector_or_a_wrong_call(text: str) -> None:
    """Nothing that is typed may end in a traceback, and no port may be one that does not exist."""
    try:
        selector = parse_selector(text)
    except ConfigError:
        return
    if isinstance(selector, Tcp):
        assert 1 <= selector.port <= 65535
    if isinstance(selector, Server) and selector.address is not None:
        assert 1 <= selector.address[1] <= 65535
