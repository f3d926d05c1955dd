"""A recorded run with everything that a form is made of, read from its folder once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from results.claims import Claims, load_claims
from results.errors import FormUnavailable
from results.launches import counted, keeps_samples, launches_of, no_samples, typical
from results.predictions import Predictions
from results.record import Launch, Record
from results.samples import LaunchSamples
from results.series import Series, parity_of, series_of
from results.stats import SHOWN_LEVEL, Estimate
from results.verdict import judge
from results.verdict_file import Verdict


class Folder(Protocol):
    """What gives a record and its raw files: a run's store."""

    def load(self) -> Record: ...

    def load_samples(self, record: Record) -> dict[str, LaunchSamples]: ...

    def load_predictions(self, record: Record) -> dict[str, Predictions]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One run. `samples` by `Launch.samples_file`, `predictions` as `judge` has them.

    `verdict`: None for a run that compares two arms, of which the paper claims nothing.
    """

    record: Record
    samples: dict[str, LaunchSamples]
    predictions: dict[str, Predictions]
    verdict: Verdict | None
    claims: Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """The valid launches of one series that count, in the order of the run: at least one.

    `total`: slots, of which the others are invalid. `p50`, `p90`: of a typical launch, ns, 95 %.
    `raw`: every inference was kept.
    """

    series: Series
    launches: tuple[Launch, ...]
    total: int
    p50: Estimate
    p90: Estimate
    raw: bool


def load(store: Folder) -> Loaded:
    """A run, read and judged anew. Raises SchemaUnknown, RecordDamaged."""
    record = store.load()
    samples, predictions, claims = store.load_samples(record), store.load_predictions(record), load_claims()
    return Loaded(
        record=record,
        samples=samples,
        predictions=predictions,
        verdict=None if record.comparing is not None else judge(record, samples, predictions, claims),
        claims=claims,
    )


def timed(run: Loaded) -> tuple[Timed, ...]:
    """Every series with a latency: its device parity passed, and a launch of it is valid.

    Raises RecordDamaged where samples and record disagree.
    """
    found = []
    for one in series_of(run.record):
        slots = counted(launches_of(run.record, one))
        valid = tuple(launch for launch in slots if not launch.invalid)
        if not valid or parity_of(run.record, one) != "passed":
            continue
        p50, p90 = (typical(run.record, valid, run.samples, q, SHOWN_LEVEL) for q in (0.5, 0.9))
        raw = keeps_samples(valid)
        found.append(Timed(series=one, launches=valid, total=len(slots), p50=p50, p90=p90, raw=raw))
    return tuple(found)


def with_samples(run: Loaded, form: str) -> tuple[Timed, ...]:
    """The same, for a form that holds every inference: at least one series.

    Raises FormUnavailable where nothing was timed that counts, or no inference was kept.
    """
    found = timed(run)
    kept = tuple(one for one in found if one.raw)
    if not kept:
        raise unavailable(form, run, no_samples(run.record) if found else untimed(run))
    return kept


def untimed(run: Loaded) -> str:
    """Why no series of a run has a latency."""
    if run.record.device is None:
        return "no latency was measured"
    words = {parity_of(run.record, one) for one in series_of(run.record)}
    if "passed" not in words:
        return f"device parity {' and '.join(sorted(words))}, so nothing that was timed is the model"
    return "no launch is valid" if run.record.launches else "nothing was launched"


def unavailable(form: str, run: Loaded, why: str) -> FormUnavailable:
    """The error of a form that this run does not hold the numbers for."""
    return FormUnavailable(
        f"run {run.record.run_id} cannot be written as {form}: {why}.",
        next_step="Take another form: text, markdown, html or junit can be made of every run.",
        form=form,
    )
