"""Judge one latency claim for one recipe: the 90 % interval of its typical median against a bound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.claims import Claim
from results.fold import ProtocolMatch, Status
from results.latency import LatencySummary
from results.protocol import Finding, decided_by, match_of
from results.stats import Estimate, Interval
from results.verdict_file import JudgedClaim, Reading

NS_PER_MS = 1e6


def judge_latency(
    claim: Claim,
    findings: tuple[Finding, ...],
    recipe: str,
    summary: LatencySummary | None,
    doubts: tuple[str, ...] = (),
) -> JudgedClaim:
    """One row of the verdict's claims. `doubts`: those that are not about timing.

    Source: one-sided non-inferiority at 5 % each way: upper limit <= bound is reproduced, lower limit
    > bound is not, with bound = figure x (1 + margin). Whoever repeats launches until they are valid
    chooses among them; so where launches were repeated, the interval with them has to say the same.
    """
    match = match_of(findings)
    bound = claim.value * (1 + claim.margin.value)
    intervals = _intervals_ms(summary)
    doubts = (*_doubts(summary), *doubts)
    remarks = summary.remarks if summary is not None else ()
    reasons = [*map(str, findings), *doubts, *remarks]
    decided = decided_by(match, findings, doubts)
    status = _agreed(match, doubts, intervals, lambda interval: _within(interval, bound))
    confidence, to_decide = 0.0, None
    medians = np.array(summary.medians_ns if summary else ()) / NS_PER_MS
    if status in ("reproduced", "not_reproduced"):
        p = stats.p_beyond(medians, bound, "smaller" if status == "reproduced" else "larger")
        confidence = 0.0 if p is None else 1 - p
        if status == "not_reproduced":
            above = f"the interval lies above {bound:.1f} ms"
            reasons.append(above)
            decided = (above, *decided)
    elif status == "inconclusive" and intervals and not doubts:
        if (alone := _within(intervals[0], bound)) != "inconclusive":
            undecided = _chosen(alone, summary.with_repeated if summary else None, intervals[-1])
            reasons.append(undecided)
        else:
            to_decide = stats.launches_to_decide(medians, bound)
            undecided = f"the interval reaches over {bound:.1f} ms"
            some = f"about {to_decide} decide"
            more = "no useful number of launches decides" if to_decide is None else some
            reasons.append(f"{undecided}; at this spread {more}")
        decided = (undecided, *decided)
    return JudgedClaim(
        id=claim.id,
        role=claim.role,
        recipe=recipe,
        claim_citation=claim.citation,
        value=_ms(summary.deciding.value) if summary else None,
        unit="ms",
        interval=intervals[0] if intervals else None,
        bound=round(bound, 9),
        status=status,
        protocol_match=match,
        reasons=tuple(reasons),
        decided_by=decided,
        confidence=round(confidence, 9),
        readings=_readings(claim, match, doubts, intervals, medians),
        launches_to_decide=to_decide,
    )


def _agreed(
    match: ProtocolMatch,
    doubts: tuple[str, ...],
    intervals: tuple[Interval, ...],
    judge: Callable[[Interval], Status],
) -> Status:
    """What all of the intervals say; inconclusive where they do not say the same."""
    if match == "mismatch":
        return "not_comparable"
    statuses = {judge(interval) for interval in intervals}
    return statuses.pop() if len(statuses) == 1 and not doubts else "inconclusive"


def _within(interval: Interval, bound: float) -> Status:
    if interval.high <= bound:
        return "reproduced"
    return "not_reproduced" if interval.low > bound else "inconclusive"


def _around(interval: Interval, low: float, high: float) -> Status:
    if interval.high < low or interval.low > high:
        return "not_reproduced"
    return "reproduced" if low <= interval.low and interval.high <= high else "inconclusive"


def _chosen(alone: Status, every: Estimate | None, interval: Interval) -> str:
    """Why launches that were repeated until they were valid decide nothing."""
    n = every.n if every is not None else 0
    span = f"{interval.low:.2f}-{interval.high:.2f} ms"
    return f"{alone} only without the launches that were repeated (with all {n} the interval is {span})"


def _doubts(summary: LatencySummary | None) -> tuple[str, ...]:
    if summary is None:
        return ("latency was not measured",)
    unknown = summary.deciding.reason
    return (*summary.doubts, unknown) if unknown and summary.launches_total else summary.doubts


def _readings(
    claim: Claim,
    match: ProtocolMatch,
    doubts: tuple[str, ...],
    intervals: tuple[Interval, ...],
    medians: NDArray[np.float64],
) -> tuple[Reading, ...]:
    """The strict reading (no margin), and equivalence: is it about this figure, not just below it?

    Source: equivalence is two one-sided tests against figure / (1 + margin) and figure x (1 + margin).
    """
    high = claim.value * (1 + claim.margin.value)
    low = claim.value / (1 + claim.margin.value)
    status = _agreed(match, doubts, intervals, lambda interval: _within(interval, claim.value))
    p = stats.shown_p(medians, claim.value, "larger" if status == "not_reproduced" else "smaller")
    strict = Reading(name="strict", low=None, high=claim.value, status=status, p=p)

    status = _agreed(match, doubts, intervals, lambda interval: _around(interval, low, high))
    ps = (stats.shown_p(medians, high, "smaller"), stats.shown_p(medians, low, "larger"))
    p = None if ps[0] is None or ps[1] is None else max(ps[0], ps[1])
    if status == "not_reproduced":
        above = intervals[0].low > high
        p = stats.shown_p(medians, high if above else low, "larger" if above else "smaller")
    equivalence = Reading(name="equivalence", low=round(low, 9), high=round(high, 9), status=status, p=p)
    return strict, equivalence


def _intervals_ms(summary: LatencySummary | None) -> tuple[Interval, ...]:
    """The interval that decides, and the one with the launches that were repeated, where some were."""
    if summary is None or summary.deciding.interval is None:
        return ()
    with_repeated = summary.with_repeated.interval if summary.with_repeated is not None else None
    return tuple(
        Interval(low=round(one.low / NS_PER_MS, 9), high=round(one.high / NS_PER_MS, 9), level=one.level)
        for one in (summary.deciding.interval, with_repeated)
        if one is not None
    )


def _ms(ns: float | None) -> float | None:
    return None if ns is None else round(ns / NS_PER_MS, 9)
