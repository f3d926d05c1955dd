"""From a model's labels to the answers that a pairs file knows, which may be fewer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """`names`: what the file's gold labels are; `members`: of each, the model's labels that mean it, as
    indices into the model's logits. Together every label once."""

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]

    @classmethod
    def of_labels(cls, labels: tuple[str, ...]) -> Answers:
        """A file with the model's own labels."""
        return cls(names=labels, members=tuple((index,) for index in range(len(labels))))

    @classmethod
    def of_file(cls, labels: tuple[str, ...], answers: dict[str, str]) -> Answers:
        """A file's answer for each of the model's labels; the labels themselves where `answers` is empty."""
        if not answers:
            return cls.of_labels(labels)
        names = tuple(dict.fromkeys(answers[label] for label in labels))
        members = (tuple(at for at, label in enumerate(labels) if answers[label] == name) for name in names)
        return cls(names=names, members=tuple(members))

    def fold(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits by label, (rows, labels), to logits by answer, (rows, answers): the largest of each.

        The predicted answer is then the one that the predicted label means. Source: how HANS is evaluated,
        McCoy, Pavlick, Linzen 2019 (arXiv 1902.01007).
        """
        return np.stack([logits[:, list(those)].max(axis=1) for those in self.members], axis=1)
