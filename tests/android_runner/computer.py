"""What lies on the computer at whose USB port a machine's phone hangs: this project, as from a wheel."""

from __future__ import annotations

import contextlib
import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from android_runner.adb import AdbTcpLink
from android_runner.bundle import device_bundle
from android_runner.link import Completed
from android_runner.virtual.machine import VirtualMachine
from android_runner.virtual.machine_image import PYTHON

_FOLDER = "computer"
_PACKAGES = (
    *("android_runner", "results"),
    *("adb_shell", "rsa", "pyasn1", "usb1"),
    *(
        "adbutils",
        "certifi",
        "charset_normalizer",
        "decorator",
        "idna",
        "packaging",
        "requests",
        "retry",
        "urllib3",
    ),
)
# Of adbutils' needs the only one without a form in pure Python; it is for screenshots.
_NO_PICTURES = "class UnidentifiedImageError(Exception): ...\n"


def computer_root(root: Path) -> Path:
    """Fill `root`, a new folder, for VirtualMachine(computer=)."""
    folder = root / _FOLDER
    left_out = shutil.ignore_patterns("__pycache__", "*.so", "binaries", "bundles")
    for name in _PACKAGES:
        shutil.copytree(_found(name).parent, folder / name, ignore=left_out)
    shutil.copy(_found("deprecation"), folder)
    (folder / "PIL").mkdir()
    (folder / "PIL/__init__.py").write_text(_NO_PICTURES)
    (folder / "PIL/Image.py").write_text("class Image: ...\n")
    bundle = device_bundle("arm64-v8a")
    shutil.copytree(bundle.folder, folder / "android_runner/bundles" / bundle.abi)
    for program in Path(__file__).parent.glob("usb_*.py"):
        shutil.copy(program, folder)
    return root


def start_on_computer(machine: VirtualMachine, program: str, *arguments: str, timeout_s: float) -> Completed:
    """Run one of the programs beside this file there, and wait for it."""
    command = f"PYTHONPATH=/{_FOLDER} HOME=/tmp /usr/bin/{PYTHON} /{_FOLDER}/{program} {' '.join(arguments)}"
    with contextlib.closing(AdbTcpLink(machine.host, machine.port)) as link:
        return link.run(command, timeout_s=timeout_s)


def printed_by(done: Completed) -> Any:  # noqa: ANN401 (whatever the program says)
    """The JSON that a program printed."""
    assert done.exit_code == 0, done.error_text
    return json.loads(done.text)


def _found(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)
