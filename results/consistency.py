"""What a record's schema cannot say: that its fields do not contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from results.decode import damaged
from results.device import ClockUse
from results.evaluated import DeviceAccuracy, RuntimeAccuracy
from results.record import Launch, LaunchSummary, Record

_ROUNDED = 0.01  # shares are kept rounded
_PRINTED = 1e-5  # benchmark_model prints its mean to six digits


def check_record(record: Record, name: str) -> None:
    """Check a whole record, every launch in it; `name` is how messages call it.

    Raises RecordDamaged, naming the first contradiction.
    """
    wrong = next(_contradictions(record), None)
    if wrong is not None:
        raise damaged(name, wrong)


def _contradictions(record: Record) -> Iterator[str]:
    attempts: dict[tuple[str, str, str, int], Launch] = {}
    for launch in record.launches:
        which = f"launch {launch.order}"
        slot = (launch.arm, launch.model, launch.recipe, launch.index)
        before = attempts.get(slot)
        # A launch that is there twice would count twice; one that was valid has nothing to repeat.
        if before is not None and launch.attempt <= before.attempt:
            yield f"{which} has attempt {launch.attempt} of launch {launch.index}, which is there already"
        elif before is not None and not before.invalid:
            yield f"{which} repeats a valid launch"
        attempts[slot] = launch
        if launch.summary is not None:
            yield from (f"{which}: {wrong}" for wrong in _of_summary(launch, launch.summary))
        yield from (f"{which}: {wrong}" for use in launch.clocks for wrong in _of_clock(use))
    if len({launch.summary is None for launch in record.launches}) > 1:
        yield "some of its launches have raw samples and some have none, so they are of two programs"
    for done in record.device_accuracies:
        wrongs = _of_accuracy(done, done.host_correct, "this machine's")
        yield from (f"accuracy of {done.recipe} on the device: {wrong}" for wrong in wrongs)
    for one in record.runtime_accuracies:
        wrongs = _of_accuracy(one, one.reference_correct, "the counting runtime's")
        yield from (f"accuracy of {one.recipe} by {one.runtime}: {wrong}" for wrong in wrongs)
    by = [(one.recipe, one.runtime) for one in record.runtime_accuracies]
    if len(set(by)) < len(by):
        yield "it has the accuracy of one recipe by one runtime twice"


def _of_summary(launch: Launch, summary: LaunchSummary) -> Iterator[str]:
    if summary.count != launch.timed_inferences:
        yield f"its summary is of {summary.count} inferences, not of {launch.timed_inferences}"
    known = [one for one in (summary.p5_ns, summary.median_ns, summary.p95_ns) if one is not None]
    least, greatest = summary.min_ns * (1 - _PRINTED), summary.max_ns * (1 + _PRINTED)
    if not 0 < least <= summary.mean_ns <= greatest or summary.min_ns > summary.max_ns or summary.sd_ns < 0:
        yield "its least, mean and greatest inference are not in this order"
    elif [summary.min_ns, *known, summary.max_ns] != sorted([summary.min_ns, *known, summary.max_ns]):
        yield "its quantiles are not in ascending order"


def _of_clock(use: ClockUse) -> Iterator[str]:
    shares = list(use.shares.values())
    if any(not 0 <= share <= 1 + _ROUNDED for share in shares) or sum(shares) > 1 + _ROUNDED:
        yield "its shares of time at each clock are no shares"


def _of_accuracy(
    done: DeviceAccuracy | RuntimeAccuracy, reference_correct: int, reference: str
) -> Iterator[str]:
    if not done.rows > 0 or not all(
        0 <= part <= done.rows for part in (done.correct, reference_correct, done.agreeing)
    ):
        yield f"it counts more than its {done.rows} rows"
    # Where both agree they are right or wrong together.
    elif abs(done.correct - reference_correct) > done.rows - done.agreeing:
        yield f"it is further from {reference} than the rows that differ"
    if not 0 <= done.rms_difference <= done.max_difference * (1 + 1e-9):
        yield "its logits differ more on average than at most"
