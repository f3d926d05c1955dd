"""summary.json: what of a run a history reads, and that nothing else gets through."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from results.encode import encode
from results.history.shape import fits
from results.history.summary import summarize_run
from results.history.summary_file import RunSummary
from results.recompute import conclude
from results.store import RunStore
from tests.results.make_ab import change_arm, make_ab
from tests.results.make_history import run_summary
from tests.results.make_run import COOL, HOST, UNKNOWN, Run, make_run, parity
from tests.results.test_verdict import one_launch, verdict_of


def summary(run: Run) -> RunSummary:
    return summarize_run(run.record, run.samples, verdict_of(run))


def test_a_run_leaves_its_summary(tmp_path: Path) -> None:
    """Every conclusion writes it, small, and a second one writes the same bytes."""
    store = RunStore.create(tmp_path)
    run = make_run(recipes=("dynamic_int8", "float32"))
    run.save(store)
    conclude(store)
    first = (store.folder / "summary.json").read_bytes()
    assert len(first) <= 4096
    assert first == encode(summary(run))
    conclude(RunStore.open(store.folder))
    assert (store.folder / "summary.json").read_bytes() == first


def test_a_point_says_what_the_report_says() -> None:
    """The numbers of the latency table, the claim's status, and the pairs that were right."""
    run = make_run()
    (point,) = summary(run).points
    assert (point.model, point.recipe, point.arm) == ("mobilebert", "float32", "")
    assert point.p50_ns == pytest.approx(61.03e6, rel=1e-3)
    assert point.p50_low_ns is not None
    assert point.p50_high_ns is not None
    assert point.p50_low_ns < point.p50_ns < point.p50_high_ns
    assert len(point.medians_ns) == point.launches_valid == point.launches_total == 10
    assert (point.counts, point.doubts, point.claim) == (True, (), "reproduced")
    assert (point.correct, point.rows) == (8245, 9815)


@pytest.mark.parametrize(
    ("run", "counts", "doubt"),
    [
        (make_run(device=HOST, conditions=UNKNOWN), True, "thermal status unavailable"),
        (make_run(launches=4).settings(launches=4), False, "too few valid launches: 4"),
        (one_launch(make_run(), invalid=("hot",)), False, "1 of 10 launches invalid"),
        (make_run().change(ended_at=None), False, "the run did not end"),
        (make_run().change(parities=(parity("float32", status="failed"),)), False, "device parity failed"),
    ],
)
def test_what_counts(run: Run, *, counts: bool, doubt: str) -> None:
    """A doubt keeps a run out of the gate; that a device never tells its heat keeps none out."""
    (point,) = summary(run).points
    assert point.counts is counts
    assert any(doubt in one for one in point.doubts)


def test_a_host_is_told_by_its_processor() -> None:
    """Two computers of one kernel are two machines."""
    run = make_run(device=dataclasses.replace(HOST, model="AMD EPYC 7B13"), conditions=UNKNOWN)
    device = summary(run).device
    assert device is not None
    assert (device.model, device.soc) == ("AMD EPYC 7B13", None)


def test_two_files_of_one_recipe_are_two_points() -> None:
    """Each arm's own file, threads and program; by its recipe alone, both would be the first file's."""
    run = change_arm(make_ab(pairs=5), "b", model_sha256="b" * 64, cores="all", delegate="gpu")
    a, b = summarize_run(run.record, run.samples).points
    assert (a.threads, a.cores, a.delegate) == (4, "big", "cpu")
    assert (b.model_sha256, b.threads, b.cores, b.delegate) == ("b" * 64, 2, "all", "gpu")
    assert a.model_sha256 == run.record.artifacts[0].model_sha256


def test_no_device_no_point() -> None:
    """A run of accuracy alone is a run all the same, and has no latency to follow."""
    whole = summary(make_run(device=None))
    assert (whole.device, whole.points) == (None, ())
    assert COOL.thermal_status == 0


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401  # any JSON
    """Every place in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for name, one in items for place in paths(one, (*at, name)))]


def changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:  # noqa: ANN401  # any JSON
    """A copy with another value at this place; without it for ..."""
    if not place:
        return new
    held = json.loads(json.dumps(value))
    inside = held
    for name in place[:-1]:
        inside = inside[name]
    if new is ...:
        del inside[place[-1]]
    else:
        inside[place[-1]] = new
    return held


WHOLE: dict[str, Any] = json.loads(encode(run_summary(3, [61.0])))
PLACES = [place for place in paths(WHOLE) if place and isinstance(place[-1], str)]


def structure(value: Any) -> Any:  # noqa: ANN401  # any JSON
    found = duckdb.execute("SELECT json_structure($text)::VARCHAR", {"text": json.dumps(value)}).fetchone()
    assert found is not None
    return json.loads(found[0])


def test_a_summary_fits_its_own_shape() -> None:
    """DuckDB's view of a file is held against the dataclass: the real thing must pass."""
    assert fits(structure(WHOLE), RunSummary)
    bare = WHOLE | {"device": None, "points": [], "lengths": [32, 128], "commit": None}
    assert fits(structure(bare), RunSummary)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_another_structure_does_not_fit(place: tuple[Any, ...]) -> None:
    """Each field, left out or of another type: DuckDB alone would convert it, or read it as null."""
    assert not fits(structure(changed(WHOLE, place, ...)), RunSummary)
    assert not fits(structure(changed(WHOLE, place, {"text": 1})), RunSummary)
    assert not fits(structure(changed(WHOLE, (*place[:-1], "other"), 1)), RunSummary)
