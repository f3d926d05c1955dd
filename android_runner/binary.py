"""The device program that is Google's: a file of benchmark_model, or a version of it that is fetched."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from android_runner.binary_fetch import NIGHTLY, SITE, fetch, is_version
from results.device import Program
from results.errors import AbiUnsupported, ConfigError

if TYPE_CHECKING:
    from android_runner.benchmark_model_text import Dialect

RUNTIME = "benchmark_model"
_MOST_BYTES = 512 << 20
# ELF: e_machine by Android's name of the processor. Source: System V ABI, chapter 4; elf.h.
MACHINES = {"arm64-v8a": 183, "x86_64": 62, "armeabi-v7a": 40, "x86": 3}
_INTERPRETER = 3
# Words that only the one or the other has in it.
_LITERT, _CLASSIC = b"BENCHMARK RESULTS", b"input_layer_value_files"


# LiteRT loads its GPU code from such a file. Source: its litert/runtime/accelerators/gpu_registry.cc
_ACCELERATORS = "libLiteRt*Accelerator.so"


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A file that lies beside the program, and has to on the device."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """One benchmark_model. `version`: "unknown" for a file of the user's.

    `interpreter`: what has to be on the device to start it; None for a static one. `dialect`: whose flags it
    takes and whose words it has. `libraries`: LiteRT's accelerators, where the user laid some beside it.
    """

    path: Path
    sha256: str
    size_bytes: int
    abi: str
    version: str
    interpreter: str | None
    dialect: Dialect
    libraries: tuple[Library, ...]

    @property
    def program(self) -> Program:
        """The same for the record. The runtime is the program itself, with the libraries beside it."""
        parts = [self.sha256, *(library.sha256 for library in self.libraries)]
        together = hashlib.sha256("".join(parts).encode()).hexdigest() if self.libraries else self.sha256
        return Program(
            abi=self.abi,
            program_sha256=self.sha256,
            runtime=RUNTIME,
            runtime_version=self.version,
            runtime_sha256=together,
        )


def open_binary(text: str, abi: str, cache: Path, *, site: str = SITE) -> Binary:
    """What --binary names, for a device of this ABI: a file, or a version such as 2.1.0 or "nightly".

    A version that was fetched once is taken from `cache` from then on, also "nightly": remove it there for a
    newer one. Raises: ConfigError (neither), AbiUnsupported (for another processor, or no benchmark_model),
    BundleUnavailable (cannot be fetched).
    """
    check_binary(text)
    path = Path(text).expanduser()
    if path.is_file():
        return _read(path, abi, version="unknown")
    return _read(fetch(text, abi, cache, site=site), abi, version=text)


def check_binary(text: str) -> None:
    """Raises ConfigError for what is neither a file here nor a version."""
    if not Path(text).expanduser().is_file() and not is_version(text):
        raise ConfigError(
            f"--binary {text!r} is neither a file here nor a version.",
            next_step=f"Give the path of a benchmark_model, a version such as 2.1.0, or {NIGHTLY}.",
        )


def _read(path: Path, abi: str, *, version: str) -> Binary:
    content = _content(path)
    machine, interpreter = read_elf(content, path)
    if machine != MACHINES.get(abi):
        raise AbiUnsupported(
            f"{path} is a program for {processor_of(machine)}; the device runs {abi}.",
            next_step=f"Give a benchmark_model that was built for {abi}.",
            path=path,
            abi=abi,
        )
    litert, classic = _LITERT in content, _CLASSIC in content
    if not litert and not classic:
        raise AbiUnsupported(
            f"{path} is a program, and not benchmark_model: it has none of its words in it.",
            next_step="Give TensorFlow Lite's or LiteRT's benchmark_model.",
            path=path,
        )
    return Binary(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        abi=abi,
        version=version,
        interpreter=interpreter,
        dialect="litert" if litert else "classic",
        libraries=_beside(path, abi) if litert else (),
    )


def _beside(program: Path, abi: str) -> tuple[Library, ...]:
    """The accelerators for this ABI in the program's folder."""
    found = []
    for path in sorted(program.parent.glob(_ACCELERATORS)):
        content = _content(path)
        if read_elf(content, path)[0] == MACHINES[abi]:
            found.append(Library(path=path, sha256=hashlib.sha256(content).hexdigest()))
    return tuple(found)


def _content(path: Path) -> bytes:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > _MOST_BYTES:
            raise AbiUnsupported(
                f"{path} has {size_bytes:,} bytes, and no benchmark_model is that large.",
                next_step="Give the program itself, not an archive or a model.",
                path=path,
            )
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(
            f"--binary {path} cannot be read: {err.strerror or err}.",
            next_step="Give a file that this user may read.",
            path=path,
        ) from err


def processor_of(machine: int) -> str:
    """Android's name of the processor that an ELF file was built for, as messages say it."""
    return next((name for name, number in MACHINES.items() if number == machine), "another processor")


def read_elf(content: bytes, path: Path) -> tuple[int, str | None]:
    """Machine and interpreter of a 64-bit, little-endian program. Raises AbiUnsupported for anything else."""
    try:
        if content[:6] != b"\x7fELF\x02\x01":
            raise ValueError("no 64-bit, little-endian ELF file")
        kind, machine = struct.unpack_from("<HH", content, 16)
        if kind not in (2, 3):
            raise ValueError("an object file or a core dump")
        (table,) = struct.unpack_from("<Q", content, 32)
        entry_bytes, entries = struct.unpack_from("<HH", content, 54)
        for index in range(entries):
            at = table + index * entry_bytes
            (segment,) = struct.unpack_from("<I", content, at)
            if segment == _INTERPRETER:
                begin, _, _, length = struct.unpack_from("<QQQQ", content, at + 8)
                name = content[begin : begin + min(length, 4096)].rstrip(b"\0").decode("ascii")
                if not name.startswith("/"):
                    raise ValueError("a program without a way to start it")
                return machine, name
    except (struct.error, ValueError, OverflowError) as err:
        raise AbiUnsupported(
            f"{path} is no program that a device could run: {err}.",
            next_step="Give the program itself, as it was downloaded or built.",
            path=path,
        ) from err
    return machine, None
