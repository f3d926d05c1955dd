"""What a CI is told of one run: only what is shown passes, only what is shown fails."""

from __future__ import annotations

import dataclasses

import pytest

from results.report.model import Check
from tests.results.make_device import on_device
from tests.results.make_run import Run, interrupted, make_run, parity
from tests.results.test_report import BOTH, RUNS, view_of


def checks_of(run: Run) -> dict[tuple[str, str], Check]:
    """By group and by the recipe that a check's name begins with."""
    return {(one.group, one.name.split(":")[0]): one for one in view_of(run).checks}


@pytest.mark.parametrize(
    ("make", "outcome"),
    [
        (lambda: make_run(median_ms=61), "passed"),
        (lambda: make_run(median_ms=80), "failed"),
        (lambda: make_run(median_ms=63.9, spread=0.03, launches=6), "undecided"),
        (RUNS["host"], "undecided"),
        (RUNS["virtual-phone"], "undecided"),
        (RUNS["pixel-4-throttled"], "undecided"),
    ],
)
def test_the_latency_claim_passes_and_fails_only_where_it_is_decided(make: object, outcome: str) -> None:
    """An emulator's speed is no failure of a phone, and a doubt is no success."""
    run = make()  # type: ignore[operator]
    recipe = run.record.settings.recipes[0]
    assert checks_of(run)["claims.latency", recipe].outcome == outcome


def test_a_check_says_value_unit_interval_and_qualifier() -> None:
    """It is read alone, in a list of hundreds of tests."""
    one = checks_of(make_run())["claims.latency", "float32"]
    assert one.name == "float32: latency at most 65.1 ms (the paper's 62 ms and the margin)"
    assert one.message.startswith("61.03 ms [60.68, 61.39] (90 % interval): reproduced (proxy); ")


def test_accuracy_its_floor_and_parity_are_checks_of_their_own() -> None:
    """Each can fail alone, and each has another remedy."""
    run = make_run(recipes=BOTH, accuracy=0.84, flips=(20, 500))
    found = checks_of(run)
    assert found["claims.accuracy", "dynamic_int8"].outcome == "failed"
    assert found["claims.accuracy", "float32"].outcome == "passed"
    assert found["accuracy.floor", "dynamic_int8"].outcome == "failed"
    assert "points [" in found["accuracy.floor", "dynamic_int8"].message
    assert ("accuracy.floor", "float32") not in found
    words = {"passed": "passed", "failed": "failed", "void": "undecided"}
    for status, outcome in words.items():
        of_status = checks_of(run.change(parities=(parity("float32", status=status),)))
        assert of_status["device.parity", "float32"].outcome == outcome


def test_what_was_not_measured_is_no_check() -> None:
    """A test that is skipped for ever is soon not read any more."""
    groups = {group for group, _ in checks_of(make_run(device=None))}
    assert groups == {"claims.accuracy"}
    assert {group for group, _ in checks_of(RUNS["latency-only"]())} == {"claims.latency", "device.parity"}


def test_claims_for_reference_are_not_told() -> None:
    """They are another model's figures, and in no verdict."""
    assert sum(group == "claims.accuracy" for group, _ in checks_of(make_run())) == 1


def test_a_run_that_did_not_end_is_an_error() -> None:
    """A CI that was cancelled must not look like one that measured."""
    assert ("run", "ended") not in checks_of(make_run())
    assert checks_of(interrupted(make_run(launches=7), 10))["run", "ended"].outcome == "error"


def test_the_devices_own_accuracy_is_a_check() -> None:
    """It fails where the device predicts worse than this machine does."""
    assert checks_of(on_device(make_run(), rows=2000))["accuracy.device", "float32"].outcome == "passed"
    assert checks_of(on_device(make_run(), lost=40))["accuracy.device", "float32"].outcome == "failed"


def test_time_that_nobody_wrote_down_is_none() -> None:
    """A time that cannot be read is no reason to lose the report."""
    run = make_run()
    odd = dataclasses.replace(run.record.launches[0].after, at="later")
    assert checks_of(run.each_launch(after=odd))["claims.latency", "float32"].seconds == 0


@pytest.mark.parametrize(
    ("name", "outcome"), [("pixel-4", "passed"), ("parity-failed", "failed"), ("host", "undecided")]
)
def test_the_whole_has_the_verdicts_outcome(name: str, outcome: str) -> None:
    """Colours and badges are of this word."""
    assert view_of(RUNS[name]()).outcome == outcome
