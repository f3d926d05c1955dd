"""Kernel and root folders of complete arm64 machines, from Debian trixie's packages.

Built once (some 30 s, 95 MB fetched) into the cache, by content of the recipe. The machine's root is that of
the sandboxed phones, compiled for arm64; `computer` is laid over it where a USB cable has two ends.
"""

from __future__ import annotations

import hashlib
import lzma
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from android_runner.cache import cache_folder
from android_runner.virtual.build import phone_root
from android_runner.virtual.initramfs import pack
from android_runner.virtual.packages import Archive, call, copy_libraries, missing_tools, refuse_missing
from results.errors import NoDevice

LOADER = "ld-linux-aarch64.so.1"
PYTHON = "python3.13"
_KERNEL = "linux-image-arm64"  # the one for clouds has no dummy_hcd
_PHONE_PACKAGES = ("adbd", "toybox", "mksh", "busybox-static")
_COMPUTER_PACKAGES = ("adb", PYTHON, "python3-numpy", "libusb-1.0-0")
# In the order of loading; each brings those that it depends on.
_MODULES = {
    "phone": ("virtio_net", "virtio_blk", "crc32c_generic", "ext4"),
    "cable": ("dummy_hcd", "usb_f_fs"),
}
_FOLDERS = ("system/bin", "system/etc", "product", "data", "dev", "proc", "sys", "sdcard", "vendor", "tmp")
# Of Python's library: what no program of ours imports, and the half of numpy that is for building and tests.
_UNUSED = ("test", "tests", "idlelib", "ensurepip", "lib2to3", "turtledemo", "pydoc_data", "f2py", "include")
_UNUSED_MODULES = ("_ssl", "_hashlib", "_curses", "_dbm", "_gdbm", "_sqlite3", "_tkinter", "readline")
_HERE = Path(__file__).parent
_RECIPE = ("machine_image.py", "packages.py", "initramfs.py", "bionic.c")
_NEEDED = {"qemu-system-aarch64": "qemu-system-arm", "mke2fs": "e2fsprogs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a machine boots: a kernel and archives for its first file system."""

    kernel: Path
    phone: Path
    computer: Path


def missing_packages() -> tuple[str, ...]:
    """The Debian packages that this machine lacks for complete virtual machines."""
    return tuple(missing_tools(_NEEDED))


def machine_image() -> Image:
    """From the cache, or built now. Raises NoDevice naming what this machine lacks."""
    digest = hashlib.sha256()
    for name in _RECIPE:
        digest.update((_HERE / name).read_bytes())
    folder = cache_folder() / "virtual" / f"machine-{digest.hexdigest()[:16]}"
    image = Image(kernel=folder / "vmlinuz", phone=folder / "phone.cpio", computer=folder / "computer.cpio")
    if folder.exists():
        return image
    refuse_missing(missing_packages())
    if find_spec("ziglang") is None:
        raise NoDevice(
            "The virtual machine cannot be built: ziglang, which compiles for arm64, is not installed.",
            next_step=f"{sys.executable} -m pip install ziglang",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as scratch:
        built = Path(scratch) / "image"
        built.mkdir()
        _build(built, Path(scratch))
        try:
            built.rename(folder)
        except OSError:
            if not folder.exists():  # else another process was faster, with the same content
                raise
    return image


def _build(image: Path, scratch: Path) -> None:
    archive = Archive("arm64", scratch / "apt")
    kernel, phone, computer = (scratch / name for name in ("kernel", "phone-root", "computer-root"))
    archive.unpack_alone([archive.needs(_KERNEL)[0]], kernel)
    (vmlinuz,) = kernel.glob("boot/vmlinuz-*")
    shutil.copy(vmlinuz, image / "vmlinuz")
    archive.unpack(_PHONE_PACKAGES, scratch / "phone")
    _fill_phone(phone, scratch / "phone")
    _add_modules(phone / "adbd/modules", kernel)
    archive.unpack(_COMPUTER_PACKAGES, scratch / "computer")
    _fill_computer(computer, scratch / "computer")
    for root in (phone, computer):
        with (image / f"{root.name.removesuffix('-root')}.cpio").open("wb") as stream:
            pack(root, stream)


def _fill_phone(root: Path, packages: Path) -> None:
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("/system/bin")
    (root / "etc").symlink_to("/system/etc")
    libraries, tools = root / "adbd", root / "system/bin"
    libraries.mkdir()
    shutil.copy(packages / "usr/lib/android-sdk/platform-tools/adbd", libraries / "adbd")
    shutil.copy(packages / "usr/bin/busybox", libraries / "busybox")  # of process 1; the phone has toybox
    shutil.copy(packages / "usr/bin/toybox", tools / "toybox")
    shutil.copy(packages / "usr/lib/aarch64-linux-musl/bin/mksh", tools / "sh")
    copy_libraries((libraries / "adbd", tools / "toybox"), packages, libraries)
    call("patchelf", "--set-interpreter", f"/adbd/{LOADER}", "--set-rpath", "/adbd", str(tools / "toybox"))
    # This machine cannot ask an arm64 toybox for its commands; the sandboxed phone's is the same version.
    for tool in (phone_root() / "system/bin").iterdir():
        if tool.is_symlink() and tool.readlink() == Path("toybox"):
            (tools / tool.name).symlink_to("toybox")
    for name in ("passwd", "group"):
        shutil.copy(phone_root() / "system/etc" / name, root / "system/etc")
    preload = ("-O1", "-shared", "-fPIC", "-o", str(libraries / "bionic.so"), str(_HERE / "bionic.c"))
    call(sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-gnu.2.36", *preload)


def _fill_computer(root: Path, packages: Path) -> None:
    """Python, numpy, libusb and adb, with the C library where programs look for it."""
    programs, libraries = root / "usr/bin", root / "lib"
    for folder in (programs, libraries, root / "usr/lib"):
        folder.mkdir(parents=True)
    shutil.copy(packages / "usr/bin" / PYTHON, programs / PYTHON)
    shutil.copy(packages / "usr/lib/android-sdk/platform-tools/adb", programs / "adb")
    unused = shutil.ignore_patterns(*_UNUSED, "config-*", *(f"{name}.*.so" for name in _UNUSED_MODULES))
    for name in (PYTHON, "python3/dist-packages/numpy"):
        source, target = (base / "usr/lib" / name for base in (packages, root))
        shutil.copytree(source, target, ignore=unused, symlinks=True)
    # Loaded by name, so that no program lists it as needed.
    shutil.copy(next(packages.rglob("libusb-1.0.so.0")), libraries)
    compiled = [path for path in root.rglob("*.so*") if path.is_file()]
    copy_libraries((programs / PYTHON, programs / "adb", *compiled), packages, libraries)


def _add_modules(folder: Path, kernel: Path) -> None:
    """The kernel modules, unpacked, and for each purpose the list of them in the order of loading."""
    folder.mkdir(parents=True)
    packed = {path.name.removesuffix(".ko.xz"): path for path in kernel.rglob("*.ko.xz")}
    for purpose, wanted in _MODULES.items():
        listed: list[str] = []
        for name in wanted:
            _add_module(name, packed, folder, listed)
        (folder / purpose).write_text("".join(f"{name}\n" for name in listed), encoding="ascii")


def _add_module(name: str, packed: dict[str, Path], folder: Path, listed: list[str]) -> None:
    content = lzma.decompress(packed[name].read_bytes())
    for needed in _dependencies(content):
        if needed not in listed:
            _add_module(needed, packed, folder, listed)
    (folder / f"{name}.ko").write_bytes(content)
    listed.append(name)


def _dependencies(module: bytes) -> Iterable[str]:
    """What a module says of itself; Debian's packages come without depmod's list."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    return found[1].decode("ascii").split(",") if found is not None and found[1] else ()
