"""`virtual-phone start` as its users run it: in a terminal of its own, and gone without a trace after it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_runner.discover import choose, list_devices
from android_runner.virtual import command
from results.errors import ConfigError, DeviceUnauthorized

_WAIT_S = 20.0
_CALL = "from benchmark.cli import main; main()"
Start = Callable[..., "_Running"]


class _Running:
    """The command in a process of its own, and what it says on stderr."""

    def __init__(self, arguments: tuple[str, ...], temporary: Path) -> None:
        self._said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CALL, "virtual-phone", "start", *arguments],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as words:
            self._said += iter(words.readline, "")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Until it has said so."""
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            if found := re.search(pattern, "".join(self._said)):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise TimeoutError("".join(self._said))

    @property
    def selector(self) -> str:
        return self.wait_for(r"--device (\S+)\n")[1]

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def end(self, number: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(_WAIT_S)
        self._reader.join()
        assert self.process.stdin is not None
        self.process.stdin.close()
        return code


@pytest.fixture
def start(virtual_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start the command, with a cache, keys and a folder for temporary files of its own."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/virtual").symlink_to(virtual_root.parent)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path / "keys"))
    running: list[_Running] = []

    def begin(*arguments: str) -> _Running:
        running.append(_Running(arguments, tmp_path / "tmp"))
        return running[-1]

    yield begin
    for each in running:
        each.end(signal.SIGTERM)


def _registered(tmp_path: Path) -> dict[str, dict[str, object]]:
    files = (tmp_path / "cache/virtual-phones").glob("*")
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in files}


def _left_of(tmp_path: Path) -> list[str]:
    """Folders, registered phones, and processes that have to do with `tmp_path`."""
    left = [str(path) for path in (tmp_path / "tmp").iterdir()] + list(_registered(tmp_path))
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(tmp_path / "tmp") in (process / "cmdline").read_bytes().decode(errors="replace"):
                left.append(process.name)
    return left


@pytest.mark.adbd
def test_two_at_once_and_nothing_left(start: Start, tmp_path: Path) -> None:
    """Whoever compares two phones starts two; whoever ends them, by key or by kill, wants them gone."""
    first, second = start("--model", "pixel8"), start()
    phones = {"Pixel 8": first, "Pixel 4": second}
    assert len({each.selector for each in phones.values()}) == 2
    assert {entry["model"]: entry["selector"] for entry in _registered(tmp_path).values()} == {
        model: each.selector for model, each in phones.items()
    }
    rows = {row.model: row for row in list_devices(environment={}) if row.kind == "virtual_phone"}
    assert {model: row.select for model, row in rows.items()} == {
        model: f"--device {each.selector}" for model, each in phones.items()
    }
    with contextlib.closing(choose(first.selector)) as link:
        assert link.run("getprop ro.product.device", timeout_s=10).text == "shiba\n"
    assert first.end(signal.SIGINT) == 0
    assert list(_registered(tmp_path)) == [f"{second.selector.rpartition(':')[2]}.json"]
    assert second.end(signal.SIGTERM) == 0
    assert _left_of(tmp_path) == []


@pytest.mark.adbd
def test_owner_answers_in_the_terminal(start: Start) -> None:
    """The way of a new phone: No first, then Allow, and then it is not asked about again."""
    phone = start("--auth")
    selector = phone.selector
    phone.type("n\n")
    with pytest.raises(DeviceUnauthorized):
        choose(selector, auth_timeout_s=1.0)
    phone.type("y\n")
    for _ in range(2):
        with contextlib.closing(choose(selector, auth_timeout_s=10)) as link:
            assert link.run("echo in", timeout_s=10).text == "in\n"
    said = phone.wait_for(r"(?s)Allow.*denied.*Allow.*allowed")[0]
    assert said.count("Allow debugging") == 2
    assert re.search(r"key: ([0-9A-F]{2}:){15}[0-9A-F]{2}\.", said)


@pytest.mark.adbd
def test_nobody_to_ask(start: Start) -> None:
    """In a script there is no terminal: denied, and said, instead of a wait without end."""
    phone = start("--auth")
    assert phone.process.stdin is not None
    phone.process.stdin.close()
    with pytest.raises(DeviceUnauthorized):
        choose(phone.selector, auth_timeout_s=1.0)
    phone.wait_for("nobody can be asked")


@pytest.mark.adbd
def test_dead_phones_leave_the_registry(start: Start, tmp_path: Path) -> None:
    """A killed process cannot clean up; its successor does, and the devices table skips it meanwhile."""
    killed = start()
    killed.wait_for("Ctrl-C")
    killed.end(signal.SIGKILL)
    assert len(_registered(tmp_path)) == 1
    assert [row.kind for row in list_devices(environment={})] == ["host"]
    fresh = start()
    fresh.wait_for("Ctrl-C")
    assert [entry["pid"] for entry in _registered(tmp_path).values()] == [fresh.process.pid]
    fresh.end(signal.SIGTERM)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"model": "emulator", "abi": "arm64"}, "--abi x86_64"),
        ({"port": 5555}, "5555 to 5585"),
        ({"port": 5585}, "5555 to 5585"),
        ({"port": 70000}, "another"),
        ({"port": -1}, "another"),
    ],
)
def test_wrong_calls(options: dict[str, object], advice: str) -> None:
    """An adb server would take a phone at such a port for an emulator of its own."""
    call = {"abi": "x86_64", "model": "pixel4", "auth": False, "port": 0, "say": print} | options
    with pytest.raises(ConfigError) as caught:
        command.start(**call)
    assert advice in caught.value.next_step


@pytest.mark.adbd
def test_taken_port_is_said(start: Start) -> None:
    """Two phones cannot share a port, and a traceback would not say so."""
    port = start().selector.rpartition(":")[2]
    second = start("--port", port)
    second.wait_for("error: config\n.*no port: Address already in use")
    assert second.process.wait(_WAIT_S) == 2
