"""The paper's claims, from claims.toml: values, margins, conditions, and how sure each of them is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from results.errors import ConfigError

CLAIMS_SCHEMA = 1
SHIPPED = Path(__file__).with_name("claims.toml")

Confirmation = Literal["confirmed", "second-hand", "recalled", "inferred"]
MarginConfirmation = Confirmation | Literal["chosen"]
Metric = Literal["latency_ms", "accuracy"]
Role = Literal["claim", "reference"]
ConditionName = Literal[
    "device", "soc", "parameters", "length", "batch", "threads", "delegate", "precision", "task", "split"
]

# A claim that lacks one of these could pass under conditions that it never named.
NEEDED: dict[Metric, frozenset[ConditionName]] = {
    "latency_ms": frozenset(
        {"device", "soc", "parameters", "length", "batch", "threads", "delegate", "precision"}
    ),
    "accuracy": frozenset({"task", "split", "parameters", "precision"}),
}


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
    """One figure of the paper. `value` in ms or percent; `qualifiers` go with every status but mismatch."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims file."""

    schema: int
    paper: Paper
    claim: tuple[Claim, ...]

    def folded(self, metric: Metric) -> Claim:
        """The one claim of this metric that the verdict is about."""
        return next(claim for claim in self.claim if claim.metric == metric and claim.role == "claim")


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
    "": ("schema", "paper", "claim"),
    "paper": tuple(Paper.__dataclass_fields__),
    "claim": tuple(Claim.__dataclass_fields__),
    "margin": tuple(Margin.__dataclass_fields__),
    "citation": tuple(Citation.__dataclass_fields__),
    "condition": tuple(Condition.__dataclass_fields__),
}


def _unknown(data: dict[str, object]) -> list[str]:
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
    return found


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
        if (claim.margin.kind == "relative") != (claim.metric == "latency_ms") or claim.margin.value < 0:
            raise _bad(path, f"claim {claim.id} has a margin that does not fit {claim.metric}")
        for name in ("length", "batch", "threads", "parameters"):
            if name in claim.conditions and not isinstance(claim.conditions[name].value, int):
                raise _bad(path, f"claim {claim.id}: condition {name} is not a whole number")
    for metric in NEEDED:
        if sum(claim.metric == metric and claim.role == "claim" for claim in claims.claim) != 1:
            raise _bad(path, f'does not have exactly one {metric} claim of role "claim"')


def _bad(path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"The claims file {path.name} {what}.",
        next_step="Correct that field; results/claims.toml shows the form.",
        path=str(path),
    )
