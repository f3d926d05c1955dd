"""Another build of the runtime in the bundle: it is the one that runs, and what is none is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from android_runner.bundle import Bundle, BundleFile
from android_runner.native import wheel
from android_runner.other_runtime import with_runtime
from results.device import Program
from results.errors import AbiUnsupported, ConfigError

ARM64, X86_64 = 183, 62


def elf(machine: int, tail: bytes = b"") -> bytes:
    """The head of a shared object for this machine, without program headers."""
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    head[16:18] = (3).to_bytes(2, "little")
    head[18:20] = machine.to_bytes(2, "little")
    return bytes(head) + tail


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    (tmp_path / "bundle").mkdir()
    contents = {"runner": b"program", wheel.LIBRARY: elf(ARM64)}
    for name, content in contents.items():
        (tmp_path / "bundle" / name).write_bytes(content)
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return Bundle(
        abi="arm64-v8a",
        folder=tmp_path / "bundle",
        files=tuple(BundleFile(name=name, sha256=digest, mode=0o644) for name, digest in sha256.items()),
        program=Program(
            abi="arm64-v8a",
            program_sha256=sha256["runner"],
            runtime="ai-edge-litert",
            runtime_version="2.3.0",
            runtime_sha256=sha256[wheel.LIBRARY],
        ),
        loader=None,
    )


def test_it_takes_the_place_of_ours(bundle: Bundle, tmp_path: Path) -> None:
    """Both bundles lie on the device at once, each in its own folder; the record tells them apart."""
    other = tmp_path / "libMine.so"
    other.write_bytes(elf(ARM64, b"mine"))
    changed = with_runtime(bundle, other)
    digest = hashlib.sha256(other.read_bytes()).hexdigest()
    (library,) = [file for file in changed.files if file.name == wheel.LIBRARY]
    assert (library.sha256, library.source) == (digest, other)
    assert changed.program.runtime_sha256 == digest
    assert (changed.program.runtime, changed.program.runtime_version) == ("libMine.so", "unknown")
    assert changed.program.program_sha256 == bundle.program.program_sha256
    assert bundle.as_built
    assert not changed.as_built
    assert changed.name_there != bundle.name_there
    assert [file for file in changed.files if file.name == "runner"] == [
        file for file in bundle.files if file.name == "runner"
    ]


def test_our_own_by_its_path_is_ours(bundle: Bundle) -> None:
    """The same file is no other runtime, so that `ab` can say that its arms are one."""
    assert with_runtime(bundle, bundle.folder / wheel.LIBRARY) is bundle


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (elf(X86_64), "built for x86_64; the device runs arm64-v8a"),
        (b"\x7fELF", "no library that a device could load"),
        (b"PK\x03\x04 a wheel", "no library that a device could load"),
        (b"", "no library"),
    ],
)
def test_what_is_no_library_for_this_device(
    bundle: Bundle, tmp_path: Path, content: bytes, words: str
) -> None:
    """Found before anything is sent."""
    (tmp_path / "other.so").write_bytes(content)
    with pytest.raises(AbiUnsupported, match=words):
        with_runtime(bundle, tmp_path / "other.so")


def test_what_cannot_be_read(bundle: Bundle, tmp_path: Path) -> None:
    """A folder in the place of the file."""
    with pytest.raises(ConfigError, match="cannot be read"):
        with_runtime(bundle, tmp_path)
