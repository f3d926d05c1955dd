"""`accuracy --scheduler` as its user has it, the scheduler killed in the middle too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import call
from tests.benchmark.cluster.dask_cluster import ROOT, DaskCluster, wait_for
from tests.benchmark.many_pairs import write_pairs


@pytest.fixture
def words(own_folder: None, small_checkpoint: Path, tmp_path: Path) -> list[str]:
    pairs = write_pairs(tmp_path / "pairs.tsv", 1200)
    named = ["accuracy", "--checkpoint", str(small_checkpoint), "--pairs", str(pairs)]
    return [*named, "--lengths", "24,40,128", "--recipe", "dynamic_int8"]


def record(run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(run, "record.json").read_text())
    return found


def predictions(run: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(run).glob("predictions-*.csv")}


def test_the_whole_command(shared: DaskCluster, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """The files of predictions are those of one process and of two, byte for byte."""
    for name, how in {
        "one": ("--workers", "1"),
        "two": ("--workers", "2"),
        "cluster": ("--scheduler", shared.address),
    }.items():
        assert call([*words, "--output", name, *how]) == 0, capfd.readouterr().err
    assert len(predictions("one/0001")) == 2
    assert predictions("one/0001") == predictions("two/0001") == predictions("cluster/0001")
    for accuracy in record("cluster/0001")["accuracies"]:
        assert accuracy["engine"] == "dask"
        assert accuracy["workers"] == 2
        assert accuracy["rows"] == 1200
        assert len(accuracy["processors"]) == 1
        assert 50e6 < accuracy["peak_rss_bytes"] < 350e6
    said = capfd.readouterr().err
    assert f"Joining the cluster at {shared.address}." in said
    assert "by 4 workers" in said
    assert "distributed" not in said


def test_the_scheduler_is_killed(
    own: DaskCluster, words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What ended is kept; a new cluster does the rest, and no kept chunk again."""
    assert call([*words, "--output", "undisturbed", "--workers", "2"]) == 0
    own.add(threads=2)
    wait_for(lambda: own.state()["workers"] == 1)
    killed_at = []

    def kill() -> None:
        wait_for(lambda: len(own.begun()) > 12)
        own.scheduler.kill()
        killed_at.append(time.monotonic())

    with ThreadPoolExecutor(1) as pool:
        pool.submit(kill)
        assert call([*words, "--scheduler", own.address]) == 4
        assert time.monotonic() - killed_at[0] < 10
    err = capfd.readouterr().err
    assert "error: workers-lost" in err
    assert f"The scheduler at {own.address} is gone" in err
    assert "Traceback" not in err
    before = {number for recipe, number, _ in own.begun()}
    with DaskCluster(tmp_path / "another") as another:
        another.add()
        assert call(["resume", "runs/0001", "--scheduler", another.address]) == 0, capfd.readouterr().err
        again = [number for recipe, number, _ in another.begun() if recipe == "dynamic_int8"]
    assert len(set(again)) == len(again)
    assert len(before & set(again)) <= 4  # that ran as the scheduler died, or were not fetched yet
    assert len(before | set(again)) == max(again) + 1
    accuracy = record("runs/0001")["accuracies"][0]
    assert accuracy["kept_rows"] > 0
    assert accuracy["rows"] == 1200
    assert predictions("runs/0001") == predictions("undisturbed/0001")


def test_resumed_on_this_machine(
    own: DaskCluster, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """A cluster that is gone for good must not take the run with it."""
    own.add()
    with ThreadPoolExecutor(1) as pool:

        def kill() -> None:
            wait_for(lambda: len(own.begun()) > 3)
            own.scheduler.kill()

        pool.submit(kill)
        assert call([*words, "--scheduler", own.address]) == 4
    assert call(["resume", "runs/0001"]) == 4
    assert "nothing answers there" in capfd.readouterr().err
    assert call(["resume", "runs/0001", "--scheduler", "none"]) == 0, capfd.readouterr().err
    accuracy = record("runs/0001")["accuracies"][0]
    assert accuracy["engine"] == "processes"
    assert accuracy["kept_rows"] > 0  # the same processor, so nothing is done anew
    assert len(accuracy["processors"]) == 1


def test_as_documented(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """docs/cluster.md's commands one after the other, at another address."""
    page = (ROOT / "docs/cluster.md").read_text()
    scheduler, worker = re.findall(r"^(dask .*)$", page, re.MULTILINE)
    ours = re.findall(r"^mobilebert-bench (accuracy .*)$", page, re.MULTILINE)
    monkeypatch.setenv("DASK_CONFIG", str(tmp_path))
    where = tmp_path / "scheduler.json"
    with ExitStack() as ending:
        start(scheduler, "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(where), ending=ending)
        wait_for(lambda: where.exists() and where.read_text().endswith("}"))
        address: str = json.loads(where.read_text())["address"]
        documented = worker.split()[2]
        start(worker.replace(documented, address), "--local-directory", str(tmp_path), ending=ending)
        for line in ours:
            asked = line.replace(documented, address).split()[1:]
            assert call([*words, *asked]) == 0, capfd.readouterr().err
    assert record("runs/0001")["accuracies"][0]["engine"] == "dask"


def start(command: str, *more: str, ending: ExitStack) -> None:
    """The venv's `dask`; its processes end with `ending`."""
    program, *rest = command.split()
    argv = [str(Path(sys.executable).with_name(program)), *rest, *more, "--no-dashboard"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ending.callback(process.wait)
    ending.callback(process.terminate)
