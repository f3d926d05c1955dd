"""Judge a record against the paper's claims: from what was measured to one verdict.

Nothing here reads a clock or a file: the same record, samples, predictions and claims give the same
verdict, byte for byte once encoded.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from results.accuracy import FLOOR_MARGIN, AccuracySummary, summarize_accuracy
from results.claims import RATIOS, Claims
from results.device_accuracy import DeviceAccuracySummary, summarize_device_accuracy
from results.encode import digest
from results.fold import ProtocolMatch, Status, fold, worst
from results.judge_accuracy import judge_accuracy
from results.judge_latency import judge_latency
from results.judge_ratio import judge_ratio
from results.latency import summarize_latency
from results.plain import plainly
from results.predictions import Predictions
from results.protocol import accuracy_findings, artifact_of, latency_findings, ratio_findings
from results.ratio import summarize_ratio
from results.record import Record
from results.samples import LaunchSamples
from results.series import judged_model, series
from results.verdict_file import (
    AGENT_VERSION,
    VERDICT_SCHEMA,
    DeviceCheck,
    FloorCheck,
    JudgedClaim,
    Overall,
    Published,
    PublishedPair,
    Verdict,
)

PARITY_FAILED = "the device computes something else than this machine"
DEVICE_UNDER = "accuracy on the device is more than 1 point under this machine's"


def judge(
    record: Record,
    samples: Mapping[str, LaunchSamples],
    predictions: Mapping[str, Predictions],
    claims: Claims,
) -> Verdict:
    """The verdict of one run. The first of `settings.recipes` is the one that the verdict is about.

    `samples`: by `Launch.samples_file`; `predictions`: by recipe, those of the device by their file's name.
    Raises RecordDamaged where raw data and record disagree.
    """
    recipes = record.settings.recipes
    # float32 is evaluated beside every recipe, as its reference, whether it was asked for or not.
    evaluated = tuple(dict.fromkeys((*recipes, *(accuracy.recipe for accuracy in record.accuracies))))
    accuracies = {recipe: summarize_accuracy(record, predictions, recipe) for recipe in evaluated}
    latencies = {recipe: summarize_latency(record, samples, recipe) for recipe in recipes}
    on_device = tuple(
        summary
        for one in record.device_accuracies
        if (summary := summarize_device_accuracy(record, predictions, one.recipe, one.model)) is not None
    )
    unlike = {one.series: one.doubts for one in on_device}
    rows = {row.model: row for row in claims.row}
    judged: dict[tuple[str, str], JudgedClaim] = {}
    for claim in claims.claim:
        if claim.metric == "latency_ms":
            for recipe in recipes:
                findings = latency_findings(claim, record, recipe)
                doubts = unlike.get(series(record, recipe), ())
                judged[claim.id, recipe] = judge_latency(claim, findings, recipe, latencies[recipe], doubts)
        elif claim.metric in RATIOS:
            for recipe in recipes if set(claim.models) <= set(record.settings.models) else ():
                ratio = summarize_ratio(record, samples, recipe, (claim.models[0], claim.models[1]))
                judged[claim.id, recipe] = judge_ratio(
                    claim, ratio_findings(claim, rows, record, recipe), ratio
                )
        else:
            for recipe in evaluated:
                findings = accuracy_findings(claim, record, recipe)
                judged[claim.id, recipe] = judge_accuracy(claim, findings, recipe, accuracies[recipe])
    latency = judged[claims.folded("latency_ms").id, recipes[0]]
    accuracy = judged[claims.folded("accuracy").id, recipes[0]]
    floors = tuple(_floor(recipe, summary) for recipe, summary in accuracies.items() if summary is not None)
    summaries = {"latency": latencies[recipes[0]], "accuracy": accuracies[recipes[0]]}
    missing = tuple(name for name, summary in summaries.items() if summary is None)
    under = any(one.series == series(record, recipes[0]) and one.floor == "under" for one in on_device)
    overall = _overall(record, latency, accuracy, floors, missing, device_under=under)
    published = Published(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, digest(record))),
        kind="POST",
        status=overall.status,
        score=_score(accuracy, accuracies[recipes[0]]),
        confidence=accuracy.confidence,
        agent_version=AGENT_VERSION,
        computed_at=record.ended_at,
        is_current=True,
        claim_citation=accuracy.claim_citation,
        protocol_match=accuracy.protocol_match,
    )
    verdict = Verdict(
        schema=VERDICT_SCHEMA,
        paper=claims.paper,
        verdict=published,
        verdicts=PublishedPair(post=published, pre=None),
        overall=overall,
        claims=tuple(judged.values()),
        floors=floors,
        on_device=tuple(_device_check(one) for one in on_device),
    )
    return plainly(verdict)


def _score(claim: JudgedClaim, summary: AccuracySummary | None) -> float | None:
    """The share of correct pairs, where they are the claim's."""
    return None if claim.value is None or summary is None else summary.accuracy.value


def _floor(recipe: str, summary: AccuracySummary) -> FloorCheck:
    pair = summary.paired
    difference = None if pair is None else pair.difference
    interval = None if difference is None else difference.interval
    return FloorCheck(
        recipe=recipe,
        status=summary.floor,
        margin_points=FLOOR_MARGIN * 100,
        difference_points=_points(difference.value if difference else None),
        low_points=_points(interval.low if interval else None),
        high_points=_points(interval.high if interval else None),
        agreement=summary.agreement,
        only_recipe_right=pair.only_a if pair else None,
        only_float32_right=pair.only_b if pair else None,
        mcnemar_p=pair.mcnemar_p if pair else None,
    )


def _device_check(one: DeviceAccuracySummary) -> DeviceCheck:
    difference = None if one.paired is None else one.paired.difference
    interval = None if difference is None else difference.interval
    return DeviceCheck(
        recipe=one.series.recipe,
        model=one.series.model,
        rows=one.rows,
        agreement=one.agreement.value or 0.0,
        interval=one.agreement.interval,
        flips=one.flips,
        unexplained=one.unexplained,
        status=one.floor,
        margin_points=FLOOR_MARGIN * 100,
        difference_points=_points(difference.value if difference else None),
        low_points=_points(interval.low if interval else None),
        high_points=_points(interval.high if interval else None),
    )


def _points(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 9)


def _overall(
    record: Record,
    latency: JudgedClaim,
    accuracy: JudgedClaim,
    floors: tuple[FloorCheck, ...],
    missing: tuple[str, ...],
    *,
    device_under: bool,
) -> Overall:
    """The fold. `missing`: of latency and accuracy, what was not measured at all.

    `device_under`: the device's own accuracy is shown to be below this machine's by more than the margin.
    """
    measured = [c for name, c in (("latency", latency), ("accuracy", accuracy)) if name not in missing]
    recipe = record.settings.recipes[0]
    judged = (judged_model(record), recipe)
    failed = any((p.model, p.recipe) == judged and p.status == "failed" for p in record.parities)
    floor = next((check.status for check in floors if check.recipe == recipe), "unknown")
    artifact = artifact_of(record, recipe)
    # A bare .tflite is nobody's MobileBERT: that it goes wrong on the device says nothing of the paper.
    nameless = artifact is not None and artifact.weights.kind == "unknown"
    status = fold(
        latency.status,
        accuracy.status,
        parity_failed=failed and not nameless,
        under_floor=floor == "under" or device_under,
    )
    match = worst((latency.protocol_match, accuracy.protocol_match))
    reasons: list[str] = []
    if failed and not nameless:
        reasons.append(PARITY_FAILED)
    if floor == "under":
        reasons.append("accuracy is more than 1 point under float32's")
    if device_under:
        reasons.append(DEVICE_UNDER)
    # A claim of another status explains nothing of the whole, but a mismatch is said whatever was decided.
    explaining = [claim for claim in (latency, accuracy) if claim.status == status]
    explaining += [
        claim for claim in (latency, accuracy) if claim.status == "not_comparable" and claim not in explaining
    ]
    if missing:
        # The protocol of what was not measured is nobody's; a mismatch of the model itself stays one.
        explaining = [c for c in explaining if c in measured or c.status == "not_comparable"]
    for claim in explaining:
        reasons += [reason for reason in claim.decided_by if reason not in reasons]
    if failed and nameless:
        reasons.append(PARITY_FAILED)
    reasons += [f"{name} was not measured" for name in missing]
    reasons += [_alone(claim) for claim in measured if missing and claim.status != status]
    shown = accuracy.value is not None and accuracy.protocol_match != "mismatch"
    if shown and floor == "unknown":
        reasons.append("float32 was not evaluated, so the accuracy floor is unknown")
    if shown and floor == "undecided":
        reasons.append("too few pairs to show that accuracy is within 1 point of float32's")
    return Overall(
        recipe=recipe,
        status=status,
        protocol_match=match,
        # Failed parity or a broken floor is no reading of the paper's figures, so that nothing qualifies it.
        sentence=sentence(status, match if status in (latency.status, accuracy.status) else "exact", reasons),
        reasons=tuple(reasons),
    )


def _alone(claim: JudgedClaim) -> str:
    """What the one claim that was measured says by itself."""
    what = "latency" if claim.unit == "ms" else "accuracy"
    proxy = claim.protocol_match == "proxy" and claim.status != "inconclusive"
    why = ("proxy: " if proxy else "") + ", ".join(claim.decided_by)
    return f"{what} alone is {claim.status}" + (f" ({why})" if why else "")


def sentence(status: Status, match: ProtocolMatch, reasons: list[str]) -> str:
    """The verdict in one line; a proxy's status never stands without its qualifiers."""
    qualified = f"{status} (proxy)" if match == "proxy" and status != "inconclusive" else status
    return f"{qualified}: {'; '.join(reasons)}" if reasons else qualified
