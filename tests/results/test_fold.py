"""The fold of latency and accuracy: every row of its truth table."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from results.fold import Status, fold, worst

STATUSES: tuple[Status, ...] = get_args(Status)
ROWS = list(product(STATUSES, STATUSES, (False, True), (False, True)))


def rule(latency: str, accuracy: str, parity_failed: bool, under_floor: bool) -> str:
    """docs/architecture.md, "Verdict", word for word."""
    if parity_failed or under_floor:
        return "not_reproduced"
    if latency == "not_reproduced" or accuracy == "not_reproduced":
        return "not_reproduced"
    if latency == "reproduced" and accuracy == "reproduced":
        return "reproduced"
    if latency == "not_comparable" or accuracy == "not_comparable":
        return "not_comparable"
    return "inconclusive"


def test_the_table_is_whole() -> None:
    """Four statuses twice, two flags: a fifth status must not slip by untested."""
    assert len(set(ROWS)) == 4 * 4 * 2 * 2


@pytest.mark.parametrize(("latency", "accuracy", "parity_failed", "under_floor"), ROWS)
def test_fold_follows_the_rule(
    latency: Status, accuracy: Status, parity_failed: bool, under_floor: bool
) -> None:
    """Each of the 64 rows."""
    status = fold(latency, accuracy, parity_failed=parity_failed, under_floor=under_floor)
    assert status == rule(latency, accuracy, parity_failed, under_floor)


def test_reproduced_is_one_row_of_64() -> None:
    """A fast model with broken accuracy, or the other way round, never passes."""
    passing = [
        row for row in ROWS if fold(row[0], row[1], parity_failed=row[2], under_floor=row[3]) == "reproduced"
    ]
    assert passing == [("reproduced", "reproduced", False, False)]


def test_worst_protocol_match_wins() -> None:
    """One mismatch makes the whole a mismatch."""
    assert worst(("exact", "exact")) == "exact"
    assert worst(("proxy", "exact")) == "proxy"
    assert worst(("proxy", "mismatch")) == "mismatch"
