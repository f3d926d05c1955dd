"""The pinned inputs of the bundles; `python -m android_runner.native.pins` writes them anew."""

from __future__ import annotations

import hashlib
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from android_runner.native.abi import ABIS, Abi

PATH = Path(__file__).with_name("pins.toml")
UPDATE_COMMAND = "python -m android_runner.native.pins"
_HEAD = f"# Every input of the bundles, by version and SHA-256. Rewritten by: {UPDATE_COMMAND}\n"
# Nothing of the last one runs: it has the copyright file of the two before it.
_PACKAGES = ("libc6", "libstdc++6", "libgcc-s1", "gcc-12-base")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePin:
    """One Debian package."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What one ABI's bundle is made of, beside the sources of the program."""

    zig: str
    litert: str
    debian_suite: str
    wheel_sha256: str
    library_sha256: str
    packages: tuple[PackagePin, ...]


def read_pins(abi: Abi) -> Pins:
    """The pins of one ABI, out of pins.toml."""
    table = tomllib.loads(PATH.read_text(encoding="utf-8"))
    own = table[abi.name]
    return Pins(
        zig=table["zig"],
        litert=table["litert"],
        debian_suite=table["debian_suite"],
        wheel_sha256=own["wheel_sha256"],
        library_sha256=own["library_sha256"],
        packages=tuple(PackagePin(**package) for package in own["packages"]),
    )


def main() -> None:
    """Pin what the package index and Debian's archive offer now; Zig, LiteRT and the suite stay as they are.

    Raises: BundleUnavailable when either cannot be reached.
    """
    from android_runner.native import debian, wheel

    table = tomllib.loads(PATH.read_text(encoding="utf-8"))
    text = _HEAD + "".join(f'{name} = "{table[name]}"\n' for name in ("zig", "litert", "debian_suite"))
    for abi in ABIS:
        with tempfile.TemporaryDirectory(prefix="mobilebert-bench-") as scratch:
            path = wheel.download(table["litert"], abi, Path(scratch))
            library = wheel.unpack(path, Path(scratch))
            archive = debian.Archive(abi.debian, table["debian_suite"], Path(scratch) / "apt")
            text += f"\n[{abi.name}]\n"
            text += f'wheel_sha256 = "{sha256_of(path)}"\nlibrary_sha256 = "{sha256_of(library)}"\n'
            for name in _PACKAGES:
                offered = archive.offered(name)
                text += f'\n[[{abi.name}.packages]]\nname = "{offered.name}"\n'
                text += f'version = "{offered.version}"\nsha256 = "{offered.sha256}"\n'
    PATH.write_text(text, encoding="utf-8")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
