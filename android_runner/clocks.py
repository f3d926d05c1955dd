"""At which clocks a device's cores ran while something was measured, from the kernel's own books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from android_runner.ask import ask, of_each_core
from android_runner.kernel_text import parse_core_list, parse_time_in_state
from android_runner.link import Link
from results.device import ClockUse

_READ = of_each_core("""if [ -r $d/cpufreq/stats/time_in_state ]; then
r=$i; [ -r $d/cpufreq/related_cpus ] && read -r r <$d/cpufreq/related_cpus
echo "cores $r"; while read -r a b; do echo "$a $b"; done <$d/cpufreq/stats/time_in_state
fi""")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTicks:
    """The books of cores that share a clock: kHz to ticks of 10 ms since the boot, idle ones among them."""

    cores: tuple[int, ...]
    ticks: dict[int, int]


def clock_ticks(link: Link) -> tuple[ClockTicks, ...]:
    """Empty where the device does not tell. Raises OutputUnreadable, and the link's errors."""
    return parse_clock_ticks(ask(link, {"clocks": _READ})["clocks"])


def parse_clock_ticks(text: str) -> tuple[ClockTicks, ...]:
    """Blocks of a line "cores 0 1 2" and time_in_state; the same books once. Raises OutputUnreadable."""
    books: dict[tuple[int, ...], ClockTicks] = {}
    for block in text.split("cores ")[1:]:
        listed, _, states = block.partition("\n")
        cores = parse_core_list(listed)
        books.setdefault(cores, ClockTicks(cores=cores, ticks=parse_time_in_state(states)))
    return tuple(books.values())


def clock_use(before: Sequence[ClockTicks], after: Sequence[ClockTicks]) -> tuple[ClockUse, ...]:
    """What happened between the two readings; without cores whose books began anew or did not move."""
    earlier = {book.cores: book.ticks for book in before}
    uses = []
    for book in after:
        if book.cores not in earlier:
            continue
        spent = {khz: ticks - earlier[book.cores].get(khz, 0) for khz, ticks in book.ticks.items()}
        total = sum(spent.values())
        if total <= 0 or min(spent.values()) < 0:
            continue
        shares = {khz: round(ticks / total, 4) for khz, ticks in sorted(spent.items()) if ticks}
        uses.append(ClockUse(cores=book.cores, shares=shares))
    return tuple(uses)
