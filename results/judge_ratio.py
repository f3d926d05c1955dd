"""Judge a claim about two models: the 90 % interval of their latencies' ratio, or a count, and a bound."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.claims import Claim
from results.fold import ProtocolMatch, Status
from results.protocol import Finding, decided_by, match_of
from results.ratio import RatioSummary
from results.stats import Interval
from results.verdict_file import JudgedClaim, Reading


def judge_ratio(claim: Claim, findings: tuple[Finding, ...], summary: RatioSummary) -> JudgedClaim:
    """One row of the verdict's claims, for the summary's recipe.

    A claim of more than 1 ("5.5 times as fast") is held by any larger ratio, one of less by any smaller.
    Source: one-sided non-inferiority at 5 % each way, as for a latency; the bound is the figure over (times)
    1 + margin. A ratio of sizes is counted, so that it has no interval, and p is 0 or 1.
    """
    match = match_of(findings)
    bound = _bound(claim)
    counted = claim.metric == "size_ratio"
    value = summary.parameters if counted else summary.deciding.value
    interval = None if counted else summary.deciding.interval
    spans = _spans(summary, counted)
    ratios = np.array(() if counted else summary.ratios)
    doubts = _doubts(claim, summary)
    status = _status(claim, match, doubts, spans, bound)
    reasons = [*map(str, findings), *doubts, *(() if counted else summary.remarks)]
    decided = decided_by(match, findings, doubts)
    confidence, to_decide = 0.0, None
    if status in ("reproduced", "not_reproduced"):
        confidence = 1.0 if counted else _confidence(ratios, bound, _side(claim, status))
    if status == "not_reproduced":
        beyond = f"{_what(counted)} lies {'below' if claim.at_least else 'above'} {bound:.2f}"
        reasons.append(beyond)
        decided = (beyond, *decided)
    if status == "inconclusive" and not doubts:
        if spans and (alone := _held(claim, spans[0], bound)) != "inconclusive":
            with_them = f"with them the interval is {spans[-1].low:.2f}-{spans[-1].high:.2f}"
            undecided = f"{alone} only without the launches that were repeated ({with_them})"
            reasons.append(undecided)
        else:
            to_decide = stats.launches_to_decide(ratios, bound)
            undecided = f"the interval reaches over {bound:.2f}"
            some = f"about {to_decide} rounds decide"
            more = "no useful number of rounds decides" if to_decide is None else some
            reasons.append(f"{undecided}; at this spread {more}")
        decided = (undecided, *decided)
    return JudgedClaim(
        id=claim.id,
        role=claim.role,
        recipe=summary.recipe,
        claim_citation=claim.citation,
        value=None if value is None else round(value, 9),
        unit="ratio",
        interval=interval if interval is None else _rounded(interval),
        bound=round(bound, 9),
        status=status,
        protocol_match=match,
        reasons=tuple(reasons),
        decided_by=decided,
        confidence=round(confidence, 9),
        readings=_readings(claim, match, doubts, spans, ratios),
        launches_to_decide=to_decide,
    )


def _bound(claim: Claim) -> float:
    share = 1 + claim.margin.value
    return claim.value / share if claim.at_least else claim.value * share


def _spans(summary: RatioSummary, counted: bool) -> tuple[Interval, ...]:
    """What is held against a bound: the interval, and that with the repeated launches; or the count."""
    if counted:
        value = summary.parameters
        return () if value is None else (Interval(low=value, high=value, level=1.0),)
    with_repeated = summary.with_repeated.interval if summary.with_repeated is not None else None
    if summary.deciding.interval is None:
        return ()
    return tuple(one for one in (summary.deciding.interval, with_repeated) if one is not None)


def _what(counted: bool) -> str:
    return "the count" if counted else "the interval"


def _doubts(claim: Claim, summary: RatioSummary) -> tuple[str, ...]:
    if claim.metric == "size_ratio":
        return () if summary.parameters is not None else ("not both models were exported",)
    unknown = summary.deciding.reason
    return tuple(dict.fromkeys((*summary.doubts, *([unknown] if unknown else []))))


def _status(
    claim: Claim, match: ProtocolMatch, doubts: tuple[str, ...], spans: tuple[Interval, ...], bound: float
) -> Status:
    """What all of the spans say; inconclusive where they do not say the same."""
    if match == "mismatch":
        return "not_comparable"
    statuses = {_held(claim, span, bound) for span in spans}
    return statuses.pop() if len(statuses) == 1 and not doubts else "inconclusive"


def _held(claim: Claim, span: Interval, bound: float) -> Status:
    if span.low >= bound if claim.at_least else span.high <= bound:
        return "reproduced"
    beyond = span.high < bound if claim.at_least else span.low > bound
    return "not_reproduced" if beyond else "inconclusive"


def _side(claim: Claim, status: Status) -> Literal["smaller", "larger"]:
    """Of the one-sided test that decided."""
    return "larger" if claim.at_least == (status == "reproduced") else "smaller"


def _confidence(ratios: NDArray[np.float64], bound: float, side: Literal["smaller", "larger"]) -> float:
    p = stats.p_beyond(ratios, bound, side)
    return 0.0 if p is None else 1 - p


def _readings(
    claim: Claim,
    match: ProtocolMatch,
    doubts: tuple[str, ...],
    spans: tuple[Interval, ...],
    ratios: NDArray[np.float64],
) -> tuple[Reading, ...]:
    """The strict reading (no margin), and equivalence: is it about this ratio, not just beyond it?"""
    status = _status(claim, match, doubts, spans, claim.value)
    strict = Reading(
        name="strict",
        low=claim.value if claim.at_least else None,
        high=None if claim.at_least else claim.value,
        status=status,
        p=stats.shown_p(ratios, claim.value, _side(claim, status)),
    )
    low, high = claim.value / (1 + claim.margin.value), claim.value * (1 + claim.margin.value)
    status, p = _equivalence(match, doubts, spans, ratios, low, high)
    return strict, Reading(name="equivalence", low=round(low, 9), high=round(high, 9), status=status, p=p)


def _equivalence(
    match: ProtocolMatch,
    doubts: tuple[str, ...],
    spans: tuple[Interval, ...],
    ratios: NDArray[np.float64],
    low: float,
    high: float,
) -> tuple[Status, float | None]:
    """Two one-sided tests. Source: Schuirmann's, as for a latency."""
    if match == "mismatch":
        return "not_comparable", None
    if doubts or not spans:
        return "inconclusive", None
    if all(span.high < low for span in spans):
        return "not_reproduced", stats.shown_p(ratios, low, "smaller")
    if all(span.low > high for span in spans):
        return "not_reproduced", stats.shown_p(ratios, high, "larger")
    both = (stats.shown_p(ratios, high, "smaller"), stats.shown_p(ratios, low, "larger"))
    p = None if both[0] is None or both[1] is None else max(both[0], both[1])
    inside = all(low <= span.low and span.high <= high for span in spans)
    return ("reproduced" if inside else "inconclusive"), p


def _rounded(interval: Interval) -> Interval:
    return Interval(low=round(interval.low, 9), high=round(interval.high, 9), level=interval.level)
