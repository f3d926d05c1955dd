"""What stands on top of the network: the head that a checkpoint was trained with, and its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from results.errors import CheckpointError

_NEEDED = "MobileBertForSequenceClassification"
# A generous bound on what is no typing mistake; the device program takes 1,024.
_MOST_LABELS = 100_000
_CHOOSE = f"Choose a checkpoint of {_NEEDED}, or fine-tune this one as such first."
_MEND = "Mend config.json: id2label gives every index from 0 on a name."


def read_labels(settings: Mapping[str, object]) -> tuple[str, ...]:
    """The names of id2label by index, in lower case; they mean what they say, whatever their order.

    Without names they are label_0, label_1 …, as many as num_labels says, or 2, as transformers has it. A
    name that two indices share in lower case has its index added. Raises: CheckpointError.
    """
    named = settings.get("id2label")
    if named is None:
        return tuple(f"label_{index}" for index in range(_count(settings)))
    if not isinstance(named, dict) or not all(isinstance(name, str) for name in named.values()):
        raise CheckpointError(f"config.json says id2label = {_short(named)}.", next_step=_MEND)
    if not named or set(named) != {str(index) for index in range(len(named))}:
        raise CheckpointError(f"id2label has the indices {_short(sorted(named))}.", next_step=_MEND)
    names = [_plain(named[str(index)]) or f"label_{index}" for index in range(len(named))]
    uses = Counter(names)
    labels = tuple(f"{name}_{index}" if uses[name] > 1 else name for index, name in enumerate(names))
    if len(set(labels)) < len(labels):
        name = next(name for name, count in Counter(labels).items() if count > 1)
        raise CheckpointError(f"id2label calls two outputs {name!r}.", next_step=_MEND)
    return labels


def refuse_other_heads(settings: Mapping[str, object]) -> None:
    """Refuse what config.json calls another class, whose tensors may have the same names and shapes.

    Raises: CheckpointError.
    """
    named = settings.get("architectures")
    if named is None or named == []:  # then the tensors tell
        return
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise CheckpointError(
            f"config.json says architectures = {_short(named)}.", next_step=f'Mend it: ["{_NEEDED}"].'
        )
    if _NEEDED not in {name.removeprefix("TF").removeprefix("Flax") for name in named}:
        raise _other_head(", ".join(map(_plain_class, named)), "config.json says so")


def refuse_headless(names: Collection[str]) -> None:
    """Refuse tensors that have no classifier, and say whose they are. Raises: CheckpointError."""

    def any_of(*prefixes: str) -> bool:
        return any(name.startswith(prefixes) for name in names)

    if any_of("classifier."):
        return
    if any_of("qa_outputs."):
        raise _other_head("MobileBertForQuestionAnswering", "it has the tensors qa_outputs.*")
    predictions, relationship = any_of("cls.predictions."), any_of("cls.seq_relationship.")
    if predictions and relationship:
        raise _other_head(
            "MobileBertForPreTraining", "it has the tensors cls.predictions.* and cls.seq_relationship.*"
        )
    if predictions:
        raise _other_head("MobileBertForMaskedLM", "it has the tensors cls.predictions.*")
    if relationship:
        raise _other_head("MobileBertForNextSentencePrediction", "it has the tensors cls.seq_relationship.*")
    if any_of("mobilebert.", "embeddings.", "encoder."):
        raise _other_head("MobileBertModel", "it has no tensors classifier.*")


def _other_head(name: str, why: str) -> CheckpointError:
    return CheckpointError(
        f"The checkpoint is one of {name[:200]} ({why}); {_NEEDED} is needed.",
        next_step=_CHOOSE,
        head=name,
    )


def _count(settings: Mapping[str, object]) -> int:
    count = settings.get("num_labels")
    if count is None:
        return 2
    if type(count) is not int or not 1 <= count <= _MOST_LABELS:
        raise CheckpointError(
            f"config.json says num_labels = {_short(count)}.",
            next_step=f"Mend it: a whole number from 1 to {_MOST_LABELS}, or id2label instead.",
        )
    return count


def _plain_class(name: str) -> str:
    return name if name.isidentifier() else _short(name)


def _plain(name: str) -> str:
    """In lower case on one line, without what a terminal or UTF-8 cannot take."""
    return " ".join("".join(char if char.isprintable() else " " for char in name).split()).lower()


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
