"""What kernels say in /proc and /sys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from android_runner.clocks import ClockTicks, clock_use, parse_clock_ticks
from android_runner.cores import core_rows
from android_runner.kernel_text import (
    parse_allowed,
    parse_boot_id,
    parse_core_list,
    parse_cpuinfo,
    parse_cpuset,
    parse_load,
    parse_memory,
    parse_time_in_state,
    parse_uptime_s,
)
from results.device import ClockUse
from results.errors import OutputUnreadable
from tests.android_runner.device_samples import (
    PIXEL_2_CPUINFO,
    PIXEL_8_CPUINFO,
    PIXEL_8_RELATED_CPUS,
    PIXEL_8_TIME_IN_STATE,
)

BOOT = "dfc457c0-b4df-4521-8db5-c36ab3a5c6c1"


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("0-3,6\n", (0, 1, 2, 3, 6)),
        ("0\n", (0,)),
        ("0 1 2 3 \n", (0, 1, 2, 3)),
        ("\n", ()),
        ("8,0-1", (0, 1, 8)),
    ],
)
def test_lists_of_cores(text: str, cores: tuple[int, ...]) -> None:
    """The kernel writes ranges; cpufreq writes words and ends in a blank."""
    assert parse_core_list(text) == cores


def test_bad_list_of_cores_is_an_error() -> None:
    """A mask in hexadecimal looks like a list."""
    with pytest.raises(OutputUnreadable, match="list of cores"):
        parse_core_list("ff")


@pytest.mark.parametrize("text", [PIXEL_2_CPUINFO, PIXEL_8_CPUINFO])
def test_cpuinfo_of_phones(text: str) -> None:
    """The kernel's own word against the properties'; a Pixel 2 XL starts with a line of its own."""
    assert parse_cpuinfo(text).family == "arm"
    assert parse_cpuinfo(text).model is None


def test_cpuinfo_of_a_host() -> None:
    """x86 kernels name the model; a file that cannot be read says nothing."""
    x86 = parse_cpuinfo("processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU @ 2.40GHz\n")
    assert (x86.family, x86.model) == ("x86", "Some CPU @ 2.40GHz")
    assert parse_cpuinfo("").family is None


def test_memory() -> None:
    """Kilobytes of 1024, as the kernel means them."""
    assert parse_memory("MemTotal:        5730396 kB\n") == 5730396 * 1024
    assert parse_memory("") is None


def test_allowed_cores() -> None:
    """The line of /proc/self/status, as grep gives it; none where it may not be read."""
    assert parse_allowed("Cpus_allowed_list:\t0-3,7\n") == (0, 1, 2, 3, 7)
    assert parse_allowed("") == ()


def test_load_uptime_boot_and_cpuset() -> None:
    """What the record says of the moment; a file that cannot be read says nothing."""
    assert parse_load("0.42 1.5 2.25 3/912 12345\n") == 0.42
    assert parse_uptime_s("24585.21 91234.00\n") == 24585.21
    assert parse_boot_id(f"{BOOT}\n") == BOOT
    assert parse_cpuset("/foreground\n") == "/foreground"
    assert [read("") for read in (parse_load, parse_uptime_s, parse_boot_id, parse_cpuset)] == [None] * 4


@pytest.mark.parametrize(
    ("read", "text", "source"),
    [
        (parse_load, "nan 0 0\n", "/proc/loadavg"),
        (parse_load, "cat: /proc/loadavg: Permission denied\n", "/proc/loadavg"),
        (parse_uptime_s, "1e9 0\n", "/proc/uptime"),
        (parse_boot_id, "1\n", "boot_id"),
        (parse_cpuset, "foreground\n", "/proc/self/cpuset"),
        (parse_cpuset, "/a\n/b\n", "/proc/self/cpuset"),
    ],
)
def test_other_words_are_refused(read: Callable[[str], object], text: str, source: str) -> None:
    """A message must not be taken for a state that then seems to have changed."""
    with pytest.raises(OutputUnreadable, match=f"line 1 of the device's {source}"):
        read(text)


def test_time_in_state_of_a_pixel_8() -> None:
    """kHz and ticks of 10 ms."""
    assert parse_time_in_state(PIXEL_8_TIME_IN_STATE) == {402000: 1023353, 578000: 3901, 2367000: 77}


@pytest.mark.parametrize("line", ["578000", "578000 -1", "x 3", "402000 5", f"1 {'9' * 30}"])
def test_bad_time_in_state_is_named(line: str) -> None:
    """A clock that is listed twice would be counted once."""
    with pytest.raises(OutputUnreadable, match="line 2 of the device's time_in_state"):
        parse_time_in_state(f"402000 1\n{line}\n")


def test_books_of_cores_that_share_a_clock_are_taken_once() -> None:
    """Each core of a cluster shows the same file."""
    block = f"cores {PIXEL_8_RELATED_CPUS}{PIXEL_8_TIME_IN_STATE}"
    books = parse_clock_ticks(f"{block}{block}cores 8\n500000 3\n")
    assert [book.cores for book in books] == [(4, 5, 6, 7), (8,)]
    assert books[1].ticks == {500000: 3}


def _book(ticks: dict[int, int], *cores: int) -> ClockTicks:
    return ClockTicks(cores=cores, ticks=ticks)


def test_clock_use_is_what_happened_between() -> None:
    """Shares of the time between two readings, whatever happened since the boot."""
    use = clock_use([_book({1000: 900, 2000: 100}, 4, 5)], [_book({1000: 925, 2000: 175}, 4, 5)])
    assert use == (ClockUse(cores=(4, 5), shares={1000: 0.25, 2000: 0.75}),)


@pytest.mark.parametrize(
    "after",
    [
        _book({1000: 900, 2000: 100}, 4, 5),  # a cluster that was switched off: no time went by
        _book({1000: 3, 2000: 5000}, 4, 5),  # a restart: the books began anew
        _book({1000: 925, 2000: 175}, 4),  # other cores
    ],
)
def test_clock_use_that_cannot_be_known(after: ClockTicks) -> None:
    """No share is better than one of something else."""
    assert clock_use([_book({1000: 900, 2000: 100}, 4, 5)], [after]) == ()


def test_rows_of_cores() -> None:
    """A dash for what may not be read; numbers that nothing can hold are none."""
    text = f"0 261 1785600 -\nnoise\n4 - {'9' * 5000} 2419200\n"
    assert core_rows(text) == [(0, 261, 1785600, None), (4, None, None, 2419200)]
