"""Judge one latency claim for one recipe: the 90 % interval of its typical median against a bound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.claims import Claim
from results.fold import ProtocolMatch, Status
from results.protocol import Finding, decided_by, match_of
from results.stats import Interval
from results.summary import LatencySummary
from results.verdict_file import JudgedClaim, Reading

NS_PER_MS = 1e6


def judge_latency(
    claim: Claim, findings: tuple[Finding, ...], recipe: str, summary: LatencySummary | None
) -> JudgedClaim:
    """One row of the verdict's claims.

    Source: one-sided non-inferiority at 5 % each way: upper limit <= bound is reproduced, lower limit
    > bound is not, with bound = figure x (1 + margin).
    """
    match = match_of(findings)
    bound = claim.value * (1 + claim.margin.value)
    interval = _interval_ms(summary)
    doubts = _doubts(summary)
    reasons = [*map(str, findings), *doubts]
    decided = decided_by(match, findings, doubts)
    status = _status(match, doubts, interval, bound)
    confidence, to_decide = 0.0, None
    medians = np.array(summary.medians_ns if summary else ()) / NS_PER_MS
    if status in ("reproduced", "not_reproduced"):
        p = stats.p_beyond(medians, bound, "smaller" if status == "reproduced" else "larger")
        confidence = 0.0 if p is None else 1 - p
        if status == "not_reproduced":
            above = f"the interval lies above {bound:.1f} ms"
            reasons.append(above)
            decided = (above, *decided)
    elif status == "inconclusive" and interval is not None and not doubts:
        to_decide = stats.launches_to_decide(medians, bound)
        undecided = f"the interval reaches over {bound:.1f} ms"
        more = "no useful number of launches decides" if to_decide is None else f"about {to_decide} decide"
        reasons.append(f"{undecided}; at this spread {more}")
        decided = (undecided, *decided)
    return JudgedClaim(
        id=claim.id,
        role=claim.role,
        recipe=recipe,
        claim_citation=claim.citation,
        value=_ms(summary.deciding.value) if summary else None,
        unit="ms",
        interval=interval,
        bound=round(bound, 9),
        status=status,
        protocol_match=match,
        reasons=tuple(reasons),
        decided_by=decided,
        confidence=round(confidence, 9),
        readings=_readings(claim, match, doubts, interval, medians),
        launches_to_decide=to_decide,
    )


def _status(match: ProtocolMatch, doubts: tuple[str, ...], interval: Interval | None, bound: float) -> Status:
    if match == "mismatch":
        return "not_comparable"
    if doubts or interval is None:
        return "inconclusive"
    if interval.high <= bound:
        return "reproduced"
    return "not_reproduced" if interval.low > bound else "inconclusive"


def _doubts(summary: LatencySummary | None) -> tuple[str, ...]:
    if summary is None:
        return ("latency was not measured",)
    unknown = summary.deciding.reason
    return (*summary.doubts, unknown) if unknown and summary.launches_total else summary.doubts


def _readings(
    claim: Claim,
    match: ProtocolMatch,
    doubts: tuple[str, ...],
    interval: Interval | None,
    medians: NDArray[np.float64],
) -> tuple[Reading, ...]:
    """The strict reading (no margin), and equivalence: is it about this figure, not just below it?

    Source: equivalence is two one-sided tests against figure / (1 + margin) and figure x (1 + margin).
    """
    high = claim.value * (1 + claim.margin.value)
    low = claim.value / (1 + claim.margin.value)
    status = _status(match, doubts, interval, claim.value)
    p = stats.shown_p(medians, claim.value, "larger" if status == "not_reproduced" else "smaller")
    strict = Reading(name="strict", low=None, high=claim.value, status=status, p=p)

    status = _status(match, doubts, interval, high)
    ps = (stats.shown_p(medians, high, "smaller"), stats.shown_p(medians, low, "larger"))
    p = None if ps[0] is None or ps[1] is None else max(ps[0], ps[1])
    if status == "not_reproduced":
        p = stats.shown_p(medians, high, "larger")
    elif status == "reproduced" and interval is not None and interval.low < low:
        status = "inconclusive"
        if interval.high < low:
            status, p = "not_reproduced", stats.shown_p(medians, low, "smaller")
    equivalence = Reading(name="equivalence", low=round(low, 9), high=round(high, 9), status=status, p=p)
    return strict, equivalence


def _interval_ms(summary: LatencySummary | None) -> Interval | None:
    interval = None if summary is None else summary.deciding.interval
    if interval is None:
        return None
    low, high = round(interval.low / NS_PER_MS, 9), round(interval.high / NS_PER_MS, 9)
    return Interval(low=low, high=high, level=interval.level)


def _ms(ns: float | None) -> float | None:
    return None if ns is None else round(ns / NS_PER_MS, 9)
