"""Protocol match: every difference that makes a figure incomparable, or comparable with qualifiers only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import get_args

import pytest

from results.claims import Claims, Condition, load_claims
from results.device import DeviceKind
from results.protocol import Finding, accuracy_findings, latency_findings, match_of
from tests.results.make_device import summarized
from tests.results.make_run import (
    EXAMPLE,
    FULL,
    HOST,
    MNLI,
    PIXEL_4,
    SEEDED,
    UNNAMED,
    VIRTUAL,
    Run,
    make_run,
)

CLAIMS = load_claims()


def confirmed(claims: Claims, **values: int | str) -> Claims:
    """The same claims as if every condition had been read in the paper; `values` replace some."""
    sure = []
    for claim in claims.claim:
        conditions = {
            name: Condition(
                value=values.get(name, condition.value), confirmation="confirmed", source=condition.source
            )
            for name, condition in claim.conditions.items()
        }
        sure.append(dataclasses.replace(claim, conditions=conditions))
    return dataclasses.replace(claims, claim=tuple(sure))


def latency(run: Run, claims: Claims = CLAIMS, recipe: str | None = None) -> tuple[Finding, ...]:
    recipe = recipe or run.record.settings.recipes[0]
    return latency_findings(claims.folded("latency_ms"), run.record, recipe)


def accuracy(run: Run, claims: Claims = CLAIMS) -> tuple[Finding, ...]:
    return accuracy_findings(claims.folded("accuracy"), run.record, run.record.settings.recipes[0])


def mismatches(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.short for finding in findings if finding.level == "mismatch"]


def test_a_pixel_4_under_recalled_conditions_is_a_proxy() -> None:
    """Nothing but the figure and the device was read in the paper: each other condition is a qualifier."""
    findings = latency(make_run())
    assert match_of(findings) == "proxy"
    assert [finding.short for finding in findings] == [
        "SoC recalled",
        "length 128 second-hand",
        "batch 1 inferred",
        "threads 4 recalled",
        "delegate cpu inferred",
        "precision float32 inferred",
    ]


def test_float32_on_a_pixel_4_is_exact_once_the_paper_was_read() -> None:
    """The rule must be able to say "exact", or "proxy" would mean nothing."""
    assert latency(make_run(), confirmed(CLAIMS)) == ()
    assert match_of(()) == "exact"


LATENCY_MISMATCHES: list[tuple[str, Callable[[Run], Run]]] = [
    ("other SoC", lambda run: run.change(device=dataclasses.replace(PIXEL_4, soc="SM8250"))),
    ("unknown SoC", lambda run: run.change(device=dataclasses.replace(PIXEL_4, soc=None))),
    ("emulator", lambda run: run.change(device=dataclasses.replace(PIXEL_4, kind="emulator"))),
    ("virtual phone", lambda run: run.change(device=VIRTUAL)),
    ("host, not a phone", lambda run: run.change(device=HOST)),
    (
        "the device contradicts itself",
        lambda run: run.change(device=dataclasses.replace(PIXEL_4, contradictions=("ABI",))),
    ),
    ("other length", lambda run: run.settings(length=64)),
    ("other length policy", lambda run: run.settings(length_policy="shortest", lengths=(24, 128))),
    ("other batch", lambda run: run.settings(batch=8)),
    ("other delegate", lambda run: run.settings(delegate="gpu")),
    ("other delegate", lambda run: run.settings(delegate="nnapi")),
    ("fixed-performance mode", lambda run: run.settings(fixed_performance=True)),
    ("other threads", lambda run: run.settings(threads=8)),
    ("other threads", lambda run: run.each_launch(threads=2)),
    (
        "other model",
        lambda run: run.each_artifact(architecture=dataclasses.replace(FULL, parameters=1_000_000)),
    ),
    (
        "other model",
        lambda run: run.settings(models=("other",)).each_artifact(model="other").each_launch(model="other"),
    ),
    ("unknown model", lambda run: run.each_artifact(architecture=None)),
    ("unknown model", lambda run: run.each_artifact(weights=UNNAMED)),
]


@pytest.mark.parametrize(("short", "change"), LATENCY_MISMATCHES)
def test_each_latency_mismatch_alone_is_one(short: str, change: Callable[[Run], Run]) -> None:
    """Any one of these is another experiment than the paper's, however right the rest is."""
    findings = latency(change(make_run()), confirmed(CLAIMS))
    assert mismatches(findings) == [short]
    assert match_of(findings) == "mismatch"
    assert findings[0].level == "mismatch"


def test_another_delegate_is_a_mismatch() -> None:
    """A claim about a GPU is not met by a CPU."""
    assert mismatches(latency(make_run(), confirmed(CLAIMS, delegate="gpu"))) == ["other delegate"]


@pytest.mark.parametrize("kind", [kind for kind in get_args(DeviceKind) if kind != "phone"])
def test_no_property_makes_up_for_not_being_a_phone(kind: DeviceKind) -> None:
    """A virtual phone carries a real phone's properties, all of them."""
    device = dataclasses.replace(PIXEL_4, kind=kind)
    assert match_of(latency(make_run(device=device), confirmed(CLAIMS))) == "mismatch"


@pytest.mark.parametrize("soc", ["sm8150", " SM8150 ", "msmnile", "MSMNILE"])
def test_the_soc_has_two_names(soc: str) -> None:
    """ro.soc.model and ro.board.platform name the same chip, in whatever case."""
    device = dataclasses.replace(PIXEL_4, soc=soc)
    assert latency(make_run(device=device), confirmed(CLAIMS)) == ()


@pytest.mark.parametrize("model", ["Pixel 4 XL", "OnePlus 7", None])
def test_another_phone_with_the_same_soc_is_a_proxy(model: str | None) -> None:
    """A Pixel 4 XL cools better than a Pixel 4: alike, not the same."""
    findings = latency(make_run(device=dataclasses.replace(PIXEL_4, model=model)), confirmed(CLAIMS))
    assert [(finding.level, finding.short) for finding in findings] == [("proxy", "other phone")]


def test_an_engineering_build_is_a_proxy() -> None:
    """eng builds run other services than what is sold."""
    device = dataclasses.replace(PIXEL_4, build_type="eng")
    assert [f.short for f in latency(make_run(device=device), confirmed(CLAIMS))] == ["engineering build"]


def test_cores_chosen_by_hand_are_a_proxy() -> None:
    """Another mask is another placement than the one a phone or the rule by capacity chooses."""
    for cores, found in (("big", []), ("all", []), ("f0", ["cores chosen by hand"])):
        findings = latency(make_run().settings(cores=cores), confirmed(CLAIMS))
        assert [(finding.level, finding.short) for finding in findings] == [("proxy", one) for one in found]


def test_a_program_without_samples_is_a_proxy() -> None:
    """Its warm-up and its order are its own affair."""
    findings = latency(summarized(make_run()), confirmed(CLAIMS))
    assert [(finding.level, finding.short) for finding in findings] == [("proxy", "no raw samples")]


def test_a_quantized_model_carries_its_fixed_qualifier() -> None:
    """62 ms is probably a float32 figure; int8 beating it is another experiment, and says so."""
    findings = latency(make_run(recipes=("dynamic_int8",)))
    assert "quantized model against a figure that is probably float32" in [f.short for f in findings]
    assert match_of(findings) == "proxy"


def test_a_quantized_model_is_a_mismatch_once_float32_is_confirmed() -> None:
    """What is known cannot stay a qualifier."""
    findings = latency(make_run(recipes=("dynamic_int8",)), confirmed(CLAIMS))
    assert mismatches(findings) == ["other precision"]


ACCURACY_MISMATCHES: list[tuple[str, Callable[[Run], Run]]] = [
    ("example pairs, not MNLI", lambda run: run.change(pairs=EXAMPLE)),
    (
        "other pairs",
        lambda run: run.change(pairs=dataclasses.replace(MNLI, kind="mnli_mismatched_dev")),
    ),
    ("other pairs", lambda run: run.change(pairs=dataclasses.replace(MNLI, kind="other", name="SNLI"))),
    ("seeded weights", lambda run: run.each_artifact(weights=SEEDED)),
    ("unknown model", lambda run: run.each_artifact(weights=UNNAMED)),
    (
        "other model",
        lambda run: run.each_artifact(architecture=dataclasses.replace(FULL, parameters=1_000_000)),
    ),
]


@pytest.mark.parametrize(("short", "change"), ACCURACY_MISMATCHES)
def test_each_accuracy_mismatch_alone_is_one(short: str, change: Callable[[Run], Run]) -> None:
    """Accuracy on other pairs, or of no trained model, says nothing about MNLI-m."""
    assert mismatches(accuracy(change(make_run()), confirmed(CLAIMS))) == [short]


def test_pairs_that_are_not_recognized_are_a_sentence() -> None:
    """ "not recognized as MNLI is not MNLI matched" was none."""
    pairs = dataclasses.replace(MNLI, kind="other", name="pairs of mine.tsv, not recognized as MNLI")
    finding = accuracy(make_run().change(pairs=pairs), confirmed(CLAIMS))[0]
    assert str(finding) == (
        "other pairs: pairs of mine.tsv, not recognized as MNLI; the claim's are MNLI matched"
    )


def test_the_device_is_no_matter_for_accuracy() -> None:
    """Accuracy is measured on the host, wherever latency is."""
    assert accuracy(make_run(device=VIRTUAL)) == accuracy(make_run())


def test_dev_for_test_and_other_weights_are_proxies() -> None:
    """The test labels are not public, and the checkpoint is a third party's."""
    findings = accuracy(make_run(), confirmed(CLAIMS))
    assert [finding.short for finding in findings] == ["dev set for test set", "other weights"]
    assert match_of(findings) == "proxy"


@pytest.mark.parametrize(("total", "used"), [(9815, 500), (500, 500)])
def test_a_slice_is_a_proxy(total: int, used: int) -> None:
    """Also when the file itself was cut to the slice."""
    run = make_run(pairs=dataclasses.replace(MNLI, rows_total=total, rows_used=used))
    found = {finding.short: finding.text for finding in accuracy(run)}
    assert found["slice"] == "500 of 9815 pairs"


def test_every_reference_says_which_row_it_is() -> None:
    """84.3 is quoted for MobileBERT in public verdicts; here it never stands without its row."""
    reference = next(claim for claim in CLAIMS.claim if claim.role == "reference")
    findings = accuracy_findings(reference, make_run().record, "float32")
    qualifier = "the figure of another model (w/o OPT), which public verdicts quote for this one"
    assert Finding(level="proxy", short=qualifier, text="") in findings
