"""Does the device compute what this host computes? A handful of real rows decide before anything is timed.

The rule: with the same artifact and rows, max |device - host| <= half of the artifact's own
max |converted - float32| on those rows (float32 files: 1e-4 of the logit scale), and the same argmax wherever
the host's margin exceeds that. The int8 kernels of two instruction sets round differently, so the tolerance
comes from the quantization error, not from float rounding. A check whose rows differ from each other by less
than ten tolerances could not notice swapped rows: it is void.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from results.record import DeviceParity, Precision

ROWS = 8
CANDIDATES = 64
_DISTANCE_TOLERANCES = 10
_FLOAT_SHARE = 1e-4  # of the logit scale
_BARE_SHARE = 1e-2  # of the logit scale, for a bare .tflite whose float32 graph nobody has
_QUANTIZED_SHARE = 0.5  # of the artifact's own conversion error


def far_apart(logits: NDArray[np.float32], count: int = ROWS) -> NDArray[np.int64]:
    """Positions of `count` rows whose logits differ most from each other (greedy), in ascending order.

    `logits`: shape (rows, labels). The first choice is the row farthest from the mean.
    """
    chosen = [int(np.abs(logits - logits.mean(axis=0)).max(axis=1).argmax())]
    while len(chosen) < min(count, len(logits)):
        distance = np.min([np.abs(logits - logits[row]).max(axis=1) for row in chosen], axis=0)
        chosen.append(int(distance.argmax()))
    return np.sort(np.array(chosen))


def tolerance_of(
    host: NDArray[np.float32], float32: NDArray[np.float32] | None, precision: Precision
) -> tuple[float, str]:
    """The largest difference in logits that passes, and the rule that gave it.

    `host`, `float32`: logits of the same rows by the artifact and by its float32 file, shape (rows, labels).
    """
    scale = float(np.abs(host).max())
    if precision == "float32":
        return _FLOAT_SHARE * scale, f"{_FLOAT_SHARE:g} of the logit scale {scale:.3g}"
    if float32 is None:
        return _BARE_SHARE * scale, f"bare file: {_BARE_SHARE:g} of the logit scale {scale:.3g}"
    error = float(np.abs(host - float32).max())
    return _QUANTIZED_SHARE * error, f"half of the conversion error {error:.3g} on these rows"


def compare(
    recipe: str,
    device: NDArray[np.float32],
    host: NDArray[np.float32],
    float32: NDArray[np.float32] | None,
    precision: Precision,
) -> DeviceParity:
    """Device logits against the host's, row by row; all arrays of shape (rows, labels)."""
    tolerance, rule = tolerance_of(host, float32, precision)
    difference = np.abs(device - host)
    worst = float(difference.max()) if np.isfinite(device).all() else float("inf")
    between = np.abs(host[:, None, :] - host[None, :, :]).max(axis=2)
    distance = float(between[~np.eye(len(host), dtype=bool)].min()) if len(host) > 1 else 0.0
    top = np.sort(host, axis=1)
    decided = top[:, -1] - top[:, -2] > tolerance
    turned = int((decided & (device.argmax(axis=1) != host.argmax(axis=1))).sum())
    reasons = []
    if not np.isfinite(device).all():
        reasons.append("the device gave logits that are not finite")
    elif worst > tolerance:
        rows = int((difference.max(axis=1) > tolerance).sum())
        reasons.append(
            f"{rows} of {len(host)} rows differ by more than {tolerance:.3g}, the worst by {worst:.3g}"
        )
    if turned:
        reasons.append(f"{turned} of {len(host)} rows have another prediction on the device")
    void = distance < _DISTANCE_TOLERANCES * tolerance
    if void:
        reasons.append(
            f"two of the rows differ by {distance:.3g} only, less than {_DISTANCE_TOLERANCES} tolerances: "
            "the check could not notice swapped rows"
        )
    failed = worst > tolerance or turned > 0
    return DeviceParity(
        recipe=recipe,
        status="failed" if failed else "void" if void else "passed",
        rows=len(host),
        tolerance=tolerance,
        max_abs_difference=worst if np.isfinite(worst) else float(np.finfo(np.float32).max),
        min_row_distance=distance,
        rule=rule,
        reasons=tuple(reasons),
    )
