"""What is odd in a file whose every row can be evaluated: labels that never occur, pairs that stand twice."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.pairs.table import PairTable


def gold_doubts(table: PairTable) -> Iterator[tuple[str, str]]:
    """Codes and sentences, of the rows that are used."""
    occurring = set(table.frame["label"])
    if absent := [label for label in table.gold if label not in occurring]:
        yield (
            "absent-label",
            f"None of the {len(table.frame)} pairs used is labelled {' or '.join(absent)}: their accuracy "
            "says nothing of such pairs.",
        )
    texts = table.frame[["premise", "hypothesis"]]
    again = texts.duplicated()
    if again.any():
        first = table.frame.groupby(["premise", "hypothesis"], sort=False)["label"].transform("first")
        torn = int((again & (table.frame["label"] != first)).sum())
        yield (
            "repeated-pairs",
            f"{int(again.sum())} of the {len(table.frame)} pairs used repeat an earlier one's sentences"
            + (f", {torn} of them with another label than the first" if torn else "")
            + ": each is counted, and they are no independent pairs.",
        )
