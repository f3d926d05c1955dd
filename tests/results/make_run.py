"""Small recorded runs for the tests: a record, its samples and predictions, made without chance."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from results.device import Conditions, Core, Device, Program
from results.evaluated import Accuracy, Pairs
from results.predictions import Predictions, read_predictions, write_predictions
from results.record import (
    Architecture,
    Artifact,
    ConversionCost,
    DeviceParity,
    ExportParity,
    Launch,
    Precision,
    Record,
    Settings,
    Signature,
    Weights,
)
from results.samples import LaunchSamples, read_samples
from results.steady import FEWEST_SAMPLES
from results.store import RunStore

LABELS = ("entailment", "neutral", "contradiction")
AT = "2026-11-22T10:00:00.000Z"

PIXEL_4 = Device(
    kind="phone",
    serial_sha256="5" * 64,
    manufacturer="Google",
    model="Pixel 4",
    soc="SM8150",
    abi="arm64-v8a",
    api_level=33,
    fingerprint="google/flame/flame:13/TP1A.221005.002/9012097:user/release-keys",
    build_type="user",
    kernel="4.14.276",
    cores=tuple(
        Core(
            index=i,
            capacity=1024 if i == 7 else 871 if i > 3 else 261,
            max_khz=2_841_600 if i == 7 else 1_785_600,
        )
        for i in range(8)
    ),
    memory_bytes=5_730_000_000,
    free_bytes=40_000_000_000,
)
HOST = Device(
    kind="host",
    serial_sha256=None,
    manufacturer=None,
    model=None,
    soc=None,
    abi="x86_64",
    api_level=None,
    fingerprint=None,
    build_type=None,
    kernel="6.1.0",
    cores=(Core(index=0, capacity=None, max_khz=None), Core(index=1, capacity=None, max_khz=None)),
    memory_bytes=8_000_000_000,
    free_bytes=40_000_000_000,
)
VIRTUAL = dataclasses.replace(PIXEL_4, kind="virtual_phone", abi="x86_64")
COOL = Conditions(
    at=AT,
    thermal_status=0,
    thermal_overridden=False,
    skin_c=28.4,
    cpu_c=31.0,
    battery_percent=80,
    battery_c=27.1,
    charging=True,
    max_khz_by_core={i: 2_841_600 if i == 7 else 1_785_600 for i in range(8)},
)
UNKNOWN = dataclasses.replace(
    COOL,
    thermal_status=None,
    skin_c=None,
    cpu_c=None,
    battery_percent=None,
    battery_c=None,
    charging=None,
    max_khz_by_core={},
)
MNLI = Pairs(
    kind="mnli_matched_dev",
    name="MNLI matched dev",
    origin="mnli_dev_matched.tsv",
    sha256="a" * 64,
    rows_total=9815,
    rows_used=9815,
    truncated_rows=30,
    vocabulary_sha256="b" * 64,
    vocabulary_size=30522,
)
EXAMPLE = dataclasses.replace(
    MNLI, kind="example", name="example pairs, not MNLI", rows_total=60, rows_used=60, truncated_rows=0
)
TRAINED = Weights(
    kind="hub", name="typeform/mobilebert-uncased-mnli", revision="7bde157", sha256="c" * 64, trained=True
)
UNNAMED = Weights(kind="unknown", name="model.tflite", revision=None, sha256="e" * 64, trained=True)
SEEDED = Weights(kind="seeded", name="seeded:0", revision=None, sha256="d" * 64, trained=False)
FULL = Architecture(name="MobileBERT", parameters=24_583_427, length=128, multiply_adds=2_695_000_000)


@dataclass(kw_only=True)
class Run:
    """What a run folder holds; tests change `record` and the raw bytes freely."""

    record: Record
    raw: dict[str, bytes] = field(default_factory=dict)

    @property
    def samples(self) -> dict[str, LaunchSamples]:
        return {
            launch.samples_file: read_samples(self.raw[launch.samples_file], launch.samples_file)
            for launch in self.record.launches
            if launch.summary is None
        }

    @property
    def predictions(self) -> dict[str, Predictions]:
        named = {one.recipe: one.predictions_file for one in self.record.accuracies}
        others = (*self.record.device_accuracies, *self.record.runtime_accuracies)
        named |= {one.predictions_file: one.predictions_file for one in others}
        return {name: _read(self.raw[file], file) for name, file in named.items()}

    def change(self, **changes: Any) -> Run:  # noqa: ANN401  # fields of Record
        return Run(record=dataclasses.replace(self.record, **changes), raw=dict(self.raw))

    def settings(self, **changes: Any) -> Run:  # noqa: ANN401  # fields of Settings
        return self.change(settings=dataclasses.replace(self.record.settings, **changes))

    def each_launch(self, **changes: Any) -> Run:  # noqa: ANN401  # fields of Launch
        return self.change(
            launches=tuple(dataclasses.replace(launch, **changes) for launch in self.record.launches)
        )

    def each_artifact(self, **changes: Any) -> Run:  # noqa: ANN401  # fields of Artifact
        return self.change(
            artifacts=tuple(dataclasses.replace(artifact, **changes) for artifact in self.record.artifacts)
        )

    def save(self, store: RunStore) -> None:
        for name, data in self.raw.items():
            store.add_raw(name, data)
        store.save(self.record)


def make_run(
    *,
    recipes: tuple[str, ...] = ("float32",),
    device: Device | None = PIXEL_4,
    conditions: Conditions = COOL,
    median_ms: float = 61.0,
    spread: float = 0.01,
    launches: int = 10,
    inferences: int = 40,
    accuracy: float | None = 0.84,
    flips: tuple[int, int] = (20, 30),
    weights: Weights = TRAINED,
    pairs: Pairs | None = MNLI,
    threads: int = 4,
) -> Run:
    """A run whose typical median is `median_ms` and whose float32 accuracy is `accuracy`.

    `spread`: standard deviation of the launches' log medians. `flips`: of float32's answers, how many
    wrong ones a quantized recipe gets right, and how many right ones it loses.
    """
    run = Run(
        record=Record(
            run_id="0001",
            started_at=AT,
            ended_at="2026-11-22T10:20:00.000Z",
            settings=Settings(
                checkpoint=weights.name,
                recipes=recipes,
                length=128,
                batch=1,
                threads=threads,
                device="",
                runner="mobilebert_runner 1",
                runtime="ai-edge-litert",
                launches=launches,
                inferences=inferences,
                warmup_inferences=20,
                warmup_s=2.0,
                slice_rows=None,
                seed=20260101,
            ),
            versions={"mobilebert-bench": "0.1.0"},
        )
    )
    evaluated = tuple(dict.fromkeys((*recipes, "float32")))
    run = run.change(
        artifacts=tuple(_artifact(recipe, weights) for recipe in evaluated), pairs=pairs, device=device
    )
    if device is not None:
        run = run.change(
            program=Program(
                abi=device.abi,
                program_sha256="1" * 64,
                runtime="LiteRT",
                runtime_version="2.3.0",
                runtime_sha256="2" * 64,
            ),
            parities=tuple(parity(recipe) for recipe in recipes),
        )
        for position, recipe in enumerate(recipes):
            medians = median_ms * (0.6 if recipe != "float32" else 1.0) * np.exp(_spread(launches, spread))
            for index, one in enumerate(medians):
                order = index * len(recipes) + position
                _add_launch(run, recipe, index, order, one, inferences, threads, conditions)
    if accuracy is not None and pairs is not None:
        for recipe in evaluated:
            _add_accuracy(run, recipe, pairs.rows_used, accuracy, (0, 0) if recipe == "float32" else flips)
    return run


def parity(recipe: str, **changes: Any) -> DeviceParity:  # noqa: ANN401  # fields of DeviceParity
    passed = DeviceParity(
        recipe=recipe,
        status="passed",
        rows=8,
        tolerance=0.02,
        statistic="largest",
        difference=0.004,
        min_row_distance=0.9,
        rule="half of the conversion error 0.04 on these rows",
    )
    return dataclasses.replace(passed, **changes)


def slow_start(run: Run, launches: int) -> Run:
    """The same run, where the first timed inference of so many launches took 99 ms."""
    changed = Run(record=run.record, raw=dict(run.raw))
    for launch in run.record.launches[:launches]:
        lines = run.raw[launch.samples_file].split(b"\n")
        at = next(i for i, line in enumerate(lines) if b" t " in line)
        fields = lines[at].split(b" ")
        # The start of the next one must not lie before it ends; only starts are compared.
        lines[at] = b" ".join((*fields[:6], b"99000000", fields[7]))
        changed.raw[launch.samples_file] = b"\n".join(lines)
    return changed


def interrupted(run: Run, launches: int) -> Run:
    """The same run, asked for so many launches, and ended before they were made."""
    return run.settings(launches=launches).change(ended_at=None)


def _spread(launches: int, sd: float) -> np.ndarray:
    """Deviations of mean 0 and standard deviation `sd`, evenly spaced."""
    if launches < 2 or sd == 0:
        return np.zeros(launches)
    line = np.linspace(-1, 1, launches)
    return sd * line / line.std(ddof=1)


def _artifact(recipe: str, weights: Weights) -> Artifact:
    quantized = recipe != "float32"
    precision: Precision = "dynamic_int8" if quantized else "float32"
    return Artifact(
        recipe=recipe,
        precision=precision,
        model_sha256=hashlib.sha256(recipe.encode()).hexdigest(),
        model_bytes=25_900_000 if quantized else 98_900_000,
        weights=weights,
        architecture=FULL,
        signatures=(Signature(key="s128", length=128),),
        inputs=("input_ids", "attention_mask", "token_type_ids"),
        output="logits",
        labels=LABELS,
        vocabulary_size=30522,
        parity=ExportParity(
            rows=20,
            max_abs_error=0.04 if quantized else 2e-6,
            logit_scale=5.2,
            tolerance=0.5 if quantized else 5e-4,
            agreement=1.0,
        ),
        conversion=ConversionCost(cpu_s=14.2, wall_s=13.0, peak_rss_bytes=1_500_000_000),
        versions={"tensorflow": "2.21.0"},
    )


def samples_text(durations_ns: np.ndarray, warmup: int = 20) -> bytes:
    """A samples file of which only what statistics read is real."""
    lines = ["mobilebert-samples 1", "program 1", "threads 4"]
    start = 0
    every = [int(durations_ns[0] * 1.2)] * warmup + [int(duration) for duration in durations_ns]
    for index, duration in enumerate(every):
        phase = "w" if index < warmup else "t"
        lines.append(f"inference {index} {phase} {index % 8} s128 {start} {duration} 7")
        start += duration + 50_000
    lines += ["logits 0 0.5 -0.25 1.5", f"end warmup={warmup} timed={len(durations_ns)} logits=1"]
    return ("\n".join(lines) + "\n").encode()


def _add_launch(
    run: Run,
    recipe: str,
    index: int,
    order: int,
    median_ms: float,
    inferences: int,
    threads: int,
    conditions: Conditions,
) -> None:
    # Skewed like real latencies: the median stays, the slow tail is longer; in an order without a trend.
    shape = np.linspace(-1, 1, inferences)[np.argsort(np.arange(inferences) * 0.4142135624 % 1)]
    raw = samples_text((median_ms * 1e6 * (1 + np.where(shape > 0, 0.05, 0.01) * shape)).round())
    name = f"launch-{order:03d}-{recipe}.samples"
    run.raw[name] = raw
    launch = Launch(
        index=index,
        order=order,
        recipe=recipe,
        started_at=AT,
        seed=20260101 + order,
        threads=threads,
        cores=tuple(range(8 - threads, 8)),
        load_ns=34_000_000,
        first_inference_ns=91_000_000,
        peak_rss_bytes=157_000_000,
        warmup_inferences=20,
        timed_inferences=inferences,
        samples_file=name,
        samples_sha256=hashlib.sha256(raw).hexdigest(),
        before=conditions,
        after=conditions,
        steady="flat" if inferences >= FEWEST_SAMPLES else "unknown",
    )
    run.record = dataclasses.replace(run.record, launches=(*run.record.launches, launch))


_read = functools.lru_cache(maxsize=64)(read_predictions)


@functools.lru_cache(maxsize=64)
def _predict(rows: int, accuracy: float, flips: tuple[int, int]) -> tuple[Predictions, bytes]:
    label = np.arange(rows) % 3
    right = np.arange(rows) < round(accuracy * rows)
    won, lost = flips
    right[np.flatnonzero(~right)[:won]] = True
    right[:lost] = False
    predicted = np.where(right, label, (label + 1) % 3)
    logits = np.eye(3, dtype=np.float32)[predicted]
    predictions = Predictions(
        labels=LABELS,
        row=np.arange(rows),
        label=label,
        predicted=predicted,
        tokens=12 + np.arange(rows) % 90,
        logits=logits,
    )
    return predictions, write_predictions(predictions)


def _add_accuracy(run: Run, recipe: str, rows: int, accuracy: float, flips: tuple[int, int]) -> None:
    predictions, raw = _predict(rows, accuracy, flips)
    name = f"predictions-{recipe}.csv"
    run.raw[name] = raw
    done = Accuracy(
        recipe=recipe,
        runtime="ai-edge-litert",
        runtime_version="2.3.0",
        labels=LABELS,
        rows=rows,
        correct=int(predictions.right.sum()),
        confusion=predictions.confusion,
        seconds=rows / 12.5,
        predictions_file=name,
        predictions_sha256=hashlib.sha256(raw).hexdigest(),
    )
    run.record = dataclasses.replace(run.record, accuracies=(*run.record.accuracies, done))
