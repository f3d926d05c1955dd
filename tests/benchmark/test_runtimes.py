"""Several runtimes in one call: what each evaluates, what is left out, and a broken one found."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark import other_runtimes
from benchmark.cli import call
from benchmark.other_runtimes import PAIRS_PER_S, SLICE_ROWS, SLOW, rows_for
from benchmark.workers import inside
from benchmark.workers.job import Done, Job
from benchmark.workers.kept import KeptChunks
from export.runtimes import RUNTIMES
from results.errors import ConversionError
from results.record import Record
from results.store import RunStore
from results.written import run_view

needs_all = pytest.mark.skipif(
    not all(importlib.util.find_spec(name.partition(".")[0]) for name in RUNTIMES.values()),
    reason="tflite-runtime is for Python 3.11, and PyTorch is optional",
)
Opener = Callable[[Job], Callable[[int], object]]


@pytest.fixture
def words(own_folder: None, small_checkpoint: Path) -> list[str]:
    """`mobilebert-bench accuracy` on the 72 example pairs, in chunks of at most 64."""
    return ["accuracy", "--checkpoint", str(small_checkpoint), "--lengths", "24,48", "--length", "48"]


def run_of(number: int = 1) -> tuple[RunStore, Record]:
    store = RunStore.open(Path(f"runs/{number:04d}"))
    return store, store.load()


@needs_all
def test_all_four_runtimes_agree_on_one_checkpoint(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Three interpreters of one file, and PyTorch over its weights: four ways to the same predictions."""
    recipes = "dynamic_int8_per_tensor,dynamic_int8"
    named = "ai-edge-litert,tflite-runtime,tensorflow,torch"
    assert call([*words, "--recipe", recipes, "--runtime", named]) == 0
    store, record = run_of()
    per_tensor, per_channel = recipes.split(",")
    assert [(one.runtime, one.recipe) for one in record.runtime_accuracies] == [
        *(("tflite-runtime", recipe) for recipe in (per_tensor, "float32")),
        *(("tensorflow", recipe) for recipe in (per_tensor, per_channel, "float32")),
        ("torch", "float32"),
    ]
    largest = {(one.runtime, one.recipe): one.max_difference for one in record.runtime_accuracies}
    assert largest["torch", "float32"] < 1e-5
    assert largest["torch", "float32"] > 0  # else it would be the file once more
    assert largest["tflite-runtime", per_tensor] < 0.1
    left_out = [doubt.text for doubt in record.doubts if doubt.code == other_runtimes.DOUBT]
    assert [text.split(" ")[0] for text in left_out] == ["tflite-runtime", "torch", "torch"]
    checks = [one for one in run_view(store).checks if one.group == "accuracy.runtime"]
    assert [check.outcome for check in checks] == ["passed"] * 6
    shown = capsys.readouterr()
    assert "By runtime on this machine, example pairs, not MNLI [Wilson 95 %]" in shown.out
    assert "predictions-float32-torch.csv" in shown.out
    assert "deprecated" not in shown.err
    assert not list(store.folder.glob("*.kept"))


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Callable[[Opener], None]:
    """What opens TensorFlow's interpreter becomes another; the example's rows run in this process."""
    opened = inside._open

    def patch(other: Opener) -> None:
        monkeypatch.setattr(
            inside, "_open", lambda job: (other if job.runtime == "tensorflow" else opened)(job)
        )

    return patch


class _Swapped:
    """A runtime that mistakes one label for another, as one that binds outputs by order would."""

    version = "0"

    def __init__(self, whole: inside._Runs) -> None:
        self._whole = whole

    def logits(
        self, ids: NDArray[np.int32], mask: NDArray[np.int32], types: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        return self._whole.logits(ids, mask, types)[[1, 0, 2]]


def test_a_runtime_that_computes_something_else_is_found(
    words: list[str], patched: Callable[[Opener], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is there for this: the verdict stands, and report and CI say which runtime is wrong."""
    opened = inside._open
    patched(lambda job: lambda length: _Swapped(opened(job)(length)))
    assert call([*words, "--recipe", "float32", "--runtime", "ai-edge-litert,tensorflow"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "float32 by tensorflow is NOT the same: it predicts otherwise on" in out
    (check,) = (one for one in run_view(run_of()[0]).checks if one.group == "accuracy.runtime")
    assert (check.outcome, check.name) == (
        "failed",
        "float32 by tensorflow: the same as by ai-edge-litert",
    )


def test_a_runtime_that_cannot_run_a_file_costs_the_others_nothing(
    words: list[str], patched: Callable[[Opener], None]
) -> None:
    """Hours of evaluation must not end in an error of what was only to be set beside them."""

    def refuse(job: Job) -> Callable[[int], object]:
        raise ConversionError(f"{job.runtime} knows no such operator", next_step="Export again.")

    patched(refuse)
    assert call([*words, "--recipe", "float32", "--runtime", "ai-edge-litert,tensorflow"]) == 0
    store, record = run_of()
    assert record.runtime_accuracies == ()
    assert record.ended_at is not None
    assert "tensorflow could not evaluate float32: tensorflow knows no such operator" in store.report()
    assert [(one.name, one.outcome) for one in run_view(store).checks if one.group == "accuracy.runtime"] == [
        ("tensorflow: the same as ai-edge-litert", "undecided")
    ]
    assert not list(store.folder.glob("*.kept"))


def test_what_could_not_be_evaluated_is_not_tried_again(
    words: list[str], patched: Callable[[Opener], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that says both that it failed and what it gave would be of no use."""
    opened = inside._open

    def refuse(job: Job) -> Callable[[int], object]:
        if job.recipe == "float32":
            raise KeyboardInterrupt
        raise ConversionError(f"{job.runtime} knows no such operator", next_step="Export again.")

    words = [*words, "--recipe", "dynamic_int8", "--runtime", "ai-edge-litert,tensorflow"]
    with monkeypatch.context():
        patched(refuse)
        assert call(words) == 130
    monkeypatch.setattr(inside, "_open", opened)
    assert call(["resume", "runs/0001"]) == 0
    _, record = run_of()
    assert [one.recipe for one in record.runtime_accuracies] == ["float32"]
    assert sum("could not evaluate dynamic_int8" in one.text for one in record.doubts) == 1


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("ai-edge-litert,tensorflw", 'There is no runtime "tensorflw". Did you mean tensorflow?'),
        ("pytorch", 'There is no runtime "pytorch". Did you mean torch?'),
        ("torch", "torch runs the checkpoint's weights and not what was exported"),
        ("torch,ai-edge-litert", "torch runs the checkpoint's weights and not what was exported"),
        ("tensorflow,tensorflow", "--runtime 'tensorflow,tensorflow' names no runtime, or one twice"),
        ("", "--runtime '' names no runtime, or one twice"),
    ],
)
def test_a_runtime_that_is_not_there_is_a_wrong_call(
    words: list[str], capsys: pytest.CaptureFixture[str], named: str, says: str
) -> None:
    """Told before the first export, not after the last evaluation."""
    assert call([*words, "--runtime", named]) == 2
    assert says in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("runtime", "module", "advice"),
    [
        ("torch", "torch", "Install PyTorch (pip install torch), or leave torch out"),
        ("torch", "transformers", "Install PyTorch"),
        ("tflite-runtime", "tflite_runtime", "Use --runtime ai-edge-litert"),
        ("tensorflow", "tensorflow", "Use --runtime ai-edge-litert"),
    ],
)
def test_a_runtime_that_is_not_installed_is_a_wrong_call(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    runtime: str,
    module: str,
    advice: str,
) -> None:
    """PyTorch is optional, and tflite-runtime has no build for new Pythons."""
    monkeypatch.setitem(sys.modules, module, None)
    assert call([*words, "--runtime", f"ai-edge-litert,{runtime}"]) == 2
    err = capsys.readouterr().err
    assert f"{runtime} is not installed under Python 3." in err
    assert f"there is no module {module}" in err
    assert advice in err
    assert not Path("runs").exists()


def test_an_evaluation_that_was_stopped_goes_on_by_runtime_and_by_chunk(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one runtime has ended is not done again, nor are the chunks of the one that was at work."""
    words = [*words, "--recipe", "dynamic_int8", "--runtime", "ai-edge-litert,tensorflow"]
    assert call([*words, "--output", "undisturbed"]) == 0
    add = KeptChunks.add

    def add_and_stop(self: KeptChunks, done: Done) -> None:
        add(self, done)
        if self._path.name == "chunks-float32-tensorflow.kept":
            raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(KeptChunks, "add", add_and_stop)
        assert call(words) == 130
    store, record = run_of()
    assert [one.recipe for one in record.runtime_accuracies] == ["dynamic_int8"]
    first = record.runtime_accuracies[0]
    assert call(["resume", "runs/0001"]) == 0
    record = store.load()
    assert record.runtime_accuracies[0] == first
    assert 0 < record.runtime_accuracies[1].kept_rows < 72
    assert not list(store.folder.glob("*.kept"))
    for one in record.runtime_accuracies:
        whole = Path("undisturbed/0001") / one.predictions_file
        assert (store.folder / one.predictions_file).read_bytes() == whole.read_bytes()


def test_only_slow_runtimes_evaluate_a_slice() -> None:
    """The choice is a declared table's: a busy machine must not change what is compared."""
    gold = np.repeat([0, 1, 2], [3479, 3123, 3213])
    np.random.default_rng(5).shuffle(gold)
    slow = {of for of, rate in PAIRS_PER_S.items() if rate < SLOW}
    assert slow == {("torch", False), ("tflite-runtime", True)}
    for (runtime, eight_bit), rate in PAIRS_PER_S.items():
        recipe = "dynamic_int8_per_tensor" if eight_bit else "float32"
        assert (len(rows_for(runtime, recipe, gold, 1)) < gold.size) == (rate < SLOW)
    assert len(rows_for("torch", "float32", gold[:SLICE_ROWS], 1)) == SLICE_ROWS


def test_a_slice_keeps_the_labels_shares_and_depends_on_the_seed_alone() -> None:
    """Never the first rows: a pairs file may be sorted, and often is."""
    gold = np.sort(np.random.default_rng(5).choice(3, 9815, p=[0.7, 0.25, 0.05]))
    places = rows_for("torch", "float32", gold, 1)
    assert len(np.unique(places)) == SLICE_ROWS
    assert (np.diff(places) > 0).all()
    shares = np.bincount(gold) / gold.size * SLICE_ROWS
    assert np.abs(np.bincount(gold[places]) - shares).max() <= 1
    assert np.array_equal(places, rows_for("torch", "float32", gold, 1))
    assert not np.array_equal(places, rows_for("torch", "float32", gold, 2))
