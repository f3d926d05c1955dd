"""The program itself: what --binary names, and a version that is fetched once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_runner import binary, binary_fetch
from android_runner.binary import open_binary, read_elf
from results.errors import AbiUnsupported, BundleUnavailable, ConfigError

ARM64, X86_64, ARM32 = 183, 62, 40
LINKER = "/system/bin/linker64"


def elf(
    *,
    machine: int = ARM64,
    interpreter: str | None = LINKER,
    words: bytes = b"BENCHMARK RESULTS",
    kind: int = 3,
) -> bytes:
    """The beginning of a program: header, one segment that names its interpreter, and some words."""
    name = (interpreter or "").encode() + b"\0"
    segment = struct.pack("<IIQQQQQQ", 3 if interpreter else 1, 4, 120, 0, 0, len(name), len(name), 1)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + segment + name + words


def _written(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "benchmark_model"
    path.write_bytes(content)
    return str(path)


def test_file_of_the_user_s(tmp_path: Path) -> None:
    """What is recorded of it: its own hash, as program and as runtime, and that its version is unknown."""
    path = _written(tmp_path, elf())
    opened = open_binary(path, "arm64-v8a", tmp_path)
    digest = hashlib.sha256(elf()).hexdigest()
    assert (opened.sha256, opened.version, opened.interpreter) == (digest, "unknown", LINKER)
    program = opened.program
    assert (program.runtime, program.runtime_version) == ("benchmark_model", "unknown")
    assert program.program_sha256 == program.runtime_sha256 == digest


@pytest.mark.parametrize(
    ("words", "dialect"), [(b"BENCHMARK RESULTS", "litert"), (b"input_layer_value_files", "classic")]
)
def test_dialect_is_the_binary_s(tmp_path: Path, words: bytes, dialect: str) -> None:
    """Flags of the one are unknown to the other, and unknown flags are refused after the run only."""
    assert open_binary(_written(tmp_path, elf(words=words)), "arm64-v8a", tmp_path).dialect == dialect


def test_accelerators_beside_the_program(tmp_path: Path) -> None:
    """LiteRT's code for GPUs; what lies there for another processor is not sent."""
    program = _written(tmp_path, elf())
    alone = open_binary(program, "arm64-v8a", tmp_path)
    (tmp_path / "libLiteRtOpenClAccelerator.so").write_bytes(elf(interpreter=None))
    (tmp_path / "libLiteRtGpuAccelerator.so").write_bytes(elf(machine=X86_64, interpreter=None))
    opened = open_binary(program, "arm64-v8a", tmp_path)
    assert [library.path.name for library in opened.libraries] == ["libLiteRtOpenClAccelerator.so"]
    assert opened.program.program_sha256 == alone.program.program_sha256
    assert opened.program.runtime_sha256 != alone.program.runtime_sha256


def test_file_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model or an image of a disk, given in the program's place."""
    monkeypatch.setattr(binary, "_MOST_BYTES", 100)
    with pytest.raises(AbiUnsupported, match="no benchmark_model is that large"):
        open_binary(_written(tmp_path, elf()), "arm64-v8a", tmp_path)


def test_static_program(tmp_path: Path) -> None:
    """It needs nothing on the device that could be missing."""
    assert open_binary(_written(tmp_path, elf(interpreter=None)), "arm64-v8a", tmp_path).interpreter is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no 64-bit"),
        (b"#!/bin/sh\necho 1\n", "no 64-bit"),
        (b"PK\x03\x04 an archive", "no 64-bit"),
        (b"<html>404 Not Found</html>", "no 64-bit"),
        (elf()[:4] + b"\x01" + elf()[5:], "no 64-bit"),
        (elf()[:40], "no program"),
        (elf()[:100], "no program"),
        (elf()[:32] + b"\xff" * 8 + elf()[40:], "no program"),
        (elf(kind=1), "an object file"),
        (elf(interpreter="linker64"), "without a way to start"),
        (elf(machine=X86_64), "is a program for x86_64; the device runs arm64-v8a"),
        (elf(machine=ARM32), "is a program for armeabi-v7a"),
        (elf(machine=4711), "is a program for another processor"),
        (elf(words=b"some other program"), "not benchmark_model"),
    ],
)
def test_what_no_device_could_run(tmp_path: Path, content: bytes, says: str) -> None:
    """Sent all the same, a shell would try it as a script, or say "not found" of a file that is there."""
    with pytest.raises(AbiUnsupported, match=says):
        open_binary(_written(tmp_path, content), "arm64-v8a", tmp_path)


@pytest.mark.parametrize("length", range(0, 130, 3))
def test_program_cut_anywhere(tmp_path: Path, length: int) -> None:
    """A download that broke off."""
    with pytest.raises(AbiUnsupported):
        open_binary(_written(tmp_path, elf()[:length]), "arm64-v8a", tmp_path)


@given(data=st.data())
def test_fuzz_program(data: st.DataObject) -> None:
    """Sizes and places in its header that point anywhere."""
    content = bytearray(elf())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(AbiUnsupported):
        read_elf(bytes(content), Path("benchmark_model"))


def test_real_program_that_is_another(tmp_path: Path) -> None:
    """A mistyped path to something that does run."""
    with pytest.raises(AbiUnsupported):
        open_binary(sys.executable, "x86_64", tmp_path)


@pytest.mark.parametrize("text", ["nowhere/benchmark_model", "latest", "v2.1.0", "2", "../2.1.0", ""])
def test_neither_file_nor_version(tmp_path: Path, text: str) -> None:
    """A version is a few numbers: nothing else becomes a part of an address or of a folder's name."""
    with pytest.raises(ConfigError, match="neither a file here nor a version"):
        open_binary(text, "arm64-v8a", tmp_path)


class Site:
    """A server on the loopback interface. `requests`: what was asked for; `held_back`: bytes not sent."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.content = elf()
        self.held_back = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                if "/3.0.0/" in self.path:
                    self.send_response(302)
                    self.send_header("Location", self.path.replace("3.0.0", "2.1.0"))
                    self.end_headers()
                elif "/2.1.0/" in self.path or "/nightly/" in self.path:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(site.content)))
                    self.end_headers()
                    self.wfile.write(site.content[: len(site.content) - site.held_back])
                else:
                    self.send_error(404)

            def log_message(self, format: str, *arguments: object) -> None:
                """No chatter on stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    serving = Site()
    yield serving
    serving.close()


def test_version_is_fetched_once(site: Site, tmp_path: Path) -> None:
    """The second run has no network, and the same program as the first."""
    first = open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address)
    site.content = elf(words=b"BENCHMARK RESULTS of another build")
    second = open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address)
    assert first == second
    assert (first.version, first.sha256) == ("2.1.0", hashlib.sha256(elf()).hexdigest())
    assert site.requests == ["/litert/binaries/2.1.0/android_arm64/benchmark_model"]
    notes = json.loads((first.path.parent / "fetched.json").read_text(encoding="utf-8"))
    assert notes["sha256"] == first.sha256
    assert sorted(path.name for path in first.path.parent.iterdir()) == ["benchmark_model", "fetched.json"]


def test_nightly_of_the_other_dialect(site: Site, tmp_path: Path) -> None:
    """TensorFlow Lite's own has no numbered versions where it is published."""
    site.content = elf(words=b"input_layer_value_files")
    opened = open_binary("nightly", "arm64-v8a", tmp_path, site=site.address)
    assert (opened.version, opened.dialect) == ("nightly", "classic")


def test_changed_file_is_fetched_again(site: Site, tmp_path: Path) -> None:
    """What runs on a phone is what came, not what a disk made of it."""
    path = open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address).path
    path.write_bytes(elf() + b"!")
    assert open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address).path.read_bytes() == elf()
    for notes in ("[]", "{}", "{"):
        (path.parent / "fetched.json").write_text(notes, encoding="utf-8")
        open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address)
    assert len(site.requests) == 5


def test_download_that_breaks_off(site: Site, tmp_path: Path) -> None:
    """Fewer bytes than were promised leave nothing that could be taken for the program."""
    site.held_back = 9
    with pytest.raises(BundleUnavailable, match="bytes came, where"):
        open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    site.held_back = 0
    assert open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address).size_bytes == len(site.content)


@pytest.mark.parametrize(("version", "says"), [("9.9.9", "404"), ("3.0.0", "302")])
def test_version_that_is_not_there(site: Site, tmp_path: Path, version: str, says: str) -> None:
    """A page that says no, or one that sends elsewhere, is no program."""
    with pytest.raises(BundleUnavailable, match=says) as raised:
        open_binary(version, "arm64-v8a", tmp_path, site=site.address)
    assert "--binary" in raised.value.next_step
    assert len(site.requests) == 1


def test_endless_answer(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk is not filled by what somebody else sends."""
    monkeypatch.setattr(binary_fetch, "_MOST_BYTES", 100)
    with pytest.raises(BundleUnavailable, match="more than 100 bytes"):
        open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address)


def test_answer_that_takes_for_ever(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is no silence, and no program either."""
    monkeypatch.setattr(binary_fetch, "_WHOLE_S", -1.0)
    with pytest.raises(BundleUnavailable, match="not whole after"):
        open_binary("2.1.0", "arm64-v8a", tmp_path, site=site.address)


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port of nobody."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(BundleUnavailable, match="could not be fetched"):
        open_binary("2.1.0", "arm64-v8a", tmp_path, site="http://127.0.0.1:9")


def test_nothing_is_published_for_an_emulator(tmp_path: Path) -> None:
    """The published ones are for ARM phones; asking for another would be a page that says no."""
    with pytest.raises(AbiUnsupported, match="for arm64-v8a only"):
        open_binary("2.1.0", "x86_64", tmp_path, site="http://127.0.0.1:9")
