"""What a CI is told of one run: claims, its accuracy's floor, whether the device computes the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from results.record import Record
from results.report.model import Check, Outcome, Quantity
from results.series import Series, judged_model
from results.verdict_file import DeviceCheck, FloorCheck, JudgedClaim, Verdict

_OF_STATUS: dict[str, Outcome] = {"reproduced": "passed", "not_reproduced": "failed"}
_OF_FLOOR: dict[str, Outcome] = {"met": "passed", "under": "failed"}
_OF_PARITY: dict[str, Outcome] = {"passed": "passed", "failed": "failed"}


def outcome_of(verdict: Verdict) -> Outcome:
    """The verdict in the words of a check: only what is shown passes, and only what is shown fails."""
    return _OF_STATUS.get(verdict.overall.status, "undecided")


def run_checks(record: Record, verdict: Verdict, measured: frozenset[tuple[str, str]]) -> tuple[Check, ...]:
    """The checks of one run. `measured`: (unit, recipe) of which there is a measurement.

    Claims of role "reference" are shown in reports and not in the verdict; so a CI is not told of them.
    """
    asked = record.settings.recipes
    found = [
        _claim(record, claim)
        for claim in verdict.claims
        if claim.role == "claim" and claim.recipe in asked and (claim.unit, claim.recipe) in measured
    ]
    # float32 against itself is no check.
    found += [
        _floor(one) for one in verdict.floors if one.recipe in asked and one.difference_points is not None
    ]
    found += _parities(record)
    found += [_on_device(record, one) for one in verdict.on_device]
    if record.ended_at is None:
        found.append(
            Check(group="run", name="ended", outcome="error", message="The run did not end; resume goes on.")
        )
    return tuple(found)


def _claim(record: Record, claim: JudgedClaim) -> Check:
    latency = claim.unit == "ms"
    measured = Quantity(
        value=claim.value, unit="ms" if latency else "%", digits=2 if latency else 1, interval=claim.interval
    )
    level = f" ({claim.interval.level * 100:.0f} % interval)" if claim.interval is not None else ""
    # As the verdict has it: a proxy's status never stands without that word.
    proxy = claim.protocol_match == "proxy" and claim.status != "inconclusive"
    status = f"{claim.status} (proxy)" if proxy else claim.status
    why = f"; {'; '.join(claim.decided_by)}" if claim.decided_by else ""
    bound = f"at most {claim.bound:.1f} ms" if latency else f"at least {claim.bound:.1f} %"
    figure = f"{claim.claim_citation.reported_value:g} {'ms' if latency else '%'}"
    return Check(
        group="claims.latency" if latency else "claims.accuracy",
        name=f"{claim.recipe}: {claim.claim_citation.column} {bound} (the paper's {figure} and the margin)",
        outcome=_OF_STATUS.get(claim.status, "undecided"),
        message=f"{status}{why}" if claim.value is None else f"{measured}{level}: {status}{why}",
        seconds=_launched_s(record, claim.recipe) if latency else _evaluated_s(record, claim.recipe),
    )


def _floor(one: FloorCheck) -> Check:
    assert one.difference_points is not None
    difference = _points(one.difference_points, one.low_points, one.high_points)
    return Check(
        group="accuracy.floor",
        name=f"{one.recipe}: at most {one.margin_points:g} point under float32",
        outcome=_OF_FLOOR.get(one.status, "undecided"),
        message=f"{one.status}: {difference} to float32",
    )


def _on_device(record: Record, one: DeviceCheck) -> Check:
    message = f"{one.status}: same prediction on {one.agreement * 100:.1f} % of {one.rows} pairs"
    if one.difference_points is not None:
        difference = _points(one.difference_points, one.low_points, one.high_points)
        message += f", {difference} to this machine"
    done = record.device_accuracies
    return Check(
        group="accuracy.device",
        name=f"{Series(model=one.model, recipe=one.recipe).label}: at most {one.margin_points:g} point under "
        "this machine",
        outcome=_OF_FLOOR.get(one.status, "undecided"),
        message=message,
        seconds=sum(each.seconds for each in done if (each.model, each.recipe) == (one.model, one.recipe)),
    )


def _parities(record: Record) -> Iterator[Check]:
    for one in record.parities:
        label = Series(model=one.model, recipe=one.recipe, arm=one.arm).label
        why = f"; {'; '.join(one.reasons)}" if one.reasons else ""
        yield Check(
            group="device.parity",
            name=f"{label}: the device computes what this machine does",
            outcome=_OF_PARITY.get(one.status, "undecided"),
            message=f"{one.status}: logits of {one.rows} rows differ by {one.difference:.3g}, "
            f"tolerance {one.tolerance:.3g}{why}",
        )


def _points(value: float, low: float | None, high: float | None) -> str:
    text = f"{value:+.2f} points"
    return text if low is None or high is None else f"{text} [{low:.2f}, {high:.2f}] (90 % interval)"


def _launched_s(record: Record, recipe: str) -> float:
    """How long its launches took, by the clock on the wall, pauses between them left out."""
    wanted = (judged_model(record), recipe)
    launches = [one for one in record.launches if (one.model, one.recipe) == wanted]
    return sum(_span_s(one.before.at, one.after.at) for one in launches)


def _evaluated_s(record: Record, recipe: str) -> float:
    return sum(one.seconds for one in record.accuracies if one.recipe == recipe)


def _span_s(begin: str, end: str) -> float:
    try:
        moments = [datetime.fromisoformat(text).replace(tzinfo=None) for text in (begin, end)]
    except ValueError:
        return 0.0  # the record's word for a time that nobody wrote down
    return max(0.0, (moments[1] - moments[0]).total_seconds())
