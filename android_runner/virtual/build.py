"""The virtual phone's root folder: adbd, Android's shell and tools, from Debian trixie's packages.

Built once (some 6 s, 17 MB) into the cache, by content of the recipe. Packages come through a private apt
state: nothing is installed, and any Debian release on x86-64 will do.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from android_runner.cache import cache_folder
from android_runner.virtual.auth_patch import require_authorization
from results.errors import NoDevice

log = logging.getLogger(__name__)

SUITE = "trixie"
PACKAGES = ("adbd", "adb", "toybox", "mksh")
LOADER = "ld-linux-x86-64.so.2"
_HERE = Path(__file__).parent
_RECIPE = ("build.py", "auth_patch.py", "preload.c")
_NEEDED = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "tar": "tar",
    "patchelf": "patchelf",
    "bwrap": "bubblewrap",
}
_FOLDERS = ("system/bin", "system/etc", "product", "data", "dev", "proc", "sys", "sdcard", "vendor", "tmp")
_KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
)
_APT_TIMEOUT_S = 300.0


def missing_packages() -> tuple[str, ...]:
    """The Debian packages that this machine lacks for virtual phones."""
    missing = [package for tool, package in _NEEDED.items() if shutil.which(tool) is None]
    if not any(keyring.exists() for keyring in _KEYRINGS):
        missing.append("debian-archive-keyring")
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
    if missing := missing_packages():
        raise NoDevice(
            f"The virtual phone cannot be built: this machine lacks {', '.join(missing)}.",
            next_step=f"As root: apt-get install {' '.join(missing)}",
        )
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
    versions = _download(packages, scratch / "apt")
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
    _copy_libraries((adbd, server, toybox), packages, libraries)
    # The loader and its libraries stay in /adbd, off every default path: a program that is pushed must
    # bring its own, as on a phone.
    _call("patchelf", "--set-interpreter", f"/adbd/{LOADER}", "--set-rpath", "/adbd", str(toybox))
    for tool in _call(
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


def _download(packages: Path, state: Path) -> tuple[str, ...]:
    """Fetch and unpack the packages and what they depend on; gives the names of the .deb files."""
    uri = _archive_uri()
    keyring = next(path for path in _KEYRINGS if path.exists())
    for folder in ("lists/partial", "archives/partial"):
        (state / folder).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb [signed-by={keyring}] {uri} {SUITE} main\n", encoding="utf-8")
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Cache::archives": state / "archives",
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "APT::Sandbox::User": "root",  # files of a private folder, that apt's own user could not read
        "APT::Architecture": "amd64",
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
    }
    lines = [f'{key} "{value}";' for key, value in settings.items()] + ['APT::Architectures { "amd64"; };']
    (state / "apt.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = {**os.environ, "APT_CONFIG": str(state / "apt.conf")}
    _call("apt-get", "-qq", "update", environment=environment)
    _call("apt-get", "-qq", "install", "-y", "--download-only", *PACKAGES, environment=environment)
    archives = sorted((state / "archives").glob("*.deb"))
    for archive in archives:
        _call("dpkg-deb", "--extract", str(archive), str(packages))
    return tuple(archive.name for archive in archives)


def _archive_uri() -> str:
    """The address of Debian's archive that this machine's apt uses. Raises NoDevice on another system."""
    # --no-release-info: also where `apt-get update` has never run.
    listed = _call(
        "apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)", "Created-By: Packages"
    )
    for uri in listed.split():
        if re.search(r"/debian/?$", uri):
            return uri
    raise NoDevice(
        "The virtual phone is made of Debian's packages, and this machine's apt names no Debian archive.",
        next_step="Run the tests marked adbd on Debian 12 or 13.",
    )


def _copy_libraries(programs: Sequence[Path], packages: Path, folder: Path) -> None:
    """Copy every library that `programs` need, and that those need, to `folder`."""
    available = {path.name: path for path in packages.rglob("*.so*") if path.exists()}
    waiting = list(programs)
    while waiting:
        for name in _call("patchelf", "--print-needed", str(waiting.pop())).split():
            target = folder / name
            if not target.exists():
                shutil.copy(available[name], target)
                waiting.append(target)


def _compile_preload(library: Path) -> None:
    options = ["-O1", "-shared", "-fPIC", "-o", str(library), str(_HERE / "preload.c")]
    if shutil.which("cc"):
        _call("cc", *options)
    else:
        _call(sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-gnu.2.31", *options)


def _call(*argv: str, environment: dict[str, str] | None = None) -> str:
    """What a tool wrote on stdout. Raises NoDevice with its last words when it fails."""
    log.debug("%s", " ".join(argv))
    try:
        done = subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_APT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise NoDevice(
            f"{argv[0]} did not end within {_APT_TIMEOUT_S:.0f} s while the virtual phone was built.",
            next_step="Check this machine's way to Debian's archive: apt-get update",
            argv=argv,
        ) from err
    if done.returncode != 0:
        last = next(_last_lines(done.stderr), "no word on stderr")
        raise NoDevice(
            f"The virtual phone cannot be built: {argv[0]} ended with {done.returncode}: {last}",
            next_step="Check this machine's way to Debian's archive: apt-get update",
            argv=argv,
            stderr=done.stderr,
        )
    return done.stdout


def _last_lines(text: str) -> Iterator[str]:
    return (line.strip() for line in reversed(text.splitlines()) if line.strip())
