"""The whole job on this machine: export, parity, launches, accuracy, verdict, report, recompute."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli import call
from tests.benchmark.small import QUICK


@pytest.fixture
def bench(own_folder: None, small_checkpoint: Path) -> Callable[..., int]:
    """`mobilebert-bench run` on the small checkpoint and the example pairs, in a folder of its own."""

    def _call(*more: str, command: str = "run") -> int:
        checkpoint = () if command == "latency" else ("--checkpoint", str(small_checkpoint))
        return call([command, *checkpoint, *more])

    return _call


def test_host_run_ends_in_a_verdict(bench: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """One command, one verdict: not comparable on a host, with every launch and both accuracies recorded."""
    assert bench("--device", "host", "--threads", "1", "--recipe", "dynamic_int8,float32", *QUICK) == 0
    out = capfd.readouterr().out
    assert "host" in out.splitlines()[0]
    assert "example pairs, not MNLI" in out
    record = json.loads(Path("runs/0001/record.json").read_text())
    assert [parity["status"] for parity in record["parities"]] == ["passed", "passed"]
    assert sorted(launch["recipe"] for launch in record["launches"]) == ["dynamic_int8"] * 5 + ["float32"] * 5
    assert len({launch["seed"] for launch in record["launches"]}) == 10
    assert [one["rows"] for one in record["accuracies"]] == [72, 72]
    verdict = json.loads(Path("runs/0001/verdict.json").read_text())
    assert verdict["verdict"]["status"] == "not_comparable"
    assert Path("runs/0001/report.txt").read_text() == out


def test_recompute_gives_the_same_bytes(bench: Callable[..., int]) -> None:
    """The verdict follows from the run folder alone."""
    assert bench("--device", "host", "--threads", "1", *QUICK) == 0
    files = [Path("runs/0001") / name for name in ("verdict.json", "report.txt", "record.json")]
    before = [file.read_bytes() for file in files]
    assert call(["report", "runs/0001", "--recompute"]) == 0
    assert [file.read_bytes() for file in files] == before


def test_require_makes_the_exit_code_the_verdict(bench: Callable[..., int]) -> None:
    """A CI that wants "reproduced" gets 3 from a host, which can never say so."""
    assert bench("--device", "host", "--threads", "1", "--require", "reproduced", *QUICK) == 3


def test_accuracy_alone(bench: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """Accuracy needs no device: its run has no launches, and float32 stands beside the recipe."""
    assert bench("--slice", "30", command="accuracy") == 0
    record = json.loads(Path("runs/0001/record.json").read_text())
    assert record["launches"] == []
    assert {one["recipe"]: one["rows"] for one in record["accuracies"]} == {"dynamic_int8": 30, "float32": 30}
    assert "72" in capfd.readouterr().out


def test_latency_of_any_model(
    bench: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A bare .tflite under another name is measured, and says that its recipe is unknown."""
    assert bench(command="export") == 0
    exported = Path(capfd.readouterr().out.splitlines()[-1].strip()) / "model.tflite"
    bare = tmp_path / "somebody's model.tflite"
    bare.write_bytes(exported.read_bytes())
    assert bench(str(bare), "--device", "host", "--threads", "1", *QUICK, command="latency") == 0
    record = json.loads(Path("runs/0001/record.json").read_text())
    assert record["artifacts"][0]["precision"] == "unknown"
    assert len(record["launches"]) == 5
    assert capfd.readouterr().out


def test_a_second_export_converts_nothing(
    bench: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    """Exports are cached by content: the second call finds the file, says so, and leaves it as it is."""
    assert bench(command="export") == 0
    model = Path(capfd.readouterr().out.splitlines()[-1].strip()) / "model.tflite"
    written = model.stat().st_mtime_ns
    assert bench(command="export") == 0
    assert model.stat().st_mtime_ns == written
    assert "found in the cache" in capfd.readouterr().out


def test_more_threads_than_cores_is_refused(
    bench: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    """Threads that share a core measure the scheduler."""
    assert bench("--device", "host", "--threads", "64", *QUICK) == 2
    err = capfd.readouterr().err
    assert "64" in err
    assert "runs/0001/record.json" in err


def test_quick_takes_all_of_few_pairs(bench: Callable[..., int]) -> None:
    """--quick wants at most 500 pairs; that there are only 72 is no fault of its user."""
    assert bench("--quick", "--device", "host", "--threads", "1", "--warmup-seconds", "0.05") == 0
    record = json.loads(Path("runs/0001/record.json").read_text())
    assert record["pairs"]["rows_used"] == 72
    assert (record["settings"]["launches"], record["settings"]["inferences"]) == (5, 60)
