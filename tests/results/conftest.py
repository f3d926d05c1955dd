"""What tests of comparisons share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def little_garbage() -> Iterator[None]:
    """statsmodels collects garbage whenever it corrects p values: it then has little to look through."""
    gc.freeze()
    yield
    gc.unfreeze()
