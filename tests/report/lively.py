"""Recorded runs that look like a phone's, from seeded random numbers: for pages, pictures and screenshots."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from results.claims import load_claims
from results.record import Launch
from results.report.model import View
from results.report.view import build_view
from results.store import RunStore
from results.verdict import judge
from tests.results.make_device import CLOCKS, TOLD
from tests.results.make_run import Run, make_run

ROWS = 40
LENGTH = 128
WARMUP = 30
THROTTLED = 6  # of the float32 launches: slower from the middle on, and done again


def lively(
    *, recipes: tuple[str, ...] = ("float32", "dynamic_int8"), launches: int = 10, inferences: int = 200
) -> Run:
    """A run with warm-up, noise, spikes, rising temperatures, and one throttled launch that was repeated."""
    run = make_run(recipes=recipes, launches=launches, inferences=inferences)
    chance = np.random.default_rng(20261122)
    held: list[Launch] = []
    raw = {name: data for name, data in run.raw.items() if not name.endswith(".samples")}
    for launch in sorted(run.record.launches, key=lambda one: one.order):
        base_ms = (61.0 if launch.recipe == "float32" else 36.5) * np.exp(chance.normal(0, 0.006))
        if launch.index == THROTTLED and launch.recipe == recipes[0]:
            hot = _durations(chance, base_ms, inferences)
            hot[WARMUP + inferences * 3 // 5 :] *= 1.09
            _add(
                held,
                raw,
                launch,
                hot,
                invalid=(f"no steady state: 9.0 % slower from timed inference {inferences * 3 // 5 + 1} on",),
            )
            launch = dataclasses.replace(launch, attempt=1)
        _add(held, raw, launch, _durations(chance, base_ms, inferences))
    raw["timed.seq"] = _sequences(np.random.default_rng(1))
    return Run(record=dataclasses.replace(run.record, launches=tuple(held)), raw=raw)


def _sequences(chance: np.random.Generator) -> bytes:
    """A sequences file of ROWS rows with 9 to 70 real tokens each; of which only the mask is looked at."""
    rows = np.zeros((ROWS, 1 + 3 * LENGTH), dtype="<i4")
    rows[:, 0] = np.arange(ROWS)
    for row, tokens in enumerate(chance.integers(9, 71, ROWS)):
        rows[row, 1 + LENGTH : 1 + LENGTH + tokens] = 1
    data = struct.pack("<8sIII", b"MBSEQ001", ROWS, LENGTH, 30522) + rows.tobytes()
    return data + struct.pack("<I", zlib.crc32(data))


def _durations(chance: np.random.Generator, base_ms: float, inferences: int) -> np.ndarray:
    """Milliseconds: a warm-up that decays, noise that is skewed, a few spikes."""
    count = WARMUP + inferences
    noise = chance.gamma(2.0, 0.006, count) - 0.012
    decay = 0.35 * np.exp(-np.arange(count) / 7)
    spikes = np.where(chance.random(count) < 0.015, chance.exponential(0.12, count), 0.0)
    return base_ms * (1 + noise + decay + spikes)


def _add(
    held: list[Launch],
    raw: dict[str, bytes],
    launch: Launch,
    durations_ms: np.ndarray,
    invalid: tuple[str, ...] = (),
) -> None:
    order = len(held)
    name = f"launch-{order:03d}-{launch.recipe}.samples"
    raw[name] = _text(np.random.default_rng(order), durations_ms)
    cpu_c, skin_c = 38.0 + 0.35 * order, 29.0 + 0.22 * order
    drop = 0.15 if invalid else 0.0
    clocks = tuple(
        dataclasses.replace(
            use,
            shares={
                khz: share - drop if khz == max(use.shares) else share + drop
                for khz, share in use.shares.items()
            },
        )
        for use in CLOCKS
    )
    held.append(
        dataclasses.replace(
            launch,
            order=order,
            started_at=f"2026-11-22T10:{order // 2:02d}:{order % 2 * 30:02d}.000Z",
            warmup_inferences=WARMUP,
            timed_inferences=durations_ms.size - WARMUP,
            samples_file=name,
            samples_sha256=hashlib.sha256(raw[name]).hexdigest(),
            before=dataclasses.replace(TOLD, cpu_c=cpu_c, skin_c=skin_c),
            after=dataclasses.replace(TOLD, cpu_c=cpu_c + 9 + 4 * bool(invalid), skin_c=skin_c + 0.8),
            clocks=clocks,
            invalid=invalid,
            steady="no_steady_state" if invalid else "flat",
        )
    )


def _text(chance: np.random.Generator, durations_ms: np.ndarray) -> bytes:
    crc32 = zlib.crc32(_sequences(np.random.default_rng(1))[:-4])
    lines = ["mobilebert-samples 1", "program 1", f"sequences_crc32 {crc32:08x}", "threads 4"]
    start = 0
    for index, duration in enumerate((durations_ms * 1e6).round().astype(np.int64).tolist()):
        phase, row = "w" if index < WARMUP else "t", int(chance.integers(ROWS))
        lines.append(f"inference {index} {phase} {row} s128 {start} {duration} 7")
        start += duration + 50_000
    timed = durations_ms.size - WARMUP
    return (
        "\n".join((*lines, "logits 0 0.5 -0.25 1.5", f"end warmup={WARMUP} timed={timed} logits=1")) + "\n"
    ).encode()


def lively_view(runs: Path, **shape: Any) -> View:  # noqa: ANN401  # as `lively` takes them
    """The view of such a run with its pictures, by way of its folder."""
    run, store = lively(**shape), RunStore.create(runs)
    run.save(store)
    record, claims = store.load(), load_claims()
    samples, predictions = store.load_samples(record), store.load_predictions(record)
    verdict = judge(record, samples, predictions, claims)
    return build_view(record, samples, predictions, verdict, claims, pictures=True)
