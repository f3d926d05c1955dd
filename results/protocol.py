"""How far a run's protocol is that of a claim: every difference found, as mismatch or proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from results.claims import Claim, Condition, PaperRow
from results.device import Device
from results.fold import ProtocolMatch, worst
from results.launches import keeps_samples
from results.plain import short
from results.record import Artifact, Record
from results.series import CLAIMED_MODEL, Series, arm_of, judged_model

# The released configuration counts 24.58M parameters where the paper prints 25.3M: 2.8 % less.
PARAMETERS_TOLERANCE = 0.03

MNLI_MATCHED_DEV_ROWS = 9815

# Every sequence padded to the claim's length; to a shorter one, and fewer operations are timed.
CLAIM_LENGTH_POLICY = "fixed"

QUANTIZED_QUALIFIER = "quantized model against a figure that is probably float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference between run and claim. `short` names it, `text` explains it."""

    level: Literal["proxy", "mismatch"]
    short: str
    text: str

    def __str__(self) -> str:
        return self.short if self.text == "" else f"{self.short}: {self.text}"


def match_of(findings: tuple[Finding, ...]) -> ProtocolMatch:
    """The protocol match that these findings leave."""
    return worst(("exact", *(finding.level for finding in findings)))


def decided_by(
    match: ProtocolMatch, findings: tuple[Finding, ...], doubts: tuple[str, ...]
) -> tuple[str, ...]:
    """What a status rests on beside the interval, in short: the mismatches alone where there are any."""
    if match == "mismatch":
        return tuple(finding.short for finding in findings if finding.level == "mismatch")
    return (*doubts, *(finding.short for finding in findings))


def latency_findings(claim: Claim, record: Record, recipe: str) -> tuple[Finding, ...]:
    """Differences between the latency claim and what this run timed with `recipe`, mismatches first."""
    found = [
        *_qualifiers(claim),
        *(_device(claim, record.device) if record.device else ()),
        *(_counts(claim, record, recipe) if record.device else ()),
        *_model(claim, artifact_of(record, recipe, judged_model(record))),
    ]
    return _sorted(found)


def ratio_findings(
    claim: Claim, rows: Mapping[str, PaperRow], record: Record, recipe: str
) -> tuple[Finding, ...]:
    """Differences between a ratio claim and what this run has of its two models, mismatches first.

    `rows`: the paper's, by model. A ratio travels further than a latency: on another ARM phone it is a
    proxy. What is counted and not timed is the same on every device.
    """
    artifacts = [artifact_of(record, recipe, model) for model in claim.models]
    found = [*_qualifiers(claim)]
    for model, artifact in zip(claim.models, artifacts, strict=True):
        found += _parameters(rows[model], artifact)
    if claim.metric == "latency_ratio":
        found += _device(claim, record.device) if record.device else ()
        found += _counts(claim, record, recipe) if record.device else ()
        found += _precision(claim, artifacts[0]) if artifacts[0] else ()
    return _sorted(found)


def accuracy_findings(claim: Claim, record: Record, recipe: str) -> tuple[Finding, ...]:
    """Differences between an accuracy claim and what this run evaluated with `recipe`, mismatches first."""
    artifact = artifact_of(record, recipe)
    # Pairs that were only timed say nothing of an accuracy.
    pairs = _pairs(claim, record) if record.accuracies else ()
    found = [*_qualifiers(claim), *pairs, *_model(claim, artifact)]
    if artifact is not None:
        weights = artifact.weights
        if not weights.trained:
            found.append(_mismatch("seeded weights", "never trained, so their accuracy says nothing"))
        else:
            found.append(_proxy("other weights", f"{weights.name} is not the authors' fine-tuned model"))
    return _sorted(found)


def artifact_of(record: Record, recipe: str, model: str | None = None, arm: str = "") -> Artifact | None:
    """The run's artifact of that recipe, if it was exported; `model` None: of the model that is judged.

    `arm`: of a comparison, whose two files may be of one recipe.
    """
    of = Series(model=judged_model(record) if model is None else model, recipe=recipe, arm=arm)
    side = arm_of(record, of)
    return next(
        (
            one
            for one in record.artifacts
            if (one.model, one.recipe) == (of.model, of.recipe)
            and (side is None or one.model_sha256 == side.model_sha256)
        ),
        None,
    )


def _qualifiers(claim: Claim) -> Iterator[Finding]:
    for qualifier in claim.qualifiers:
        yield _proxy(qualifier)
    if claim.confirmation != "confirmed":
        yield _proxy(f"figure {claim.confirmation}", claim.source)


def _device(claim: Claim, device: Device) -> Iterator[Finding]:
    """What was measured on: the kind first, because no property can outweigh it."""
    wanted = claim.conditions["device"].names[0]
    if device.kind == "host":
        yield _mismatch("host, not a phone", f"the claim is about a {wanted}")
    elif device.kind == "virtual_phone":
        yield _mismatch("virtual phone", f"this machine's processor, not a {wanted}")
    elif device.kind == "emulator":
        yield _mismatch("emulator", f"the processor under it, not a {wanted}")
    for contradiction in device.contradictions:
        yield _mismatch("the device contradicts itself", short(contradiction))
    if device.kind == "host":
        return
    ratio = claim.metric == "latency_ratio"
    if ratio and device.kind == "phone" and not device.abi.startswith("arm"):
        yield _mismatch("other processor", f"{short(device.abi)}; the claim's is an ARM one")
    differs = _proxy if ratio else _mismatch
    soc = claim.conditions["soc"]
    if device.soc is None:
        yield differs("unknown SoC", f"the device does not name it; the claim's is {soc.names[0]}")
    elif device.soc.strip().casefold() not in {name.casefold() for name in soc.names}:
        yield differs("other SoC", f"{short(device.soc)}; the claim's is {soc.names[0]}")
    else:
        yield from _unconfirmed("SoC", soc)
        if device.model not in claim.conditions["device"].names:
            yield _proxy("other phone", f"{short(device.model or 'unnamed')} for {wanted}, same SoC")
        yield from _unconfirmed("device", claim.conditions["device"])
    if device.build_type == "eng":
        yield _proxy("engineering build", "of Android, not what a phone is sold with")


def _counts(claim: Claim, record: Record, recipe: str) -> Iterator[Finding]:
    """Length, batch, threads, delegate: another one is another experiment."""
    settings = record.settings
    threads = {settings.threads} | {launch.threads for launch in record.launches if launch.recipe == recipe}
    measured = {"length": {settings.length}, "batch": {settings.batch}, "threads": threads}
    for name in ("length", "batch", "threads"):
        condition = claim.conditions[name]
        if measured[name] != {condition.integer}:
            got = ", ".join(str(value) for value in sorted(measured[name]))
            yield _mismatch(f"other {name}", f"{got}; the claim's is {condition.integer}")
        else:
            yield from _unconfirmed(f"{name} {condition.integer}", condition)
    if settings.length_policy != CLAIM_LENGTH_POLICY:
        wanted = f"the claim's is {CLAIM_LENGTH_POLICY}"
        yield _mismatch("other length policy", f"{settings.length_policy}; {wanted}")
    delegate = claim.conditions["delegate"]
    if settings.delegate not in delegate.names:
        yield _mismatch("other delegate", f"{settings.delegate}; the claim's is {delegate.names[0]}")
    else:
        yield from _unconfirmed(f"delegate {settings.delegate}", delegate)
    yield from _manner(claim, record, recipe)


def _manner(claim: Claim, record: Record, recipe: str) -> Iterator[Finding]:
    """How it was timed, where that is not this project's own way."""
    settings = record.settings
    if settings.fixed_performance:
        # Two models at the same lowered clocks are still two models on one device.
        differs = _proxy if claim.metric == "latency_ratio" else _mismatch
        why = "for comparisons on one device, never for the claim"
        yield differs("fixed-performance mode", why)
    if settings.cores not in ("big", "all"):
        yield _proxy("cores chosen by hand", f"mask {settings.cores}")
    if not keeps_samples([launch for launch in record.launches if launch.recipe == recipe]):
        unchecked = "warm-up, order and outliers cannot be checked; inputs are one row"
        yield _proxy("no raw samples", unchecked)


def _model(claim: Claim, artifact: Artifact | None) -> Iterator[Finding]:
    """The network and its precision."""
    if artifact is None:
        return
    if artifact.architecture is None or artifact.weights.kind == "unknown":
        yield _mismatch("unknown model", "a bare .tflite does not say what it was made from")
        return
    claimed, counted = claim.conditions["parameters"].integer, artifact.architecture.parameters
    if abs(counted - claimed) > PARAMETERS_TOLERANCE * claimed:
        sizes = f"{counted / 1e6:.2f}M parameters; the claim's has {claimed / 1e6:.1f}M"
        yield _mismatch("other model", sizes)
    elif artifact.model != CLAIMED_MODEL:  # the same size may have other norms
        yield _mismatch("other model", f"{artifact.model.replace('_', ' ')} by its configuration")
    else:
        yield from _unconfirmed("model", claim.conditions["parameters"])
    yield from _precision(claim, artifact)


def _parameters(row: PaperRow, artifact: Artifact | None) -> Iterator[Finding]:
    """Whether a model of a ratio has the size of the paper's."""
    if artifact is None or artifact.architecture is None:
        return
    counted = artifact.architecture.parameters
    if abs(counted - row.parameters) > PARAMETERS_TOLERANCE * row.parameters:
        sizes = f"{counted / 1e6:.2f}M parameters; the paper's {row.name} has {row.parameters / 1e6:.1f}M"
        yield _mismatch("other model", sizes)
    elif row.confirmation != "confirmed":
        yield _proxy(f"{row.name} {row.confirmation}", row.source)


def _precision(claim: Claim, artifact: Artifact) -> Iterator[Finding]:
    """In which arithmetic, as far as that is known of the claim's."""
    precision = claim.conditions["precision"]
    if artifact.precision in precision.names:
        yield from _unconfirmed(f"precision {artifact.precision}", precision)
    elif precision.confirmation == "confirmed":
        yield _mismatch("other precision", f"{artifact.precision}; the claim's is {precision.names[0]}")
    else:
        yield _proxy(QUANTIZED_QUALIFIER, f"{artifact.precision}; {precision.names[0]} is {_sure(precision)}")


def _pairs(claim: Claim, record: Record) -> Iterator[Finding]:
    """What was evaluated on; the test set's labels are not public, so its place is taken by dev."""
    pairs = record.pairs
    if pairs is None:
        return
    if pairs.kind != "mnli_matched_dev":
        if pairs.kind == "example":
            yield _mismatch("example pairs, not MNLI", f"{pairs.rows_used} pairs written by this project")
        elif pairs.kind == "mnli_mismatched_dev":
            yield _mismatch("other pairs", "MNLI mismatched; the claim's are matched")
        else:
            yield _mismatch("other pairs", f"{pairs.name}; the claim's are MNLI matched")
        return
    if claim.conditions["split"].names != ("dev",):
        yield _proxy("dev set for test set", "the test labels are not public")
    whole = max(pairs.rows_total, MNLI_MATCHED_DEV_ROWS)
    if pairs.rows_used < whole:
        yield _proxy("slice", f"{pairs.rows_used} of {whole} pairs")


def _unconfirmed(what: str, condition: Condition) -> Iterator[Finding]:
    if condition.confirmation != "confirmed":
        yield _proxy(f"{what} {condition.confirmation}", condition.source)


def _sure(condition: Condition) -> str:
    return f"{condition.confirmation} ({condition.source})"


def _proxy(short: str, text: str = "") -> Finding:
    return Finding(level="proxy", short=short, text=text)


def _mismatch(short: str, text: str = "") -> Finding:
    return Finding(level="mismatch", short=short, text=text)


def _sorted(found: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda finding: finding.level == "proxy"))
