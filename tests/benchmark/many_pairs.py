"""Pairs for many chunks, of all lengths: for evaluations that are stopped, or done by many."""

from __future__ import annotations

import random
from pathlib import Path

from tests.benchmark.small import EXAMPLE

LABELS = ("entailment", "neutral", "contradiction")


def write_pairs(path: Path, rows: int, *, seed: int = 7) -> Path:
    """A TSV of `rows` pairs of 3 to 100 random words of the example vocabulary; ids in no order."""
    chance = random.Random(seed)
    words = [word for word in (EXAMPLE / "vocab.txt").read_text().split("\n") if word.isalpha()]
    ids = chance.sample(range(10 * rows), rows)
    lines = ["index\tsentence1\tsentence2\tgold_label\n"]
    for row in ids:
        count = chance.choice((3, 12, 30, 60, 100))
        premise, hypothesis = (" ".join(chance.choices(words, k=k)) for k in (count - count // 3, count // 3))
        lines.append(f"{row}\t{premise}\t{hypothesis}\t{chance.choice(LABELS)}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path
