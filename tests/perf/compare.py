"""Ways of doing a thing, in turn so that the machine's drift falls on all; a line about them, and JSON."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmark.workers.inside import processor
from results.stats import over_launches

LEVEL = 0.9
_FOLDER = Path(__file__).parents[2] / "build" / "perf"


def alternate(rounds: int, *ways: Callable[[], float]) -> list[list[float]]:
    """One list of `rounds` results per way; each round runs every way, in an order that turns round."""
    results: list[list[float]] = [[] for _ in ways]
    for number in range(rounds):
        order = range(len(ways)) if number % 2 == 0 else reversed(range(len(ways)))
        for index in order:
            results[index].append(ways[index]())
    return results


def ratio(above: list[float], below: list[float]) -> str:
    """The typical ratio of paired results with its t-interval: "1.23 [1.20, 1.26], 90 %, n = 10"."""
    estimate = over_launches(np.array(above) / np.array(below), LEVEL)
    if estimate.interval is None:
        return f"{estimate.value:.3g} (n = {estimate.n}: no interval)"
    low, high = estimate.interval.low, estimate.interval.high
    return f"{estimate.value:.3g} [{low:.3g}, {high:.3g}], {LEVEL:.0%}, n = {estimate.n}"


def spread(values: list[float], unit: str) -> str:
    """Least, middle and greatest: "210 - 214 - 230 ms"."""
    return (
        " - ".join(f"{value:.4g}" for value in (min(values), float(np.median(values)), max(values)))
        + f" {unit}"
    )


def line(name: str, *parts: str, target: str | None = None) -> None:
    """Print one benchmark's line; a target is told, never enforced: time depends on the machine."""
    print(f"{name}: {'; '.join(parts)}{'' if target is None else f' (target: {target})'}", flush=True)


def save(name: str, measured: dict[str, object]) -> None:
    """Write what was measured, round by round, to build/perf/NAME.json, with the machine and the day."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**setting(), **measured}, indent=1)
    (_FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def setting() -> dict[str, object]:
    """This machine's processor, the versions that matter, and the day."""
    packages = ("tensorflow-cpu", "tensorflow", "ai-edge-litert", "tflite-runtime", "numpy")
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"processor": processor(), "versions": versions, "day": datetime.date.today().isoformat()}
