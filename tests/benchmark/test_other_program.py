"""The whole job with benchmark_model doing the timing: a stand-in for that program, and a real adbd."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_runner.virtual.phone import VirtualPhone
from tests.android_runner.stand_in import stand_in

pytestmark = pytest.mark.adbd


@pytest.fixture
def phone() -> Iterator[VirtualPhone]:
    with VirtualPhone() as one:
        yield one


@pytest.fixture
def program(run: Callable[..., int], own_folder: None, cache: Path) -> Path:
    return stand_in("classic")


def test_benchmark_model_times_the_launches(
    run: Callable[..., int], phone: VirtualPhone, program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its figures are kept as what they are: a median and no raw samples, and fewer claims for it."""
    assert run(phone.selector, "--runner", "benchmark_model", "--binary", str(program)) == 0
    record = json.loads(Path("runs/0001/record.json").read_text())
    assert record["settings"]["runner"].split()[0] == "benchmark_model"
    assert record["program"]["runtime"] == "benchmark_model"
    assert len(record["launches"]) == 5
    for launch in record["launches"]:
        assert launch["summary"]["count"] == launch["timed_inferences"] == 36
        assert launch["summary"]["median_ns"] > 0
        assert launch["peak_rss_bytes"] is None
        assert "count=36" in (Path("runs/0001") / launch["samples_file"]).read_text()
    assert [one["status"] for one in record["parities"]] == ["passed"]  # by our own program
    out = capfd.readouterr().out
    assert "keeps no raw samples" in out
    verdict = json.loads(Path("runs/0001/verdict.json").read_text())
    latency = next(one for one in verdict["claims"] if one["id"] == "latency")
    assert latency["value"] is not None
    assert any("no raw samples" in reason for reason in latency["reasons"])


def test_a_file_that_is_no_benchmark_model(
    run: Callable[..., int], phone: VirtualPhone, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A wrong path, and a file of another kind: refused before anything is timed."""
    for name, content in (("missing", None), ("text", b"#!/bin/sh\n")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        code = run(phone.selector, "--runner", "benchmark_model", "--binary", str(tmp_path / name))
        assert code in (2, 4)
        assert "Traceback" not in capfd.readouterr().err
    assert run(phone.selector, "--runner", "benchmark_model") == 2
    assert run(phone.selector, "--delegate", "gpu") == 2
    assert "--binary" in capfd.readouterr().err
