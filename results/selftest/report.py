"""The analysis tried on simulated truths: how often its intervals hold, and its decisions are right."""

from __future__ import annotations

from collections.abc import Sequence

from results.errors import ConfigError
from results.report.model import Check, Outcome, Table, View
from results.selftest.trials import OFF, OK, UNCLEAR, Analyses, Trial, check, table, try_case
from results.selftest.truths import trials


def run(quick: bool, seed: int) -> View:
    """The report of a self-check: a table per trial, a check per case of which something must hold.

    The same seed gives the same bytes. Raises ConfigError where there is no such seed.
    """
    if seed < 0:
        raise ConfigError(f"--seed {seed} is below 0", next_step="Give a whole number from 0 on.")
    return report(trials(quick=quick), seed)


def report(tried: Sequence[Trial], seed: int, analyses: Analyses | None = None) -> View:
    """The report of these trials; `analyses`: None for those that runs and reports use."""
    analyses = analyses or Analyses()
    tables: list[Table] = []
    checks: list[Check] = []
    words: list[str] = []
    for trial in tried:
        found = tuple(try_case(case, trial.repeats, seed, analyses) for case in trial.cases)
        tables.append(table(trial, found))
        bound = [one for one in found if one.word]
        checks += [check(trial, one) for one in bound]
        words += [one.word for one in bound]
    outcome, verdict = _verdict(words)
    return View(
        title="Self-check of the analysis",
        where=f"Simulated latencies of known truth (seed {seed}), analysed as those of a run; no device.",
        verdict=verdict,
        outcome=outcome,
        tables=tuple(tables),
        notes=(),
        files=(),
        checks=tuple(checks),
    )


_AGAIN = "Run it without --quick and with another --seed: a case that is unclear each time is off."


def _verdict(words: list[str]) -> tuple[Outcome, str]:
    off, unclear = words.count(OFF), words.count(UNCLEAR)
    held = f"{words.count(OK)} of {len(words)} cases hold their bounds"
    if off:
        return "failed", f"the analysis is off: {held}, {off} do not."
    if unclear:
        few = f"{unclear} unclear, outside by no more than chance explains"
        return "undecided", f"{held}; {few}. {_AGAIN}"
    return "passed", f"the analysis is right where it was tried: {held}."
