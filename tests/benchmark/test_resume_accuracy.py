"""An evaluation that is stopped: it ends at once, leaves nobody behind, and goes on to the same bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import call
from benchmark.workers import inside
from tests.benchmark.many_pairs import write_pairs

ROWS, CHUNK = 1500, 64
PREDICTIONS = "predictions-float32.csv"
# The command; once it has kept so many chunks, a signal comes, while the workers are at others.
_STOPPED = """
import os, signal, sys, time
from benchmark.workers.kept import KeptChunks
from benchmark.cli import main

chunks, name, to_all = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "all"
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may themselves run under nohup
add, left = KeptChunks.add, [chunks]

def add_and_stop(self, done):
    add(self, done)
    left[0] -= 1
    if not left[0]:
        number = getattr(signal, name)
        print("at", time.time(), flush=True)
        os.killpg(0, number) if to_all else os.kill(os.getpid(), number)
        time.sleep(0.01)

KeptChunks.add = add_and_stop
main(sys.argv[4:])
"""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """How a command ended, and how long after the signal (s) the last of its processes was gone."""

    exit_code: int
    stderr: str
    after_s: float


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.tsv", ROWS)


@pytest.fixture
def words(own_folder: None, small_checkpoint: Path, pairs: Path) -> list[str]:
    named = ["accuracy", "--checkpoint", str(small_checkpoint), "--pairs", str(pairs), "--workers", "2"]
    return [*named, "--lengths", "24,40,128", "--recipe", "float32"]


@pytest.fixture
def whole(words: list[str], tmp_path: Path) -> bytes:
    """The predictions of a run that nobody disturbs."""
    ended = ours(*words, "--output", "undisturbed")
    assert ended.returncode == 0, ended.stderr
    return (tmp_path / "undisturbed/0001" / PREDICTIONS).read_bytes()


def ours(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).with_name("mobilebert-bench")), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def stop(chunks: int, name: str, to: str, *words: str) -> Stopped:
    """Run a command in a session of its own and stop it so; its workers hold its stderr until they end."""
    process = subprocess.Popen(
        [sys.executable, "-c", _STOPPED, str(chunks), name, to, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    out, err = process.communicate(timeout=60)
    while (left := of_session(process.pid)) and time.time() < float(
        re.findall(r"^at (\S+)$", out, re.M)[0]
    ) + 5:
        time.sleep(0.01)
    ended = time.time()
    assert not left
    at = re.search(r"^at (\S+)$", out, re.M)
    assert at, (out, err)
    return Stopped(exit_code=process.returncode, stderr=err, after_s=ended - float(at[1]))


def of_session(leader: int) -> list[str]:
    """Processes of that session that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        if rest.split()[3] == str(leader) and rest.split()[0] != "Z":
            found.append(name)
    return found


def record(run: str = "runs/0001") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(run, "record.json").read_text())
    return found


def chunks_file() -> Path:
    return Path("runs/0001/chunks-float32.kept")


def test_ctrl_c_and_resume(words: list[str], whole: bytes) -> None:
    """As a terminal does it: to this process and to every worker."""
    stopped = stop(5, "SIGINT", "all", *words)
    assert stopped.exit_code == 130, stopped.stderr
    assert stopped.after_s < 2
    assert "Traceback" not in stopped.stderr
    assert "resource_tracker" not in stopped.stderr
    assert "Stopped. Kept: runs/0001/record.json: pairs, model, chunks of float32." in stopped.stderr
    assert "mobilebert-bench resume runs/0001" in stopped.stderr
    assert not Path("runs/0001", PREDICTIONS).exists()
    resumed = ours("resume", "runs/0001")
    assert resumed.returncode == 0, resumed.stderr
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
    assert not chunks_file().exists()
    (accuracy,) = record()["accuracies"]
    said = re.search(r"(\d+) pairs are kept from before; (\d+) are left", resumed.stderr)
    assert said, resumed.stderr
    assert int(said[1]) + int(said[2]) == ROWS
    assert accuracy["kept_rows"] == int(said[1])
    assert 5 * CHUNK - CHUNK < accuracy["kept_rows"] <= 5 * CHUNK
    assert accuracy["rows"] == ROWS
    assert [one["error"] for one in record()["interruptions"]] == ["stopped"]


@pytest.mark.parametrize(
    ("name", "to"), [("SIGKILL", "one"), ("SIGTERM", "one"), ("SIGHUP", "one"), ("SIGHUP", "all")]
)
def test_the_harness_alone_is_killed(words: list[str], whole: bytes, name: str, to: str) -> None:
    """A supervisor ends the process that it knows, a closed terminal all: no worker goes on for nobody."""
    stopped = stop(3, name, to, *words)
    assert stopped.exit_code == {"SIGKILL": -9, "SIGTERM": 130, "SIGHUP": 130}[name]
    assert stopped.after_s < 2
    assert "Traceback" not in stopped.stderr
    resumed = ours("resume", "runs/0001")
    assert resumed.returncode == 0, resumed.stderr
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
    assert record()["accuracies"][0]["kept_rows"] >= 2 * CHUNK


def test_how_long_a_run_stood_still(words: list[str], whole: bytes) -> None:
    """The record is written as a recipe ends; until then its chunks say when there was work."""
    stop(5, "SIGINT", "all", *words)
    hour_ago = time.time() - 3600
    os.utime("runs/0001/record.json", (hour_ago, hour_ago))
    assert ours("resume", "runs/0001").returncode == 0
    (stopped,) = record()["interruptions"]
    assert stopped["waited_s"] < 600


def test_killed_before_the_chunks_were_dropped(words: list[str], whole: bytes) -> None:
    """Its predictions are in the record already: what is left of its chunks goes."""
    two = [*words[:-1], "dynamic_int8"]
    stop(ROWS // CHUNK + 5, "SIGKILL", "one", *two)
    assert [one["recipe"] for one in record()["accuracies"]] == ["dynamic_int8"]
    left = Path("runs/0001/chunks-dynamic_int8.kept")
    left.write_bytes(chunks_file().read_bytes())
    resumed = ours("resume", "runs/0001")
    assert resumed.returncode == 0, resumed.stderr
    assert "accuracy of dynamic_int8, chunks of dynamic_int8, chunks of float32" in resumed.stderr
    assert not list(Path("runs/0001").glob("*.kept"))
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole


def test_labels_that_changed_places(words: list[str], whole: bytes, tmp_path: Path) -> None:
    """The same weights with other names for their outputs are another model."""
    mine = tmp_path / "checkpoint"
    shutil.copytree(words[words.index("--checkpoint") + 1], mine)
    own = [str(mine) if word == words[words.index("--checkpoint") + 1] else word for word in words]
    stop(5, "SIGINT", "all", *own)
    config = mine / "config.json"
    names = config.read_text()
    turned = {"ENTAILMENT": "NEUTRAL", "NEUTRAL": "ENTAILMENT"}
    config.write_text(re.sub("|".join(turned), lambda found: turned[found[0]], names))
    refused = ours("resume", "runs/0001")
    assert refused.returncode == 4
    assert "began with another" in refused.stderr
    config.write_text(names)
    assert ours("resume", "runs/0001").returncode == 0
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole


def test_stopped_many_times(words: list[str], whole: bytes) -> None:
    """Each try adds to what is kept, and none of it is lost by the next one."""
    sizes = []
    for number, (name, to) in enumerate([("SIGINT", "all"), ("SIGKILL", "one"), ("SIGTERM", "all")]):
        stop(4, name, to, *(words if number == 0 else ["resume", "runs/0001"]))
        sizes.append(chunks_file().stat().st_size)
    assert sizes == sorted(set(sizes))
    assert ours("resume", "runs/0001").returncode == 0
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
    done = record()
    assert done["accuracies"][0]["kept_rows"] >= 3 * 3 * CHUNK
    assert [one["error"] for one in done["interruptions"]] == ["stopped"] * 3


def test_stopped_when_all_is_kept(words: list[str], whole: bytes) -> None:
    """Killed between the last chunk and the record: the report must not divide by no time and no workers."""
    chunks = 25  # of 1500 rows over three lengths
    stopped = stop(chunks, "SIGKILL", "one", *words)
    assert stopped.exit_code == -9
    resumed = ours("resume", "runs/0001")
    assert resumed.returncode == 0, resumed.stderr
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
    (accuracy,) = record()["accuracies"]
    assert (accuracy["kept_rows"], accuracy["workers"]) == (ROWS, 0)
    assert accuracy["runtime_version"]


def test_other_workers_go_on(words: list[str], whole: bytes) -> None:
    """What was kept is of the model and the rows, not of how many did it."""
    stop(5, "SIGINT", "all", *words)
    call_file = Path("runs/0001/call.json")
    said = json.loads(call_file.read_text())
    said["config"]["workers"] = 1
    call_file.write_text(json.dumps(said))
    assert ours("resume", "runs/0001").returncode == 0
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
    assert record()["accuracies"][0]["kept_rows"] > 4 * CHUNK


def test_what_was_kept_is_of_another_machine(
    words: list[str], whole: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The folder came from another machine: its logits may be rounded otherwise, so they are not mixed."""
    stop(5, "SIGINT", "all", *words)
    theirs = inside.processor()
    monkeypatch.setattr(inside, "processor", lambda: "Cortex-A76")
    assert call(["resume", "runs/0001"]) == 0
    assert f"What {theirs} predicted in an earlier try is done anew here." in capfd.readouterr().err
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
    assert record()["accuracies"][0]["kept_rows"] == 0


def test_what_was_kept_is_of_another_model(words: list[str], whole: bytes) -> None:
    """A file of another run, put there by hand, is told from this one's."""
    stop(5, "SIGINT", "all", *words)
    data = bytearray(chunks_file().read_bytes())
    data[10] ^= 1
    chunks_file().write_bytes(data)
    resumed = ours("resume", "runs/0001")
    assert resumed.returncode == 0, resumed.stderr
    assert "of another model, runtime or pairs: all is done anew" in resumed.stderr
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
    assert record()["accuracies"][0]["kept_rows"] == 0


@pytest.mark.parametrize(
    ("edit", "said"), [("form", "form of its pairs (--pair-form)"), ("row", "file of pairs")]
)
def test_other_meanings_of_the_same_rows(words: list[str], edit: str, said: str) -> None:
    """A form that was edited meanwhile gives other gold labels: chunks and record would be of two kinds."""
    form = Path("own.toml")
    form.write_text(
        '[own]\nformats = ["tsv"]\nrow = "index"\npremise = "sentence1"\nhypothesis = "sentence2"\n'
        'label = "gold_label"\n'
    )
    pairs = Path(words[words.index("--pairs") + 1])
    mine = Path("mine.tsv")
    mine.write_bytes(pairs.read_bytes())
    own = [str(mine) if word == str(pairs) else word for word in words]
    stop(5, "SIGINT", "all", *own, "--pair-form", str(form))
    if edit == "form":
        with form.open("a") as file:
            file.write(
                'labels = {entailment = "neutral", neutral = "entailment", contradiction = "contradiction"}'
            )
    else:
        mine.write_bytes(b"\n".join(mine.read_bytes().split(b"\n")[:-3]))
    refused = ours("resume", "runs/0001")
    assert refused.returncode == 4
    assert f"began with another {said}" in refused.stderr


def test_reference_runs_go_on_too(words: list[str], whole: bytes) -> None:
    """They are in the report of a run that was stopped, and are those that it began with."""
    runs = Path("runs.tsv")
    good = "run\taccuracy\n0\t0.84\n1\t0.85\n2\t0.86\n"
    runs.write_text(good)
    stop(5, "SIGINT", "all", *words, "--reference-runs", str(runs))
    runs.write_text(good.replace("0.86", "0.87"))
    refused = ours("resume", "runs/0001")
    assert refused.returncode == 4
    assert "began with another file of reference runs than is here now" in refused.stderr
    assert "record.json: pairs, file of reference runs" in refused.stderr
    runs.write_text(good)
    assert ours("resume", "runs/0001").returncode == 0
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
    assert "3 runs of another model" in Path("runs/0001/report.txt").read_text()


def test_a_folder_where_chunks_are_kept(words: list[str], whole: bytes) -> None:
    """One error with what to do; when that is done, the run goes on."""
    stop(5, "SIGINT", "all", *words)
    chunks_file().unlink()
    chunks_file().mkdir()
    resumed = ours("resume", "runs/0001")
    assert resumed.returncode == 4
    assert "error: record-not-saved" in resumed.stderr
    assert "remove what is in its place" in resumed.stderr
    assert "Traceback" not in resumed.stderr
    chunks_file().rmdir()
    assert ours("resume", "runs/0001").returncode == 0
    assert Path("runs/0001", PREDICTIONS).read_bytes() == whole
