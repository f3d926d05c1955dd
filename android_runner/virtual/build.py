"""The virtual phone's root folder: adbd, Android's shell and tools, from Debian trixie's packages.

Built once (some 6 s, 17 MB) into the cache, by content of the recipe. Packages come through a private apt
state: nothing is installed, and any Debian release on x86-64 will do.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from android_runner.cache import cache_folder
from android_runner.virtual.auth_patch import require_authorization
from android_runner.virtual.packages import Archive, call, copy_libraries, missing_tools, refuse_missing
from results.errors import NoDevice

PACKAGES = ("adbd", "adb", "toybox", "mksh")
LOADER = "ld-linux-x86-64.so.2"
_HERE = Path(__file__).parent
_RECIPE = ("build.py", "packages.py", "auth_patch.py", "preload.c")
_NEEDED = {"bwrap": "bubblewrap"}
_FOLDERS = ("system/bin", "system/etc", "product", "data", "dev", "proc", "sys", "sdcard", "vendor", "tmp")


def missing_packages() -> tuple[str, ...]:
    """The Debian packages that this machine lacks for virtual phones."""
    missing = missing_tools(_NEEDED)
    if shutil.which("cc") is None and find_spec("ziglang") is None:
        missing.append("gcc")
    return tuple(missing)


def phone_root() -> Path:
    """The root folder, from the cache or built now. Raises NoDevice naming what this machine lacks."""
    digest = hashlib.sha256()
    for name in _RECIPE:
        digest.update((_HERE / name).read_bytes())
    root = cache_folder() / "virtual" / digest.hexdigest()[:16]
    if root.exists():
        return root
    if platform.machine() != "x86_64" or sys.platform != "linux":
        raise NoDevice(
            f"virtual phones need Linux on x86_64; this is {sys.platform} on {platform.machine()}.",
            next_step="Use a real phone, or --device host.",
        )
    refuse_missing(missing_packages())
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix="building-") as scratch:
        built = Path(scratch) / "root"
        _build(built, Path(scratch))
        try:
            built.rename(root)
        except OSError:
            if not root.exists():  # else another process was faster, with the same content
                raise
    return root


def _build(root: Path, scratch: Path) -> None:
    packages = scratch / "packages"
    packages.mkdir()
    versions = Archive("amd64", scratch / "apt").unpack(PACKAGES, packages)
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("/system/bin")
    (root / "etc").symlink_to("/system/etc")
    libraries = root / "adbd"
    libraries.mkdir()
    adbd, server = libraries / "adbd", libraries / "adb"
    toybox = root / "system/bin/toybox"
    shutil.copy(packages / "usr/lib/android-sdk/platform-tools/adbd", adbd)
    shutil.copy(packages / "usr/lib/android-sdk/platform-tools/adb", server)
    shutil.copy(packages / "usr/bin/toybox", toybox)
    # The build against musl is static: like Android's own, it needs nothing else.
    shutil.copy(packages / "usr/lib/x86_64-linux-musl/bin/mksh", root / "system/bin/sh")
    copy_libraries((adbd, server, toybox), packages, libraries)
    # The loader and its libraries stay in /adbd, off every default path: a program that is pushed must
    # bring its own, as on a phone.
    call("patchelf", "--set-interpreter", f"/adbd/{LOADER}", "--set-rpath", "/adbd", str(toybox))
    for tool in call(
        str(libraries / LOADER), "--library-path", str(libraries), str(toybox)
    ).split():  # toybox without arguments lists its commands
        link = root / "system/bin" / tool
        if not link.exists():
            link.symlink_to("toybox")
    (root / "system/etc/passwd").write_text(
        "root:x:0:0::/:/system/bin/sh\nshell:x:2000:2000::/:/system/bin/sh\n", encoding="utf-8"
    )
    (root / "system/etc/group").write_text("root:x:0:\nshell:x:2000:\n", encoding="utf-8")
    authorizing = libraries / "adbd-auth"
    authorizing.write_bytes(require_authorization(adbd.read_bytes()))
    authorizing.chmod(0o755)
    _compile_preload(libraries / "preload.so")
    (root / "packages.txt").write_text("".join(f"{line}\n" for line in versions), encoding="utf-8")


def _compile_preload(library: Path) -> None:
    options = ["-O1", "-shared", "-fPIC", "-o", str(library), str(_HERE / "preload.c")]
    if shutil.which("cc"):
        call("cc", *options)
    else:
        call(sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-gnu.2.31", *options)
