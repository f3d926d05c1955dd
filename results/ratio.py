"""Two models of one run against each other: the ratio of their latencies by round, and of their sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.doubts import FEWEST_LAUNCHES
from results.latency import summarize_latency
from results.launches import NO_MEDIAN, median_ns
from results.protocol import artifact_of
from results.record import Record
from results.rounds import left_out, of_both, over_attempts, pair_rounds
from results.samples import LaunchSamples
from results.series import series
from results.stats import DECIDING_LEVEL, SAMPLES_NEEDED, SHOWN_LEVEL, Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioSummary:
    """Latency of `models[0]` over that of `models[1]`, both by `recipe`, and what their sizes would give.

    `ratios`: of the two medians, one per round that has a valid launch of both. `shown`: their typical
    ratio with a 95 % interval, `deciding`: with the 90 % one. `with_repeated`: as `deciding`, where a side's
    latency in a round is the geometric mean of all its attempts; None where none was repeated. `rounds`:
    those that have a launch of either. `repeated`: launches that later ones stand in for.
    `multiply_adds`, `parameters`, `file_bytes`: the ratio of the two files', None where one is missing.
    `doubts`: why the ratio can be inconclusive at best; `remarks` decide nothing.
    """

    recipe: str
    models: tuple[str, str]
    rounds: int
    ratios: tuple[float, ...]
    shown: Estimate
    deciding: Estimate
    with_repeated: Estimate | None
    repeated: int
    multiply_adds: float | None
    parameters: float | None
    file_bytes: float | None
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]


def summarize_ratio(
    record: Record, samples: Mapping[str, LaunchSamples], recipe: str, models: tuple[str, str]
) -> RatioSummary:
    """The ratio of two models' latencies over the rounds of a run, in each of which every model has a turn.

    `samples`: by `Launch.samples_file`. A round counts where the last attempts of both are valid: what slows
    the device down for a while is in both of them.
    Raises RecordDamaged where a launch's samples are missing or other in number than the record says.
    Source: the t-interval of the paired log ratios, as for two builds on one device.
    """
    latencies = [summarize_latency(record, samples, recipe, model) for model in models]
    rounds = pair_rounds(record, *(series(record, recipe, model) for model in models))
    unfit = next(
        (
            f"{model} was not measured" if one is None else f"{model}: device parity {one.parity}"
            for model, one in zip(models, latencies, strict=True)
            if one is None or one.parity != "passed"
        ),
        None,
    )
    medians = [[median_ns(launch, samples) for launch in side] for side in zip(*rounds.pairs, strict=True)]
    timed = (launch.timed_inferences for pair in rounds.pairs for launch in pair)
    fewest = min(timed, default=SAMPLES_NEEDED[0.5])
    if unfit is None and fewest < SAMPLES_NEEDED[0.5]:
        unfit = f"n too small (need >= {SAMPLES_NEEDED[0.5]} per launch, has {fewest})"
    if unfit is None and not rounds.whole:
        unfit = "no round has a valid launch of both"
    if unfit is None and any(one is None for arm in medians for one in arm):
        unfit = NO_MEDIAN
    ratios = np.empty(0)
    if unfit is None:
        first, second = (np.array(arm, dtype=np.float64) for arm in medians)
        ratios = first / second
    with_repeated: Estimate | None = None
    if rounds.repeated and unfit is None:
        first, second = (
            np.array([over_attempts(own, at, lambda one: median_ns(one, samples)) for at in rounds.whole])
            for own in rounds.attempts
        )
        with_repeated = stats.over_launches(first / second, DECIDING_LEVEL, of="round")
    multiply_adds, parameters, size = _of_files(record, recipe, models)
    return RatioSummary(
        recipe=recipe,
        models=models,
        rounds=len(rounds.every),
        ratios=tuple(float(one) for one in ratios),
        shown=_typical(ratios, SHOWN_LEVEL, unfit),
        deciding=_typical(ratios, DECIDING_LEVEL, unfit),
        with_repeated=with_repeated,
        repeated=rounds.repeated,
        multiply_adds=multiply_adds,
        parameters=parameters,
        file_bytes=size,
        doubts=tuple(
            dict.fromkeys(
                (
                    *([] if unfit is None else [unfit]),
                    *of_both(models, [() if one is None else one.doubts for one in latencies]),
                    *left_out(rounds),
                    *_too_few(len(rounds.whole)),
                )
            )
        ),
        remarks=tuple(of_both(models, [() if one is None else one.remarks for one in latencies])),
    )


def _typical(ratios: NDArray[np.float64], level: float, unfit: str | None) -> Estimate:
    if unfit is not None:
        return Estimate(value=None, interval=None, n=0, reason=unfit)
    return stats.over_launches(ratios, level, of="round")


def _of_files(
    record: Record, recipe: str, models: tuple[str, str]
) -> tuple[float | None, float | None, float | None]:
    """The ratios of multiply-adds, parameters and bytes."""
    first, second = (artifact_of(record, recipe, model) for model in models)
    if first is None or second is None:
        return None, None, None
    size = first.model_bytes / second.model_bytes
    a, b = first.architecture, second.architecture
    if a is None or b is None:
        return None, None, size
    return a.multiply_adds / b.multiply_adds, a.parameters / b.parameters, size


def _too_few(whole: int) -> Iterator[str]:
    if whole < FEWEST_LAUNCHES:
        yield f"too few rounds: {whole} (need >= {FEWEST_LAUNCHES})"
