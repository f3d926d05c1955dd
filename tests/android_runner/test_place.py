"""Which cores a launch gets."""

from __future__ import annotations

import dataclasses

import pytest

from android_runner.place import cores_for
from results.device import Core, Device
from results.errors import ConfigError


def _device(*strengths: tuple[int | None, int | None]) -> Device:
    return Device(
        kind="phone",
        serial_sha256=None,
        manufacturer=None,
        model=None,
        soc=None,
        abi="arm64-v8a",
        api_level=None,
        fingerprint=None,
        build_type=None,
        kernel=None,
        cores=tuple(
            Core(index=index, capacity=capacity, max_khz=max_khz)
            for index, (capacity, max_khz) in enumerate(strengths)
        ),
        memory_bytes=None,
        free_bytes=None,
    )


PIXEL_4 = _device(*[(261, 1785600)] * 4, *[(871, 2419200)] * 3, (1024, 2841600))


@pytest.mark.parametrize(
    ("threads", "cores"),
    [(1, (7,)), (2, (6, 7)), (4, (4, 5, 6, 7)), (5, (3, 4, 5, 6, 7)), (8, tuple(range(8)))],
)
def test_strongest_cores_are_taken(threads: int, cores: tuple[int, ...]) -> None:
    """Threads on little cores would make the paper's 62 ms look three times worse."""
    assert cores_for(PIXEL_4, threads) == cores


def test_clock_decides_where_capacity_is_unknown() -> None:
    """Kernels before 4.x with no cpu_capacity still tell clocks; big cores are not always the last."""
    assert cores_for(_device((None, 2000), (None, 3000), (None, 1000), (None, 3000)), 2) == (1, 3)


@pytest.mark.parametrize(
    ("strengths", "cores"),
    [
        # By the clock, that all have; the core without a capacity is the fastest of them.
        ([(1024, 2000), (None, 3000), (500, 2500), (500, 1000)], (1, 2)),
        # By capacity, that all have, then index; the clock of one cannot be read.
        ([(1024, 3000), (1024, 2000), (1024, None), (500, 3000)], (1, 2)),
        # Neither is known of all: a guess would look like a choice.
        ([(1024, None), (None, 3000), (500, 2500), (500, 1000)], ()),
    ],
)
def test_a_measure_counts_only_where_every_core_has_it(
    strengths: list[tuple[int | None, int | None]], cores: tuple[int, ...]
) -> None:
    """One file that a phone hides would put its core last, whatever it is, and the threads on weaker ones."""
    assert cores_for(_device(*strengths), 2) == cores


@pytest.mark.parametrize("strength", [(None, None), (1024, None)])
def test_equal_cores_get_no_mask(strength: tuple[int | None, int | None]) -> None:
    """On a host any two cores are as good as others, and pinning only takes away the scheduler's choice."""
    assert cores_for(_device(strength, strength, strength), 2) == ()


@pytest.mark.parametrize("threads", [0, 9])
def test_threads_that_do_not_fit_are_refused(threads: int) -> None:
    """Nine threads on eight cores wait for each other at every step."""
    with pytest.raises(ConfigError, match=f"{threads} threads"):
        cores_for(PIXEL_4, threads)


@pytest.mark.parametrize(
    ("mask", "threads", "cores"),
    [("f0", 4, (4, 5, 6, 7)), ("0x80", 1, (7,)), ("0F", 2, (0, 1, 2, 3)), ("ff", 8, tuple(range(8)))],
)
def test_mask_is_taken_as_it_is(mask: str, threads: int, cores: tuple[int, ...]) -> None:
    """Whoever names cores wants those, also little ones, and also more of them than threads."""
    assert cores_for(PIXEL_4, threads, mask) == cores


def test_all_leaves_the_choice_to_the_device() -> None:
    """No mask, also where the cores differ."""
    assert cores_for(PIXEL_4, 4, "all") == ()
    with pytest.raises(ConfigError, match="9 threads"):
        cores_for(PIXEL_4, 9, "all")


def test_mask_with_a_core_that_may_not_be_used() -> None:
    """Core 8 is not there, core 2 is switched off or outside of the shell's set: it says which."""
    device = dataclasses.replace(PIXEL_4, cores=tuple(core for core in PIXEL_4.cores if core.index != 2))
    with pytest.raises(ConfigError, match="core 2, 8, which") as caught:
        cores_for(device, 2, "104")
    assert "0, 1, 3, 4, 5, 6, 7" in caught.value.next_step
    assert "mask within fb" in caught.value.next_step


@pytest.mark.parametrize(("mask", "advice"), [("c0", "--threads 2"), ("0", "at least one core")])
def test_mask_with_fewer_cores_than_threads(mask: str, advice: str) -> None:
    """Threads that share a core wait for each other; a mask of none is a slip."""
    with pytest.raises(ConfigError, match="4 threads do not fit") as caught:
        cores_for(PIXEL_4, 4, mask)
    assert advice in caught.value.next_step
