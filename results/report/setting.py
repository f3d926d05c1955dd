"""The tables of what ran, where, and under which conditions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from results.device import Device, Program
from results.plain import short
from results.record import Architecture, Artifact, DeviceParity, ExportParity, Record, Settings, Weights
from results.report.model import Cell, Table
from results.report.words import counted, padding, percent
from results.series import Series, compares_models


def device_name(device: Device) -> str:
    """A device in a few words, from its own texts only."""
    maker = [short(word) for word in (device.manufacturer, device.model) if word]
    cores = f"{len(device.cores)} cores" if device.cores else None
    facts = [short(fact) for fact in (device.soc, device.abi, cores) if fact]
    return " ".join(maker) + f" ({', '.join(facts)})" if maker else ", ".join(facts)


def device_table(record: Record) -> Table | None:
    """What the device says of itself."""
    device = record.device
    if device is None:
        return None
    clocks = sorted({core.max_khz for core in device.cores if core.max_khz is not None}, reverse=True)
    rows: list[tuple[Cell, ...]] = [
        ("device", device_name(device)),
        ("kind", device.kind.replace("_", " ")),
        ("SoC", _or_unavailable(device.soc)),
        ("Android API level", _or_unavailable(device.api_level)),
        ("build", _or_unavailable(device.fingerprint)),
        ("kernel", _or_unavailable(device.kernel)),
        ("core clocks", ", ".join(f"{khz / 1e6:.2f} GHz" for khz in clocks) or "unavailable"),
        ("memory", f"{device.memory_bytes / 1e9:.1f} GB" if device.memory_bytes else "unavailable"),
    ]
    if record.program is not None:
        rows += _program(record.program)
    return Table(
        title="Device",
        id="device",
        columns=("", ""),
        rows=tuple(rows),
        lines=tuple(map(short, device.contradictions)),
    )


def _program(program: Program) -> list[tuple[Cell, ...]]:
    """What ran there. A program that brings its runtime in itself is not this project's: its whole digest."""
    name = f"{program.runtime} {program.runtime_version}"
    if program.program_sha256 == program.runtime_sha256:
        return [
            ("program", f"{name} for {program.abi}, not this project's"),
            ("its SHA-256", program.program_sha256),
        ]
    return [
        ("program", f"{program.program_sha256[:16]} for {program.abi}"),
        ("runtime", f"{name}, {program.runtime_sha256[:16]}"),
    ]


def model_table(record: Record) -> Table | None:
    """Each exported file, and how close it is to its float32 graph."""
    if not record.artifacts:
        return None
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    bare = all(artifact.parity is None for artifact in record.artifacts)
    for artifact in record.artifacts:
        rows.append(
            (
                _name(record, artifact),
                f"{artifact.model_bytes / 1e6:.1f} MB",
                *(() if bare else _export_parity(artifact.parity)),
                artifact.model_sha256[:16],
            )
        )
    if compares_models(record):  # whose networks have a table of their own
        lines += [_weights(artifact.weights, f" of {artifact.model}") for artifact in record.artifacts]
    else:
        lines.append(_weights(record.artifacts[0].weights))
        lines += _network(record.artifacts[0].architecture)
    lines += _made(record)
    if len(signatures := record.artifacts[0].signatures) > 1:
        lengths = ", ".join(str(one.length) for one in signatures)
        lines.append(f"Signatures over one copy of the weights, by length in tokens: {lengths}.")
    return Table(
        title=_titled(record, "Models" if compares_models(record) else "Model"),
        id="model",
        columns=(_what(record), "size", *(() if bare else ("max |error|, logits", "same argmax")), "sha256"),
        rows=tuple(rows),
        lines=tuple(lines),
    )


def by_recipe(record: Record) -> tuple[Record, ...]:
    """The run itself, or where it compares models a part of it for each recipe, whose rows are the models."""
    if not compares_models(record):
        return (record,)
    recipes = dict.fromkeys(artifact.recipe for artifact in record.artifacts)
    return tuple(
        dataclasses.replace(
            record,
            settings=dataclasses.replace(record.settings, recipes=(recipe,)),
            artifacts=tuple(one for one in record.artifacts if one.recipe == recipe),
            parities=tuple(one for one in record.parities if one.recipe == recipe),
        )
        for recipe in recipes
    )


def _what(record: Record) -> str:
    """What the rows of a table are."""
    return "model" if compares_models(record) else "recipe"


def _titled(record: Record, title: str) -> str:
    return f"{title}, {record.settings.recipes[0]}" if compares_models(record) else title


def _name(record: Record, one: Artifact | DeviceParity) -> str:
    if isinstance(one, DeviceParity) and one.arm:
        return Series(model=one.model, recipe=one.recipe, arm=one.arm).label
    return one.model if compares_models(record) else one.recipe


def _export_parity(parity: ExportParity | None) -> tuple[Cell, Cell]:
    if parity is None:
        return "-", "-"
    return (
        f"{parity.max_abs_error:.2g} of {parity.logit_scale:.3g}",
        f"{percent(parity.agreement)} of {counted(parity.rows, 'row')}",
    )


def _network(network: Architecture | None) -> list[str]:
    if network is None:
        return []
    return [
        f"Network: {network.name}, {network.parameters / 1e6:.2f}M parameters, "
        f"{network.multiply_adds / 1e9:.2f} G multiply-adds at length {network.length}."
    ]


def _made(record: Record) -> list[str]:
    """What was done to each network before it was a file, and what a delegate takes of it."""
    lines = []
    for artifact in record.artifacts:
        name = _name(record, artifact)
        if artifact.accelerated_share is not None:
            inside = f"{percent(artifact.accelerated_share)} of the multiply-adds inside XNNPACK"
            rewrites = ", ".join(artifact.rewrites) or "no rewrites"
            lines.append(f"{name}: {rewrites}; {inside} on the exporting machine.")
        if (seen := artifact.calibration) is not None:
            lines.append(f"{name}: calibrated on {seen.rows} pairs of {seen.pairs}.")
    return lines


def _weights(weights: Weights, of: str = "") -> str:
    match weights.kind:
        case "unknown":
            return f"Weights{of}: those in {weights.name}, whose origin the file does not tell."
        case "seeded":
            what = "random numbers, never trained"
        case "hub":
            what = f"hub, revision {weights.revision}" if weights.revision else "hub"
        case "local":
            what = "local folder"
    return f"Weights{of}: {weights.name} ({what}), {weights.sha256[:16]}."


_STATISTIC = {"largest": "largest", "rms": "RMS per label"}


def parity_table(record: Record) -> Table | None:
    """Device logits against this machine's."""
    if not record.parities:
        return None
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for parity in record.parities:
        name = _name(record, parity)
        rows.append(
            (
                name,
                parity.status,
                str(parity.rows),
                f"{parity.difference:.3g} ({_STATISTIC[parity.statistic]})",
                f"{parity.tolerance:.3g}",
                f"{parity.min_row_distance:.3g}",
            )
        )
        lines += [f"{name}: {reason}." for reason in parity.reasons]
        lines.append(f"{name}: tolerance is {parity.rule}.")
    same = "" if compares_models(record) else "the same file and rows, "
    return Table(
        title=_titled(record, f"Device parity: {same}device against this machine, in logits"),
        id="parity",
        columns=(_what(record), "status", "rows", "difference", "tolerance", "closest rows"),
        rows=tuple(rows),
        lines=tuple(lines),
    )


def settings_table(record: Record) -> Table:
    """What was asked for, after defaults."""
    settings = record.settings
    bare = any(artifact.weights.kind == "unknown" for artifact in record.artifacts)
    # What belongs to timing says nothing where no device was asked to time.
    timing: tuple[tuple[Cell, ...], ...] = (
        ("threads", str(settings.threads) if settings.threads else "-"),
        ("cores", _CORES.get(settings.cores, f"mask {settings.cores}")),
        ("launches", f"{settings.launches} x {counted(settings.inferences, 'inference')}"),
        (
            "warm-up",
            f"at least {counted(settings.warmup_inferences, 'inference')} and {settings.warmup_s:g} s",
        ),
        *_care(settings),
        ("runner", settings.runner),
    )
    rows: tuple[tuple[Cell, ...], ...] = (
        ("model" if bare else "checkpoint", settings.checkpoint),
        *((("models", ", ".join(settings.models)),) if compares_models(record) else ()),
        *(() if bare else (("recipes", ", ".join(settings.recipes)),)),
        ("shape", f"batch {settings.batch}, {padding(settings)}"),
        *(timing if record.device is not None else ()),
        (
            "host runtime",
            ", beside it ".join(filter(None, (settings.runtime, ", ".join(settings.other_runtimes)))),
        ),
        *_data(record),
        ("seed", str(settings.seed)),
        ("run", f"{record.run_id}, {record.started_at} to {record.ended_at or 'not ended'}"),
    )
    return Table(title="Settings", id="settings", columns=("", ""), rows=rows)


def _data(record: Record) -> Iterator[tuple[Cell, ...]]:
    """Which pairs, by which form and vocabulary; contents by the beginning of their SHA-256."""
    if (pairs := record.pairs) is None:
        return
    drawn = f"{pairs.rows_used} of {pairs.rows_total}" if pairs.rows_used < pairs.rows_total else "all"
    yield "pairs", f"{short(pairs.name)}, {drawn}, form {short(pairs.form)}, {pairs.sha256[:16]}"
    entries = counted(pairs.vocabulary_size, "word piece")
    yield "vocabulary", f"{entries}, {pairs.vocabulary_sha256[:16]}"


_CORES = {"big": "the strongest by capacity", "all": "left to the device"}


def _care(settings: Settings) -> Iterator[tuple[Cell, ...]]:
    """Settings that are said where they are not the plain ones."""
    if settings.repeats:
        yield "repeats", f"an invalid launch up to {counted(settings.repeats, 'time')}"
    if settings.cool_down_s:
        yield "cool-down", f"up to {settings.cool_down_s:g} s before a launch"
    if settings.delegate != "cpu":
        yield "delegate", settings.delegate
    if settings.fixed_performance:
        yield "fixed performance", "on: for comparisons on one device, never for the claim"


def _or_unavailable(value: int | str | None) -> str:
    return "unavailable" if value is None or value == "" else short(str(value))
