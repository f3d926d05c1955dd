"""Turns of phrase that several tables share."""

from __future__ import annotations

from collections.abc import Iterable

from results.device import LengthPolicy
from results.latency import LatencySummary
from results.record import Record, Settings
from results.verdict_file import Verdict


def counted(count: int, noun: str) -> str:
    """A count and its noun: 1 launch, 2 launches."""
    if count != 1:
        noun += "es" if noun.endswith(("ch", "ss")) else "s"
    return f"{count} {noun}"


def ranges(numbers: Iterable[int]) -> str:
    """Whole numbers in ascending order, three and more in a row as first-last: "0-3, 6"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def valid_of(one: LatencySummary) -> str:
    """How many launches are valid, and how many more it took."""
    repeated = f", {one.launches_repeated} repeated" if one.launches_repeated else ""
    return f"{one.launches_valid} of {one.launches_total}{repeated}"


def padding(settings: Settings) -> str:
    """To which length sequences were padded, in a few words."""
    return padded_to(settings.length_policy, settings.length, settings.lengths, "a sequence")


def padded_to(policy: LengthPolicy, length: int, lengths: Iterable[int], what: str) -> str:
    """The same of some rows of at most `length` tokens; `lengths`: of the signatures, `what`: one row."""
    if policy == "fixed":
        return f"length {length}"
    used = sorted({one for one in lengths if one <= length})
    if len(used) < 2:
        return f"length {length}"
    # Why longer: export/lengths.py. Those as long as the longest run in it.
    return f"the shortest of lengths {', '.join(map(str, used))} that is longer than {what}"


def within_rounding(flips: int, explained: int) -> str:
    """How many of so many pairs that are predicted otherwise rounding explains, after "so many pairs"."""
    if explained == flips:
        return "within rounding" if flips == 1 else "all of them within rounding"
    return "not within rounding" if explained == 0 else f"{explained} of them within rounding"


def percent(share: float, digits: int = 1) -> str:
    """A share, 0 to 1, as readers see it."""
    return f"{share * 100:.{digits}f} %"


def p_value(p: float) -> str:
    """A p value to two digits, and never 0."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def same_runs(record: Record) -> str:
    """Which other runs a latency may be held against."""
    settings = record.settings
    more = [
        *([] if settings.cores == "big" else [f"cores {settings.cores}"]),
        *([] if settings.delegate == "cpu" else [f"delegate {settings.delegate}"]),
        *(["fixed-performance mode"] if settings.fixed_performance else []),
    ]
    return (
        f"runs on this device with {padding(settings)}, {counted(settings.threads, 'thread')}, batch "
        f"{', '.join([str(settings.batch), settings.runner, *more])}"
    )


def against_claim(verdict: Verdict) -> str:
    """Whether latencies may be held against the paper's figure."""
    latency = [claim for claim in verdict.claims if claim.unit == "ms" and claim.role == "claim"]
    figures = " or ".join(dict.fromkeys(f"{claim.claim_citation.reported_value:g} ms" for claim in latency))
    if any(claim.protocol_match == "mismatch" for claim in latency):
        return f"; not with the paper's {figures}"
    return f"; with the paper's {figures} only with the qualifiers above"
