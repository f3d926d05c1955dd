"""Debian's adbd lets everybody in; this gives back AOSP's word that only known keys may.

Debian's patch sets `auth_required = false` right before `getenv("ADB_EXTERNAL_STORAGE")`. Compiled for
x86-64 that is `mov byte [rax], 0` followed by `lea rdi, [address of that name]`: one byte goes from 0 to 1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_ANCHOR = b"\0ADB_EXTERNAL_STORAGE\0"
_STORE_ZERO_THEN_LEA = bytes.fromhex("c60000 488d3d")  # mov byte [rax], 0; lea rdi, [rip + disp32]
_LEA_END = 10  # bytes from the store to the end of the lea, which its displacement counts from
_LOAD, _EXECUTABLE = 1, 1
_X86_64 = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """One loaded part of an ELF file: file offset, address and size in bytes."""

    executable: bool
    offset: int
    address: int
    size: int


def require_authorization(program: bytes) -> bytes:
    """The same adbd, asking for a key. Raises ValueError when the one place to change is not found."""
    segments = tuple(_segments(program))
    anchor = program.find(_ANCHOR)
    if anchor < 0:
        raise ValueError("this adbd does not name ADB_EXTERNAL_STORAGE: another build than Debian's")
    anchor += 1
    name_address = next(
        segment.address + anchor - segment.offset
        for segment in segments
        if segment.offset <= anchor < segment.offset + segment.size
    )
    places = [
        place
        for segment in segments
        if segment.executable
        for place in _stores_before(program, segment, name_address)
    ]
    if len(places) != 1:
        raise ValueError(f"auth_required = false is set in {len(places)} places of this adbd, not in 1")
    patched = bytearray(program)
    patched[places[0] + 2] = 1
    return bytes(patched)


def _segments(program: bytes) -> Iterator[_Segment]:
    if program[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", program, 18)[0] != _X86_64:
        raise ValueError("not a 64-bit x86 program")
    table = struct.unpack_from("<Q", program, 32)[0]
    entry_size, entries = struct.unpack_from("<HH", program, 54)
    for index in range(entries):
        kind, flags, offset, address, _, size, _, _ = struct.unpack_from(
            "<IIQQQQQQ", program, table + index * entry_size
        )
        if kind == _LOAD:
            yield _Segment(executable=bool(flags & _EXECUTABLE), offset=offset, address=address, size=size)


def _stores_before(program: bytes, segment: _Segment, name_address: int) -> Iterator[int]:
    """File offsets of each store of 0 that is followed by loading `name_address`."""
    end = segment.offset + segment.size
    place = program.find(_STORE_ZERO_THEN_LEA, segment.offset, end)
    while place >= 0:
        displacement = struct.unpack_from("<i", program, place + len(_STORE_ZERO_THEN_LEA))[0]
        if place - segment.offset + segment.address + _LEA_END + displacement == name_address:
            yield place
        place = program.find(_STORE_ZERO_THEN_LEA, place + 1, end)
