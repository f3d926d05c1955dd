"""The gate over one series: what it finds, what it does not, and how often it is wrong."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruptures import KernelCPD, Pelt

from results.history.gate import FEWEST, NEWEST, WINDOW, examine
from tests.results.make_history import noisy, shifting

THRESHOLD = 0.02
BEFORE = [61.0] * 20


def found(
    levels_ms: list[float], since: int = 0, acknowledged_ms: float | None = None
) -> tuple[str, int | None]:
    finding = examine(
        np.array(noisy(levels_ms)) * 1e6,
        THRESHOLD,
        since,
        None if acknowledged_ms is None else acknowledged_ms * 1e6,
    )
    return finding.kind, finding.at


@pytest.mark.parametrize(
    ("levels_ms", "kind", "at"),
    [
        ([61.0] * (FEWEST - 1), "collecting", None),
        ([61.0] * FEWEST, "steady", None),
        (BEFORE, "steady", None),
        ([*BEFORE, 64.5], "suspect", 20),
        ([*BEFORE, *[64.5] * 3], "slower", 20),
        ([*BEFORE, *[64.5] * NEWEST], "slower", 20),
        ([*BEFORE, *[57.0] * 4], "faster", 20),
        # Repaired since: the newest commit is as fast as ever.
        ([*BEFORE, *[64.5] * 4, *[61.0] * 4], "steady", None),
        # An improvement that was lost again is a change for the worse.
        ([*BEFORE, *[57.0] * 4, *[61.0] * 4], "slower", 24),
        # It became slower, and then slower still: the first of them is what to look for.
        ([*BEFORE, *[64.5] * 4, *[69.0] * 4], "slower", 20),
        # Further back than the newest ten it is history, which the changes table tells.
        ([*BEFORE, *[64.5] * (NEWEST + 5)], "steady", None),
        # Below the threshold, however clear.
        ([*BEFORE, *[61.8] * 8], "steady", None),
        # Two hot runs among many are no level.
        ([*BEFORE, 66.0, 61.0, 66.0, 61.0, 61.0], "steady", None),
    ],
)
def test_what_is_found(levels_ms: list[float], kind: str, at: int | None) -> None:
    """Each answer of the gate, at 0.5 % noise."""
    assert found(levels_ms) == (kind, at)


@pytest.mark.parametrize("count", [FEWEST, 40])
def test_equal_values_are_steady(count: int) -> None:
    """No spread at all must be neither a division by zero nor a reason to call any difference a change."""
    values = np.full(count, 61e6)
    assert examine(values, THRESHOLD).kind == "steady"
    values[-3:] *= 1.01
    assert examine(values, THRESHOLD).kind == "steady"


def test_an_acknowledged_level_begins_anew() -> None:
    """What was accepted is no finding any more; what then rises above it is one again, however slowly."""
    slower = [*BEFORE, *[64.5] * 4]
    assert found(slower) == ("slower", 20)
    assert found(slower, since=20, acknowledged_ms=64.5) == ("steady", None)
    assert found([*slower, 68.0], since=20, acknowledged_ms=64.5) == ("suspect", 24)
    assert found([*slower, *[68.0] * 3], since=20, acknowledged_ms=64.5) == ("slower", 24)
    creeping = [*slower, *[64.5 + 0.15 * step for step in range(40)]]
    assert found(creeping)[0] != "slower"
    assert found(creeping, since=20, acknowledged_ms=64.5)[0] == "slower"


def test_a_new_level_needs_three_runs() -> None:
    """Two runs after an acknowledged beginning are too few to speak of a level."""
    finding = examine(np.array(noisy([*BEFORE, 64.5, 64.5])) * 1e6, THRESHOLD, since=20)
    assert (finding.kind, finding.has, finding.needs) == ("collecting", 2, 3)


def test_only_the_newest_are_looked_at() -> None:
    """A history of thousands of runs must cost what one of a hundred does, and say so."""
    finding = examine(np.array(noisy([70.0] * 400 + [61.0] * WINDOW)) * 1e6, THRESHOLD)
    assert finding.has == WINDOW
    assert [(level.start, level.end) for level in finding.levels] == [(400, 500)]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0, -61e6])
def test_what_is_no_latency_is_a_fault(wrong: float) -> None:
    """Files are checked where they are read; what arrives here is a fault of ours."""
    with pytest.raises(ValueError, match="finite and above 0"):
        examine(np.array([61e6] * 6 + [wrong]), THRESHOLD)


@given(st.lists(st.floats(1e3, 1e12), max_size=60), st.integers(0, 60), st.floats(1e-4, 0.5))
def test_whatever_the_values(values: list[float], since: int, threshold: float) -> None:
    """Any latencies: levels follow each other without a gap, and what is said fits what is shown."""
    finding = examine(np.array(values), threshold, since)
    if finding.kind == "collecting":
        assert finding.has < finding.needs
        return
    bounds = [(level.start, level.end) for level in finding.levels]
    assert bounds[-1][1] == len(values)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(bounds))
    assert bounds[0][0] == max(since, len(values) - WINDOW)
    if finding.change is None:
        assert (finding.kind, finding.at) == ("steady", None)
        return
    assert finding.at is not None
    assert finding.at >= bounds[0][0]
    assert (finding.kind == "faster") == (finding.change < 0)
    assert abs(finding.change) >= threshold * (1 - 1e-9)


@given(st.integers(0, 1000), st.floats(0.001, 1000))
def test_the_unit_does_not_matter(seed: int, scale: float) -> None:
    """Shares and noise are of logarithms: a slow phone and a fast one are judged alike."""
    values = shifting(np.random.default_rng(seed), 30, 0.01, 0.05, 5)
    first, second = examine(values, THRESHOLD), examine(values * scale, THRESHOLD)
    assert (first.kind, first.at) == (second.kind, second.at)


def test_the_fast_search_is_pelt() -> None:
    """KernelCPD with a linear kernel must find what PELT with squared error finds, as documented."""
    rng = np.random.default_rng(3)
    for runs in (6, 12, 40):
        for _ in range(10):
            signal = np.log(shifting(rng, runs, 0.01, 0.05, 4)).reshape(-1, 1) * 100
            penalty = 3 * float(np.log(runs))
            fast = KernelCPD(kernel="linear", min_size=3).fit(signal).predict(pen=penalty)
            assert fast == Pelt(model="l2", min_size=3, jump=1).fit(signal).predict(penalty)


@pytest.mark.parametrize(
    ("noise", "runs", "false_alarms", "missed"),
    [(0.01, 40, 0.05, 0.10), (0.01, 20, 0.05, 0.10), (0.02, 40, 0.05, 0.45), (0.02, 12, 0.06, 0.65)],
)
def test_error_rates(noise: float, runs: int, false_alarms: float, missed: float) -> None:
    """At 1 % noise a shift of 5 % is missed three commits later in at most one of ten; at 2 % it is often."""
    rng = np.random.default_rng(20260101)
    quiet = [examine(shifting(rng, runs, noise), THRESHOLD).kind == "slower" for _ in range(400)]
    shifted = [examine(shifting(rng, runs, noise, 0.05, 3), THRESHOLD).kind == "slower" for _ in range(400)]
    assert np.mean(quiet) <= false_alarms
    assert 1 - np.mean(shifted) <= missed


def test_the_watch_sees_a_single_run() -> None:
    """At 1 % noise one run 5 % above is suspect every other time; a quiet one hardly ever, even at 2 %."""
    rng = np.random.default_rng(20260101)
    quiet = [examine(shifting(rng, 40, 0.02), THRESHOLD).kind == "suspect" for _ in range(200)]
    shifted = [examine(shifting(rng, 40, 0.01, 0.05, 1), THRESHOLD).kind == "suspect" for _ in range(200)]
    assert np.mean(quiet) <= 0.02
    assert np.mean(shifted) >= 0.4
