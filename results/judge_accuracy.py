"""Judge one accuracy claim for one recipe: its 95 % interval against the figure less its margin."""

from __future__ import annotations

from results.accuracy import AccuracySummary
from results.claims import Claim
from results.fold import Status
from results.protocol import Finding, match_of
from results.shares import p_share
from results.stats import Interval
from results.verdict_file import JudgedClaim

# Without one of these the number measured is not an accuracy on the claim's pairs at all.
OTHER_PAIRS = ("example pairs, not MNLI", "other pairs")


def judge_accuracy(
    claim: Claim, findings: tuple[Finding, ...], recipe: str, summary: AccuracySummary | None
) -> JudgedClaim:
    """One row of the verdict's claims.

    Source: lower limit >= figure - margin is reproduced, upper limit below it is not. The interval is that of
    the population, for the paper's figure is about the task: of the set alone, all its pairs would leave no
    doubt, whatever other pairs say. On other pairs than the claim's nothing of it was measured, so that value
    and interval are None.
    """
    match = match_of(findings)
    bound = (claim.value - claim.margin.value) / 100
    measured = summary is not None and not any(finding.short in OTHER_PAIRS for finding in findings)
    share = summary.accuracy if summary is not None and measured else None
    doubts = () if measured else ("accuracy was not measured",)
    if summary is not None and not measured:
        doubts = ("accuracy on the claim's pairs was not measured",)
    confidence, interval = 0.0, None if share is None else share.interval
    status: Status = "inconclusive"
    decided: tuple[str, ...] = ()
    if match == "mismatch":
        status = "not_comparable"
    elif summary is not None and interval is not None:
        if interval.low >= bound:
            status = "reproduced"
            confidence = 1 - p_share(summary.correct, summary.rows, bound, "larger", summary.method)
        elif interval.high < bound:
            status = "not_reproduced"
            confidence = 1 - p_share(summary.correct, summary.rows, bound, "smaller", summary.method)
            decided = (f"the interval lies below {bound * 100:.1f} %",)
        else:
            decided = (f"the interval reaches over {bound * 100:.1f} %",)
    named = [f.short for f in findings if f.level == "mismatch" or match != "mismatch"]
    return JudgedClaim(
        id=claim.id,
        role=claim.role,
        recipe=recipe,
        claim_citation=claim.citation,
        value=None if share is None or share.value is None else share.value * 100,
        unit="percent",
        interval=_percent(interval),
        bound=round(bound * 100, 9),
        status=status,
        protocol_match=match,
        reasons=(*map(str, findings), *doubts, *decided),
        decided_by=(*decided, *(doubts if match != "mismatch" else ()), *named),
        confidence=round(confidence, 9),
    )


def _percent(interval: Interval | None) -> Interval | None:
    if interval is None:
        return None
    low, high = round(interval.low * 100, 9), round(interval.high * 100, 9)
    return Interval(low=low, high=high, level=interval.level)
