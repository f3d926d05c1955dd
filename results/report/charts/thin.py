"""Which of many points are drawn, so that a picture stays small and hides no extreme."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def extremes(values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Positions of at most `most` values, in order: all, or the least and the greatest of each stretch.

    Stretches are of equal length, so that every spike is still there, and what lies between is as dense as
    it was. Source: min-max decimation, as oscilloscopes and chart libraries draw long signals.
    """
    if values.size <= most:
        return np.arange(values.size)
    parts = np.array_split(np.arange(values.size), max(most // 2, 1))
    kept = {int(part[at]) for part in parts for at in (values[part].argmin(), values[part].argmax())}
    return np.array(sorted(kept))


def ranks(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` evenly spaced positions among `count`, the first and the last among them."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))
