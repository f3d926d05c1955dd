"""The device program with its runtime libraries, per ABI: found ready-made, in the cache, or built now."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from android_runner.native import build, wheel
from android_runner.native.abi import ABIS, Abi, abi_named
from android_runner.native.pins import read_pins, sha256_of
from results.device import Program
from results.errors import AbiUnsupported, BundleUnavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFile:
    """One file that has to be on the device, directly in the bundle's folder there, with this mode.

    `source`: where it lies here; None: in the bundle's own folder.
    """

    name: str
    sha256: str
    mode: int
    source: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What runs on one type of processor: `folder` on this machine, the `files` in it that the device needs.

    `loader`: the C library's own, which has to start the program; None for the host, whose system does that.
    """

    abi: str
    folder: Path
    files: tuple[BundleFile, ...]
    program: Program
    loader: str | None

    @property
    def as_built(self) -> bool:
        """Whether each of its files is its own; else one of somebody's has taken its place."""
        return all(file.source is None for file in self.files)

    @property
    def name_there(self) -> str:
        """Its folder's name on the device."""
        name = f"bundle-{self.program.program_sha256[:16]}"
        return name if self.as_built else f"{name}-{self.program.runtime_sha256[:16]}"

    def command(self, arguments: Sequence[str]) -> str:
        """The shell command that starts the program, to be run in the bundle's folder on the device.

        `arguments`: the program's own without --runtime, each already quoted for the shell.
        """
        start = [f"./{build.RUNNER}"] if self.loader is None else self._through_loader()
        return " ".join([*start, "--runtime", f"./{wheel.LIBRARY}", *arguments])

    def _through_loader(self) -> list[str]:
        return [f"./{self.loader}", "--library-path", ".", f"./{build.RUNNER}"]


def device_bundle(abi: str, *, packaged: Path = build.PACKAGED) -> Bundle:
    """The bundle for Android's ABI of this name. `packaged`: where a built wheel carries them.

    Raises: AbiUnsupported when there is none; BundleUnavailable when it is neither carried along nor in the
    cache, and cannot be built here.
    """
    known = abi_named(abi)
    ready = _ready_made(known, packaged)
    return ready if ready is not None else _sound(lambda: build.build_device_bundle(known))


def host_bundle(*, packaged: Path = build.PACKAGED) -> Bundle:
    """The bundle for this machine: the same program, the installed runtime, the system's own C library.

    Raises: AbiUnsupported or BundleUnavailable.
    """
    abi = _host_abi()
    library = wheel.installed_library()
    if library is None:
        raise BundleUnavailable(
            f"{wheel.PACKAGE} is not installed, whose runtime library the host is measured with.",
            next_step=f"{sys.executable} -m pip install {wheel.PACKAGE}=={read_pins(abi).litert}",
        )
    version = importlib.metadata.version(wheel.PACKAGE)
    pinned = read_pins(abi).litert
    # The C interface moves between minor versions; the program is written for one of them.
    if version.split(".")[:2] != pinned.split(".")[:2]:
        raise BundleUnavailable(
            f"the device program is written for {wheel.PACKAGE} {pinned}, and {version} is installed.",
            next_step=f"{sys.executable} -m pip install {wheel.PACKAGE}=={pinned}",
        )
    ready = _ready_made(abi, packaged)
    runner = None if ready is None else ready.folder / build.RUNNER
    return _sound(lambda: build.build_host_bundle(abi, library, version, runner))


def _ready_made(abi: Abi, packaged: Path) -> Bundle | None:
    """The bundle that a built wheel carries; None where there is none, or not of these sources and pins."""
    folder = packaged / abi.name
    if not folder.exists():
        return None
    if _manifest(folder)["key"] != build.device_key(abi):
        log.info("%s was made of other sources or pins; it is left alone", folder)
        return None
    return _open(folder)


def _sound(make: Callable[[], Path]) -> Bundle:
    """The bundle in the folder that `make` gives; a damaged one in the cache is made anew, once."""
    folder = make()
    try:
        return _open(folder)
    except BundleUnavailable as err:
        log.warning("%s; building it again", err.what)
        shutil.rmtree(folder)
        return _open(make())


def _open(folder: Path) -> Bundle:
    """A bundle folder, every file compared with its manifest."""
    manifest = _manifest(folder)
    files = tuple(
        BundleFile(name=name, sha256=said["sha256"], mode=said["mode"])
        for name, said in manifest["files"].items()
    )
    for file in files:
        path = folder / file.name
        if not path.is_file() or sha256_of(path) != file.sha256:
            raise _damaged(folder, f"{file.name} is not the file that was built")
    by_name = {file.name: file.sha256 for file in files}
    return Bundle(
        abi=manifest["abi"],
        folder=folder,
        files=files,
        program=Program(
            abi=manifest["abi"],
            program_sha256=by_name[build.RUNNER],
            runtime=wheel.PACKAGE,
            runtime_version=manifest["litert"],
            runtime_sha256=by_name[wheel.LIBRARY],
        ),
        loader=manifest["loader"],
    )


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / build.MANIFEST).read_text(encoding="utf-8"))
        complete = {"key", "abi", "loader", "litert", "files"} <= manifest.keys()
    except (OSError, ValueError, AttributeError) as err:
        raise _damaged(folder, f"{build.MANIFEST} cannot be read") from err
    if not complete or not {build.RUNNER, wheel.LIBRARY} <= manifest["files"].keys():
        raise _damaged(folder, f"{build.MANIFEST} is not complete")
    return manifest


def _damaged(folder: Path, why: str) -> BundleUnavailable:
    return BundleUnavailable(
        f"the device program's bundle {folder} is damaged: {why}.",
        next_step=f"Remove {folder} and run again, or install this project again.",
        path=folder,
    )


def _host_abi() -> Abi:
    for abi in ABIS:
        if sys.platform == "linux" and platform.machine() == abi.machine:
            return abi
    raise AbiUnsupported(
        f"the device program does not run on {sys.platform} on {platform.machine()}; "
        "as a host, Linux on 64-bit ARM or x86 is measured.",
        next_step="Attach a phone, or use such a machine.",
    )
