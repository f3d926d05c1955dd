"""The tables of what was measured: latency and accuracy."""

from __future__ import annotations

from results.record import Accuracy, Record
from results.report.model import Cell, Quantity, Table, quantity
from results.stats import Estimate
from results.summary import AccuracySummary, LatencySummary
from results.verdict_file import Verdict

MS_PER_NS = 1e-6


def latency_table(record: Record, latencies: list[LatencySummary], verdict: Verdict) -> Table | None:
    """p50 and p90 of a typical launch, one row per recipe."""
    if not latencies:
        return None
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for one in latencies:
        megabytes = [a.model_bytes / 1e6 for a in record.artifacts if a.recipe == one.recipe]
        rows.append(
            (
                one.recipe,
                *(_ms(estimate) if one.parity == "passed" else "-" for estimate in (one.p50, one.p90)),
                f"{one.launches_valid} of {one.launches_total}",
                str(one.inferences),
                f"{megabytes[0]:.1f} MB" if megabytes else "-",
            )
        )
        lines += _unknown(one)
        lines += _start_up(record, one.recipe)
        if one.slow_starts:
            lines.append(
                f"{one.recipe}: in {one.slow_starts} launches the first timed inference was an outlier; "
                "a longer warm-up would help."
            )
    settings = record.settings
    return Table(
        title="Latency of one sequence, typical launch [95 % interval over launches]",
        columns=("recipe", "p50", "p90", "valid launches", "inferences", "model"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable=(
            f"runs on this device with length {settings.length}, {settings.threads} threads, batch "
            f"{settings.batch}, {settings.runner}" + _against_claim(verdict)
        ),
    )


def quantiles_table(latencies: list[LatencySummary]) -> Table | None:
    """p95 and p99, only where a launch has enough inferences for them; else it says how many it needs."""
    measured = [one for one in latencies if one.p50.value is not None]
    if not measured:
        return None
    return Table(
        title="Slowest inferences, typical launch [95 % interval over launches]",
        columns=("recipe", "p95", "p99"),
        rows=tuple((one.recipe, _ms(one.p95), _ms(one.p99)) for one in measured),
    )


def accuracy_table(record: Record, accuracies: list[AccuracySummary]) -> Table | None:
    """Accuracy per recipe, and each recipe against float32 on the same pairs."""
    if not accuracies or record.pairs is None:
        return None
    pairs = record.pairs
    seconds = {accuracy.recipe: accuracy.seconds for accuracy in record.accuracies}
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for one in accuracies:
        rate = one.rows / seconds[one.recipe] if seconds[one.recipe] > 0 else None
        rows.append(
            (
                one.recipe,
                quantity(one.accuracy, "%", 2, 100),
                f"{one.correct} of {one.rows}",
                "-" if one.agreement is None else f"{one.agreement:.2%}",
                "-" if rate is None else f"{rate:.1f}/s",
            )
        )
        if one.paired is not None:
            difference = quantity(one.paired.difference, "points", 2, 100)
            lines.append(
                f"{one.recipe} against float32: {difference} (90 %), {one.paired.only_b} pairs lost, "
                f"{one.paired.only_a} won, McNemar p {one.paired.mcnemar_p:.2g}; "
                f"floor of -1 point {one.floor}."
            )
    what = "MNLI-m dev accuracies" if pairs.kind == "mnli_matched_dev" else "runs on the same pairs only"
    if pairs.rows_used < pairs.rows_total:
        what += f", as a slice of {pairs.rows_used} of {pairs.rows_total} pairs"
    if pairs.truncated_rows:
        lines.append(f"{pairs.truncated_rows} pairs were longer than the sequence length, and truncated.")
    return Table(
        title=f"Accuracy on this machine, {pairs.name} [Wilson 95 %]",
        columns=("recipe", "accuracy", "correct", "same as float32", "pairs"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable=what,
    )


def confusion_tables(record: Record) -> list[Table]:
    """Rows of each true label by prediction, and the counts of predictions."""
    return [_confusion(accuracy) for accuracy in record.accuracies]


def _confusion(accuracy: Accuracy) -> Table:
    rows = [
        (label, *(str(count) for count in counts), str(sum(counts)))
        for label, counts in zip(accuracy.labels, accuracy.confusion, strict=True)
    ]
    predicted = [sum(column) for column in zip(*accuracy.confusion, strict=True)]
    rows.append(("all predicted", *(str(count) for count in predicted), str(accuracy.rows)))
    return Table(
        title=f"Predictions of {accuracy.recipe} (rows: true label)",
        columns=("label", *accuracy.labels, "all"),
        rows=tuple(rows),
    )


def _ms(estimate: Estimate) -> Quantity:
    return quantity(estimate, "ms", 2, MS_PER_NS)


def _unknown(one: LatencySummary) -> list[str]:
    """Why a shown value has no interval."""
    if one.p50.interval is not None or (one.p50.value is None and one.parity == "passed"):
        return []
    return [f"{one.recipe}: {one.p50.reason}."]


def _start_up(record: Record, recipe: str) -> list[str]:
    launches = [launch for launch in record.launches if launch.recipe == recipe and not launch.invalid]
    if not launches:
        return []
    load = sorted(launch.load_ns for launch in launches)[len(launches) // 2] * MS_PER_NS
    first = sorted(launch.first_inference_ns for launch in launches)[len(launches) // 2] * MS_PER_NS
    peak = max(launch.peak_rss_bytes for launch in launches) / 1e6
    cores = sorted({core for launch in launches for core in launch.cores})
    where = f"cores {', '.join(map(str, cores))}" if cores else "cores not restricted"
    return [
        f"{recipe}: load {load:.1f} ms, first inference {first:.1f} ms (medians), peak memory {peak:.1f} MB, "
        f"{where}."
    ]


def _against_claim(verdict: Verdict) -> str:
    latency = [claim for claim in verdict.claims if claim.unit == "ms"]
    if any(claim.protocol_match == "mismatch" for claim in latency):
        return "; not with the paper's 62 ms"
    return "; with the paper's 62 ms only with the qualifiers above"
