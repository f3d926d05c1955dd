"""Run the ARM bundle on an x86 machine: QEMU's user mode, inside a sandbox that shows an ARM /proc/cpuinfo.

Without that file LiteRT reads the x86 processor's, and crashes as it compiles. The two lists below
/sys/devices/system/cpu that LiteRT also needs are this machine's own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

_CORE = """processor\t: {index}
BogoMIPS\t: 49.50
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

"""


def cpuinfo(cores: int) -> str:
    """/proc/cpuinfo of an ARM machine of that many Cortex-A76."""
    return "".join(_CORE.format(index=index) for index in range(cores))


def inside_qemu(folder: Path) -> list[str]:
    """The command that runs an ARM program; `folder`: where the sandbox's files may be written.

    Skips the test, naming what is missing, where QEMU's user mode or bubblewrap are not installed.
    """
    needed = {"qemu-aarch64-static": "qemu-user-static", "bwrap": "bubblewrap"}
    missing = [package for tool, package in needed.items() if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    shown = folder / "cpuinfo"
    shown.write_text(cpuinfo(2), encoding="utf-8")
    # QEMU's default processor has SME, whose int8 kernels compute something else under QEMU 7.2; with
    # "max,sme=off" they are right.
    sandbox = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(shown), "/proc/cpuinfo"]
    return [*sandbox, "qemu-aarch64-static", "-cpu", "cortex-a76"]
