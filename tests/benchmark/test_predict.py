"""One file's predictions: what is kept until they are recorded, what is refused, what a user sees of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.answers import Answers
from benchmark.listener import Listener
from benchmark.predict import Predicted, predict
from benchmark.workers.job import Chunk, Done, Job, Worker
from benchmark.workers.processes import Here
from results.errors import ExportParityError
from tests.benchmark.test_kept_chunks import JOB, LENGTHS, ROWS, sequences


class Given(Here):
    """Workers whose logits are known: of each row its position. `fails_after`: chunks until Ctrl-C."""

    def __init__(self, *, nan_at: int | None = None, fails_after: int | None = None) -> None:
        self.nan_at = nan_at
        self.fails_after = fails_after

    def run(self, job: Job, chunks: Sequence[Chunk]) -> Iterator[Done]:
        for number, chunk in enumerate(chunks):
            # As if each chunk's worker had died and had another in its place.
            me = Worker(name=f"here/{number}", processor="one", peak_rss_bytes=1000 + number)
            if number == self.fails_after:
                raise KeyboardInterrupt
            logits = np.repeat(chunk.places[:, None], 3, axis=1).astype(np.float32)
            logits[chunk.places == self.nan_at] = np.nan
            yield Done(number=chunk.number, logits=logits, worker=me)


class Heard(Listener):
    """Every progress."""

    def __init__(self) -> None:
        self.progress: list[tuple[int, int, float | None]] = []

    def on_progress(self, done: int, total: int, unit: str, share: float | None = None) -> None:
        self.progress.append((done, total, share))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("benchmark.workers.inside.processor", lambda: "one")
    return tmp_path / "chunks.kept"


def predicted(workers: Given, kept: Path, heard: Heard) -> AbstractContextManager[Predicted]:
    answers = Answers.of_labels(("a", "b", "c"))
    pairs: Any = SimpleNamespace(sequences=sequences(), answers=answers, gold=np.zeros(ROWS, np.int64))
    return predict(
        JOB, pairs, lengths=LENGTHS, policy="shortest", workers=workers, kept_in=kept, listener=heard
    )


def test_every_row_has_its_own_logits(kept: Path) -> None:
    """Chunks end in any order; rows stay where they are."""
    with predicted(Given(), kept, Heard()) as done:
        assert np.array_equal(done.predictions.logits[:, 0], np.arange(ROWS))
        assert (done.kept_rows, done.workers, done.processors) == (0, 1, ("one",))
        assert done.peak_rss_bytes is not None
        assert done.peak_rss_bytes > 1000
    assert not kept.exists()


def test_what_is_not_recorded_is_kept(kept: Path) -> None:
    """The record is written within the context: where that fails, no row is computed again."""
    with pytest.raises(OSError, match="full"), predicted(Given(), kept, Heard()):
        raise OSError("full")
    with predicted(Given(fails_after=0), kept, Heard()) as done:
        assert done.kept_rows == ROWS
        assert (done.workers, done.processors) == (0, ("one",))


def test_logits_that_are_no_numbers(kept: Path) -> None:
    """A recipe that overflows ends in an error that names the pair, not in an accuracy."""
    with (
        pytest.raises(ExportParityError, match=r"float32: logits of 1 pairs are not finite, first of pair 7"),
        predicted(Given(nan_at=7), kept, Heard()),
    ):
        pass


def test_progress_is_of_what_is_left(kept: Path) -> None:
    """Also of an evaluation that goes on; and its end is reached as the work's is."""
    with pytest.raises(KeyboardInterrupt), predicted(Given(fails_after=1), kept, Heard()):
        pass
    heard = Heard()
    with predicted(Given(), kept, heard) as done:
        assert 0 < done.kept_rows < ROWS
    left = ROWS - done.kept_rows
    assert [total for _, total, _ in heard.progress] == [left] * len(heard.progress)
    assert heard.progress[-1] == (left, left, 1.0)
    shares = [share for *_, share in heard.progress]
    assert shares == sorted(shares)  # type: ignore[type-var]
