"""VirtualPhone: one adbd in a sandbox of its own, on a loopback port of its own.

The sandbox (bubblewrap) has its own processes, users, mounts and network; nothing of the machine is writable
from within, and adbd gets the only socket that it can listen on ready-made. It ends with the process that
started it. Start phones from the main thread: --die-with-parent watches the thread that started the sandbox.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from android_runner.device_text import VIRTUAL_PHONE_PROPERTY
from android_runner.virtual.build import phone_root
from android_runner.virtual.profile import Profile, pixel4
from android_runner.virtual.sandbox import Sandbox
from results.errors import DeviceLost

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
# The segment size of a real network: with loopback's 64 KiB, writes that are cut short never happen.
SEGMENT_BYTES = 1400
_START_TIMEOUT_S = 10.0
# The shortest filter of system calls: BPF_RET with SECCOMP_RET_ALLOW.
_ALLOW_ALL = struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000)
# Android's own commands, as far as this project uses them; what they change is kept below /data.
_COMMANDS = Path(__file__).with_name("android")


class VirtualPhone:
    """A phone at `host`:`port`, up between __enter__ and __exit__.

    `keys`: None asks for no key; otherwise these public keys get in, and others wait for the dialog.
    `tmpfs`: {path: bytes}, small disks that fill up. `read_only`, `noexec`: paths below /data that cannot be
    written, or whose programs cannot be started. `without`: commands that this phone lacks. `call_filter`:
    its kernel filters system calls, and lets all of them pass. `arm64`: runs aarch64 programs, through QEMU.
    `port` 0: any free one.
    """

    host = HOST

    def __init__(
        self,
        profile: Profile | None = None,
        *,
        keys: Sequence[str] | None = None,
        tmpfs: Mapping[str, int] | None = None,
        read_only: Iterable[str] = (),
        noexec: Iterable[str] = (),
        without: Iterable[str] = (),
        call_filter: bool = False,
        arm64: bool = False,
        qemu_cpu: str = "cortex-a76",
        port: int = 0,
    ) -> None:
        self._profile = pixel4(arm64=arm64) if profile is None else profile
        self._keys = None if keys is None else tuple(keys)
        self._tmpfs = dict(tmpfs or {})
        self._read_only = tuple(read_only)
        self._noexec = tuple(noexec)
        self._without = frozenset(without)
        self._call_filter = call_filter
        self._sensors = self._profile.sensors
        self._arm64 = arm64
        self._qemu_cpu = qemu_cpu
        self._listener: socket.socket | None = None
        self._port = port
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
    def is_up(self) -> bool:
        """Whether its sandbox runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def data(self) -> Path:
        """The phone's /data, as this machine sees it."""
        return self._own / "data"

    def set_dumpsys(self, service: str, text: str) -> None:
        """Change what `dumpsys SERVICE` says from now on."""
        _replace(self._own / "product/dumpsys" / service, text)

    def set_thermal(self, **changes: object) -> None:
        """Change what the thermal service says from now on: `status`, `skin_c`, other fields of Sensors."""
        assert self._sensors is not None
        self._sensors = replace(self._sensors, **changes)  # type: ignore[arg-type]  # fields of several types
        self.set_dumpsys("thermalservice", self._sensors.text())

    def set_sys(self, path: str, text: str) -> None:
        """Change a file below /sys, such as "devices/system/cpu/cpu0/cpufreq/scaling_max_freq"."""
        _replace(self._own / "sys" / path, text)

    def remember(self, key: str) -> None:
        """Always allow this public key from now on."""
        with (self.data / "misc/adb/adb_keys").open("a", encoding="utf-8") as keys:
            keys.write(f"{key.strip()}\n")

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
            self._forget()
            log_file, filter_file = self._own / "adbd.log", self._own / "filter"
            filter_file.write_bytes(_ALLOW_ALL)
            with log_file.open("wb") as words, filter_file.open("rb") as call_filter:
                self._process = subprocess.Popen(
                    self._sandbox().command(
                        framework=framework.fileno(),
                        information=information_end,
                        call_filter=call_filter.fileno() if self._call_filter else None,
                    ),
                    # bubblewrap's own environment can be read in its sandbox, as that of process 1.
                    env={"PATH": os.environ.get("PATH", os.defpath)},
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    pass_fds=(*inherited, call_filter.fileno()) if self._call_filter else inherited,
                    # Ctrl-C is for whoever started the phone, and who then switches it off.
                    start_new_session=True,
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
            with contextlib.suppress(ProcessLookupError):
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
        profile, own = self._profile, self._own
        files = {
            **android_files(profile),
            **{f"sys/{name}": text for name, text in profile.sys_files.items()},
            **{f"cpuset/{name}/cpus": text for name, text in profile.cpusets.items()},
            "data/misc/adb/adb_keys": "".join(f"{key.strip()}\n" for key in self._keys or ()),
        }
        if profile.cpuinfo is not None:
            files["cpuinfo"] = profile.cpuinfo
        for name in self._without:
            files.pop(f"product/bin/{name}", None)
        for name, text in files.items():
            path = own / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if name.startswith("product/bin/"):
                path.chmod(0o755)
        for folder in ("data/local/tmp", "sys", "cpuset", "product/dumpsys", "product/bin", "vendor"):
            (own / folder).mkdir(parents=True, exist_ok=True)
        for mount in (*self._tmpfs, *self._read_only, *self._noexec):
            (own / mount.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for link, target in profile.sys_links.items():
            (own / "sys" / link).symlink_to(target)
        for name in profile.unreadable:
            (own / "sys" / name).chmod(0)
        if self._without:
            self._copy_tools()

    def _copy_tools(self) -> None:
        """The folder of commands without those that are to be missing."""
        tools = self._own / "tools"
        tools.mkdir()
        for tool in (self._root / "system/bin").iterdir():
            if tool.name not in self._without:
                shutil.copy2(tool, tools / tool.name, follow_symlinks=False)

    def _forget(self) -> None:
        """What a phone does not keep over a restart, and what tells that it restarted."""
        shutil.rmtree(self.data / "system-state/until-restart", ignore_errors=True)
        (self._own / "boot_id").write_text(f"{uuid.uuid4()}\n", encoding="ascii")

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

    def _sandbox(self) -> Sandbox:
        over = {"/dev/cpuset": "cpuset", "/proc/sys/kernel/random/boot_id": "boot_id"}
        if self._profile.cpuinfo is not None:
            over["/proc/cpuinfo"] = "cpuinfo"
        if self._without:
            over["/system/bin"] = "tools"
        return Sandbox(
            root=self._root,
            own=self._own,
            authorization=self._keys is not None,
            tmpfs=self._tmpfs,
            read_only=self._read_only,
            noexec=self._noexec,
            over=over,
            arm64=self._arm64,
            qemu_cpu=self._qemu_cpu,
        )


def android_files(profile: Profile) -> dict[str, str]:
    """What stands for Android itself, path to text: its commands, what they print, the settings in /data."""
    commands = {path.name: path.read_text(encoding="utf-8") for path in _COMMANDS.iterdir()}
    if profile.machine is None:
        del commands["uname"]  # the kernel's own word
    dumpsys = dict(profile.dumpsys)
    if profile.sensors is not None:
        dumpsys["thermalservice"] = profile.sensors.text()
    files = {
        **{f"product/bin/{name}": text for name, text in commands.items()},
        **{f"product/dumpsys/{name}": text for name, text in dumpsys.items()},
        **{f"data/system-state/settings/{name}": f"{value}\n" for name, value in profile.settings.items()},
    }
    if profile.machine is not None:
        files["product/machine"] = f"{profile.machine}\n"
    if profile.fixed_performance:
        files["product/fixed-performance"] = ""
    return files


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: the phone may be reading it."""
    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_text(text, encoding="utf-8")
    part.replace(path)


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

    def fileno(self) -> int:
        """For select: readable when a key waits."""
        return self._socket.fileno()

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
