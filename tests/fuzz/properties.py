"""What holds of every value that a parser gives, whatever the text was: its unit's range, by its name.

A field's name carries its unit, so the name says what is possible: 30800 °C is a text in thousandths.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

# From colder than any phone runs to hotter than any silicon: other figures are in another unit.
_RANGES = {
    "_c": (-60.0, 200.0),
    "celsius": (-60.0, 200.0),
    "percent": (0, 100),
    "_bytes": (0, 2**63),
    "_khz": (0, 1e8),
    "_ns": (0, 2**63),
    "_s": (0, 1e12),
    "ticks": (0, 1e18),
}
_SORTED = ("cores",)


def check(value: object) -> None:
    """Raises AssertionError where a number cannot be of the unit that its name says."""
    for name, found in _named(value, ""):
        if isinstance(found, float) and not name.startswith("logits"):
            assert math.isfinite(found), f"{name} is {found}"
        for end, (low, high) in _RANGES.items():
            if isinstance(found, int | float) and not isinstance(found, bool) and name.endswith(end):
                assert low <= found <= high, f"{name} is {found}"
        if name in _SORTED and isinstance(found, tuple):
            assert list(found) == sorted(set(found)), f"{name} are {found}"


def _named(value: Any, name: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 (values of any parser)
    """Every value within, with the name of the field that holds it."""
    yield name, value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _named(getattr(value, field.name), field.name)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _named(inner, name)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _named(inner, name)
