"""Accuracy at full size: every MNLI matched pair, float32 and int8, through the real architecture."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmark.cli import call


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_mnli_pairs(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 9,815 rows arrive, are predicted by both files, and are counted; the weights are seeded.

    By the shortest signature that holds each pair, in less than half the time; that the lengths agree is
    tested elsewhere.
    """
    if not (Path(os.environ.get("MOBILEBERT_BENCH_DATA") or "data") / "mnli_dev_matched.tsv").is_file():
        pytest.skip("the MNLI pairs are not at hand (MOBILEBERT_BENCH_DATA)")
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(cache))
    argv = ["accuracy", "--checkpoint", "seeded", "--output", str(tmp_path), "--length-policy", "shortest"]
    assert call(argv) == 0
    record = json.loads((tmp_path / "0001/record.json").read_text())
    assert record["pairs"]["kind"] == "mnli_matched_dev"
    assert (record["pairs"]["rows_used"], record["pairs"]["truncated_rows"]) == (9815, 30)
    # Gold labels by entailment, neutral, contradiction: the set's own counts, whatever is predicted.
    for one in record["accuracies"]:
        assert [sum(row) for row in one["confusion"]] == [3479, 3123, 3213]
        assert one["correct"] == sum(one["confusion"][k][k] for k in range(3))
    floor = next(
        one
        for one in json.loads((tmp_path / "0001/verdict.json").read_text())["floors"]
        if one["recipe"] == "dynamic_int8"
    )
    assert 0.95 < floor["agreement"] < 1
    report = (tmp_path / "0001/report.txt").read_text()
    assert "9815" in report
    assert "seeded" in report
