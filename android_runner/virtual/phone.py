"""VirtualPhone: one adbd in a sandbox of its own, on a loopback port of its own.

The sandbox (bubblewrap) has its own processes, users, mounts and network; nothing of the machine is writable
from within, and adbd gets the only socket that it can listen on ready-made. It ends with the process that
started it. Start phones from the main thread: --die-with-parent watches the thread that started the sandbox.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from android_runner.device_text import VIRTUAL_PHONE_PROPERTY
from android_runner.virtual.build import LOADER, phone_root
from android_runner.virtual.profile import Profile, pixel4
from results.errors import DeviceLost, NoDevice

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
# The segment size of a real network: with loopback's 64 KiB, writes that are cut short never happen.
SEGMENT_BYTES = 1400
_START_TIMEOUT_S = 10.0
_QEMU = "qemu-aarch64-static"

_GETPROP = r"""#!/system/bin/sh
file=/product/build.prop
if [ $# -eq 0 ]; then sed -n 's/^\([^#=]*\)=\(.*\)$/[\1]: [\2]/p' $file | sort; exit; fi
while IFS='=' read -r key value; do [ "$key" = "$1" ] && { echo "$value"; exit; }; done < $file
echo "$2"
"""
_DUMPSYS = r"""#!/system/bin/sh
cat "/product/dumpsys/$1" 2>/dev/null || echo "Can't find service: $1"
"""
_UNAME = r"""#!/system/bin/sh
[ "$1" = -m ] && echo {machine} || toybox uname "$@"
"""
# A table of foreign program formats that belongs to the sandbox alone (kernel >= 6.7; older ones refuse).
_REGISTER_QEMU = r"""set -e; qemu=$0; mount_point=$1; shift
mount -t binfmt_misc none "$mount_point"
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf %s ":aarch64:M::$magic:$mask:$qemu:FP" > "$mount_point/register"
exec "$@"
"""


class VirtualPhone:
    """A phone at `host`:`port`, up between __enter__ and __exit__.

    `keys`: None asks for no key; otherwise these public keys get in, and others wait for the dialog.
    `tmpfs`: {path: bytes}, small disks that fill up. `read_only`: paths below /data that cannot be written.
    `arm64`: runs aarch64 programs, through QEMU.
    """

    host = HOST

    def __init__(
        self,
        profile: Profile | None = None,
        *,
        keys: Sequence[str] | None = None,
        tmpfs: Mapping[str, int] | None = None,
        read_only: Iterable[str] = (),
        arm64: bool = False,
        qemu_cpu: str = "cortex-a76",
    ) -> None:
        self._profile = pixel4(arm64=arm64) if profile is None else profile
        self._keys = None if keys is None else tuple(keys)
        self._tmpfs = dict(tmpfs or {})
        self._read_only = tuple(read_only)
        self._arm64 = arm64
        self._qemu_cpu = qemu_cpu
        self._listener: socket.socket | None = None
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._first_pid = 0
        self._root = self._own = Path()

    def __enter__(self) -> VirtualPhone:
        self._root = phone_root()
        self._own = Path(tempfile.mkdtemp(prefix="virtual-phone-"))
        try:
            self._write_files()
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The TCP port; the phone keeps it over power cuts."""
        return self._port

    @property
    def selector(self) -> str:
        """What --device takes."""
        return f"tcp:{self.host}:{self.port}"

    @property
    def data(self) -> Path:
        """The phone's /data, as this machine sees it."""
        return self._own / "data"

    def set_dumpsys(self, service: str, text: str) -> None:
        """Change what `dumpsys SERVICE` says from now on."""
        (self._own / "product/dumpsys" / service).write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Switch on. Raises DeviceLost, with the daemon's words, when it does not come up."""
        self._listener = self._listen()
        dialog = self._own / "dialog"
        dialog.unlink(missing_ok=True)
        information, information_end = os.pipe()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as framework:
            framework.bind(str(dialog))
            framework.listen()
            inherited = (self._listener.fileno(), framework.fileno(), information_end)
            self._write_properties()
            log_file = self._own / "adbd.log"
            with log_file.open("wb") as words:
                self._process = subprocess.Popen(
                    self._command(framework.fileno(), information_end),
                    # bubblewrap's own environment can be read in its sandbox, as that of process 1.
                    env={"PATH": os.environ.get("PATH", os.defpath)},
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    pass_fds=inherited,
                )
            os.close(information_end)
        with os.fdopen(information, encoding="utf-8") as stream:
            told = stream.read()
        if told:
            self._first_pid = int(json.loads(told)["child-pid"])
        deadline = time.monotonic() + _START_TIMEOUT_S
        while b"adbd started" not in log_file.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DeviceLost(
                    "the virtual phone did not come up: " + log_file.read_text(errors="replace").strip(),
                    next_step="Check that sandboxes may be made here: bwrap --unshare-all --bind / / true",
                )
            time.sleep(0.002)
        log.debug("virtual phone up at %s", self.selector)

    def power_cut(self) -> None:
        """End adbd and all that it started, at once; `start` brings the phone back with its /data."""
        assert self._process is not None
        assert self._listener is not None
        if self._first_pid:
            os.kill(self._first_pid, signal.SIGKILL)
            self._first_pid = 0
        else:
            self._process.kill()
        self._process.wait(_START_TIMEOUT_S)
        self._process = None
        self._listener.close()  # from now on connections are refused
        self._listener = None

    def freeze(self) -> None:
        """Let adbd hang: its connections stay open, and nothing answers any more."""
        children = Path(f"/proc/{self._first_pid}/task/{self._first_pid}/children").read_text(
            encoding="ascii"
        )
        for pid in children.split():
            os.kill(int(pid), signal.SIGSTOP)

    def stop(self) -> None:
        """Switch off and remove every trace."""
        if self._process is not None:
            if self._process.poll() is None:
                self.power_cut()
            self._process = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._own != Path():
            shutil.rmtree(self._own, ignore_errors=True)

    def dialog(self) -> Dialog:
        """Stand in for Android's "Allow USB debugging?" window."""
        return Dialog(self._own / "dialog")

    def _listen(self) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        listener.bind((HOST, self._port))
        listener.listen()
        self._port = int(listener.getsockname()[1])
        return listener

    def _write_files(self) -> None:
        scripts = {"getprop": _GETPROP, "dumpsys": _DUMPSYS}
        if self._profile.machine is not None:
            scripts["uname"] = _UNAME.format(machine=self._profile.machine)
        files = {
            **{f"product/bin/{name}": text for name, text in scripts.items()},
            **{f"product/dumpsys/{name}": text for name, text in self._profile.dumpsys.items()},
            **{f"sys/{name}": text for name, text in self._profile.sys_files.items()},
            "data/misc/adb/adb_keys": "".join(f"{key.strip()}\n" for key in self._keys or ()),
        }
        if self._profile.cpuinfo is not None:
            files["cpuinfo"] = self._profile.cpuinfo
        for name, text in files.items():
            path = self._own / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if name.startswith("product/bin/"):
                path.chmod(0o755)
        for folder in ("data/local/tmp", "sys", "product/dumpsys", "vendor"):
            (self._own / folder).mkdir(parents=True, exist_ok=True)
        for mount in (*self._tmpfs, *self._read_only):
            (self._own / mount.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _write_properties(self) -> None:
        assert self._listener is not None
        properties = {
            **self._profile.properties,
            # Last, so that no profile takes it away: no figure of this phone may pass for a real one's.
            VIRTUAL_PHONE_PROPERTY: "1",
            "service.adb.listen_addrs": f"acceptfd:{self._listener.fileno()}",
        }
        text = "".join(f"{name}={value}\n" for name, value in properties.items())
        (self._own / "product/build.prop").write_text(text, encoding="utf-8")

    def _command(self, framework: int, information: int) -> list[str]:
        own = self._own
        command = [
            *("bwrap", "--unshare-user", "--uid", "2000", "--gid", "2000", "--unshare-pid", "--unshare-net"),
            *(
                "--unshare-uts",
                "--unshare-ipc",
                "--hostname",
                "localhost",
                "--die-with-parent",
                "--new-session",
            ),
            *("--info-fd", str(information), "--clearenv"),
            *("--setenv", "ANDROID_SOCKET_adbd", str(framework)),
            *("--setenv", "PATH", "/product/bin:/system/bin:/system/xbin:/vendor/bin"),
            *("--setenv", "ANDROID_ROOT", "/system", "--setenv", "ANDROID_DATA", "/data"),
            *("--ro-bind", str(self._root), "/", "--bind", str(own / "data"), "/data"),
            *("--ro-bind", str(own / "product"), "/product", "--ro-bind", str(own / "sys"), "/sys"),
            *("--ro-bind", str(own / "vendor"), "/vendor"),
            *("--proc", "/proc", "--dev", "/dev", "--chdir", "/"),
        ]
        if self._profile.cpuinfo is not None:
            command += ["--ro-bind", str(own / "cpuinfo"), "/proc/cpuinfo"]
        for path, size_bytes in self._tmpfs.items():
            command += ["--size", str(size_bytes), "--tmpfs", path]
        for path in self._read_only:
            command += ["--ro-bind", str(own / path.lstrip("/")), path]
        if self._arm64:
            command += ["--setenv", "QEMU_CPU", self._qemu_cpu]
        daemon = "/adbd/adbd" if self._keys is None else "/adbd/adbd-auth"
        # The loader's own option, not LD_PRELOAD: that would reach what adbd starts.
        command += [f"/adbd/{LOADER}", "--library-path", "/adbd", "--preload", "/adbd/preload.so", daemon]
        if not self._arm64:
            return command
        qemu = shutil.which(_QEMU)
        if qemu is None:
            raise NoDevice(
                f"an arm64 virtual phone needs {_QEMU}, which is not here.",
                next_step="As root: apt-get install qemu-user-static",
            )
        register = ["unshare", "-U", "-r", "-m", "sh", "-c", _REGISTER_QEMU, qemu, str(own / "vendor")]
        return [*register, *command]


class Dialog:
    """The window that asks the phone's owner about an unknown key; a context manager."""

    def __init__(self, address: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(str(address))

    def __enter__(self) -> Dialog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def wait_for_key(self, *, timeout_s: float) -> str:
        """The public key that asks to be let in. Raises TimeoutError when none asks."""
        self._socket.settimeout(timeout_s)
        question = self._socket.recv(8192)
        if question[:2] != b"PK":
            raise ValueError(f"adbd asked something else: {question[:40]!r}")
        return question[2:].decode("ascii")

    def answer(self, *, allow: bool) -> None:
        """Tap Allow or Deny."""
        self._socket.send(b"OK" if allow else b"NO")
