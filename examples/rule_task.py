"""A three-way entailment task made by rule: short sentences about containers and what they hold.

    premise        the red box on the shelf holds three coins .
    entailment     the box is red .              three coins are in the box .
    contradiction  the box is blue .             seven coins are in the box .
    neutral        the jar is red .              three keys are in the box .

A hypothesis says nothing about its label by itself: each needs the premise. For trying the harness with a
checkpoint that has learned something, where MNLI or its checkpoint is out of reach.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

LABELS = ("entailment", "neutral", "contradiction")

COLOURS = ("red", "blue", "green", "white", "black", "yellow", "brown", "pink")
CONTAINERS = ("box", "jar", "bag", "basket", "bucket", "drawer", "chest", "tin")
PLACES = ("shelf", "table", "floor", "bench", "stairs", "counter", "roof", "lawn")
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
THINGS = ("coins", "keys", "apples", "stones", "pens", "shells", "nails", "cards")
_FRAME = ("the", "on", "holds", "is", "are", "in", ".")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

VOCABULARY = (*_SPECIAL, *_FRAME, *COLOURS, *CONTAINERS, *PLACES, *NUMBERS, *THINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One premise, one hypothesis, and the label that the rule gives them."""

    premise: str
    hypothesis: str
    label: str


def make_pairs(rows: int, seed: int, *, without: frozenset[Pair] = frozenset()) -> list[Pair]:
    """`rows` different pairs in random order, labels in equal shares, none of them in `without`."""
    chance = random.Random(seed)
    pairs: dict[Pair, None] = {}
    while len(pairs) < rows:
        pair = _make_pair(chance, LABELS[len(pairs) % len(LABELS)])
        if pair not in without:
            pairs[pair] = None
    shuffled = list(pairs)
    chance.shuffle(shuffled)
    return shuffled


def _make_pair(chance: random.Random, label: str) -> Pair:
    colour, container, place = chance.choice(COLOURS), chance.choice(CONTAINERS), chance.choice(PLACES)
    number, thing = chance.choice(NUMBERS), chance.choice(THINGS)
    premise = f"the {colour} {container} on the {place} holds {number} {thing} ."
    if chance.random() < 0.5:
        # Of the container, its colour: another colour contradicts, another container is not spoken of.
        if label == "contradiction":
            colour = _another(chance, COLOURS, colour)
        elif label == "neutral":
            colour, container = chance.choice(COLOURS), _another(chance, CONTAINERS, container)
        hypothesis = f"the {container} is {colour} ."
    else:
        # Of the things, their number: another number contradicts, other things are not spoken of.
        if label == "contradiction":
            number = _another(chance, NUMBERS, number)
        elif label == "neutral":
            number, thing = chance.choice(NUMBERS), _another(chance, THINGS, thing)
        hypothesis = f"{number} {thing} are in the {container} ."
    return Pair(premise=premise, hypothesis=hypothesis, label=label)


def _another(chance: random.Random, words: tuple[str, ...], word: str) -> str:
    return chance.choice([other for other in words if other != word])
