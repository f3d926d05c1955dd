"""LiteRT's runtime library, out of the wheel that its makers publish."""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from pathlib import Path

from android_runner.native.abi import Abi
from android_runner.native.call import call
from results.errors import BundleUnavailable

PACKAGE = "ai-edge-litert"
LIBRARY = "libLiteRt.so"
_MEMBER = f"ai_edge_litert/{LIBRARY}"
_TIMEOUT_S = 900.0


def installed_library() -> Path | None:
    """The library of the package that is installed here; None where there is none."""
    try:
        path = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(_MEMBER)))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def installed_licence(package: str) -> str:
    """The licence text of a package that is installed here. Raises: BundleUnavailable where it has none."""
    for file in importlib.metadata.files(package) or ():
        if file.name == "LICENSE":
            return file.read_text(encoding="utf-8")
    raise BundleUnavailable(
        f"the installed {package} has no licence file.",
        next_step=f"{sys.executable} -m pip install --force-reinstall {package}",
    )


def download(version: str, abi: Abi, folder: Path) -> Path:
    """The wheel for one ABI, through pip and its own configuration. Raises: BundleUnavailable."""
    # Which CPython it was made for does not matter: only the C library in it is used.
    call(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
            *("--implementation", "cp", "--python-version", "3.11", "--platform", abi.wheel_platform),
            *("--dest", str(folder), f"{PACKAGE}=={version}"),
        ],
        timeout_s=_TIMEOUT_S,
        next_step=f"Make {PACKAGE} {version} for {abi.machine} reachable through pip, and run again.",
    )
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise BundleUnavailable(
            f"pip brought {len(wheels)} wheels of {PACKAGE} {version}, not one.",
            next_step="Look at pip's configuration, and run again.",
        )
    return wheels[0]


def unpack(wheel: Path, folder: Path) -> Path:
    """The library out of a wheel, as a file in `folder`; the licence is beside it as LICENSE."""
    with zipfile.ZipFile(wheel) as archive:
        licence = next(name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
        (folder / "LICENSE").write_bytes(archive.read(licence))
        (folder / LIBRARY).write_bytes(archive.read(_MEMBER))
    return folder / LIBRARY
