"""A history in sentences: what became of each series, and of all."""

from __future__ import annotations

from collections.abc import Sequence

from results.compare.words import in_percent
from results.history.gate import NEWEST
from results.history.series import RunSeries
from results.history.summaries import Reading
from results.plain import short
from results.report.model import Outcome, milliseconds
from results.stats import Estimate

_OUTCOMES: dict[str, Outcome] = {"slower": "failed", "faster": "passed", "steady": "passed"}


def judged_outcome(series: Sequence[RunSeries]) -> Outcome:
    """Any series slower: failed; a suspect, a newest run that does not count, nothing judged: undecided."""
    kinds = {one.finding.kind for one in series}
    if "slower" in kinds:
        return "failed"
    if any(one.unjudged for one in series) or "suspect" in kinds or not kinds & set(_OUTCOMES):
        return "undecided"
    return "passed"


def finding_of(one: RunSeries) -> str:
    """What became of one series, in a few words."""
    return _found(one) + "; its newest run does not count" * (one.unjudged is not None)


def _found(one: RunSeries) -> str:
    found = one.finding
    match found.kind:
        case "collecting":
            return f"collecting, {found.has} of {found.needs}{' at its acknowledged level' * (one.since > 0)}"
        case "steady":
            return "steady"
        case "suspect":
            return f"suspect: newest run {_percent(one)} above its level"
        case kind:
            return f"{_percent(one)} {kind} since {_since(one)}"


def seen_from(one: RunSeries, threshold: float) -> float | None:
    """From which change on a steady series would show it in 3 runs, a share; None where the threshold says.

    Source: PELT with penalty 3 ln n splits off 3 of some tens of runs from about twice their noise on.
    """
    least = 2 * (one.finding.noise or 0.0)
    return least if one.finding.kind == "steady" and least > threshold else None


def verdict_of(series: Sequence[RunSeries], names: Sequence[str], threshold: float) -> str:
    """The one sentence that comes first. `series`: what changed first."""
    beyond = f"threshold {in_percent(threshold)}, newest {NEWEST} runs"
    if not series:
        return "Nothing to judge: no run here is a point of a history."
    first, name = series[0], names[0]
    match judged_outcome(series):
        case "failed":
            return (
                f"Slower: {name} by {_percent(first)} since {_since(first)}, now {_level(first)} ({beyond}). "
                f"{_counts(series)}"
            )
        case "undecided" if first.finding.kind == "suspect":
            return (
                f"Undecided: the newest run of {name} lies {_percent(first)} above its level, which one run "
                f"does not prove. {_counts(series)}"
            )
        case "undecided" if any(one.unjudged for one in series):
            unjudged = [name for one, name in zip(series, names, strict=True) if one.unjudged]
            return (
                f"Undecided: the newest run does not count in {len(unjudged)} series "
                f"({unjudged[0]}{', ...' * (len(unjudged) > 1)}). {_counts(series)}"
            )
        case "undecided":
            most = max(series, key=lambda one: one.finding.has).finding
            return (
                f"Nothing to judge yet: at most {most.has} of {most.needs} runs that count. {_counts(series)}"
            )
        case _:
            hidden = [least for one in series if (least := seen_from(one, threshold)) is not None]
            noisy = f"; in {len(hidden)} noise hides up to about {in_percent(max(hidden))}" if hidden else ""
            return f"No series became slower ({beyond}{noisy}). {_counts(series)}"


def run_of(reading: Reading) -> tuple[str, str, str]:
    """A run for tables: its number, commit and start, to the minute."""
    commit = "-" if reading.commit is None else short(reading.commit, 12)
    return short(reading.run_id), commit, reading.started_at[:16].replace("T", " ")


def _counts(series: Sequence[RunSeries]) -> str:
    kinds = [one.finding.kind for one in series]
    listed = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
    return f"Of {len(series)} series: {', '.join(listed)}."


def _percent(one: RunSeries) -> str:
    return f"{abs(one.finding.change or 0.0) * 100:.1f} %"


def _since(one: RunSeries) -> str:
    at = one.finding.at
    assert at is not None  # of what changed
    run, commit, _ = run_of(one.readings[at])
    return f"run {run}" if commit == "-" else f"commit {commit} (run {run})"


def _level(one: RunSeries) -> str:
    return str(milliseconds(Estimate(value=one.finding.levels[-1].value_ns, interval=None, n=1)))
