"""The whole job against a real ADB daemon: what works, and each way in which a phone can fail us."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import lying, pixel4

pytestmark = pytest.mark.adbd

WORK = "local/tmp"


@pytest.fixture
def phone() -> Iterator[VirtualPhone]:
    with VirtualPhone() as one:
        yield one


def _record() -> dict[str, object]:
    record: dict[str, object] = json.loads(Path("runs/0001/record.json").read_text())
    return record


def test_the_whole_job(
    run: Callable[..., int], phone: VirtualPhone, capfd: pytest.CaptureFixture[str]
) -> None:
    """Probe, push, parity, measure, pull, verdict; and no flag makes a virtual phone comparable."""
    assert run(phone.selector, "--require", "reproduced", "--recipe", "dynamic_int8,float32") == 3
    record = _record()
    assert record["device"]["kind"] == "virtual_phone"  # type: ignore[index]
    assert [one["status"] for one in record["parities"]] == ["passed", "passed"]  # type: ignore[attr-defined]
    assert len(record["launches"]) == 10  # type: ignore[arg-type]
    verdict = json.loads(Path("runs/0001/verdict.json").read_text())
    assert verdict["verdict"]["status"] == "not_comparable"
    assert "virtual phone" in capfd.readouterr().out
    ours = [path.name for path in (phone.data / WORK).rglob("*")]
    left = [name for name in ours if name.endswith((".part", ".samples", ".seq"))]
    assert left == []


def test_the_serial_is_written_nowhere(
    run: Callable[..., int], phone: VirtualPhone, capfd: pytest.CaptureFixture[str]
) -> None:
    """A serial identifies a person's phone; only its hash may leave the device, in logs too."""
    serial = pixel4().properties["ro.serialno"]
    assert run(phone.selector, "--verbose") == 0
    captured = capfd.readouterr()
    assert serial not in captured.out + captured.err
    assert "getprop" in Path("runs/0001/device.log").read_text()
    assert _record()["device"]["serial_sha256"]  # type: ignore[index]
    for path in Path("runs").rglob("*"):
        assert path.is_dir() or serial.encode() not in path.read_bytes(), path


def test_nothing_is_sent_twice(run: Callable[..., int], phone: VirtualPhone) -> None:
    """Model and program stay on the phone under names of their content."""
    assert run(phone.selector) == 0
    sent = {path: path.stat().st_mtime_ns for path in (phone.data / WORK).rglob("*") if path.is_file()}
    assert run(phone.selector) == 0
    assert {path: path.stat().st_mtime_ns for path in sent if path.exists()} == sent


def test_a_phone_that_contradicts_its_kernel_is_a_mismatch(run: Callable[..., int]) -> None:
    """Properties are text that anybody can set: the kernel picks the program, and the verdict says so."""
    with VirtualPhone(lying()) as phone:
        assert run(phone.selector) == 0
    record = _record()
    assert record["device"]["abi"] == "x86_64"  # type: ignore[index]
    assert any("arm64-v8a" in text for text in record["device"]["contradictions"])  # type: ignore[index]
    verdict = json.loads(Path("runs/0001/verdict.json").read_text())
    latency = next(claim for claim in verdict["claims"] if claim["id"] == "latency")
    assert latency["protocol_match"] == "mismatch"
    assert any("contradicts itself" in reason for reason in latency["reasons"])


def _error(capfd: pytest.CaptureFixture[str]) -> str:
    err = capfd.readouterr().err
    assert "Traceback" not in err
    assert "  next   " in err
    return err


def test_unauthorized(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """A key that the phone does not know: say to accept the prompt, measure nothing, never fall back."""
    with VirtualPhone(keys=()) as phone:
        assert run(phone.selector, "--auth-timeout", "2") == 4
    err = _error(capfd)
    assert 'Accept "Allow USB debugging?" on the phone.' in err
    assert "error: device-unauthorized" in err
    assert not Path("runs").exists()


def test_full_disk(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """The program does not fit: the error says so, and the record holds what came before."""
    with VirtualPhone(tmpfs={"/data/local/tmp": 4 << 20}) as phone:
        assert run(phone.selector) == 4
    err = _error(capfd)
    assert "error: no-space-on-device" in err
    assert "runs/0001/record.json" in err


def test_read_only_target(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """A work folder that cannot be written has an error of its own."""
    with VirtualPhone(read_only=("/data/local/tmp",)) as phone:
        assert run(phone.selector) == 4
    assert "error: target-not-writable" in _error(capfd)


def test_refused_connection(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing listens there: an error at once, never the host instead."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert run(f"tcp:127.0.0.1:{port}") == 4
    assert "error: device-unreachable" in _error(capfd)


def test_foreign_protocol(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """An SSH server on the port is named as something that is not adbd."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            client, _ = server.accept()
            with client:
                client.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
                client.recv(4096)

        threading.Thread(target=greet, daemon=True).start()
        assert run(f"tcp:127.0.0.1:{server.getsockname()[1]}") == 4
    assert "error: foreign-protocol" in _error(capfd)


def test_wrong_abi(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """A 32-bit phone cannot run the bundle, and is told so by name."""
    old = pixel4().with_properties(
        **{"ro.product.cpu.abi": "armeabi-v7a", "ro.product.cpu.abilist": "armeabi-v7a,armeabi"}
    )
    with VirtualPhone(dataclasses.replace(old, machine="armv8l")) as phone:
        assert run(phone.selector) == 4
    err = _error(capfd)
    assert "error: abi-unsupported" in err
    assert "armeabi-v7a" in err
