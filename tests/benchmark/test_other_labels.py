"""Checkpoints of other tasks than MNLI: exported and measured, and never scored on its pairs."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from benchmark.cli import call
from export.checkpoint import open_checkpoint
from export.seeded import seeded_tensors
from tests.benchmark.small import QUICK


@pytest.mark.parametrize("labels", [1, 5])
def test_any_number_of_labels_is_exported_and_measured(
    labels: int,
    small_checkpoint: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A score or five topics cost what three labels cost; their accuracy on MNLI would mean nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(cache))
    monkeypatch.delenv("MOBILEBERT_BENCH_DATA", raising=False)
    folder = Path(shutil.copytree(small_checkpoint, "checkpoint"))
    settings = json.loads((folder / "config.json").read_text())
    settings["id2label"] = {str(index): f"Topic {index}" for index in range(labels)}
    (folder / "config.json").write_text(json.dumps(settings))
    config = dataclasses.replace(open_checkpoint(str(small_checkpoint)).config, labels=labels)
    save_file(seeded_tensors(config, 3), folder / "model.safetensors")

    for command in (["run", "--device", "host"], ["accuracy"]):
        assert call([*command, "--checkpoint", str(folder)]) == 4
        refused = capfd.readouterr().err
        assert "error: labels" in refused
        assert "topic 0" in refused
        assert "Exporting" not in refused
    assert not Path("runs").exists()

    assert call(["export", "--checkpoint", str(folder)]) == 0
    exported = capfd.readouterr().out.splitlines()[-1].strip()
    assert call(["latency", exported, "--device", "host", "--threads", "1", *QUICK]) == 0
    record = json.loads(Path("runs/0001/record.json").read_text())
    assert record["artifacts"][0]["labels"] == [f"topic {index}" for index in range(labels)]
    assert [parity["status"] for parity in record["parities"]] == ["passed"]
    assert len(record["launches"]) == 5
