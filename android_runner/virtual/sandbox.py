"""The command that starts adbd in a sandbox of its own: bubblewrap, and what has to be mounted before it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from android_runner.virtual.build import LOADER
from results.errors import NoDevice

_QEMU = "qemu-aarch64-static"
# A table of foreign program formats that belongs to the sandbox alone (kernel >= 6.7; older ones refuse).
_REGISTER_QEMU = r"""mount -t binfmt_misc none "$VENDOR"
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf %s ":aarch64:M::$magic:$mask:$QEMU:FP" > "$VENDOR/register"
"""
# bubblewrap has no such option, and keeps the flags of what it binds.
_FORBID_PROGRAMS = 'for d in {folders}; do mount --bind "$OWN$d" "$OWN$d"\n'
_FORBID_PROGRAMS += 'mount -o remount,bind,noexec "$OWN$d"; done\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """`root`: the shared root folder, never written. `own`: this phone's folder on this machine.

    `tmpfs`, `read_only`, `noexec`: paths on the phone, as VirtualPhone takes them. `over`: files and folders
    of `own` that lie over others of the phone, which cannot write them.
    """

    root: Path
    own: Path
    authorization: bool
    tmpfs: Mapping[str, int]
    read_only: tuple[str, ...]
    noexec: tuple[str, ...]
    over: Mapping[str, str]
    arm64: bool
    qemu_cpu: str

    def command(self, *, framework: int, information: int, call_filter: int | None = None) -> list[str]:
        """Descriptors: the dialog's socket, bubblewrap's own words, a filter of system calls (BPF)."""
        own = self.own
        command = [
            *("bwrap", "--unshare-user", "--uid", "2000", "--gid", "2000", "--unshare-pid", "--unshare-net"),
            *("--unshare-uts", "--unshare-ipc", "--hostname", "localhost"),
            *("--die-with-parent", "--new-session", "--info-fd", str(information), "--clearenv"),
            *("--setenv", "ANDROID_SOCKET_adbd", str(framework)),
            *("--setenv", "PATH", "/product/bin:/system/bin:/system/xbin:/vendor/bin"),
            *("--setenv", "ANDROID_ROOT", "/system", "--setenv", "ANDROID_DATA", "/data"),
            *("--ro-bind", str(self.root), "/", "--bind", str(own / "data"), "/data"),
            *("--ro-bind", str(own / "product"), "/product", "--ro-bind", str(own / "sys"), "/sys"),
            *("--ro-bind", str(own / "vendor"), "/vendor"),
            *("--proc", "/proc", "--dev", "/dev", "--chdir", "/"),
        ]
        for target, source in self.over.items():
            command += ["--ro-bind", str(own / source), target]
        for path, size_bytes in self.tmpfs.items():
            command += ["--size", str(size_bytes), "--tmpfs", path]
        for path in self.read_only:
            command += ["--ro-bind", str(own / path.lstrip("/")), path]
        if self.arm64:
            command += ["--setenv", "QEMU_CPU", self.qemu_cpu]
        if call_filter is not None:
            command += ["--seccomp", str(call_filter)]
        daemon = "/adbd/adbd-auth" if self.authorization else "/adbd/adbd"
        # The loader's own option, not LD_PRELOAD: that would reach what adbd starts.
        command += [f"/adbd/{LOADER}", "--library-path", "/adbd", "--preload", "/adbd/preload.so", daemon]
        return [*self._before(), *command]

    def _before(self) -> list[str]:
        """What is mounted first, in namespaces of its own, by a shell that then becomes bubblewrap."""
        script, variables = "", {"OWN": str(self.own)}
        if self.noexec:
            script += _FORBID_PROGRAMS.format(folders=" ".join(self.noexec))
        if self.arm64:
            qemu = shutil.which(_QEMU)
            if qemu is None:
                raise NoDevice(
                    f"an arm64 virtual phone needs {_QEMU}, which is not here.",
                    next_step="As root: apt-get install qemu-user-static",
                )
            script += _REGISTER_QEMU
            variables |= {"QEMU": qemu, "VENDOR": str(self.own / "vendor")}
        if not script:
            return []
        given = [f"{name}={value}" for name, value in variables.items()]
        shell = ["sh", "-c", f'set -e\n{script}exec "$@"', "sh"]
        return ["env", *given, "unshare", "-U", "-r", "-m", *shell]
