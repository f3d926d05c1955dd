"""The samples file, as statistics read it: strict, and naming the line that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from results.errors import RecordDamaged
from results.samples import read_samples
from tests.results.make_run import samples_text

GOOD = samples_text(np.array([60_000_000, 61_000_000, 62_000_000]), warmup=1).decode()


def test_order_phase_and_numbers_arrive() -> None:
    """Raw samples are kept in measured order, warm-up marked."""
    samples = read_samples(GOOD.encode(), "a.samples")
    assert samples.timed.tolist() == [False, True, True, True]
    assert samples.timed_ns.tolist() == [60_000_000, 61_000_000, 62_000_000]
    assert samples.row.tolist() == [0, 1, 2, 3]
    assert samples.start_ns[0] == 0
    assert samples.core.tolist() == [7] * 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mobilebert-samples 1", "mobilebert-samples 2", 'line 1 is "mobilebert-samples 2"'),
        ("inference 1 t", "inference 1 x", "line 5 is"),
        ("inference 1 t 1", "inference 1 t -1", "line 5 is"),
        ("inference 2 t", "inference 3 t", "line 6 has index 3, expected 2"),
        ("61000000 7", "0 7", "line 6 has a duration that is not positive"),
        ("inference 3 t", "inference 3 w", "line 7 is a warm-up after a timed inference"),
        ("s128 0 72000000", "s128 99000000 72000000", "line 5 starts before the inference above it"),
        ("61000000 7", "99999999999999999999 7", "line 6 has a number that is out of range"),
        ("timed=3", "timed=4", "line 9 says"),
        ("end warmup=1", "end warm=1", "line 9 is"),
        ("\nend warmup=1 timed=3 logits=1", "", "the file is torn"),
        ("logits=1\n", "logits=1", "line 9 does not end"),
        ("logits=1\n", "logits=1\nmore\n", 'line 10 comes after "end"'),
        ("threads 4", "threads \u00e9", "line 3 is not plain text"),
    ],
)
def test_a_damaged_file_is_refused_by_line(old: str, new: str, message: str) -> None:
    """A short, torn or edited file must never become fewer samples."""
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(RecordDamaged) as caught:
        read_samples(text.encode(), "a.samples")
    assert caught.value.what.startswith("a.samples: ")
    assert message in caught.value.what


@pytest.mark.parametrize("cut", range(0, len(GOOD) - 1, 37))
def test_no_prefix_of_a_file_is_a_file(cut: int) -> None:
    """Wherever a copy is cut short, it is noticed."""
    with pytest.raises(RecordDamaged):
        read_samples(GOOD[:cut].encode(), "a.samples")
