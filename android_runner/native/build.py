"""Sources and pinned inputs -> one bundle folder per ABI, kept in the cache by content.

`python -m android_runner.native.build --package` puts the bundles of all ABIs where a wheel takes them from.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from android_runner.cache import cache_folder
from android_runner.native import compiler, debian, wheel
from android_runner.native.abi import ABIS, Abi
from android_runner.native.pins import UPDATE_COMMAND, Pins, read_pins, sha256_of
from results.errors import BundleUnavailable

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
RUNNER = "runner"
# Built wheels carry these; they are never committed.
PACKAGED = Path(__file__).parents[1] / "bundles"
_LICENCE_TEXTS = Path(__file__).with_name("licenses")
_C_LIBRARIES = (
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"),
    *("libstdc++.so.6", "libgcc_s.so.1"),
)


def bundles_folder() -> Path:
    """Where built bundles are kept."""
    return cache_folder() / "bundles"


def device_key(abi: Abi) -> str:
    """What a device bundle's content follows from, as one SHA-256."""
    return _key(abi.name, compiler.sources_sha256(), json.dumps(dataclasses.asdict(read_pins(abi))))


def host_key(abi: Abi, library: Path) -> str:
    """What the host bundle's content follows from, as one SHA-256."""
    return _key("host", abi.name, compiler.sources_sha256(), read_pins(abi).zig, sha256_of(library))


def build_device_bundle(abi: Abi) -> Path:
    """The folder of a device bundle in the cache, built now if it is not there. Raises: BundleUnavailable."""
    key = device_key(abi)
    return _cached(f"{abi.name}-{key[:16]}", lambda folder: _fill_device_bundle(abi, key, folder))


def build_host_bundle(abi: Abi, library: Path, version: str, ready_runner: Path | None) -> Path:
    """The folder of the host bundle: the program and the installed runtime; the C library is the system's.

    `ready_runner`: the program as a built wheel carries it; None to compile it.
    Raises: BundleUnavailable.
    """
    key = host_key(abi, library)

    def fill(folder: Path) -> None:
        _add_runner(abi, read_pins(abi), ready_runner, folder)
        shutil.copyfile(library, folder / wheel.LIBRARY)
        (folder / wheel.LIBRARY).chmod(0o644)
        _write_manifest(folder, key=key, abi=abi.name, loader=None, litert=version, inputs={})

    return _cached(f"host-{abi.name}-{key[:16]}", fill)


def package(target: Path = PACKAGED) -> None:
    """Put the bundles of all ABIs where a wheel takes them from. Raises: BundleUnavailable."""
    for abi in ABIS:
        built = build_device_bundle(abi)
        shutil.rmtree(target / abi.name, ignore_errors=True)
        shutil.copytree(built, target / abi.name)


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _cached(name: str, fill: Callable[[Path], None]) -> Path:
    """The cache's folder of this name; made elsewhere and renamed, so that it is whole or not there."""
    cache = bundles_folder()
    target = cache / name
    if target.exists():
        return target
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as scratch:
            built = Path(scratch) / name
            built.mkdir()
            fill(built)
            try:
                built.rename(target)
            except OSError:
                if not target.exists():  # else another process was faster, with the same content
                    raise
    except OSError as err:
        raise BundleUnavailable(
            f"the cache {cache} cannot be written: {err.strerror}",
            next_step="Name a folder that can be written: MOBILEBERT_BENCH_CACHE=FOLDER",
        ) from err
    log.info("built %s", target)
    return target


def _fill_device_bundle(abi: Abi, key: str, folder: Path) -> None:
    pins = read_pins(abi)
    licences = folder / "licenses"
    licences.mkdir()
    with tempfile.TemporaryDirectory(prefix="mobilebert-bench-") as name:
        scratch = Path(name)
        _add_runner(abi, pins, None, folder)
        (licences / "mobilebert-bench.txt").write_text(_own_licence(), encoding="utf-8")
        (licences / "zig.txt").write_text(wheel.installed_licence("ziglang"), encoding="utf-8")
        _add_runtime(abi, pins, scratch, folder)
        archive = debian.Archive(abi.debian, pins.debian_suite, scratch / "apt")
        for pin in pins.packages:
            archive.unpack(pin, scratch / "root")
        for library in (abi.loader, *_C_LIBRARIES):
            shutil.copyfile(debian.find_file(scratch / "root", library), folder / library)
            (folder / library).chmod(0o755 if library == abi.loader else 0o644)
        _add_debian_licences(scratch / "root", licences)
    inputs = dataclasses.asdict(pins) | {"sources_sha256": compiler.sources_sha256()}
    _write_manifest(folder, key=key, abi=abi.name, loader=abi.loader, litert=pins.litert, inputs=inputs)


def _add_runner(abi: Abi, pins: Pins, ready: Path | None, folder: Path) -> None:
    if ready is not None:
        shutil.copyfile(ready, folder / RUNNER)
    else:
        compiler.compile_runner(abi, pins.zig, folder / RUNNER, cache=cache_folder() / "zig")
    (folder / RUNNER).chmod(0o755)


def _add_runtime(abi: Abi, pins: Pins, scratch: Path, folder: Path) -> None:
    installed = wheel.installed_library()
    if installed is not None and sha256_of(installed) == pins.library_sha256:
        library, licence = installed, wheel.installed_licence(wheel.PACKAGE)
    else:
        downloaded = wheel.download(pins.litert, abi, scratch)
        got = sha256_of(downloaded)
        if got != pins.wheel_sha256:
            raise BundleUnavailable(
                f"{downloaded.name} has SHA-256 {got}, and {pins.wheel_sha256} is pinned.",
                next_step=f"Find out why; if it is right: {UPDATE_COMMAND}",
            )
        library = wheel.unpack(downloaded, scratch)
        licence = (scratch / "LICENSE").read_text(encoding="utf-8")
    shutil.copyfile(library, folder / wheel.LIBRARY)
    (folder / wheel.LIBRARY).chmod(0o644)
    (folder / "licenses" / f"{wheel.PACKAGE}.txt").write_text(licence, encoding="utf-8")


def _add_debian_licences(root: Path, licences: Path) -> None:
    for package in ("libc6", "gcc-12-base"):
        shutil.copyfile(root / "usr/share/doc" / package / "copyright", licences / f"{package}.txt")
    # What those two files refer to. Not out of Debian's base-files, whose pin each point release would break.
    for text in _LICENCE_TEXTS.iterdir():
        shutil.copyfile(text, licences / text.name)


def _own_licence() -> str:
    beside = PACKAGED.parents[1] / "LICENSE"
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    return wheel.installed_licence("mobilebert-bench")


def _write_manifest(
    folder: Path, *, key: str, abi: str, loader: str | None, litert: str, inputs: dict[str, Any]
) -> None:
    files = {
        path.name: {
            "sha256": sha256_of(path),
            "bytes": path.stat().st_size,
            "mode": path.stat().st_mode & 0o777,
        }
        for path in sorted(folder.iterdir())
        if path.is_file()
    }
    manifest = {"key": key, "abi": abi, "loader": loader, "litert": litert, "files": files, "inputs": inputs}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Build the bundles of all ABIs; with --package, put them where a wheel takes them from."""
    parser = argparse.ArgumentParser(prog="python -m android_runner.native.build", description=main.__doc__)
    parser.add_argument("--package", action="store_true", help="put them into the package, for a wheel")
    if parser.parse_args().package:
        package()
    else:
        for abi in ABIS:
            build_device_bundle(abi)


if __name__ == "__main__":
    main()
