"""The verdict as it is written: the nesting of public verdict files, and every judged claim beside it.

VERDICT_SCHEMA history:
  1  2026-11  first version
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from results.accuracy import Floor
from results.claims import Citation, Paper, Role
from results.fold import ProtocolMatch, Status
from results.stats import Interval

VERDICT_SCHEMA = 1
AGENT_VERSION = "mobilebert-bench v0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The same interval against other bounds: `strict` without a margin, `equivalence` on both sides.

    `low` is None where only slower counts, `high` where only a smaller ratio does. `p`: of the one-sided test
    for `status` (equivalence: the larger of two); None where the launches have no spread.
    """

    name: Literal["strict", "equivalence"]
    low: float | None
    high: float | None
    status: Status
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedClaim:
    """One claim and one recipe. `value`, `interval`, `bound` in `unit`; None where nothing was measured.

    `reasons` explain status and protocol match in full; `decided_by` are their short names.
    `confidence`: 1 - p of the one-sided test that decided, 0 where nothing was decided.
    `launches_to_decide`: for an inconclusive latency or (of each model) ratio, at 80 % power; None where no
    number would.
    """

    id: str
    role: Role
    recipe: str
    claim_citation: Citation
    value: float | None
    unit: Literal["ms", "percent", "ratio"]
    interval: Interval | None
    bound: float
    status: Status
    protocol_match: ProtocolMatch
    reasons: tuple[str, ...]
    decided_by: tuple[str, ...]
    confidence: float
    readings: tuple[Reading, ...] = ()
    launches_to_decide: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorCheck:
    """A recipe's accuracy against float32's on the same pairs; points are percentage points.

    `under` is shown, not suspected: the whole 90 % interval of the difference lies below -margin.
    """

    recipe: str
    status: Floor
    margin_points: float
    difference_points: float | None
    low_points: float | None
    high_points: float | None
    agreement: float | None
    only_recipe_right: int | None
    only_float32_right: int | None
    mcnemar_p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCheck:
    """One series' predictions on the device against this machine's, on the same rows.

    `agreement`: the share of equal predictions, 0 to 1, with Wilson's 95 % interval. `unexplained`: rows that
    differ by more than rounding, None where that is not known. Points are percentage points, device less this
    machine, 90 % interval; `status` says whether more than the margin is lost.
    """

    recipe: str
    model: str
    rows: int
    agreement: float
    interval: Interval | None
    flips: int
    unexplained: int | None
    status: Floor
    margin_points: float
    difference_points: float | None
    low_points: float | None
    high_points: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The verdict in the field names of public verdict files.

    `claim_citation`, `score` (0 to 1), `confidence` and `protocol_match` are those of the MNLI-m claim;
    `status` is the fold of latency and accuracy.
    """

    id: str
    kind: Literal["POST"]
    status: Status
    score: float | None
    confidence: float
    agent_version: str
    computed_at: str | None
    is_current: bool
    claim_citation: Citation
    protocol_match: ProtocolMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPair:
    """After the paper was read (`post`), and before (`pre`, which this project never judges)."""

    post: Published
    pre: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overall:
    """The fold: one status for one recipe, the weaker of the two protocol matches, and why."""

    recipe: str
    status: Status
    protocol_match: ProtocolMatch
    sentence: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Everything that verdict.json holds."""

    schema: int
    paper: Paper
    verdict: Published
    verdicts: PublishedPair
    overall: Overall
    claims: tuple[JudgedClaim, ...]
    floors: tuple[FloorCheck, ...]
    on_device: tuple[DeviceCheck, ...]
