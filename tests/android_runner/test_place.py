"""Which cores a launch gets."""

from __future__ import annotations

import pytest

from android_runner.place import cores_for
from results.errors import ConfigError
from results.record import Core, Device


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


@pytest.mark.parametrize("strength", [(None, None), (1024, None)])
def test_equal_cores_get_no_mask(strength: tuple[int | None, int | None]) -> None:
    """On a host any two cores are as good as others, and pinning only takes away the scheduler's choice."""
    assert cores_for(_device(strength, strength, strength), 2) == ()


@pytest.mark.parametrize("threads", [0, 9])
def test_threads_that_do_not_fit_are_refused(threads: int) -> None:
    """Nine threads on eight cores wait for each other at every step."""
    with pytest.raises(ConfigError, match=f"{threads} threads"):
        cores_for(PIXEL_4, threads)
