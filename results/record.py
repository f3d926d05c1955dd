"""The record of one run: what was asked, what ran, where, and every file that holds raw numbers.

Plain values only. `record.json` is small (<= 64 KiB): raw samples and predictions lie beside it, and so
do launches where there are many, each file named here with its SHA-256, so that a history of thousands of
runs reads fast.

SCHEMA history, of record.json and of its launches files. A field that is added, taken away or made narrower
takes a new number: files that were written before would no longer fit, and would be called damaged.
  1  2026-11  first version
  2  2026-11  what it compares (ab), the class of each launch, the commit; launches files name their schema
  3  2026-11  rows left out of the pairs, tokens of each prediction, workers, other runtimes, reference runs
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from results.arms import Comparing
from results.device import (
    ClockUse,
    Conditions,
    Delegate,
    Device,
    Interruption,
    LengthPolicy,
    Program,
    StateChange,
)
from results.evaluated import (
    Accuracy,
    DeviceAccuracy,
    IntervalMethod,
    Pairs,
    ReferenceRuns,
    RuntimeAccuracy,
)

SCHEMA = 3

# Two records may be compared only where these agree (dotted paths into Record).
COMPARABLE = (
    "device.kind",
    "device.model",  # of a host, its processor
    "device.soc",
    "device.fingerprint",
    "settings.length",
    "settings.length_policy",
    "settings.threads",
    "settings.runner",
    "settings.delegate",
    "settings.cores",
    "settings.fixed_performance",
)

WeightsKind = Literal["hub", "local", "seeded", "unknown"]
ParityStatus = Literal["passed", "failed", "void"]
ParityStatistic = Literal["largest", "rms"]
# What weights and activations are kept in: float16 means stored weights only, the arithmetic is float32's.
Precision = Literal["float32", "float16", "dynamic_int8", "static_int8", "unknown"]
Phase = Literal["warmup", "timed"]
Where = Literal["host", "device"]
# Whether a launch ran at one pace (results/steady.py); "unknown": too few inferences, or no raw samples.
SteadyKind = Literal["flat", "warmup", "slowdown", "no_steady_state", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where an artifact's numbers came from; "unknown" for a bare .tflite. `trained`: not for seeded ones."""

    kind: WeightsKind
    name: str
    revision: str | None
    sha256: str
    trained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The network's counts, from its config. `multiply_adds`: per sequence at `length` tokens."""

    name: str
    parameters: int
    length: int
    multiply_adds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One entry point of a .tflite: its key and the static sequence length of its inputs, in tokens."""

    key: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParity:
    """The converted file against its float32 graph, on `rows` sequences on the exporting machine.

    `max_abs_error` and `logit_scale` (the largest absolute float32 logit) are in logits; `agreement` is
    the share of rows with the same argmax, 0 to 1.
    """

    rows: int
    max_abs_error: float
    logit_scale: float
    tolerance: float
    agreement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionCost:
    """What the conversion took: CPU and wall seconds, peak resident memory of the process in bytes."""

    cpu_s: float
    wall_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a static recipe saw of the activations, on `rows` training pairs.

    `ranges_file` lies beside the model: per tensor the least and the greatest value. `widest` names the
    tensor whose greatest absolute value is the largest multiple, `spread`, of its rows' median one.
    """

    pairs: str
    pairs_sha256: str
    rows: int
    ranges_file: str
    ranges_sha256: str
    widest: str
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What model.json says of the model.tflite beside it. `labels`: by output index, lower-case names.

    A bare .tflite (command `latency`) has no architecture, parity or conversion: None. `model`: which of the
    paper's networks. `rewrites`: those that were applied, in their order. `accelerated_share`: of the
    multiply-adds, inside the XNNPACK delegate on the exporting machine, 0 to 1; None where not looked at.
    `warnings`: why not to trust it.
    """

    recipe: str
    model: str = "mobilebert"
    precision: Precision
    model_sha256: str
    model_bytes: int
    weights: Weights
    architecture: Architecture | None
    signatures: tuple[Signature, ...]
    inputs: tuple[str, ...]
    output: str
    labels: tuple[str, ...]
    vocabulary_size: int
    parity: ExportParity | None
    conversion: ConversionCost | None
    versions: dict[str, str]
    rewrites: tuple[str, ...] = ()
    calibration: Calibration | None = None
    accelerated_share: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSummary:
    """What a device program says that keeps no raw samples: of `count` timed inferences, ns.

    `sd_ns`: over the population. Quantiles are None where it does not give them.
    """

    count: int
    mean_ns: float
    min_ns: float
    max_ns: float
    sd_ns: float
    p5_ns: float | None
    median_ns: float | None
    p95_ns: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One start of the device program. Durations in ns; what it wrote lies in `samples_file`.

    `index` counts launches of one recipe; `order` counts launches of the whole run (recipes interleave).
    `invalid`: why this launch may not be averaged in; empty for a valid one. `attempt`: above 0 for a launch
    that repeats the invalid one of the same `index` before it. `clocks` and
    `peak_rss_bytes`: as far as device and program tell.
    `summary`: where the program keeps no raw samples; `samples_file` is then its text. `arm`: "a" or "b"
    where the run compares two, and empty elsewhere. `steady`: as it was classified when it was measured.
    """

    index: int
    order: int
    recipe: str
    model: str = "mobilebert"
    started_at: str
    seed: int
    threads: int
    cores: tuple[int, ...]
    load_ns: int
    first_inference_ns: int
    peak_rss_bytes: int | None
    warmup_inferences: int
    timed_inferences: int
    samples_file: str
    samples_sha256: str
    before: Conditions
    after: Conditions
    invalid: tuple[str, ...] = ()
    attempt: int = 0
    clocks: tuple[ClockUse, ...] = ()
    summary: LaunchSummary | None = None
    arm: str = ""
    steady: SteadyKind = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launches:
    """What a launches file holds: a stretch of the run's launches, in their order."""

    schema: int = SCHEMA
    launches: tuple[Launch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchFile:
    """A file beside record.json that holds `count` launches of the run, in their order."""

    file: str
    sha256: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceParity:
    """Device logits against this host's, same artifact and rows. Difference and tolerance in logits.

    `difference`: by `statistic`, the largest |device - host|, or the largest root mean square of any label.
    `min_row_distance`: the smallest max |difference| between the logits of two of the rows on the host;
    below 10 tolerances the check could not notice swapped rows and is void.
    """

    recipe: str
    model: str = "mobilebert"
    status: ParityStatus
    rows: int
    statistic: ParityStatistic
    difference: float
    tolerance: float
    min_row_distance: float
    rule: str
    reasons: tuple[str, ...] = ()
    arm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Something a reader must know; printed as a footnote. `code` is stable, `text` is a sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for, after defaults. `warmup_s` in seconds; `slice_rows` None means every pair.

    `length`: to which a sequence is padded, or the longest signature where `length_policy` is "shortest".
    `lengths`: those of the exported signatures. `models`: which of the paper's networks were measured.
    `cores`: "big", "all" or a hexadecimal mask. `repeats`: how often an invalid launch may be repeated;
    `cool_down_s`: how long the device may take to cool down before a launch. `fixed_performance`: Android's
    mode of that name was on, which is for comparisons on one device only. `commit`: of what was measured, as
    its history names it. `other_runtimes`: set beside `runtime`, in the evaluation only. `interval`: of an
    accuracy.
    """

    checkpoint: str
    recipes: tuple[str, ...]
    length: int
    batch: int
    threads: int
    device: str
    runner: str
    runtime: str
    launches: int
    inferences: int
    warmup_inferences: int
    warmup_s: float
    slice_rows: int | None
    seed: int
    length_policy: LengthPolicy = "fixed"
    lengths: tuple[int, ...] = ()
    models: tuple[str, ...] = ("mobilebert",)
    delegate: Delegate = "cpu"
    cores: str = "big"
    accuracy_on: Where = "host"
    fixed_performance: bool = False
    repeats: int = 0
    cool_down_s: float = 0.0
    commit: str | None = None
    other_runtimes: tuple[str, ...] = ()
    interval: IntervalMethod = "wilson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run, saved after each step; `ended_at` is None until the last one.

    `launch_files`: on disk only, the launches before those in `launches`, where all of them would make
    record.json too large. The store files them, and gives them back in `launches`. `comparing`: of the
    command `ab` only.
    """

    schema: int = SCHEMA
    run_id: str
    started_at: str
    ended_at: str | None
    settings: Settings
    artifacts: tuple[Artifact, ...] = ()
    pairs: Pairs | None = None
    device: Device | None = None
    program: Program | None = None
    parities: tuple[DeviceParity, ...] = ()
    launch_files: tuple[LaunchFile, ...] = ()
    launches: tuple[Launch, ...] = ()
    accuracies: tuple[Accuracy, ...] = ()
    device_accuracies: tuple[DeviceAccuracy, ...] = ()
    runtime_accuracies: tuple[RuntimeAccuracy, ...] = ()
    reference_runs: ReferenceRuns | None = None
    interruptions: tuple[Interruption, ...] = ()
    changes: tuple[StateChange, ...] = ()
    comparing: Comparing | None = None
    doubts: tuple[Doubt, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
