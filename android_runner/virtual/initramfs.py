"""A folder as the kernel's first file system: cpio's "newc" form, everything owned by root."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO

_END = "TRAILER!!!"


def pack(folder: Path, stream: BinaryIO) -> None:
    """Append all of `folder` to `stream`; archives one behind the other are laid over each other at boot.

    Folders, files and symbolic links, nothing else. Source: Documentation/driver-api/early-userspace/
    buffer-format.rst of the Linux kernel.
    """
    for number, path in enumerate(sorted(folder.rglob("*")), start=1):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            content = str(path.readlink()).encode()
        else:
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        _append(stream, str(path.relative_to(folder)), content, number=number, mode=status.st_mode)
    _append(stream, _END, b"", number=0, mode=0)


def _append(stream: BinaryIO, name: str, content: bytes, *, number: int, mode: int) -> None:
    stored_name = name.encode() + b"\0"
    # inode, mode, owner, group, links, time, size, two devices of two numbers each, name's size, checksum
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(stored_name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + stored_name
    for part in (header, content):
        stream.write(part + bytes(-len(part) % 4))
