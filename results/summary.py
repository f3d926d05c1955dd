"""What a run measured, per recipe: latency over its valid launches, accuracy, and its floor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.errors import RecordDamaged
from results.predictions import Predictions
from results.record import Accuracy, Launch, Record
from results.samples import LaunchSamples
from results.series import Series, series
from results.stats import Estimate, Paired

SHOWN_LEVEL = 0.95
DECIDING_LEVEL = 0.90  # two-sided: a one-sided test at 5 % each way
FLOOR_MARGIN = 0.01  # accuracy, 0 to 1: MLPerf's bar is wider; a recipe that loses a point is another model
LOW_BATTERY_PERCENT = 25  # Source: androidx.benchmark refuses below this
FEWEST_LAUNCHES = 5  # below, a 5 % margin is not decided even at 1 % spread between launches
FEWEST_WARMUP_INFERENCES = 20  # the defaults of a run; after less, what is timed may still be warming up
SHORTEST_WARMUP_S = 2.0

Floor = Literal["met", "under", "undecided", "unknown"]
ParityWord = Literal["passed", "failed", "void", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """One series' latency, ns: p50 to p99 of a typical launch with 95 % intervals.

    `medians_ns`: one per valid launch. `deciding`: p50 with the interval that decides (90 %).
    `inferences`: timed ones in valid launches. `doubts`: why it can be inconclusive at best.
    """

    series: Series
    parity: ParityWord
    launches_total: int
    launches_valid: int
    inferences: int
    p50: Estimate
    p90: Estimate
    p95: Estimate
    p99: Estimate
    deciding: Estimate
    medians_ns: tuple[float, ...]
    slow_starts: int
    doubts: tuple[str, ...]

    @property
    def recipe(self) -> str:
        """How it was converted."""
        return self.series.recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracySummary:
    """One recipe's accuracy, 0 to 1, with Wilson's 95 % interval, and how it compares with float32's.

    `paired` (this recipe against float32, 90 %) and `agreement` (share of equal predictions, 0 to 1) are
    None for float32 itself and where float32 was not evaluated.
    """

    recipe: str
    accuracy: Estimate
    correct: int
    rows: int
    agreement: float | None
    paired: Paired | None
    floor: Floor


def summarize_latency(
    record: Record, samples: Mapping[str, LaunchSamples], recipe: str, model: str | None = None
) -> LatencySummary | None:
    """The latency of one series; None where nothing of it was launched and no parity was checked.

    `samples`: by `Launch.samples_file`; `model` None: the judged one. A series whose device parity did not
    pass has no latency: what was timed is not the model.
    Raises RecordDamaged where a launch's samples are missing or other in number than the record says.
    """
    of = series(record, recipe, model)
    launches = launches_of(record, of)
    parity = parity_of(record, of)
    if not launches and parity == "missing":
        return None
    valid = [launch for launch in launches if not launch.invalid]
    timed = [timed_samples(launch, samples)[1] for launch in valid]
    if parity != "passed":
        reason = f"device parity {parity}: no latency is reported"
        none = Estimate(value=None, interval=None, n=0, reason=reason)
        p50 = p90 = p95 = p99 = deciding = none
        medians: tuple[float, ...] = ()
    else:
        p50, p90, p95, p99 = (stats.typical(timed, q, SHOWN_LEVEL) for q in (0.5, 0.9, 0.95, 0.99))
        deciding = stats.typical(timed, 0.5, DECIDING_LEVEL)
        medians = tuple(float(np.quantile(one, 0.5)) for one in timed) if p50.value is not None else ()
    slow_starts = sum(stats.first_is_slow(one) for one in timed)
    return LatencySummary(
        series=of,
        parity=parity,
        launches_total=len(launches),
        launches_valid=len(valid),
        inferences=sum(one.size for one in timed),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        deciding=deciding,
        medians_ns=medians,
        slow_starts=slow_starts,
        doubts=_doubts(record, launches, slow_starts, parity),
    )


def launches_of(record: Record, of: Series) -> list[Launch]:
    """The launches of one series, in the order of the run."""
    wanted = (of.model, of.recipe)
    return [launch for launch in record.launches if (launch.model, launch.recipe) == wanted]


def parity_of(record: Record, of: Series) -> ParityWord:
    """The series' device parity; one failure outweighs every pass."""
    wanted = (of.model, of.recipe)
    words = {parity.status for parity in record.parities if (parity.model, parity.recipe) == wanted}
    for word in ("failed", "void", "passed"):
        if word in words:
            return word
    return "missing"


def timed_samples(
    launch: Launch, samples: Mapping[str, LaunchSamples]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row ids and durations, ns, of a launch's timed inferences in measured order, both of shape (n,).

    Raises RecordDamaged where they are not as many as the record says.
    """
    held = samples.get(launch.samples_file)
    nothing = np.empty(0, dtype=np.int64)
    rows, durations = (nothing, nothing) if held is None else (held.row[held.timed], held.timed_ns)
    if durations.size != launch.timed_inferences:
        raise RecordDamaged(
            f"{launch.samples_file} has {durations.size} timed inferences, the record says "
            f"{launch.timed_inferences}.",
            next_step="Measure again; neither file is ever edited.",
            path=launch.samples_file,
        )
    return rows, durations


def _doubts(record: Record, launches: list[Launch], slow_starts: int, parity: ParityWord) -> tuple[str, ...]:
    """Each reason why these launches cannot decide anything."""
    if parity != "passed":
        return (f"device parity {parity}: it is not shown that the device computes what the host does",)
    return (*_of_number(record, launches), *_of_warmup(record, launches, slow_starts), *_of_state(launches))


def _of_number(record: Record, launches: list[Launch]) -> Iterator[str]:
    """Fewer launches than were asked for are said even where they are enough: n never shrinks silently."""
    made, wanted = len(launches), record.settings.launches
    unended = ["the run did not end"] if record.ended_at is None else []
    if made < wanted:
        unended.insert(0, f"{made} of {wanted} launches were made")
    if unended:
        yield ": ".join(unended)
    valid = sum(not launch.invalid for launch in launches)
    if valid < FEWEST_LAUNCHES:
        yield f"too few valid launches: {valid} (need >= {FEWEST_LAUNCHES})"
    if valid < made:
        yield f"{made - valid} of {made} launches invalid"


def _of_warmup(record: Record, launches: list[Launch], slow_starts: int) -> Iterator[str]:
    settings = record.settings
    if settings.warmup_inferences < FEWEST_WARMUP_INFERENCES:
        yield f"warm-up of {settings.warmup_inferences} inferences (need >= {FEWEST_WARMUP_INFERENCES})"
    if settings.warmup_s < SHORTEST_WARMUP_S:
        yield f"warm-up of {settings.warmup_s:g} s (need >= {SHORTEST_WARMUP_S:g} s)"
    valid = sum(not launch.invalid for launch in launches)
    if slow_starts > valid / 2:
        yield f"slow first inference in {slow_starts} of {valid} launches: the warm-up was too short"


def _of_state(launches: list[Launch]) -> Iterator[str]:
    moments = [moment for launch in launches for moment in (launch.before, launch.after)]
    if any(moment.thermal_status is None for moment in moments):
        yield "thermal status unavailable"
    statuses = [moment.thermal_status or 0 for moment in moments]
    if max(statuses, default=0) > 0:
        yield f"thermal status up to {max(statuses)}: the device was throttling"
    if any(moment.thermal_overridden for moment in moments):
        yield "thermal status overridden, so it says nothing"
    levels = [moment.battery_percent for moment in moments if moment.battery_percent is not None]
    if min(levels, default=100) < LOW_BATTERY_PERCENT:
        yield f"battery down to {min(levels)} % (need >= {LOW_BATTERY_PERCENT} %)"


def summarize_accuracy(
    record: Record, predictions: Mapping[str, Predictions], recipe: str
) -> AccuracySummary | None:
    """The accuracy of one recipe; None where it was not evaluated.

    `predictions`: by recipe. Raises RecordDamaged where they are not those that the record counted, or
    not over float32's rows.
    """
    accuracy = _of(record, recipe)
    if accuracy is None:
        return None
    mine = _checked(accuracy, predictions)
    reference = None if is_float32(record, recipe) else float32_of(record)
    pair: Paired | None = None
    agreement: float | None = None
    if reference is not None:
        theirs = _checked(reference, predictions)
        _same_rows(accuracy, mine, reference, theirs)
        pair = stats.paired(mine.right, theirs.right, DECIDING_LEVEL)
        agreement = float(np.mean(mine.predicted == theirs.predicted)) if mine.row.size else None
    return AccuracySummary(
        recipe=recipe,
        accuracy=stats.wilson(accuracy.correct, accuracy.rows, SHOWN_LEVEL),
        correct=accuracy.correct,
        rows=accuracy.rows,
        agreement=agreement,
        paired=pair,
        floor="met" if is_float32(record, recipe) else floor_of(pair),
    )


def floor_of(pair: Paired | None) -> Floor:
    """Whether a recipe keeps float32's accuracy, by the 90 % interval of the paired difference.

    Source: non-inferiority; "under" only where the whole interval is, for an undecided slice is no proof.
    """
    if pair is None:
        return "unknown"
    interval = pair.difference.interval
    if interval is None:
        value = pair.difference.value
        return "undecided" if value is None or value >= -FLOOR_MARGIN else "under"
    if interval.low > -FLOOR_MARGIN:
        return "met"
    return "under" if interval.high < -FLOOR_MARGIN else "undecided"


def is_float32(record: Record, recipe: str) -> bool:
    """Whether a recipe's artifact is the unquantized one."""
    return any(a.recipe == recipe and a.precision == "float32" for a in record.artifacts)


def float32_of(record: Record) -> Accuracy | None:
    """The accuracy of the unquantized file, if it was evaluated."""
    return next((a for a in record.accuracies if is_float32(record, a.recipe)), None)


def _of(record: Record, recipe: str) -> Accuracy | None:
    return next((accuracy for accuracy in record.accuracies if accuracy.recipe == recipe), None)


def _checked(accuracy: Accuracy, predictions: Mapping[str, Predictions]) -> Predictions:
    """The predictions that the record counted."""
    held = predictions.get(accuracy.recipe)
    if held is None or held.labels != accuracy.labels or held.confusion != accuracy.confusion:
        raise _damaged(accuracy, "does not hold the predictions that the record counted")
    counted = (sum(map(sum, accuracy.confusion)), sum(row[i] for i, row in enumerate(accuracy.confusion)))
    if counted != (accuracy.rows, accuracy.correct):
        raise _damaged(accuracy, f"counts {counted[1]} of {counted[0]}, the record says otherwise")
    return held


def _same_rows(mine: Accuracy, a: Predictions, reference: Accuracy, b: Predictions) -> None:
    # Two files of one run; should their label order differ, the names decide.
    if a.labels != b.labels or not (np.array_equal(a.row, b.row) and np.array_equal(a.label, b.label)):
        raise _damaged(mine, f"is not over the rows of {reference.predictions_file}")


def _damaged(accuracy: Accuracy, what: str) -> RecordDamaged:
    return RecordDamaged(
        f"{accuracy.predictions_file} {what}.",
        next_step="Evaluate again; neither file is ever edited.",
        path=accuracy.predictions_file,
    )
