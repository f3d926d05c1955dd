"""`python -m tests.results.keep_runs`: runs of a new SCHEMA, kept in tests/results/kept for ever after."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from results.evaluated import LeftOut, ReferenceRuns
from results.record import SCHEMA, Calibration, Doubt
from results.store import RunStore
from tests.results.make_ab import make_ab
from tests.results.make_device import interruption, left_changed, on_device, repeat, summarized, told
from tests.results.make_run import EXAMPLE, Run, make_run
from tests.results.make_runtimes import by_runtime

KEPT = Path(__file__).with_name("kept")
SEEN = Calibration(
    pairs="MNLI train",
    pairs_sha256="a" * 64,
    rows=100,
    ranges_file="ranges.csv",
    ranges_sha256="b" * 64,
    widest="encoder",
    spread=3.5,
)
HANDED_BACK = LeftOut(fault="missing-label", rows=2, first=("line 7", "line 9"))


def runs() -> dict[str, Run]:
    """Small runs by name, that together have every kind of part that a record can have."""
    full = told(make_run(launches=3, inferences=5, pairs=EXAMPLE, flips=(1, 1)))
    full = repeat(on_device(full, rows=60), 1, 64.0).each_artifact(calibration=SEEN)
    full = by_runtime(full, runtime="tflite-runtime", every=2, lost=1)
    full = full.settings(accuracy_on="device", commit="4946000", other_runtimes=("tflite-runtime",)).change(
        pairs=dataclasses.replace(EXAMPLE, left_out=(HANDED_BACK,), tokens=900, unknown_tokens=3),
        reference_runs=ReferenceRuns(name="runs.tsv", sha256="c" * 64, accuracies=(0.83, 0.84)),
        interruptions=(interruption(order=2),),
        changes=(left_changed(),),
        doubts=(Doubt(code="note", text="A note."),),
    )
    return {
        "": full,
        "-ab": make_ab(pairs=2, inferences=5),
        "-benchmark-model": summarized(make_run(launches=3, inferences=5, accuracy=None)),
    }


def keep(run: Run, folder: Path) -> None:
    """Write a run into a folder that must be new, with its first two launches in a file of their own."""
    folder.mkdir(parents=True)
    store = RunStore(folder)
    for name, data in run.raw.items():
        store.add_raw(name, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("results.store.RECORD_LIMIT_BYTES", 1)
        store.save(dataclasses.replace(run.record, launches=run.record.launches[:2]))
    store.save(run.record)


if __name__ == "__main__":
    for name, run in runs().items():
        keep(run, KEPT / f"schema-{SCHEMA}{name}")
