"""VirtualMachine: a complete arm64 Linux under QEMU whose adbd answers on a loopback port.

Slower than the sandboxed phone and truer: a kernel of its own, so that it reboots, and, with `cable`, a phone
on a USB cable whose computer, with libusb and adb on it, is the machine itself. QEMU ends with the thread
that started it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from android_runner.adb import AdbTcpLink
from android_runner.device_text import VIRTUAL_PHONE_PROPERTY
from android_runner.virtual.initramfs import pack
from android_runner.virtual.machine_image import Image, machine_image
from android_runner.virtual.packages import call
from android_runner.virtual.phone import HOST, android_files
from android_runner.virtual.profile import Profile, pixel4
from results.errors import DeviceLost, HarnessError

log = logging.getLogger(__name__)

CORES = 2
_MEMORY_MIB = 1024
_DATA_BYTES = 512 << 20
_ADBD_PORT, _SERVER_PORT = 15555, 5037
_UP_TIMEOUT_S = 120.0
_ASK_TIMEOUT_S = 10.0
_UP = "virtual machine up"  # what init.sh says
_HERE = Path(__file__).parent


class VirtualMachine:
    """A machine up between __enter__ and __exit__; with a /data of its own that outlives a reboot.

    `cable`: the phone is on a USB cable inside, and what `selector` leads to is the computer, as root.
    `computer`: a folder that is laid over the computer's root.
    """

    host = HOST

    def __init__(
        self, profile: Profile | None = None, *, cable: bool = False, computer: Path | None = None
    ) -> None:
        self._profile = pixel4(arm64=True, cores=range(CORES)) if profile is None else profile
        self._cable = cable
        self._computer = computer
        self._own = self._kernel = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._boots = 0
        self.port = self.server_port = 0

    def __enter__(self) -> VirtualMachine:
        self._own = Path(tempfile.mkdtemp(prefix="virtual-machine-"))
        try:
            self._write_files(machine_image())
            self.port, self.server_port = _free_ports(2)
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
    def selector(self) -> str:
        """What --device takes."""
        return f"tcp:{self.host}:{self.port}"

    @property
    def log_text(self) -> str:
        """What the kernel and process 1 said on the serial line."""
        return (self._own / "console.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Switch on, and wait until adbd answers. Raises DeviceLost with its last words."""
        with (self._own / "qemu.log").open("wb") as words:
            self._process = subprocess.Popen(
                # A parent that is killed takes the machine with it.
                ["setpriv", "--pdeathsig", "KILL", *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )
        self._boots = 1
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Until a command has run there; the port alone answers before the machine has started."""
        assert self._process is not None
        begin = time.monotonic()
        while True:
            with contextlib.closing(AdbTcpLink(HOST, self.port)) as link, contextlib.suppress(HarnessError):
                link.reconnect(timeout_s=2)
                if self.log_text.count(_UP) >= self._boots:
                    break
            if self._process.poll() is not None or time.monotonic() - begin > _UP_TIMEOUT_S:
                words = (self._own / "qemu.log").read_text(errors="replace") + self.log_text
                raise DeviceLost(
                    f"the virtual machine did not come up: {words.strip()[-2000:]}",
                    next_step="Look at what it says; qemu-system-aarch64 --version shows whether QEMU works.",
                )
            time.sleep(0.1)
        log.debug("virtual machine up at %s after %.1f s", self.selector, time.monotonic() - begin)

    def power_cut(self) -> None:
        """Off, at once; `start` brings the machine back with its /data."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def reboot(self) -> None:
        """The reset button; `wait_until_up` says when it is back."""
        self._boots += 1
        self._control("system_reset")

    def stop(self) -> None:
        """Switch off and remove every trace."""
        if self._process is not None:
            self.power_cut()
        if self._own != Path():
            shutil.rmtree(self._own, ignore_errors=True)

    def _control(self, command: str) -> None:
        """One command of QEMU's control protocol (QMP)."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(_ASK_TIMEOUT_S)
            control.connect(str(self._own / "control"))
            with control.makefile("rwb") as lines:
                lines.readline()  # its greeting
                for name in ("qmp_capabilities", command):
                    lines.write(json.dumps({"execute": name}).encode() + b"\n")
                    lines.flush()
                    while "return" not in json.loads(lines.readline()):
                        pass  # events

    def _write_files(self, image: Image) -> None:
        self._kernel = image.kernel
        profile = self._profile
        root = self._own / "root"
        properties = {**profile.properties, VIRTUAL_PHONE_PROPERTY: "1"}
        files = {
            **android_files(profile),
            "product/build.prop": "".join(f"{name}={value}\n" for name, value in properties.items()),
            "init": (_HERE / "init.sh").read_text(encoding="utf-8"),
            "adbd/cable.sh": (_HERE / "cable.sh").read_text(encoding="utf-8"),
        }
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755)
        with (self._own / "initrd").open("wb") as stream:
            for archive in (image.phone, *((image.computer,) if self._cable else ())):
                with archive.open("rb") as content:
                    shutil.copyfileobj(content, stream)
            pack(root, stream)
            if self._computer is not None:
                pack(self._computer, stream)
        with (self._own / "data").open("wb") as disk:
            disk.truncate(_DATA_BYTES)
        mke2fs = shutil.which("mke2fs", path=os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin")
        call(str(mke2fs), "-q", "-t", "ext4", "-d", str(root / "data"), str(self._own / "data"))

    def _command(self) -> list[str]:
        forwards = ((self.port, _ADBD_PORT), (self.server_port, _SERVER_PORT))
        network = ",".join(f"hostfwd=tcp:{HOST}:{here}-:{there}" for here, there in forwards)
        # The processor has a Pixel 4's instructions: fp16 and dot products, no i8mm.
        kernel = "console=ttyAMA0 quiet rdinit=/init panic=-1 mitigations=off nokaslr"
        return [
            *("qemu-system-aarch64", "-machine", "virt,gic-version=3", "-cpu", "cortex-a76"),
            *("-accel", "tcg,thread=multi", "-smp", str(CORES), "-m", str(_MEMORY_MIB)),
            *("-nodefaults", "-no-user-config", "-display", "none"),
            *("-serial", f"file:{self._own / 'console.log'}"),
            *("-qmp", f"unix:{self._own / 'control'},server=on,wait=off"),
            *("-kernel", str(self._kernel), "-initrd", str(self._own / "initrd")),
            *("-append", f"{kernel} usb" if self._cable else kernel),
            # restrict: it reaches nothing, neither this machine nor the network.
            *("-netdev", f"user,id=net,restrict=on,{network}"),
            *("-device", "virtio-net-pci,netdev=net,romfile="),
            *("-drive", f"file={self._own / 'data'},format=raw,if=none,id=data,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=data"),
        ]


def _free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that were free a moment ago; never those that adb servers look at."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [int(listener.getsockname()[1]) for listener in listeners]
