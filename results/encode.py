"""The one way in which the project's plain values become JSON bytes: the same value, the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from typing import TYPE_CHECKING

from results.plain import UNSEEN

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def encode(value: DataclassInstance) -> bytes:
    """UTF-8 JSON in field order, one newline at the end. Raises ValueError for NaN and infinities.

    Characters that are not seen are written as escapes, which give them back: a device's words may hold
    terminal commands, and a path that is not UTF-8 lone surrogates.
    """
    text = json.dumps(dataclasses.asdict(value), indent=1, ensure_ascii=False, allow_nan=False)
    return (UNSEEN.sub(_escaped, text) + "\n").encode("utf-8")


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def digest(value: DataclassInstance) -> str:
    """SHA-256 of the encoded value, hex."""
    return hashlib.sha256(encode(value)).hexdigest()
