"""What all tests share: golden files (rewritten by `pytest --update-goldens` and reviewed as a diff),
the watch over skipped tests, and how long the fuzz tests look."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests import skipping

# `make fuzz` chooses it; deadlines measure this machine's load.
hypothesis.settings.register_profile("fuzz", max_examples=5000, deadline=None, derandomize=False)
hypothesis.settings.register_profile("test", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="rewrite the golden files")


def pytest_configure(config: pytest.Config) -> None:
    skipping.watch(config, os.environ)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with goldens/NAME beside the test file, or rewrite that file."""

    def compare(name: str, text: str) -> None:
        path: Path = request.path.parent / "goldens" / name
        if request.config.getoption("--update-goldens"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; see --update-goldens"

    return compare
