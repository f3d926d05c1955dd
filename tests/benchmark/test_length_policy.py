"""Several lengths in one file, end to end: the same answers, a verdict that says so, and wrong calls."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from android_runner.sequences import Sequences
from benchmark import parity_run
from benchmark.cli import call
from benchmark.host_logits import host_logits
from benchmark.listener import Listener
from benchmark.pairs.read import read_pairs
from benchmark.tokenize import open_tokenizer, tokenize
from benchmark.workers.inside import work
from benchmark.workers.job import Chunk, Done, Job
from export.artifact import ArtifactFiles, build
from export.checkpoint import open_checkpoint
from export.lengths import DEFAULT_LENGTHS, expected_cost
from results.device import LengthPolicy
from tests.benchmark.small import QUICK

HOST = ("--device", "host", "--threads", "1", *QUICK)
LENGTHS = (24, 40, 128)  # of every file here: a conversion takes seconds
ASKED = ("--lengths", "24,40,128")


@pytest.fixture
def bench(own_folder: None, small_checkpoint: Path) -> Callable[..., int]:
    """`mobilebert-bench COMMAND` on the small checkpoint and the example pairs, in a folder of its own."""

    def _call(command: str, *more: str) -> int:
        checkpoint = () if command == "latency" else ("--checkpoint", str(small_checkpoint))
        return call([command, *checkpoint, *more])

    return _call


@pytest.fixture(scope="module", params=["float32", "dynamic_int8"])
def several(request: pytest.FixtureRequest, small_checkpoint: Path, cache: Path) -> ArtifactFiles:
    """The small checkpoint with three signatures."""
    return build(open_checkpoint(str(small_checkpoint)), request.param, LENGTHS, cache / "artifacts")


def rows_of(*tokens: int, vocabulary: int) -> Sequences:
    """A row of random words for each count of real tokens, padded to the longest length."""
    random = np.random.default_rng(5)
    mask = (np.arange(LENGTHS[-1]) < np.array(tokens)[:, None]).astype(np.int32)
    return Sequences(
        row_ids=np.arange(len(tokens)),
        input_ids=random.integers(5, vocabulary, mask.shape) * mask,
        attention_mask=mask,
        token_type_ids=random.integers(0, 2, mask.shape) * mask,
        vocabulary_size=vocabulary,
    )


def logits(files: ArtifactFiles, rows: Sequences, policy: LengthPolicy) -> np.ndarray:
    return host_logits(files, rows, runtime="ai-edge-litert", threads=1, listener=Listener(), policy=policy)[
        0
    ]


def test_a_row_has_the_same_logits_by_every_signature(several: ArtifactFiles) -> None:
    """Rows that just fit, that just do not, and that fill the longest one; each by the rule and padded."""
    tokens = (3, 23, 24, 25, 39, 40, 127, 128)
    rows = rows_of(*tokens, vocabulary=several.artifact.vocabulary_size)
    padded, short = logits(several, rows, "fixed"), logits(several, rows, "shortest")
    scale = float(np.abs(padded).max())
    parity = several.artifact.parity
    assert parity is not None
    float32 = several.artifact.precision == "float32"
    tolerance = 1e-5 * scale if float32 else parity.tolerance * scale / parity.logit_scale
    assert np.abs(short - padded).max() <= tolerance
    assert np.abs(padded - padded[0]).max() > 10 * tolerance or not float32


def test_a_row_that_fills_its_signature_would_differ(small_checkpoint: Path, cache: Path) -> None:
    """Why the rule says longer: 24 tokens by s24 are off by much more than rounding, 23 are not."""
    files = build(open_checkpoint(str(small_checkpoint)), "float32", LENGTHS, cache / "artifacts")
    rows = rows_of(23, 24, vocabulary=files.artifact.vocabulary_size)
    padded = logits(files, rows, "fixed")
    cut = Sequences(
        row_ids=rows.row_ids,
        input_ids=rows.input_ids[:, :24],
        attention_mask=rows.attention_mask[:, :24],
        token_type_ids=rows.token_type_ids[:, :24],
        vocabulary_size=rows.vocabulary_size,
    )
    off = np.abs(logits(files, cut, "fixed") - padded).max(axis=1) / np.abs(padded).max()
    assert off[0] <= 1e-5
    assert off[1] > 1e-4


def test_parity_covers_a_signature_that_only_timed_rows_need(several: ArtifactFiles) -> None:
    """Long pairs are rare: none may be among the first candidates, and its signature would go unchecked."""
    vocabulary = several.artifact.vocabulary_size
    timed, candidates = rows_of(5, 6, 100, 7, vocabulary=vocabulary), rows_of(3, 4, 30, vocabulary=vocabulary)
    timed = dataclasses.replace(timed, row_ids=timed.row_ids + 10)
    bench = SimpleNamespace(sequences=timed, candidates=candidates)

    def chosen(policy: LengthPolicy, count: int) -> list[int]:
        found = parity_run._candidates(bench, several.artifact, policy, count)  # type: ignore[arg-type]
        return found.row_ids.tolist()

    assert chosen("shortest", 3) == [0, 1, 2, 12]
    assert chosen("shortest", 2) == [0, 1, 12]
    assert chosen("fixed", 3) == [0, 1, 2]


def test_shortest_ends_in_a_verdict(bench: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """The whole job: parity over all signatures, each row by its own, accuracy too, and no claim of 62 ms."""
    assert bench("run", *ASKED, "--length-policy", "shortest", *HOST) == 0
    out = capfd.readouterr().out
    record = json.loads(Path("runs/0001/record.json").read_text())
    settings = record["settings"]
    assert (settings["length_policy"], settings["length"]) == ("shortest", 128)
    assert settings["lengths"] == list(LENGTHS)
    assert [parity["status"] for parity in record["parities"]] == ["passed"]
    ran = {
        (words[3], words[4])
        for launch in record["launches"]
        for line in (Path("runs/0001") / launch["samples_file"]).read_text().splitlines()
        if (words := line.split())[0] == "inference"
    }
    used = {key for _, key in ran}
    assert used >= {"s24", "s40"}
    assert len(ran) == len({row for row, _ in ran})
    csv = Path("runs/0001/sequences-dynamic_int8.csv").read_text().splitlines()
    assert {line.split(",")[-1] for line in csv[1:]} == used
    latency = next(
        claim
        for claim in json.loads(Path("runs/0001/verdict.json").read_text())["claims"]
        if claim["id"] == "latency"
    )
    assert latency["status"] == "not_comparable"
    assert any("other length policy" in reason for reason in latency["reasons"])
    assert "Latency by signature" in out
    assert "peak memory" in out


def test_both_policies_predict_the_same(bench: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Accuracy is a property of the model; how its rows are padded must not move it."""
    opened: list[int] = []

    def spy(job: Job, chunk: Chunk) -> Done:
        opened.extend([chunk.length] if opened[-1:] != [chunk.length] else [])
        return work(job, chunk)

    monkeypatch.setattr("benchmark.workers.inside.work", spy)
    for policy in (("--length-policy", "fixed"), ("--length-policy", "shortest"), ()):
        assert bench("accuracy", *ASKED, "--recipe", "float32", *policy) == 0
    fixed, shortest, default = (
        (Path(f"runs/000{run}") / "predictions-float32.csv").read_text().splitlines() for run in (1, 2, 3)
    )
    assert [line.split(",")[:4] for line in fixed] == [line.split(",")[:4] for line in shortest]
    assert default == shortest
    records = [json.loads(Path(f"runs/000{run}/record.json").read_text()) for run in (1, 2, 3)]
    said = [record["accuracies"][0]["length_policy"] for record in records]
    assert said == ["fixed", "shortest", "shortest"]
    # Equal logits do not tell which signatures ran.
    assert opened == [128, 40, 24, 40, 24]


def test_latency_of_a_file_with_several_signatures(
    bench: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    """A bare file is measured at 128 where it has that, at --length where that is given, or by row."""
    assert bench("export", *ASKED) == 0
    said = capfd.readouterr().out.splitlines()
    assert said[0].endswith("for lengths 24, 40, 128")
    exported = Path(said[-1].strip()) / "model.tflite"
    bare = Path("bare.tflite")
    bare.write_bytes(exported.read_bytes())
    calls = ((), ("--length", "24"), ("--length-policy", "shortest"))
    for more in calls:
        assert bench("latency", str(bare), *more, *HOST) == 0
    records = [json.loads(Path(f"runs/000{run}/record.json").read_text()) for run in (1, 2, 3)]
    assert [record["settings"]["length"] for record in records] == [128, 24, 128]
    assert [record["settings"]["length_policy"] for record in records] == ["fixed", "fixed", "shortest"]
    for record in records:
        assert record["settings"]["lengths"] == list(LENGTHS)
        assert [one["key"] for one in record["artifacts"][0]["signatures"]] == ["s24", "s40", "s128"]
        assert len(record["launches"]) == 5
    capfd.readouterr()
    assert bench("latency", str(bare), "--length", "64", *HOST) == 2
    assert "no signature for 64 tokens; it has 24, 40, 128" in re.sub(r"\s+", " ", capfd.readouterr().err)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--lengths", "0,128"), "0 is outside 2 to 512"),
        (("--lengths", "1"), "1 is outside 2 to 512"),
        (("--lengths", "24,513"), "513 is outside 2 to 512"),
        (("--lengths", "24,24"), "names no length, or one twice"),
        (("--lengths", ""), "not a list of whole numbers"),
        (("--lengths", "24,,40"), "not a list of whole numbers"),
        (("--lengths", "24,4e1"), "not a list of whole numbers"),
        (("--lengths", "-24"), "not a list of whole numbers"),
        (("--lengths", "2,4"), "the longest of --lengths 4 is outside 8 to 512"),
        (("--lengths", "24,256"), "positions for 128 tokens, and 256"),
        (("--length", "0"), "--length 0 is outside"),
        (("--length-policy", "longest"), "invalid choice: 'longest'"),
    ],
)
@pytest.mark.parametrize("command", ["export", "accuracy"])
def test_wrong_lengths(
    bench: Callable[..., int],
    capfd: pytest.CaptureFixture[str],
    command: str,
    words: tuple[str, str],
    says: str,
) -> None:
    """One error, exit code 2, before anything is converted or written."""
    assert bench(command, f"{words[0]}={words[1]}") == 2
    err = re.sub(r"\s+", " ", capfd.readouterr().err)
    assert says in err
    assert "Traceback" not in err
    assert not Path("runs").exists()


def test_help_names_the_default(capfd: pytest.CaptureFixture[str]) -> None:
    """The help holds the numbers as text, because the command line is parsed without what exports."""
    with pytest.raises(SystemExit):
        call(["export", "--help"])
    assert f"(default {','.join(map(str, DEFAULT_LENGTHS))})" in " ".join(capfd.readouterr().out.split())


def test_default_lengths_suit_mnli() -> None:
    """No other three lengths below 128, in steps of 8, would be cheaper on the real pairs' lengths."""
    folder = Path(os.environ.get("MOBILEBERT_BENCH_DATA") or "data")
    if not (folder / "mnli_dev_matched.tsv").is_file():
        pytest.skip("the MNLI pairs are not at hand (MOBILEBERT_BENCH_DATA)")
    tokenizer = open_tokenizer(folder / "vocab.txt", model_size=30522, exact=True)
    table = read_pairs(folder / "mnli_dev_matched.tsv", origin="test")
    texts = list(zip(table.frame["premise"], table.frame["hypothesis"], strict=True))
    tokens = tokenize(tokenizer, texts, length=128).counts

    def cost(*lengths: int) -> float:  # ms, as measured on x86-64 at one thread
        return expected_cost((*lengths, 128), tokens, fixed=0.9, per_token=0.083)

    cheapest = min(itertools.combinations(range(16, 128, 8), 3), key=lambda lengths: cost(*lengths))
    assert (*cheapest, 128) == DEFAULT_LENGTHS
    assert cost(*cheapest) < 0.46 * cost()
