"""Debian's packages for virtual phones, through apt in a state of its own: nothing is installed.

Any Debian release will do as the machine; the phones are made of one suite's packages.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from results.errors import NoDevice

log = logging.getLogger(__name__)

SUITE = "trixie"
_KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
)
_APT_TIMEOUT_S = 300.0
_CHECK = "Check this machine's way to Debian's archive: apt-get update"


def missing_tools(packages: Mapping[str, str]) -> list[str]:
    """The Debian packages that this machine lacks: of `packages` (program to package) and for unpacking."""
    # Some of them lie where only root's PATH leads.
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    needed = {"apt-get": "apt", "dpkg-deb": "dpkg", "tar": "tar", "patchelf": "patchelf", **packages}
    missing = [package for tool, package in needed.items() if shutil.which(tool, path=path) is None]
    if not any(keyring.exists() for keyring in _KEYRINGS):
        missing.append("debian-archive-keyring")
    return missing


def refuse_missing(missing: Sequence[str]) -> None:
    """Raises NoDevice naming the packages that this machine lacks, where it lacks any."""
    if missing:
        raise NoDevice(
            f"The virtual phone cannot be built: this machine lacks {', '.join(missing)}.",
            next_step=f"As root: apt-get install {' '.join(missing)}",
        )


class Archive:
    """Packages of one architecture ("amd64", "arm64"), as this machine's mirror of Debian has them."""

    def __init__(self, architecture: str, state: Path) -> None:
        """Read the package lists into `state`, a new folder. Raises NoDevice."""
        keyring = next(path for path in _KEYRINGS if path.exists())
        self._state = state
        for folder in ("lists/partial", "archives/partial"):
            (state / folder).mkdir(parents=True)
        (state / "status").touch()
        (state / "sources.list").write_text(
            f"deb [signed-by={keyring}] {_archive_uri()} {SUITE} main\n", encoding="utf-8"
        )
        settings = {
            "Dir::State": state,
            "Dir::State::lists": state / "lists",
            "Dir::State::status": state / "status",
            "Dir::Cache": state,
            "Dir::Cache::archives": state / "archives",
            "Dir::Etc::SourceList": state / "sources.list",
            "Dir::Etc::SourceParts": "-",
            "APT::Sandbox::User": "root",  # files of a private folder, that apt's own user could not read
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
        }
        text = "".join(f'{name} "{value}";\n' for name, value in settings.items())
        (state / "apt.conf").write_text(text, encoding="utf-8")
        self._environment = {**os.environ, "APT_CONFIG": str(state / "apt.conf")}
        call("apt-get", "-qq", "update", environment=self._environment)

    def unpack(self, names: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Unpack packages and all that they depend on below `folder`; the names of their .deb files."""
        self._apt("apt-get", "-qq", "install", "-y", "--download-only", *names)
        return self._extract(folder)

    def unpack_alone(self, names: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Unpack packages without what they depend on."""
        self._apt("apt-get", "-qq", "download", *names, folder=self._state / "archives")
        return self._extract(folder)

    def needs(self, name: str) -> tuple[str, ...]:
        """The packages that this one depends on."""
        listed = self._apt("apt-cache", "depends", name)
        return tuple(re.findall(r"^ *\|?Depends: ([^<\s]+)$", listed, re.MULTILINE))

    def _apt(self, *argv: str, folder: Path | None = None) -> str:
        return call(*argv, environment=self._environment, folder=folder)

    def _extract(self, folder: Path) -> tuple[str, ...]:
        archives = sorted((self._state / "archives").glob("*.deb"))
        for archive in archives:
            call("dpkg-deb", "--extract", str(archive), str(folder))
            archive.unlink()
        return tuple(archive.name for archive in archives)


def copy_libraries(programs: Sequence[Path], packages: Path, folder: Path) -> None:
    """Copy every library that `programs` need, and that those need, to `folder`."""
    available = {path.name: path for path in packages.rglob("*.so*") if path.exists()}
    waiting = list(programs)
    while waiting:
        for name in call("patchelf", "--print-needed", str(waiting.pop())).split():
            target = folder / name
            if not target.exists():
                shutil.copy(available[name], target)
                waiting.append(target)


def call(*argv: str, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """What a tool wrote on stdout. Raises NoDevice with its last words when it fails."""
    log.debug("%s", " ".join(argv))
    try:
        done = subprocess.run(
            argv,
            env=environment,
            cwd=folder,
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
            next_step=_CHECK,
            argv=argv,
        ) from err
    if done.returncode != 0:
        last = next(_last_lines(done.stderr), "no word on stderr")
        raise NoDevice(
            f"The virtual phone cannot be built: {argv[0]} ended with {done.returncode}: {last}",
            next_step=_CHECK,
            argv=argv,
            stderr=done.stderr,
        )
    return done.stdout


def _archive_uri() -> str:
    """The address of Debian's archive that this machine's apt uses. Raises NoDevice on another system."""
    # --no-release-info: also where `apt-get update` has never run.
    listed = call(
        "apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)", "Created-By: Packages"
    )
    for uri in listed.split():
        if re.search(r"/debian/?$", uri):
            return uri
    raise NoDevice(
        "The virtual phone is made of Debian's packages, and this machine's apt names no Debian archive.",
        next_step="Run the tests marked adbd on Debian 12 or 13.",
    )


def _last_lines(text: str) -> Iterator[str]:
    return (line.strip() for line in reversed(text.splitlines()) if line.strip())
