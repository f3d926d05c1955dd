"""Pure parsers of `getprop` and `df`, and what all parsers of devices' texts share.

"Not there" is None, never a made-up value; text that should be one thing and is another raises
OutputUnreadable naming its line. No message quotes a property's value: one of them is the serial number.
"""

from __future__ import annotations

import re

from results.errors import OutputUnreadable

VIRTUAL_PHONE_PROPERTY = "ro.boot.virtual_phone"

_PROPERTY = re.compile(r"^\[([^\]\n]+)\]: \[", re.MULTILINE)
_DF_NUMBERS = re.compile(r"\s\d+\s+\d+\s+(\d{1,15})\s+(?:\d+%|-)\s")


def parse_getprop(text: str) -> dict[str, str]:
    """`[name]: [value]` lines; a value may span lines. Raises OutputUnreadable naming line and property."""
    text = plain(text)
    starts = list(_PROPERTY.finditer(text))
    before = text[: starts[0].start()] if starts else text
    if before.strip():
        raise unreadable("getprop", 1, "no [name]: [value]")
    properties = {}
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        value = text[start.end() : end].rstrip("\n")
        if not value.endswith("]"):
            line = text.count("\n", 0, start.start()) + 1
            raise unreadable("getprop", line, f"{start[1]} has no closing bracket")
        properties[start[1]] = value[:-1]
    return properties


def parse_df(text: str) -> int | None:
    """Free bytes from `df -k FOLDER`, its last line; None when df does not say."""
    lines = [line for line in plain(text).splitlines() if line.strip()]
    found = _DF_NUMBERS.search(lines[-1] + " ") if lines else None
    return int(found[1]) * 1024 if found else None


def printable(text: str) -> str:
    """A device's words without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def plain(text: str) -> str:
    """Line ends as newlines."""
    return text.replace("\r\n", "\n")


def absent(text: str) -> bool:
    """Whether a text says that what was asked for is not there, or says nothing."""
    words = text.strip()
    return not words or "Can't find service" in words or words.startswith("Permission Denial")


def unreadable(source: str, line: int, detail: str) -> OutputUnreadable:
    """The error for a text that is there and is not what it should be."""
    return OutputUnreadable(
        f"line {line} of the device's {source} cannot be read: {detail}.",
        next_step="Report this text: the device says it in a form that is not known here yet.",
        source=source,
        line=line,
    )
