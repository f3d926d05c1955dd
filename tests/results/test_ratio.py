"""Ratios of two models: paired by round, judged as references, and never in the verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from results.claims import load_claims
from results.device import DeviceKind
from results.fold import Status
from results.ratio import summarize_ratio
from results.recompute import conclude, recompute
from results.record import Doubt
from results.report.markdown import as_markdown
from results.report.text import WIDTH, as_text
from results.report.view import build_view
from results.store import RunStore
from tests.results.make_run import HOST, PIXEL_4, UNKNOWN, VIRTUAL, Run, make_run, parity
from tests.results.make_table import MODELS, change_launch, make_table, without
from tests.results.test_verdict import CLAIMS, row, verdict_of

BERT = ("bert_base", "mobilebert")
OTHER_PHONE = dataclasses.replace(PIXEL_4, soc="SM8650", model="Other")


def report(run: Run) -> str:
    return as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run), CLAIMS))


def test_the_ratio_is_exact_where_only_the_device_drifts() -> None:
    """Every round is slower than the last: each ratio is the models' own, and has no spread."""
    run = make_table(drift=0.5, spread=0.0)
    ratio = summarize_ratio(run.record, run.samples, "float32", BERT)
    assert ratio.ratios == pytest.approx([342 / 62] * 10, rel=1e-6)
    assert ratio.multiply_adds == pytest.approx(4.147, rel=1e-3)


def test_pairing_keeps_drift_out_of_the_interval() -> None:
    """Unpaired, a device that slows down by a half would hide any ratio behind its own drift."""
    narrow = summarize_ratio(make_table().record, make_table().samples, "float32", BERT).shown.interval
    drifting = make_table(drift=0.5)
    wide = summarize_ratio(drifting.record, drifting.samples, "float32", BERT).shown.interval
    assert narrow is not None
    assert wide is not None
    assert wide.high / wide.low == pytest.approx(narrow.high / narrow.low, rel=1e-3)
    assert wide.high / wide.low < 1.05


def test_the_interval_covers_the_true_ratio() -> None:
    """Ten rounds, 1.5 % between launches: a 95 % interval has to hold the truth in 95 of 100 runs."""
    hits = 0
    for seed in range(200):
        run = make_table(models=BERT, spread=0.015, seed=seed, inferences=6)
        interval = summarize_ratio(run.record, run.samples, "float32", BERT).shown.interval
        assert interval is not None
        hits += interval.low <= 342 / 62 <= interval.high
    assert 0.91 <= hits / 200 <= 0.99


@pytest.mark.parametrize(
    ("claim", "slower", "status"),
    [
        ("bert-base-to-mobilebert", 1.0, "reproduced"),
        ("bert-base-to-mobilebert", 2.0, "reproduced"),
        ("bert-base-to-mobilebert", 5.0 / 5.52, "inconclusive"),
        ("bert-base-to-mobilebert", 0.8, "not_reproduced"),
        ("without-opt-to-mobilebert", 1.0, "reproduced"),
        ("without-opt-to-mobilebert", 0.4, "not_reproduced"),
        ("tiny-to-mobilebert", 1.0, "reproduced"),
        ("tiny-to-mobilebert", 0.5, "reproduced"),
        ("tiny-to-mobilebert", 0.715 / 0.645, "inconclusive"),
        ("tiny-to-mobilebert", 1.2, "not_reproduced"),
    ],
)
def test_the_interval_against_the_bound_decides(claim: str, slower: float, status: Status) -> None:
    """5.5 less 10 % from above, 0.65 and 10 % from below: a larger speed-up is no failure of the claim."""
    model = next(one.models[0] for one in CLAIMS.claim if one.id == claim)
    judged = row(make_table(**{model: slower}), claim)
    assert judged.status == status
    assert judged.unit == "ratio"
    assert (judged.confidence >= 0.95) == (status != "inconclusive")
    assert (judged.launches_to_decide is None) or status == "inconclusive"


def test_readings_tell_5_5_from_much_more() -> None:
    """Eleven times as fast meets "5.5 times", and is another result."""
    strict, equivalence = row(make_table(bert_base=2.0), "bert-base-to-mobilebert").readings
    assert (strict.low, strict.high, strict.status) == (5.5, None, "reproduced")
    assert equivalence.status == "not_reproduced"
    strict, equivalence = row(make_table(mobilebert_tiny=1.05), "tiny-to-mobilebert").readings
    assert (strict.low, strict.high, strict.status) == (None, 0.65, "not_reproduced")
    assert equivalence.status == "reproduced"
    assert all(reading.p is not None and reading.p < 0.05 for reading in (strict, equivalence))


@pytest.mark.parametrize("kind", ["host", "virtual_phone", "emulator"])
def test_on_x86_a_ratio_is_printed_and_not_comparable(kind: DeviceKind) -> None:
    """The speed-up of NoNorm or of int8 is another one on another kind of processor."""
    device = HOST if kind == "host" else dataclasses.replace(VIRTUAL, kind=kind)
    run = make_table(device=device, conditions=UNKNOWN)
    judged = row(run, "bert-base-to-mobilebert")
    assert (judged.status, judged.protocol_match) == ("not_comparable", "mismatch")
    assert judged.value == pytest.approx(5.52, rel=0.02)
    assert judged.interval is not None
    assert "5.5 x" in report(run)


def test_on_another_arm_phone_a_ratio_is_a_proxy_where_a_latency_is_nothing() -> None:
    """62 ms are one SoC's; how much faster one network is than another says something on the next one too."""
    run = make_table(device=OTHER_PHONE)
    judged = row(run, "bert-base-to-mobilebert")
    assert (judged.status, judged.protocol_match) == ("reproduced", "proxy")
    assert "other SoC" in judged.decided_by
    assert row(run, "latency").status == "not_comparable"
    unnamed = row(make_table(device=dataclasses.replace(OTHER_PHONE, soc=None)), "tiny-to-mobilebert")
    assert "unknown SoC" in unnamed.decided_by
    assert unnamed.protocol_match == "proxy"


@pytest.mark.parametrize(
    ("run", "short"),
    [
        (make_table(device=dataclasses.replace(OTHER_PHONE, abi="x86_64")), "other processor"),
        (make_table().settings(threads=2).each_launch(threads=2), "other threads"),
        (make_table().settings(length=64), "other length"),
        (
            make_table(device=dataclasses.replace(PIXEL_4, contradictions=("x",))),
            "the device contradicts itself",
        ),
    ],
)
def test_another_protocol_is_another_ratio(run: Run, short: str) -> None:
    """What makes a latency another experiment does so with a ratio."""
    judged = row(run, "without-opt-to-mobilebert")
    assert judged.status == "not_comparable"
    assert short in judged.decided_by


def test_fixed_performance_mode_is_for_comparisons_of_two_models() -> None:
    """Both at the same lowered clocks: no latency of the claim's, and still a ratio."""
    run = make_table().settings(fixed_performance=True)
    judged = row(run, "bert-base-to-mobilebert")
    assert (judged.status, judged.protocol_match) == ("reproduced", "proxy")
    assert "fixed-performance mode" in judged.decided_by
    assert row(run, "latency").decided_by == ("fixed-performance mode",)


def test_a_model_of_another_size_is_not_the_papers() -> None:
    """Four small networks under these names must not be judged as Table 4's."""
    run = make_table()
    bert = run.record.artifacts[-1]
    assert bert.architecture is not None
    small = dataclasses.replace(bert.architecture, parameters=50_000_000)
    run = run.change(artifacts=(*run.record.artifacts[:-1], dataclasses.replace(bert, architecture=small)))
    for claim in ("bert-base-to-mobilebert", "bert-base-to-mobilebert-size"):
        assert row(run, claim).decided_by == ("other model",)
    assert row(run, "tiny-to-mobilebert").status == "reproduced"


def test_a_size_is_counted_and_no_device_has_a_part_in_it() -> None:
    """109.5M over 24.6M parameters, on a host as on any phone; what the figure counts is an inference."""
    for device in (HOST, PIXEL_4):
        judged = row(make_table(device=device), "bert-base-to-mobilebert-size")
        assert judged.value == pytest.approx(4.4536, rel=1e-4)
        assert (judged.status, judged.protocol_match, judged.interval) == ("reproduced", "proxy", None)


def first_round_invalid(rounds: int) -> Run:
    return change_launch(make_table(rounds=rounds), "bert_base", 0, invalid=("thermal status 1",))


DOUBTS: list[tuple[str, str, Callable[[], Run]]] = [
    ("1 of 10 rounds left out", "bert_base: 1 of 10 launches invalid", lambda: first_round_invalid(10)),
    ("too few rounds: 4", "1 of 5 rounds left out", lambda: first_round_invalid(5)),
    ("too few rounds: 4", "too few valid launches: 4", lambda: make_table(rounds=4)),
    ("7 of 10 rounds left out", "3 of 10 launches were made", lambda: without(make_table(), "bert_base", 3)),
    ("bert_base was not measured", "too few rounds: 0", lambda: not_run(make_table(), "bert_base")),
    ("mobilebert was not measured", "too few rounds: 0", lambda: not_run(make_table(), "mobilebert")),
    ("the run did not end", "the run did not end", lambda: make_table().change(ended_at=None)),
    ("n too small (need >= 6 per launch, has 5)", "n too small", lambda: make_table(inferences=5)),
    ("all 10 rounds gave the same value", "spread is unknown", lambda: make_table(spread=0.0, drift=0.0)),
    ("bert_base: device parity failed", "device parity", lambda: parity_failed(make_table(), "bert_base")),
]


def not_run(run: Run, model: str) -> Run:
    kept = tuple(one for one in run.record.parities if one.model != model)
    return without(run, model).change(parities=kept)


def parity_failed(run: Run, model: str) -> Run:
    others = tuple(one for one in run.record.parities if one.model != model)
    return run.change(parities=(*others, parity("float32", model=model, status="failed")))


@pytest.mark.parametrize(("reason", "other", "make"), DOUBTS)
def test_each_doubt_alone_leaves_a_ratio_inconclusive(
    reason: str, other: str, make: Callable[[], Run]
) -> None:
    """A perfect 5.52 decides nothing under any one of these, and says why."""
    judged = row(make(), "bert-base-to-mobilebert")
    assert judged.status == "inconclusive"
    assert judged.confidence == 0
    for words in (reason, other):
        assert any(words in text for text in judged.reasons), judged.reasons


def test_an_invalid_launch_costs_its_round_and_no_other_models() -> None:
    """The nine other rounds give the ratio; the ratios of models that were valid throughout are decided."""
    run = change_launch(make_table(spread=0.0), "bert_base", 0, invalid=("thermal status 1",))
    lone = change_launch(run, "bert_base", 1, invalid=())
    assert len(summarize_ratio(lone.record, lone.samples, "float32", BERT).ratios) == 9
    noisy = change_launch(make_table(), "bert_base", 0, invalid=("thermal status 1",))
    assert row(noisy, "tiny-to-mobilebert").status == "reproduced"


def test_a_missing_model_costs_its_row_and_not_the_table() -> None:
    """A device without the memory for BERT_BASE still compares the three others."""
    run = not_run(make_table(), "bert_base")
    assert row(run, "bert-base-to-mobilebert").value is None
    assert row(run, "without-opt-to-mobilebert").status == "reproduced"
    text = report(run)
    assert "BERT_BASE: not measured, so there is no latency of it." in text


def test_a_ratio_is_never_in_the_verdict() -> None:
    """A phone on which BERT_BASE is too fast, or fails, says nothing of MobileBERT's 62 ms."""
    sentences = {
        verdict_of(run).overall.sentence
        for run in (
            make_table(drift=0.0),
            make_table(drift=0.0, bert_base=0.5),
            not_run(make_table(drift=0.0), "bert_base"),
            parity_failed(make_table(drift=0.0), "bert_base"),
        )
    }
    assert len(sentences) == 1
    failed = parity_failed(make_table(), "mobilebert")
    assert verdict_of(failed).verdict.status == "not_reproduced"


def test_a_run_of_one_model_has_no_ratio() -> None:
    """Nine of ten runs compare no models: their verdict.json has no row about it."""
    assert {claim.unit for claim in verdict_of(make_run()).claims} == {"ms", "percent"}


def test_only_the_models_that_were_asked_for_are_judged() -> None:
    """--models mobilebert,mobilebert_tiny is not a run in which BERT_BASE failed."""
    run = make_table(models=("mobilebert", "mobilebert_tiny"))
    assert [one.id for one in verdict_of(run).claims if one.unit == "ratio"] == ["tiny-to-mobilebert"]
    assert "BERT_BASE" not in report(run)


def test_without_mobilebert_the_first_model_is_held_against_62_ms_and_is_another() -> None:
    """No model but MobileBERT's own may ever stand for its figure."""
    run = make_table(models=("bert_base", "mobilebert_tiny"))
    assert "other model" in row(run, "latency").decided_by
    assert not [one for one in verdict_of(run).claims if one.unit == "ratio"]
    assert "Table 4's latencies" in report(run)


def test_a_quantized_ratio_is_qualified() -> None:
    """The paper's figures seem to be float32; an int8 ratio is another one."""
    run = make_table(recipe="dynamic_int8").each_artifact(precision="dynamic_int8")
    assert any("probably float32" in short for short in row(run, "tiny-to-mobilebert").decided_by)


@pytest.mark.parametrize(
    "run",
    [
        make_table(),
        make_table(device=HOST, conditions=UNKNOWN, rounds=3),
        not_run(make_table(recipe="dynamic_int8_per_tensor"), "bert_base"),
        make_table(bert_base=30.0, mobilebert=30.0, rounds=5),
    ],
)
def test_the_tables_fit_in_100_columns(run: Run) -> None:
    """Tables that a terminal breaks cannot be read."""
    assert [line for line in report(run).splitlines() if len(line) > WIDTH] == []


GOLDENS: dict[str, Callable[[], Run]] = {
    "table-pixel-4": make_table,
    "table-other-phone": lambda: not_run(make_table(device=OTHER_PHONE), "bert_base").change(
        doubts=(NOT_RUN,)
    ),
    "table-host": lambda: make_table(device=HOST, conditions=UNKNOWN, rounds=5),
}
NOT_RUN = Doubt(code="not-run", text="bert_base float32 cannot be run on this device: the system killed it.")


@pytest.mark.parametrize("name", GOLDENS)
def test_text(name: str, golden: Callable[[str, str], None]) -> None:
    """The whole report, reviewed as a diff whenever a word of it changes."""
    golden(f"{name}.txt", report(GOLDENS[name]()))


def test_markdown(golden: Callable[[str, str], None]) -> None:
    """The same view for job summaries."""
    run = make_table()
    view = build_view(run.record, run.samples, run.predictions, verdict_of(run), CLAIMS)
    golden("table-pixel-4.md", as_markdown(view))


def test_a_recorded_table_is_judged_again_from_its_folder(tmp_path: Path) -> None:
    """Verdict and report follow from the run folder alone, and the files pass their schemas."""
    store = RunStore.create(tmp_path)
    make_table(rounds=5).save(store)
    text = conclude(store).report
    before = (store.folder / "verdict.json").read_bytes()
    assert conclude(RunStore.open(store.folder)).report == text
    assert (store.folder / "verdict.json").read_bytes() == before == recompute(store.folder)
    assert (store.folder / "sequences-bert_base-float32.csv").is_file()
    assert "x [" in text


def test_every_reason_and_figure_is_in_the_report() -> None:
    """The paper's columns stand beside what was measured, and no number stands without its reasons."""
    run = first_round_invalid(6)
    text = " ".join(report(run).split())
    for claim in verdict_of(run).claims:
        for reason in claim.reasons if claim.unit == "ratio" else ():
            assert " ".join(reason.split()) in text
    for figure in ("342 ms", "192 ms", "62 ms", "40 ms", "5.5 x", "3.1 x", "0.65 x", "4.3 x", "109.0M"):
        assert figure in text
    assert {one.model for one in load_claims().row} == set(MODELS)
