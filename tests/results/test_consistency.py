"""A record whose fields contradict each other is damaged, whatever its schema says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from results.device import ClockUse
from results.encode import encode
from results.errors import RecordDamaged
from results.record import LaunchSummary
from results.store import RunStore
from tests.results.make_device import change_launch, on_device, repeat, summarized, told
from tests.results.make_run import Run, make_run
from tests.results.make_table import make_table


def with_summary(**changes: float) -> Run:
    run = summarized(make_run(launches=5))
    summary = run.record.launches[2].summary
    assert isinstance(summary, LaunchSummary)
    return change_launch(run, 2, summary=dataclasses.replace(summary, **changes))  # type: ignore[arg-type]


def with_accuracy(**changes: float) -> Run:
    run = on_device(make_run(launches=5))
    done = dataclasses.replace(run.record.device_accuracies[0], **changes)  # type: ignore[arg-type]
    return run.change(device_accuracies=(done,))


def twice() -> Run:
    run = make_run(launches=5)
    return run.change(launches=(*run.record.launches, run.record.launches[4]))


CONTRADICTIONS: list[tuple[str, Callable[[], Run]]] = [
    ("launch 4 has attempt 0 of launch 4, which is there already", twice),
    ("launch 4 repeats a valid launch", lambda: change_launch(repeat(make_run(), 3, 61.5), 3, invalid=())),
    ("launch 2: its summary is of 39 inferences, not of 40", lambda: with_summary(count=39)),
    ("launch 2: its least, mean and greatest inference", lambda: with_summary(mean_ns=9e9)),
    ("launch 2: its least, mean and greatest inference", lambda: with_summary(min_ns=-1.0)),
    ("launch 2: its least, mean and greatest inference", lambda: with_summary(sd_ns=-1.0)),
    ("launch 2: its quantiles are not in ascending order", lambda: with_summary(median_ns=1.0)),
    ("launch 2: its quantiles are not in ascending order", lambda: with_summary(p95_ns=9e9)),
    (
        "launch 1: its shares of time at each clock are no shares",
        lambda: change_launch(
            make_run(launches=5), 1, clocks=(ClockUse(cores=(0,), shares={1: 0.6, 2: 0.6}),)
        ),
    ),
    (
        "some of its launches have raw samples and some have none",
        lambda: change_launch(summarized(make_run(launches=5)), 1, summary=None),
    ),
    (
        "float32 on the device: it counts more than its 500 rows",
        lambda: with_accuracy(agreeing=501),
    ),
    ("it counts more than its 0 rows", lambda: with_accuracy(rows=0)),
    ("it is further from this machine's than the rows that differ", lambda: with_accuracy(correct=400)),
    ("its logits differ more on average than at most", lambda: with_accuracy(rms_difference=9.0)),
]


@pytest.mark.parametrize(("message", "make"), CONTRADICTIONS)
def test_a_contradiction_is_neither_written_nor_read(
    tmp_path: Path, message: str, make: Callable[[], Run]
) -> None:
    """Each of these would change a verdict without a word."""
    store, run = RunStore.create(tmp_path), make()
    with pytest.raises(RecordDamaged, match=message):
        run.save(store)
    (store.folder / "record.json").write_bytes(encode(run.record))
    with pytest.raises(RecordDamaged, match=message):
        store.load()


@pytest.mark.parametrize(
    "make",
    [
        lambda: told(repeat(repeat(make_run(), 0, 61.5), 0, 62.0)),
        lambda: on_device(summarized(make_run())),
        lambda: repeat(make_table(rounds=5), 3, 64.0),
        lambda: with_summary(mean_ns=61_500_000.0, p5_ns=None, median_ns=None, p95_ns=None),  # type: ignore[arg-type]
    ],
)
def test_what_runs_write_is_no_contradiction(tmp_path: Path, make: Callable[[], Run]) -> None:
    """A check that refuses a good record loses a run."""
    store, run = RunStore.create(tmp_path), make()
    run.save(store)
    assert store.load() == run.record
