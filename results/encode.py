"""The one way in which the project's plain values become JSON bytes: the same value, the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def encode(value: DataclassInstance) -> bytes:
    """UTF-8 JSON in field order, one newline at the end. Raises ValueError for NaN and infinities."""
    text = json.dumps(dataclasses.asdict(value), indent=1, ensure_ascii=False, allow_nan=False)
    # A path that is not UTF-8 holds lone surrogates; their escapes are JSON.
    return (text + "\n").encode("utf-8", errors="backslashreplace")


def digest(value: DataclassInstance) -> str:
    """SHA-256 of the encoded value, hex."""
    return hashlib.sha256(encode(value)).hexdigest()
