"""A device's own words, made harmless: no escape sequence, no line end, no turned writing direction.

Model names, sensor names and error texts come from a device and end on terminals and in other people's pages.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from typing import Any, TypeVar

T = TypeVar("T")

LONGEST_WORD = 100  # characters of a name from outside; an honest one has less than half of that
LONGEST_TEXT = 400  # of a sentence that holds such names

# Characters that are not seen and do something: controls (the line end is `plain`'s own affair), soft hyphen,
# marks of the writing direction, of no width, of lines and paragraphs, of music, tags, and lone surrogates.
# By number, for Python's tables change with its version.
UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def plain(text: str) -> str:
    """The same text on one line, with "?" for every character that is not seen but does something."""
    return UNSEEN.sub("?", re.sub(r"[\t\r\n]+", " ", text))


class PlainFormatter(logging.Formatter):
    """Lines of a log without what is not seen but does something; a traceback keeps its line ends."""

    def format(self, record: logging.LogRecord) -> str:
        return UNSEEN.sub("?", super().format(record).replace("\t", "    "))


def log_plainly(level: int, form: str) -> None:
    """Log to stderr so, where nothing else was set up. `form`: of a line, as logging's own."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter(form))
    logging.basicConfig(level=level, handlers=[handler])


def short(text: str, longest: int = LONGEST_WORD) -> str:
    """A device's word, plain and not without end."""
    text = plain(text)
    return text if len(text) <= longest else f"{text[:longest]}..."


def plainly(value: T) -> T:
    """A value with every text in it plain: a dataclass, a tuple, a text, or anything that holds none."""
    return _plainly(value)  # type: ignore[no-any-return]  # the same type, by what it does


def _plainly(value: Any) -> Any:  # noqa: ANN401  # any value of a report or a verdict
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, tuple):
        return tuple(_plainly(one) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plainly(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return type(value)(**fields)
    return value
