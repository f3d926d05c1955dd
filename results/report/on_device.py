"""The table of the device's own predictions, beside this machine's on the same pairs."""

from __future__ import annotations

from results.accuracy import FLOOR_MARGIN
from results.device_accuracy import DeviceAccuracySummary
from results.record import Record
from results.report.model import Cell, Table, quantity
from results.report.words import counted, p_value, within_rounding
from results.shares import METHODS


def device_accuracy_table(record: Record, on_device: list[DeviceAccuracySummary]) -> Table | None:
    """Accuracy and agreement per recipe, and what the flips are."""
    if not on_device or record.pairs is None:
        return None
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for one in on_device:
        label = one.series.label
        rows.append(
            (
                label,
                quantity(one.accuracy, "%", 2, 100),
                quantity(one.host, "%", 2, 100),
                quantity(one.agreement, "%", 2, 100),
                str(one.rows),
            )
        )
        lines.append(_flips(label, one))
        lines.append(
            f"{label}: logits differ by {one.max_difference:.3g} at most, {one.rms_difference:.3g} root mean "
            "square."
        )
        if one.paired is not None:
            difference = quantity(one.paired.difference, "points", 2, 100)
            lines.append(
                f"{label}, device against this machine: {difference} (exact 90 % interval), "
                f"{counted(one.paired.only_b, 'pair')} lost, {one.paired.only_a} won, "
                f"McNemar {p_value(one.paired.mcnemar_p)}; "
                f"floor of -{FLOOR_MARGIN * 100:g} point {one.floor}."
            )
    return Table(
        title=f"Accuracy on the device, {record.pairs.name} [{METHODS[record.settings.interval]} 95 %]",
        id="device_accuracy",
        columns=("recipe", "device", "this machine", "same prediction", "pairs"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable="this machine's predictions of the same file on the same pairs",
    )


def _flips(label: str, one: DeviceAccuracySummary) -> str:
    if one.flips == 0:
        return f"{label}: the same prediction on every pair."
    if one.unexplained is None:
        return f"{label}: {counted(one.flips, 'pair')} predicted otherwise."
    within = within_rounding(one.flips, one.flips - one.unexplained)
    return (
        f"{label}: {counted(one.flips, 'pair')} predicted otherwise, {within} (this machine's two largest "
        "logits are that close by the parity rule)."
    )
