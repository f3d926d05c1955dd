"""The paper's claims, from claims.toml: values, margins, conditions, and how sure each of them is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from results.errors import ConfigError

CLAIMS_SCHEMA = 1
SHIPPED = Path(__file__).with_name("claims.toml")

Confirmation = Literal["confirmed", "second-hand", "recalled", "inferred"]
MarginConfirmation = Confirmation | Literal["chosen"]
Metric = Literal["latency_ms", "accuracy", "latency_ratio", "size_ratio"]
Role = Literal["claim", "reference"]
ConditionName = Literal[
    "device", "soc", "parameters", "length", "batch", "threads", "delegate", "precision", "task", "split"
]

_TIMED: frozenset[ConditionName] = frozenset(
    {"device", "soc", "parameters", "length", "batch", "threads", "delegate", "precision"}
)
# A claim that lacks one of these could pass under conditions that it never named.
NEEDED: dict[Metric, frozenset[ConditionName]] = {
    "latency_ms": _TIMED,
    "accuracy": frozenset({"task", "split", "parameters", "precision"}),
    "latency_ratio": _TIMED,
    "size_ratio": frozenset(),
}
RATIOS: tuple[Metric, ...] = ("latency_ratio", "size_ratio")
# The verdict is about one claim of each of these.
FOLDED: tuple[Metric, ...] = ("latency_ms", "accuracy")
# A ratio is printed to two digits, and has to be that of its rows so far.
PRINTED_TO = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The paper whose claims these are."""

    arxiv_id: str
    title: str
    venue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where in the paper the figure stands, in the field names of public verdict files."""

    paper_arxiv_id: str
    section: str
    row: str
    column: str
    reported_value: float
    reported_metric: str
    quoted_text: str
    pdf_page: int | None
    notes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How far from the figure still counts: a share of it ("relative"), or percentage points.

    A margin is the judge's and not the paper's, so that it leaves the protocol match as it is.
    """

    value: float
    kind: Literal["relative", "points"]
    confirmation: MarginConfirmation
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of the claim; a tuple lists names for the same thing."""

    value: int | str | tuple[str, ...]
    confirmation: Confirmation
    source: str

    @property
    def integer(self) -> int:
        """The value of a counted condition."""
        assert isinstance(self.value, int)
        return self.value

    @property
    def names(self) -> tuple[str, ...]:
        """The value of a named condition."""
        return self.value if isinstance(self.value, tuple) else (str(self.value),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One figure of the paper. `value` in ms or percent; `qualifiers` go with every status but mismatch.

    Of a ratio, `models` are the two: the first one's latency or size over the second's. `conditions_of`: the
    claim whose conditions are this one's too.
    """

    id: str
    role: Role
    metric: Metric
    value: float
    confirmation: Confirmation
    source: str
    qualifiers: tuple[str, ...]
    margin: Margin
    citation: Citation
    conditions: dict[ConditionName, Condition]
    models: tuple[str, ...] = ()
    conditions_of: str | None = None

    @property
    def at_least(self) -> bool:
        """Of a ratio: whether more is still the claim, as where the first model is the slower one."""
        return self.value > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """One row of the paper's Table 4: `name` as printed, `model` as this project calls it.

    `flops` count a multiply-add as 2.
    """

    model: str
    name: str
    parameters: int
    flops: int
    latency_ms: float
    confirmation: Confirmation
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims file."""

    schema: int
    paper: Paper
    claim: tuple[Claim, ...]
    row: tuple[PaperRow, ...]

    def folded(self, metric: Metric) -> Claim:
        """The one claim of this metric that the verdict is about."""
        return next(claim for claim in self.claim if claim.metric == metric and claim.role == "claim")

    def row_of(self, model: str) -> PaperRow | None:
        """The paper's row of this model; None where its table has no latency of it."""
        return next((row for row in self.row if row.model == model), None)


def load_claims(path: Path = SHIPPED) -> Claims:
    """Read and check a claims file.

    Raises:
        ConfigError: it cannot be read, or a field is unknown, missing or of the wrong type; it is named.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise _bad(path, f"cannot be read: {err}") from err
    if unknown := _unknown(data):
        raise _bad(path, f"has unknown fields: {', '.join(unknown)}")
    _share_conditions(data, path)
    try:
        claims = TypeAdapter(Claims).validate_python(data)
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _bad(path, f"field {where}: {first['msg']}") from err
    _check(claims, path)
    return claims


# The names that each table of the file may hold.
_FIELDS = {
    "": ("schema", "paper", "claim", "row"),
    "paper": tuple(Paper.__dataclass_fields__),
    "claim": tuple(Claim.__dataclass_fields__),
    "margin": tuple(Margin.__dataclass_fields__),
    "citation": tuple(Citation.__dataclass_fields__),
    "condition": tuple(Condition.__dataclass_fields__),
    "row": tuple(PaperRow.__dataclass_fields__),
}


def _unknown(data: dict[str, Any]) -> list[str]:
    """Dotted names of fields that no claims file has, in file order."""
    found = [name for name in data if name not in _FIELDS[""]]

    def look(table: object, kind: str, where: str) -> None:
        if isinstance(table, dict):
            found.extend(f"{where}.{name}" for name in table if name not in _FIELDS[kind])

    look(data.get("paper"), "paper", "paper")
    listed = data.get("claim")
    for claim in listed if isinstance(listed, list) else []:
        where = f"claim {claim.get('id', '?')}"
        look(claim, "claim", where)
        look(claim.get("margin"), "margin", f"{where}.margin")
        look(claim.get("citation"), "citation", f"{where}.citation")
        conditions = claim.get("conditions")
        for name, condition in conditions.items() if isinstance(conditions, dict) else []:
            look(condition, "condition", f"{where}.conditions.{name}")
    rows = data.get("row")
    for row in rows if isinstance(rows, list) else []:
        look(row, "row", f"row {row.get('model', '?')}")
    return found


def _share_conditions(data: dict[str, Any], path: Path) -> None:
    """Give each claim the conditions of the one that it names; a size has none."""
    listed = data.get("claim")
    claims = [claim for claim in listed if isinstance(claim, dict)] if isinstance(listed, list) else []
    named = {claim.get("id"): claim.get("conditions") for claim in claims}
    for claim in claims:
        if (other := claim.get("conditions_of")) is not None:
            if other not in named or "conditions" in claim:
                why = "has its own too" if "conditions" in claim else "there is no such claim"
                raise _bad(path, f"claim {claim.get('id', '?')} has the conditions of {other}, and {why}")
            claim["conditions"] = named[other]
        elif claim.get("metric") == "size_ratio":
            claim.setdefault("conditions", {})


def _check(claims: Claims, path: Path) -> None:
    """What types cannot say."""
    if claims.schema != CLAIMS_SCHEMA:
        raise _bad(path, f"has schema {claims.schema}, and this version reads {CLAIMS_SCHEMA}")
    if len({claim.id for claim in claims.claim}) != len(claims.claim):
        raise _bad(path, "has two claims of the same id")
    for claim in claims.claim:
        if missing := sorted(NEEDED[claim.metric] - set(claim.conditions)):
            raise _bad(path, f"claim {claim.id} lacks the conditions {', '.join(missing)}")
        if claim.citation.reported_value != claim.value:
            raise _bad(
                path, f"claim {claim.id} is {claim.value:g}, and cites {claim.citation.reported_value:g}"
            )
        if (claim.margin.kind == "points") != (claim.metric == "accuracy") or claim.margin.value < 0:
            raise _bad(path, f"claim {claim.id} has a margin that does not fit {claim.metric}")
        for name in ("length", "batch", "threads", "parameters"):
            if name in claim.conditions and not isinstance(claim.conditions[name].value, int):
                raise _bad(path, f"claim {claim.id}: condition {name} is not a whole number")
        _check_ratio(claims, claim, path)
    for metric in FOLDED:
        if sum(claim.metric == metric and claim.role == "claim" for claim in claims.claim) != 1:
            raise _bad(path, f'does not have exactly one {metric} claim of role "claim"')


def _check_ratio(claims: Claims, claim: Claim, path: Path) -> None:
    """A ratio is a reference, of two of the table's rows, and what these rows give."""
    if claim.metric not in RATIOS:
        if claim.models:
            raise _bad(path, f"claim {claim.id} names models, and is about one only")
        return
    rows = [claims.row_of(model) for model in claim.models]
    if len(rows) != 2 or rows[0] is None or rows[1] is None:
        raise _bad(path, f"claim {claim.id} does not name two models that have a row")
    if claim.role != "reference":
        raise _bad(path, f'claim {claim.id} is a ratio, and not of role "reference"')
    first, second = (
        row.latency_ms if claim.metric == "latency_ratio" else row.parameters for row in rows if row
    )
    if abs(first / second / claim.value - 1) > PRINTED_TO:
        raise _bad(path, f"claim {claim.id} is {claim.value:g}, and its rows give {first / second:.3g}")


def _bad(path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"The claims file {path.name} {what}.",
        next_step="Correct that field; results/claims.toml shows the form.",
        path=str(path),
    )
