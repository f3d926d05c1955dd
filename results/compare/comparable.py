"""What two recorded runs have to share before their latencies can be compared, and what else differs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from results.compare.recorded import Recorded
from results.errors import NotComparable
from results.plain import short
from results.protocol import artifact_of
from results.record import COMPARABLE, Launch, Record
from results.series import Series, series_of

SeriesPair = tuple[Series, Series]

_SERIAL = "device.serial_sha256"
_TURNS = "To compare settings, files or recipes in turns on one device: mobilebert-bench ab A B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A fact that two runs do not share, in words."""

    name: str
    a: str
    b: str


def check_comparable(a: Recorded, b: Recorded) -> None:
    """Refuse two runs whose latencies say nothing about each other.

    Raises NotComparable, which names every field that differs with both values.
    """
    for one in (a, b):
        _check_one(one)
    apart = [
        Difference(name=path, a=_word(first), b=_word(second))
        for path in (*COMPARABLE[:1], _SERIAL, *COMPARABLE[1:])
        if (first := _at(a.record, path)) != (second := _at(b.record, path))
    ]
    policies = {of.record.settings.length_policy for of in (a, b)}
    if policies == {"shortest"} and _rows(a.record) != _rows(b.record):
        # A sequence costs as much as it is long: other pairs are another workload.
        apart.append(Difference(name="pairs", a=_rows(a.record), b=_rows(b.record)))
    if apart:
        named = "; ".join(f"{one.name} is {one.a} against {one.b}" for one in apart)
        raise NotComparable(
            f"{a.name} and {b.name} differ in what latency depends on: {named}.", next_step=_TURNS
        )


def shared_series(a: Recorded, b: Recorded) -> tuple[SeriesPair, ...]:
    """The series that both runs timed; where they share none and each has one of the same model, those two.

    Raises NotComparable: there is none, or one name stands for two networks.
    """
    of_a, of_b = series_of(a.record), series_of(b.record)
    pairs = [(one, one) for one in of_a if one in of_b]
    if not pairs and len(of_a) == len(of_b) == 1 and of_a[0].model == of_b[0].model:
        pairs = [(of_a[0], of_b[0])]
    if not pairs:
        held = [", ".join(f"{one.model} {one.recipe}" for one in own) for own in (of_a, of_b)]
        raise NotComparable(
            f"The runs share no series: {a.name} timed {held[0]}; {b.name} timed {held[1]}.",
            next_step="Compare runs of one model and one recipe. " + _TURNS,
        )
    for first, second in pairs:
        networks = _network(a.record, first), _network(b.record, second)
        if None not in networks and networks[0] != networks[1]:
            raise NotComparable(
                f"{first.model} is another network in each run: {networks[0]} in {a.name}, "
                f"{networks[1]} in {b.name}.",
                next_step="Compare runs of one network.",
            )
    return tuple(pairs)


def differences(a: Record, b: Record, pairs: tuple[SeriesPair, ...]) -> tuple[Difference, ...]:
    """Everything else that is not the same in both runs: what a change may be due to."""
    found = [_of(name, fact(a), fact(b)) for name, fact in _FACTS.items()]
    for first, second in pairs:
        label = first.label if first == second else "the series"
        found.append(_of(f"recipe of {label}", first.recipe, second.recipe))
        found.append(_of(f"file of {label} (SHA-256)", _sha(a, first), _sha(b, second)))
    return tuple(one for one in found if one is not None)


def _check_one(of: Recorded) -> None:
    if of.record.comparing is not None:
        raise NotComparable(
            f"{of.name} compares two arms itself; what it found is in its own report.",
            next_step=f"Print it: mobilebert-bench report {shlex.quote(of.name)}",
        )
    if of.record.device is None or not of.record.launches:
        raise NotComparable(
            f"{of.name} timed nothing on a device, so it has no latency to compare.",
            next_step="Compare runs of the commands run, latency or table.",
        )


def _at(record: Record, path: str) -> object:
    value: object = record
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value


def _rows(record: Record) -> str:
    pairs = record.pairs
    return "unknown" if pairs is None else f"{pairs.rows_used} of {short(pairs.name)}, {pairs.sha256[:16]}"


def _network(record: Record, one: Series) -> str | None:
    artifact = artifact_of(record, one.recipe, one.model)
    if artifact is None or artifact.architecture is None:
        return None
    return f"{artifact.architecture.parameters / 1e6:.2f}M parameters"


def _sha(record: Record, one: Series) -> str | None:
    artifact = artifact_of(record, one.recipe, one.model)
    return None if artifact is None else artifact.model_sha256[:16]


def _of(name: str, a: object, b: object) -> Difference | None:
    return None if a == b else Difference(name=name, a=_word(a), b=_word(b))


def _word(value: object) -> str:
    if value is None or value == "":
        return "unknown"
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else short(str(value))


def _spread(record: Record, of: Callable[[Launch], Iterator[float | None]]) -> str | None:
    """The least and the greatest of a reading over all launches."""
    known = [value for launch in record.launches for value in of(launch) if value is not None]
    if not known:
        return None
    low, high = min(known), max(known)
    return f"{low:.1f} °C" if low == high else f"{low:.1f} to {high:.1f} °C"


def _seen_cores(record: Record) -> str:
    seen = sorted({",".join(map(str, launch.cores)) or "not restricted" for launch in record.launches})
    return " or ".join(seen)


def _boots(record: Record) -> str | None:
    found = {at.boot_id for launch in record.launches for at in (launch.before, launch.after)} - {None}
    return ", ".join(sorted(one[:8] for one in found if one)) or None


_FACTS: dict[str, Callable[[Record], object]] = {
    "commit": lambda of: of.settings.commit,
    "mobilebert-bench": lambda of: of.versions.get("mobilebert-bench"),
    "runtime": lambda of: of.program and f"{of.program.runtime} {of.program.runtime_version}",
    "runtime (SHA-256)": lambda of: of.program and of.program.runtime_sha256[:16],
    "program (SHA-256)": lambda of: of.program and of.program.program_sha256[:16],
    "kernel": lambda of: of.device and of.device.kernel,
    "cores seen": _seen_cores,
    "boot": _boots,
    "skin": lambda of: _spread(of, lambda one: iter((one.before.skin_c, one.after.skin_c))),
    "CPU": lambda of: _spread(of, lambda one: iter((one.before.cpu_c, one.after.cpu_c))),
    "battery": lambda of: _spread(of, lambda one: iter((one.before.battery_c, one.after.battery_c))),
    "pairs": _rows,
    "launches": lambda of: f"{of.settings.launches} x {of.settings.inferences}",
    "warm-up": lambda of: f"{of.settings.warmup_inferences} inferences, {of.settings.warmup_s:g} s",
    "batch": lambda of: of.settings.batch,
    "seed": lambda of: of.settings.seed,
    "started": lambda of: of.started_at,
}
