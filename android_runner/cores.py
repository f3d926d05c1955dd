"""The kernel's figures of each core: one command, and its answer as rows."""

from __future__ import annotations

import re

from android_runner.ask import MOST_CORES, of_each_core

# Prints, for each core: index, capacity, top clock and present limit in kHz; "-" for what it does not say.
EACH_CORE = of_each_core("""a=-; b=-; c=-
[ -r $d/cpu_capacity ] && read -r a <$d/cpu_capacity
[ -r $d/cpufreq/cpuinfo_max_freq ] && read -r b <$d/cpufreq/cpuinfo_max_freq
[ -r $d/cpufreq/scaling_max_freq ] && read -r c <$d/cpufreq/scaling_max_freq
echo $i $a $b $c""")


def core_rows(text: str) -> list[tuple[int, int | None, int | None, int | None]]:
    """Index, capacity, top clock and present limit in kHz, for each core that the kernel shows."""
    rows: dict[int, tuple[int, int | None, int | None, int | None]] = {}
    for line in text.splitlines():
        fields = line.split()
        numbers = [int(field) if re.fullmatch(r"[0-9]{1,9}", field) else None for field in fields]
        if len(numbers) == 4 and numbers[0] is not None and numbers[0] < MOST_CORES:
            rows.setdefault(numbers[0], (numbers[0], numbers[1], numbers[2], numbers[3]))
    return list(rows.values())
