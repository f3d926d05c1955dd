"""The tables of a run that compares the paper's networks: Table 4 as printed, measured and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from results.claims import RATIOS, Claim, Claims
from results.latency import LatencySummary
from results.launches import launches_of
from results.protocol import artifact_of
from results.ratio import RatioSummary, summarize_ratio
from results.record import Record
from results.report.judged import Notes, spans
from results.report.measured import peak_memory
from results.report.model import MS_PER_NS, Cell, Quantity, Table, milliseconds, quantity
from results.report.words import counted, p_value, same_runs, valid_of
from results.samples import LaunchSamples
from results.series import CLAIMED_MODEL
from results.verdict_file import JudgedClaim, Reading, Verdict


def compared_tables(
    record: Record,
    samples: Mapping[str, LaunchSamples],
    latencies: list[LatencySummary],
    verdict: Verdict,
    claims: Claims,
    notes: Notes,
) -> list[Table]:
    """The three tables of each recipe. `samples`: by `Launch.samples_file`."""
    tables = []
    for recipe in record.settings.recipes:
        ratios = {
            claim.id: summarize_ratio(record, samples, recipe, (claim.models[0], claim.models[1]))
            for claim in claims.claim
            if claim.metric in RATIOS
        }
        ratio = ratios_table(ratios, verdict, claims, recipe, notes)
        tables += [
            latencies_table(record, latencies, verdict, claims, recipe),
            *([] if ratio is None else [ratio]),
            counts_table(record, claims, recipe),
        ]
    return tables


def latencies_table(
    record: Record, latencies: list[LatencySummary], verdict: Verdict, claims: Claims, recipe: str
) -> Table:
    """The paper's latency column, and p50 and p90 of every model that was asked for."""
    by_model = {one.series.model: one for one in latencies if one.recipe == recipe}
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for model in record.settings.models:
        row, one = claims.row_of(model), by_model.get(model)
        printed = f"{row.latency_ms:g} ms" if row else "-"
        if one is None or one.parity != "passed":
            rows.append((_name(claims, model), printed, "-", "-", "-"))
            why = "not measured" if one is None else f"device parity {one.parity}"
            lines.append(f"{_name(claims, model)}: {why}, so there is no latency of it.")
            continue
        p90 = milliseconds(one.p90) if one.raw else "-"
        rows.append((_name(claims, model), printed, milliseconds(one.p50), p90, valid_of(one)))
        lines += _start_up(record, one, _name(claims, model))
        if one.p50.interval is None:
            lines.append(f"{_name(claims, model)}: {one.p50.reason}.")
    apart = any(claim.unit == "ms" and claim.protocol_match == "mismatch" for claim in verdict.claims)
    return Table(
        title=f"Table 4's latencies on this device, {recipe} [95 % interval over launches]",
        id=f"table4-latency-{recipe}",
        columns=("model", "paper", "p50", "p90", "valid"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable=same_runs(record)
        + ("; not with the paper's figures" if apart else "; with the paper's only as the notes say"),
    )


def ratios_table(
    ratios: dict[str, RatioSummary], verdict: Verdict, claims: Claims, recipe: str, notes: Notes
) -> Table | None:
    """Each ratio measured, as the paper has it, and as the multiply-adds alone would have it.

    `ratios`: by claim id.
    """
    judged = [claim for claim in verdict.claims if claim.unit == "ratio" and claim.recipe == recipe]
    if not judged:
        return None
    figures, base = {claim.id: claim for claim in claims.claim}, _name(claims, CLAIMED_MODEL)
    rows: list[tuple[Cell, ...]] = []
    lines = [
        "For reference only: not in the verdict. A ratio is that of the two medians of a round, in which "
        "every model has one launch; arithmetic: that of the multiply-adds."
    ]
    for one in judged:
        figure, ratio = figures[one.id], ratios[one.id]
        rows.append(_ratio(figure, ratio, one, claims, [notes.add(reason) for reason in one.reasons]))
        lines += _how(figure, ratio, one, _name(claims, figure.models[0]))
    return Table(
        title=f"Ratios to {base} against the paper's, {recipe} [95 % interval over rounds]",
        id=f"table4-ratios-{recipe}",
        columns=("model", "measured", "paper", "arithmetic", "status", "notes"),
        rows=tuple(rows),
        lines=tuple(lines),
    )


def counts_table(record: Record, claims: Claims, recipe: str) -> Table:
    """What the models are made of: as counted here, and as the paper prints it."""
    rows: list[tuple[Cell, ...]] = []
    for model in record.settings.models:
        row, artifact = claims.row_of(model), artifact_of(record, recipe, model)
        network = artifact.architecture if artifact else None
        rows.append(
            (
                _name(claims, model),
                f"{network.parameters / 1e6:.2f}M" if network else "-",
                f"{row.parameters / 1e6:.1f}M" if row else "-",
                f"{network.multiply_adds / 1e9:.2f} G" if network else "-",
                f"{row.flops / 1e9:.1f}B" if row else "-",
                f"{artifact.model_bytes / 1e6:.1f} MB" if artifact else "-",
            )
        )
    return Table(
        title=f"Table 4's models, counted at length {record.settings.length}, {recipe}",
        id=f"table4-counts-{recipe}",
        columns=("model", "parameters", "paper", "multiply-adds", "paper's FLOPS", "file"),
        rows=tuple(rows),
        lines=("The paper's FLOPS count a multiply-add as 2, as far as the configurations tell.",),
    )


def _name(claims: Claims, model: str) -> str:
    row = claims.row_of(model)
    return row.name if row else model


def _ratio(
    figure: Claim, ratio: RatioSummary, one: JudgedClaim, claims: Claims, marks: list[int]
) -> tuple[Cell, ...]:
    name = _name(claims, figure.models[0])
    if figure.metric == "size_ratio":
        name, measured, arithmetic = f"{name}, size", _times(one.value, 2), "-"
    else:
        measured = quantity(ratio.shown, "x", _digits(figure), 1)
        # Why there is none stands in the notes.
        measured = measured if ratio.shown.value is not None else _times(None, 2)
        arithmetic = str(_times(ratio.multiply_adds, _digits(figure)))
    # A proxy's status never stands without that word, nor a mismatch with another status.
    status = f"{one.status} (proxy)" if one.protocol_match == "proxy" else one.status
    return name, measured, f"{figure.value:g} x", arithmetic, status, spans(marks)


def _how(figure: Claim, ratio: RatioSummary, one: JudgedClaim, name: str) -> Iterator[str]:
    """What decided a ratio, and how it reads without a margin and as an equivalence."""
    limit = f"{'at least' if figure.at_least else 'at most'} {one.bound:.{_digits(figure)}f} x"
    if figure.metric == "size_ratio":
        files = "" if ratio.file_bytes is None else f"; of the files {ratio.file_bytes:.2f} x"
        yield f"{name}, size: of the counted parameters, {limit}{files}."
        return
    if ratio.deciding.interval is None:
        return
    used = f"{len(ratio.ratios)} of {counted(ratio.rounds, 'round')}"
    value = quantity(ratio.deciding, "x", _digits(figure), 1)
    yield f"{name}: by the 90 % interval of {used}, {value}, {limit}."
    for reading in one.readings:
        if reading.p is not None and reading.status not in ("not_comparable", "inconclusive"):
            yield f"{name}, {_span(reading, _digits(figure))}: {reading.status}, {p_value(reading.p)}."


def _digits(figure: Claim) -> int:
    """As many after the point as leave three in all."""
    return 2 if figure.value >= 1 else 3


def _span(reading: Reading, digits: int) -> str:
    if reading.low is not None and reading.high is not None:
        return f"equivalent, {reading.low:.{digits}f}-{reading.high:.{digits}f} x"
    return f"strict (no margin), {reading.low or reading.high:g} x"


def _start_up(record: Record, one: LatencySummary, name: str) -> Iterator[str]:
    valid = [launch for launch in launches_of(record, one.series) if not launch.invalid]
    if valid:
        load = sorted(launch.load_ns for launch in valid)[len(valid) // 2] * MS_PER_NS
        yield (
            f"{name}: {counted(one.inferences, 'inference')}, load {load:.1f} ms (median of "
            f"{counted(len(valid), 'launch')}), {peak_memory(valid)}."
        )


def _times(value: float | None, digits: int) -> Quantity:
    return Quantity(value=value, unit="x", digits=digits)
