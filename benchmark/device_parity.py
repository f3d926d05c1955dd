"""Does the device compute what this host computes? Some real rows decide before anything is timed.

With the same artifact and rows, three things have to hold:

- the difference of device and host is within a tolerance;
- the argmax is the same wherever the host's margin exceeds the tolerance (four of them where that is a mean);
- the rows differ from each other by at least ten tolerances: otherwise swapped rows could go unnoticed, and
  the check is void.

Where the device runs this host's own kernels, the difference is the largest |device - host| and the
tolerance is half of the artifact's conversion error on these rows, max |converted - float32|. float32 files:
1e-4 of the logit scale, on any device. Where a file's float32 form is not at hand (command `latency`), the
same file by the runtime's built-in kernels takes its place: a second implementation of the same rounding.

Across instruction sets, and builds of the runtime, 8-bit activations round differently, layer after layer,
and the difference is as large as the conversion error itself, so that rule would fail every sound device. But
rounding is noise: over many rows its root mean square is a steady figure, and a fault stands out in it. So
there the difference is, label by label, the root mean square of device - host over 32 rows, and the tolerance
is 1.5 root mean squares of converted - float32. Measured (docs/parity.md): 0.85 to 1.06 for a sound aarch64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.record import DeviceParity, ParityStatistic, Precision

Logits = NDArray[np.float32]

_DISTANCE_TOLERANCES = 10
_FLOAT_SHARE = 1e-4  # of the logit scale
_LARGEST_SHARE = 0.5  # of the largest conversion error, on this host's kernels
_STRAY = 4  # root mean squares by which the difference of two logits of a sound row may stray
_RMS_SHARE = 1.5  # of the conversion error's root mean square, on another instruction set's


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How many rows are compared, chosen from how many candidates."""

    rows: int
    candidates: int


def sample_for(precision: Precision, *, same_kernels: bool) -> Sample:
    """A handful where the tolerance is sharp row by row; enough for a steady mean where it is not."""
    if same_kernels or precision == "float32":
        return Sample(rows=8, candidates=64)
    return Sample(rows=32, candidates=256)


def far_apart(logits: Logits, count: int, groups: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Positions of `count` rows whose logits differ most from each other (greedy), in ascending order.

    `logits`: shape (rows, labels). The first choice is the row farthest from the mean. `groups`: shape
    (rows,), such as the length that runs each row; at least one row of each is chosen.
    """
    groups = np.zeros(len(logits), np.int64) if groups is None else groups
    unseen = list(np.unique(groups))
    nearest = np.abs(logits - logits.mean(axis=0)).max(axis=1)
    chosen: list[int] = []
    while unseen or len(chosen) < min(count, len(logits)):
        allowed = groups == unseen.pop() if unseen else np.ones(len(logits), np.bool_)
        chosen.append(int(np.where(allowed, nearest, -1.0).argmax()))
        distance = np.abs(logits - logits[chosen[-1]]).max(axis=1)
        nearest = distance if len(chosen) == 1 else np.minimum(nearest, distance)
    return np.sort(np.array(chosen))


def compare(
    recipe: str,
    device: Logits,
    host: Logits,
    yardstick: Logits,
    precision: Precision,
    *,
    same_kernels: bool,
    measured_by: str = "the conversion error",
) -> DeviceParity:
    """Device logits against the host's, row by row; all arrays of shape (rows, labels).

    `yardstick`: the same rows by the float32 file, or by the built-in kernels; `measured_by` says which.
    """
    statistic, tolerance, rule = _rule(host, yardstick, precision, same_kernels, measured_by)
    finite = bool(np.isfinite(device).all())
    error = device - host if finite else np.full_like(host, np.finfo(np.float32).max)
    by_label = [_rms(column) for column in error.T]
    difference = _largest(error) if statistic == "largest" else max(by_label)
    distance = _closest(host)
    failures, doubts = [], []
    if not finite:
        failures.append("the device's logits are not all finite")
    elif difference > tolerance:
        failures.append(_too_far(error, difference, tolerance, statistic))
    turned = _turned(device, host, tolerance if statistic == "largest" else _STRAY * tolerance)
    if finite and turned:
        failures.append(f"{turned} of {len(host)} rows have another prediction on the device")
    if distance < _DISTANCE_TOLERANCES * tolerance:
        doubts.append(
            f"two of the rows differ by {distance:.3g} only, less than {_DISTANCE_TOLERANCES} tolerances: "
            "the check could not notice swapped rows"
        )
    return DeviceParity(
        recipe=recipe,
        status="failed" if failures else "void" if doubts else "passed",
        rows=len(host),
        statistic=statistic,
        difference=difference,
        tolerance=tolerance,
        min_row_distance=distance,
        rule=rule,
        reasons=(*failures, *doubts),
    )


def _rule(
    host: Logits, yardstick: Logits, precision: Precision, same_kernels: bool, measured_by: str
) -> tuple[ParityStatistic, float, str]:
    scale = _largest(host)
    floor = _FLOAT_SHARE * scale
    if precision == "float32":
        return "largest", floor, f"{_FLOAT_SHARE:g} of the logit scale, {scale:.3g}"
    statistic: ParityStatistic = "largest" if same_kernels else "rms"
    if same_kernels:
        error = _largest(host - yardstick)
        what = f"half of the largest of {measured_by} on these rows, {error:.3g}"
        tolerance = _LARGEST_SHARE * error
    else:
        error = _rms(host - yardstick)
        what = f"other kernels: {_RMS_SHARE:g} of the RMS of {measured_by}, {error:.3g}"
        tolerance = _RMS_SHARE * error
    if precision == "unknown" and tolerance < floor:  # it may be a float32 file, which rounds only
        return statistic, floor, f"{_FLOAT_SHARE:g} of the logit scale, {scale:.3g}"
    return statistic, tolerance, what


def _too_far(error: Logits, difference: float, tolerance: float, statistic: ParityStatistic) -> str:
    if statistic == "rms":
        return f"the root mean square of a label's difference is {difference:.3g}, above {tolerance:.3g}"
    rows = int((np.abs(error).max(axis=1) > tolerance).sum())
    return f"{rows} of {len(error)} rows differ by more than {tolerance:.3g}, the worst by {difference:.3g}"


def _turned(device: Logits, host: Logits, margin: float) -> int:
    """Rows with another argmax on the device, of those whose two largest logits here are that far apart."""
    if host.shape[1] < 2:  # a regression's one number predicts no label
        return 0
    top = np.sort(host, axis=1)
    decided = top[:, -1] - top[:, -2] > margin
    return int((decided & (device.argmax(axis=1) != host.argmax(axis=1))).sum())


def _closest(logits: Logits) -> float:
    """The smallest max |difference| between two rows; 0 for a single row."""
    if len(logits) < 2:
        return 0.0
    between = np.abs(logits[:, None, :] - logits[None, :, :]).max(axis=2)
    return float(between[~np.eye(len(logits), dtype=bool)].min())


def _largest(values: Logits) -> float:
    return float(np.abs(values).max())


def _rms(values: Logits) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
