"""Which cores a launch gets."""

from __future__ import annotations

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
