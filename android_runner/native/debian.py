"""Files out of Debian's packages, through apt in a state of its own: nothing is installed, no root needed."""

from __future__ import annotations

from email.parser import HeaderParser
from pathlib import Path

from android_runner.native.call import call
from android_runner.native.pins import UPDATE_COMMAND, PackagePin, sha256_of
from results.errors import BundleUnavailable

_TIMEOUT_S = 600.0
_KEYRINGS = tuple(Path(f"/usr/share/keyrings/debian-archive-keyring.{kind}") for kind in ("pgp", "gpg"))
_NEXT = (
    "Run this on a Debian machine, or install this project's wheel, which carries the bundles ready-made; "
    "the host can be measured without: --device host."
)


class Archive:
    """One suite of Debian's archive, for one architecture, as the mirror of this machine has it."""

    def __init__(self, architecture: str, suite: str, state: Path) -> None:
        """Read the package lists into `state`, a new folder. Raises: BundleUnavailable."""
        self._architecture = architecture
        self._suite = suite
        self._config = state / "apt.conf"
        source = f"deb [signed-by={_keyring()}] {_mirror()} {suite} main\n"
        for folder in ("lists/partial", "archives/partial"):
            (state / folder).mkdir(parents=True)
        (state / "status").touch()
        (state / "sources.list").write_text(source, encoding="utf-8")
        settings = {
            "Dir::State": state,
            "Dir::State::lists": state / "lists",
            "Dir::State::status": state / "status",
            "Dir::Cache": state,
            "Dir::Cache::archives": state / "archives",
            "Dir::Etc::SourceList": state / "sources.list",
            "Dir::Etc::SourceParts": "-",
            "APT::Sandbox::User": "root",  # the folder is private: apt's own user could not read it
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "Acquire::Languages": "none",
        }
        text = "".join(f'{name} "{value}";\n' for name, value in settings.items())
        self._config.write_text(text, encoding="utf-8")
        self._apt("apt-get", "--quiet", "update")

    def offered(self, name: str) -> PackagePin:
        """The version of a package that the archive has now. Raises: BundleUnavailable when it has none."""
        text = self._apt("apt-cache", "show", "--no-all-versions", f"{name}:{self._architecture}")
        fields = HeaderParser().parsestr(text)
        return PackagePin(name=name, version=fields["Version"], sha256=fields["SHA256"])

    def unpack(self, pin: PackagePin, folder: Path) -> None:
        """Unpack one package below `folder`. Raises: BundleUnavailable when it is not the pinned one."""
        offered = self.offered(pin.name)
        if offered.version != pin.version:
            raise BundleUnavailable(
                f"Debian's archive no longer offers {pin.name} {pin.version} "
                f"({self._architecture}, {self._suite}): it has {offered.version}.",
                next_step=f"Pin what it has: {UPDATE_COMMAND}",
                package=pin.name,
            )
        packages = self._config.parent / "packages" / pin.name
        packages.mkdir(parents=True)
        self._apt(
            *("apt-get", "--quiet", "download", f"{pin.name}:{self._architecture}={pin.version}"),
            folder=packages,
        )
        (package,) = packages.glob("*.deb")
        got = sha256_of(package)
        if got != pin.sha256:
            raise BundleUnavailable(
                f"{pin.name} {pin.version} ({self._architecture}) has SHA-256 {got}, "
                f"and {pin.sha256} is pinned.",
                next_step=f"Find out why; if it is right: {UPDATE_COMMAND}",
                package=pin.name,
            )
        call(["dpkg-deb", "--extract", str(package), str(folder)], timeout_s=_TIMEOUT_S, next_step=_NEXT)

    def _apt(self, *command: str, folder: Path | None = None) -> str:
        return call(
            command,
            timeout_s=_TIMEOUT_S,
            next_step=f"Make Debian's archive reachable through apt. {_NEXT}",
            folder=folder,
            environment={"APT_CONFIG": str(self._config)},
        )


def find_file(root: Path, name: str) -> Path:
    """The file called `name` below `root`, symbolic links followed as if `root` were /."""
    # Not rglob(name): it passes over links whose target this machine does not have.
    for path in sorted(path for path in root.rglob("*") if path.name == name):
        while path.is_symlink():
            target = path.readlink()
            path = root / target.relative_to("/") if target.is_absolute() else path.parent / target
        if path.is_file():
            return path
    raise BundleUnavailable(
        f"the pinned Debian packages have no {name}.", next_step=f"Look at the pins: {UPDATE_COMMAND}"
    )


def _keyring() -> Path:
    for path in _KEYRINGS:
        if path.exists():
            return path
    raise BundleUnavailable(
        "this machine does not have the keys of Debian's archive, where the device's C library comes from.",
        next_step=f"As root: apt-get install debian-archive-keyring. {_NEXT}",
    )


def _mirror() -> str:
    """Where this machine gets Debian from."""
    listed = call(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        timeout_s=_TIMEOUT_S,
        next_step=f"The bundle needs Debian's archive. {_NEXT}",
    )
    for uri in listed.split():
        if uri.endswith("/debian/"):
            return uri
    raise BundleUnavailable(
        "this machine's apt does not use Debian's archive, where the device's C library comes from.",
        next_step=_NEXT,
    )
