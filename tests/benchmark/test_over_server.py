"""The whole job through adb's own server, and the table that says how to get there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.server import AdbServer
from benchmark.cli import call

pytestmark = pytest.mark.adbd


@pytest.fixture
def held_phone(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualPhone]:
    """A phone that a running server holds; the server is where adb would look for it."""
    with VirtualPhone() as phone, AdbServer() as server:
        server.ask(f"host:connect:{phone.host}:{phone.port}")
        server.wait_for(" device ")
        for name in ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_SERIAL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
        yield phone


def test_the_whole_job_as_the_table_says(
    run: Callable[..., int], held_phone: VirtualPhone, capfd: pytest.CaptureFixture[str]
) -> None:
    """Most developers' machines have such a server, and it keeps everybody else off the phone."""
    assert call(["devices"]) == 0
    table = capfd.readouterr().out
    (row,) = (line for line in table.splitlines() if f"{held_phone.host}:{held_phone.port}" in line)
    assert row.split()[:5] == ["ready", "Pixel", "4", "x86_64", "33"]
    assert run(row.split("--device ")[1], "--launches", "2") == 0
    record = json.loads(Path("runs/0001/record.json").read_text())
    assert record["device"]["kind"] == "virtual_phone"
    assert [one["status"] for one in record["parities"]] == ["passed"]


def test_devices_never_starts_a_server(
    own_folder: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server that nobody asked for would take the phones of everybody on this machine."""
    adb, started = tmp_path / "adb", tmp_path / "started"
    adb.write_text(f"#!/bin/sh\ntouch {started}\n", encoding="utf-8")
    adb.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    assert call(["devices"]) == 0
    assert "--device host" in capfd.readouterr().out
    assert not started.exists()
