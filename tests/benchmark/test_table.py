"""`mobilebert-bench table` on this machine: small networks of the four kinds, through the real program."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.run import Order, Workplace
from android_runner.run import launch as real_launch
from android_runner.run import send as real_send
from benchmark.cli import call
from export import seeded
from results.errors import HarnessError, NoSpaceOnDevice, RunFailed
from tests.benchmark.small import QUICK

MODELS = tuple(seeded.MODELS)
Call = Callable[..., int]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> Call:
    """The command on two-layer networks, one thread, in a folder of its own."""
    sizes = {
        "vocab_size": 376,
        "num_hidden_layers": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
    }
    mobile = {"hidden_size": 64, "embedding_size": 32, "intra_bottleneck_size": 32}
    bert = {"hidden_size": 96, "embedding_size": 96, "num_attention_heads": 4}
    small = {
        name: dataclasses.replace(config, **sizes, **(bert if config.family == "bert" else mobile))
        for name, config in seeded.MODELS.items()
    }
    monkeypatch.setattr(seeded, "MODELS", small)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MOBILEBERT_BENCH_DATA", raising=False)
    return lambda *more: call(["table", "--device", "host", "--threads", "1", *QUICK, *more])


def record() -> dict:  # type: ignore[type-arg]  # any JSON
    return json.loads(Path("runs/0001/record.json").read_text())


def test_the_four_models_in_one_run(table: Call, capfd: pytest.CaptureFixture[str]) -> None:
    """One command: exported, checked, launched in rounds with one turn each, printed beside the paper's."""
    assert table() == 0
    out = capfd.readouterr().out
    run = record()
    assert run["settings"]["models"] == list(MODELS)
    assert run["settings"]["recipes"] == ["float32"]
    assert [one["model"] for one in run["artifacts"]] == list(MODELS)
    assert [(one["model"], one["status"]) for one in run["parities"]] == [(m, "passed") for m in MODELS]
    order = [one["model"] for one in sorted(run["launches"], key=lambda one: one["order"])]
    rounds = [order[at : at + 4] for at in range(0, 20, 4)]
    assert all(set(turn) == set(MODELS) for turn in rounds)
    assert len({tuple(turn) for turn in rounds}) > 1
    assert {one["index"] for one in run["launches"]} == set(range(5))
    for words in (
        "BERT_BASE           342 ms",
        "5.5 x",
        "3.1 x",
        "0.65 x",
        "4.3 x",
        "Seeded random weights.",
    ):
        assert words in out
    verdict = json.loads(Path("runs/0001/verdict.json").read_text())
    ratios = {one["id"]: one for one in verdict["claims"] if one["unit"] == "ratio"}
    assert len(ratios) == 4
    assert {one["status"] for one in ratios.values()} == {"not_comparable"}
    bert = ratios["bert-base-to-mobilebert"]
    assert bert["interval"]["low"] < bert["value"] < bert["interval"]["high"]
    files = [Path("runs/0001") / name for name in ("verdict.json", "report.txt", "record.json")]
    before = [file.read_bytes() for file in files]
    assert before[1].decode() == out
    assert call(["report", "runs/0001", "--recompute"]) == 0
    assert [file.read_bytes() for file in files] == before


def test_a_quantized_table_has_float32_as_its_yardstick(table: Call) -> None:
    """Any recipe by flag: parity judges it by the float32 file of the same model, which is not launched."""
    assert table("--recipe", "dynamic_int8", "--models", "mobilebert_tiny,mobilebert") == 0
    run = record()
    assert {one["recipe"] for one in run["launches"]} == {"dynamic_int8"}
    # Held against itself, a file would have no error, and no tolerance to be judged by.
    assert all(one["status"] == "passed" and one["tolerance"] > 0 for one in run["parities"])
    made = [(one["model"], one["recipe"]) for one in run["artifacts"]]
    assert made == [(m, r) for m in ("mobilebert_tiny", "mobilebert") for r in ("dynamic_int8", "float32")]
    assert "parity-mobilebert_tiny-dynamic_int8.seq" in {one.name for one in Path("runs/0001").iterdir()}


def of_bert() -> str:
    """The name under which BERT_BASE's file lies on the device."""
    return next(one["model_sha256"][:16] for one in record()["artifacts"] if one["model"] == "bert_base")


def killed_from(number: int) -> Callable[..., object]:
    """A device that kills the program on BERT_BASE from its launch `number` on, counting the parity check."""
    seen = 0

    def launch(place: Workplace, order: Order) -> object:
        nonlocal seen
        seen += of_bert() in order.model
        if of_bert() in order.model and seen >= number:
            raise RunFailed("the device program ended with exit code 137", next_step="Free memory.")
        return real_launch(place, order)

    return launch


def full_for_bert(place: Workplace, local: Path, name: str, *, sha256: str) -> str:
    if of_bert() in name:
        raise NoSpaceOnDevice("438 MB do not fit", next_step="Make room.")
    return real_send(place, local, name, sha256=sha256)


@pytest.mark.parametrize(
    ("where", "failing", "launches", "words"),
    [
        (
            "launch",
            killed_from(1),
            0,
            "cannot be run on this device: the device program ended with exit code 137",
        ),
        ("launch", killed_from(4), 2, "failed in round 3 and was not launched again"),
        ("send", full_for_bert, 0, "cannot be run on this device: 438 MB do not fit"),
    ],
)
def test_a_model_that_does_not_fit_costs_its_row(
    table: Call,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    where: str,
    failing: Callable[..., object],
    launches: int,
    words: str,
) -> None:
    """BERT_BASE takes 438 MB: a phone that cannot have it still compares the others, and says so."""
    for module in ("bench",) if where == "send" else ("measure", "parity_run"):
        monkeypatch.setattr(f"benchmark.{module}.{where}", failing)
    assert table("--models", "mobilebert,mobilebert_tiny,bert_base") == 0
    out = " ".join(capfd.readouterr().out.split())
    assert words in out
    made = [one["model"] for one in record()["launches"]]
    assert [made.count(model) for model in ("mobilebert", "mobilebert_tiny", "bert_base")] == [5, 5, launches]
    assert [one["order"] for one in record()["launches"]] == list(range(len(made)))


def test_where_no_model_can_be_run_there_is_an_error(
    table: Call, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A table of nothing is no result: the device's own word is passed on, with what was kept."""

    def fail(*_: object) -> HarnessError:
        raise RunFailed("the device program ended with exit code 6", next_step="Try another recipe.")

    monkeypatch.setattr("benchmark.parity_run.launch", fail)
    assert table("--models", "mobilebert,mobilebert_tiny") == 4
    err = capfd.readouterr().err
    assert "error: run-failed" in err
    assert "runs/0001/record.json" in err
