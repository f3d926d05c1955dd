"""What comparisons of arms and of runs show alike: the metrics, the checks of a CI, the picture of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from results.arms import Threshold
from results.compare.comparison import MetricChange
from results.compare.metrics import LOAD
from results.compare.words import by_how_much, finding, in_percent
from results.launches import timed_samples
from results.record import Launch
from results.report.figures import Curve, Ecdf
from results.report.model import MS_PER_NS, Cell, Check, Outcome, Table, milliseconds
from results.report.words import p_value
from results.samples import LaunchSamples

OUTCOMES: dict[str, Outcome] = {
    "slower": "failed",
    "faster": "passed",
    "equivalent": "passed",
    "not_shown": "undecided",
    "not_comparable": "undecided",
}


def changes_table(
    changes: Sequence[MetricChange],
    *,
    id: str,
    title: str,
    comparable: str,
    lines: Sequence[str] = (),
    over: str = "launches",
) -> Table:
    """Every metric: both sides, how much slower or faster B is, and what that decides.

    `over`: what the intervals are over.
    """
    rows: list[tuple[Cell, ...]] = []
    why = []
    for one in changes:
        if one.ratio.value is None:
            rows.append((one.name, "-", "-", "-", "-", "not shown"))
        else:
            rows.append(
                (
                    one.name,
                    milliseconds(one.a),
                    milliseconds(one.b),
                    by_how_much(one.ratio),
                    _p(one.p_holm),
                    one.decision.replace("_", " "),
                )
            )
        if one.reason is not None:
            why.append(f"{one.name}: not shown: {one.reason}.")
    return Table(
        id=id,
        title=f"{title} [95 % interval over {over}]",
        columns=("metric", "A", "B", "B is", "Holm", "decision"),
        rows=tuple(rows),
        lines=(*why, *lines, *_by_ranks(changes)),
        comparable=comparable,
    )


def threshold_line(threshold: Threshold) -> str:
    """What a change is held against, and how."""
    line = f"Threshold {in_percent(threshold.share)} ({threshold.source})"
    beyond, within = "it", "it"
    if threshold.noise_floor is not None:
        line += f"; noise floor {in_percent(threshold.noise_floor)} ({threshold.noise_floor_source})"
        beyond, within = "the larger of the two", "the threshold"
    return (
        f"{line}: slower or faster is what lies wholly beyond {beyond}, equivalent what lies wholly within "
        f"{within}. Holm: the p of lying beyond {beyond}, corrected for the number of metrics; below 0.05 is "
        "needed as well."
    )


def change_checks(
    changes: Sequence[MetricChange], group: str, *, same: bool = False, of_runs: bool = False
) -> tuple[Check, ...]:
    """One check a latency. `same`: two equal arms, of which neither may be slower; `of_runs`: two runs."""
    return tuple(
        Check(
            group=group,
            name=f"{one.name}: B at most {in_percent(one.beyond)} slower than A",
            outcome="error" if same and one.decision in ("slower", "faster") else OUTCOMES[one.decision],
            message=finding(one, of_runs=of_runs),
        )
        for one in changes
        if one.name != LOAD
    )


def curve(label: str, launches: Sequence[Launch], samples: Mapping[str, LaunchSamples]) -> Curve:
    """Every timed inference of these launches, ms; none where the program keeps none."""
    values = [timed_samples(one, samples)[1] for one in launches if one.summary is None]
    return Curve(label=label, values=tuple(float(ns) * MS_PER_NS for part in values for ns in part))


def both_sides(id: str, curves: Sequence[Curve]) -> tuple[Ecdf, ...]:
    """The picture of both sides' inferences; none without raw samples."""
    if not all(one.values for one in curves):
        return ()
    return (
        Ecdf(
            id=id,
            title="Inferences of A and B",
            caption="The share of inferences that took at most so long, over the launches that count. "
            "A curve further to the right is slower.",
            unit="ms",
            curves=tuple(curves),
        ),
    )


def _by_ranks(changes: Sequence[MetricChange]) -> list[str]:
    """The rank tests, which assume no distribution, in one line."""
    known = [f"{one.name} {p_value(one.p_rank)}" for one in changes if one.p_rank is not None]
    if not known:
        return []
    test = "the pairs' signed ranks (Wilcoxon)" if any(one.ratios for one in changes) else "Mann and Whitney"
    return [f"Of any difference at all, by {test}: {', '.join(known)}; this decides nothing."]


def _p(value: float | None) -> str:
    return "-" if value is None else p_value(value)
