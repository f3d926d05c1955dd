"""Folders of many runs for the tests: summaries only, for a history reads nothing else."""

from __future__ import annotations

import dataclasses
import datetime
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.encode import encode
from results.history.summary import summarize_run
from results.history.summary_file import Point, RunSummary
from tests.results.make_run import make_run

FIRST = datetime.datetime(2026, 1, 1, 10, tzinfo=datetime.UTC)


@functools.cache
def summary_of(recipes: tuple[str, ...] = ("dynamic_int8",)) -> RunSummary:
    """The summary of a recorded run, on which all others are made."""
    run = make_run(recipes=recipes)
    return summarize_run(run.record, run.samples)


def run_summary(number: int, p50_ms: Sequence[float], **changes: Any) -> RunSummary:  # noqa: ANN401  # fields
    """Run `number` (from 0), an hour after the one before, with one latency per recipe.

    `changes`: fields of RunSummary; those of Point go by `point`, those of the device by `device`.
    """
    base = summary_of(("dynamic_int8", "float32")[: len(p50_ms)])
    points = tuple(
        dataclasses.replace(_at(point, ms), **changes.get("point", {}))
        for point, ms in zip(base.points, p50_ms, strict=True)
    )
    at = (FIRST + datetime.timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert base.device is not None
    named = {
        "run_id": f"{number + 1:04d}",
        "started_at": at,
        "ended_at": at,
        "commit": f"c{number + 1:03d}",
        "record_sha256": f"{number:064x}",
        "points": points,
        "device": dataclasses.replace(base.device, **changes.get("device", {})),
    }
    others = {name: value for name, value in changes.items() if name not in ("point", "device")}
    return dataclasses.replace(base, **named | others)


def write_run(root: Path, summary: RunSummary, folder: str | None = None) -> Path:
    """A run folder that holds nothing but its summary."""
    path = root / (summary.run_id if folder is None else folder)
    path.mkdir(parents=True)
    (path / "summary.json").write_bytes(encode(summary))
    return path


def write_history(root: Path, *series_ms: Sequence[float], first: int = 0, **changes: Any) -> Path:  # noqa: ANN401
    """One run per value; `series_ms`: one series per recipe, all of the same length."""
    for number, values in enumerate(zip(*series_ms, strict=True)):
        write_run(root, run_summary(first + number, values, **changes))
    return root


def noisy(levels_ms: Sequence[float], noise: float = 0.005, seed: int = 1) -> list[float]:
    """Latencies around these levels, ms: normal on the log scale, the same every time."""
    spread = np.random.default_rng(seed).normal(size=len(levels_ms)) * noise
    return [float(value) for value in np.array(levels_ms) * np.exp(spread)]


def shifting(
    rng: np.random.Generator, runs: int, noise: float, shift: float = 0.0, newest: int = 0
) -> NDArray[np.float64]:
    """A history as phones have it, ns: neighbours alike (AR(1), 0.3), every twentieth run hot (+4 % or so).

    The `newest` runs lie `shift` (a share) above the others.
    """
    logs = np.empty(runs)
    logs[0] = rng.normal() * noise
    for at in range(1, runs):
        logs[at] = 0.3 * logs[at - 1] + np.sqrt(1 - 0.3**2) * noise * rng.normal()
    logs += (rng.random(runs) < 0.05) * rng.exponential(0.04, runs)
    logs[runs - newest :] += np.log1p(shift)
    return 61e6 * np.exp(logs)


def _at(point: Point, ms: float) -> Point:
    p50 = round(ms * 1e6, 1)
    return dataclasses.replace(
        point, p50_ns=p50, p50_low_ns=round(p50 * 0.99, 1), p50_high_ns=round(p50 * 1.01, 1)
    )
