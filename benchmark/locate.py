"""Where pairs and vocabulary come from: flags, the checkpoint, the data folders, the hub, the example.

The order is fixed and every choice is named in the record, so that nobody takes example pairs for MNLI.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path

from export import hub
from results.errors import PairsError, VocabularyError
from results.plain import short

DATA_VARIABLE = "MOBILEBERT_BENCH_DATA"
_PAIRS_NAMES = ("mnli_dev_matched.tsv", "dev_matched.tsv", "MNLI/dev_matched.tsv")
_TRAINING_NAMES = ("mnli_train.tsv", "mnli_train_261.tsv", "MNLI/train_sample.tsv")
_VOCAB_NAMES = ("vocab.txt",)
# Commit of the dataset repository on the hub whose parquet files carry the labels' names.
_HUB_DATASET, _HUB_PAIRS = "nyu-mll/glue", "mnli/validation_matched-00000-of-00001.parquet"
_HUB_VOCAB_MODEL = "google/mobilebert-uncased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A file and how it was found. `example` is True for the pairs that this project wrote."""

    path: Path
    origin: str
    example: bool = False


def locate_pairs(flag: Path | None) -> Located:
    """The pairs file of this run. Raises: PairsError where a place that was named holds none."""
    if flag is not None:
        return Located(path=flag, origin="flag --pairs")
    in_folder = _in_data_folders(_PAIRS_NAMES)
    if in_folder is not None:
        return in_folder
    from_hub = hub.find_file(_HUB_DATASET, _HUB_PAIRS, repo_type="dataset")
    if from_hub is not None:
        return Located(path=from_hub, origin=f"hub {_HUB_DATASET}")
    return Located(path=_example("pairs.tsv"), origin="example pairs of this project", example=True)


def locate_training(flag: Path | None) -> Located:
    """The pairs to calibrate with: the flag's, a data folder's, else the example."""
    if flag is not None:
        return Located(path=flag, origin="flag --calibration")
    named = os.environ.get(DATA_VARIABLE)
    folder = Path(named) if named else Path("data")
    if (path := _first(folder, _TRAINING_NAMES)) is not None:
        return Located(path=path, origin=DATA_VARIABLE if named else "folder data/")
    return Located(path=_example("pairs.tsv"), origin="example pairs of this project", example=True)


def locate_vocabulary(flag: Path | None, *, of_checkpoint: Path | None) -> Located:
    """The vocabulary of this run; a checkpoint's own comes before any other but the flag's."""
    if flag is not None:
        return Located(path=flag, origin="flag --vocab")
    if of_checkpoint is not None:
        return Located(path=of_checkpoint, origin="checkpoint")
    in_folder = _in_data_folders(_VOCAB_NAMES)
    if in_folder is not None:
        return in_folder
    from_hub = hub.find_file(_HUB_VOCAB_MODEL, "vocab.txt", repo_type="model")
    if from_hub is not None:
        return Located(path=from_hub, origin=f"hub {_HUB_VOCAB_MODEL}")
    return Located(path=_example("vocab.txt"), origin="example vocabulary of this project", example=True)


def refuse_another(vocabulary: Located, *, of_checkpoint: Path | None) -> None:
    """A vocabulary with other entries than the checkpoint's own gives wrong ids, and nothing else shows it.

    Raises: VocabularyError, which names the first entry that differs. Line ends do not matter.
    """
    if of_checkpoint is None or of_checkpoint == vocabulary.path:
        return
    try:
        given, own = (_entries(path) for path in (vocabulary.path, of_checkpoint))
    except OSError:  # who opens it says so
        return
    if given == own:
        return
    pairs = list(zip_longest(given, own, fillvalue=b""))
    differing = [line for line, (one, other) in enumerate(pairs, start=1) if one != other]
    words = [short(word.decode("utf-8", "replace"), 30) for word in pairs[differing[0] - 1]]
    raise VocabularyError(
        f"the vocabulary {vocabulary.path} is not the checkpoint's own, {of_checkpoint}: {len(differing)} "
        f"entries differ, first in line {differing[0]}: {words[0]!r}, there {words[1]!r}",
        next_step="Leave --vocab out: the checkpoint's own is used then.",
        path=vocabulary.path,
    )


def _entries(path: Path) -> list[bytes]:
    return path.read_bytes().replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")


def _in_data_folders(names: tuple[str, ...]) -> Located | None:
    named = os.environ.get(DATA_VARIABLE)
    if named:
        folder = Path(named)
        found = _first(folder, names)
        if found is None:
            error = VocabularyError if names is _VOCAB_NAMES else PairsError
            raise error(
                f"{DATA_VARIABLE} names {named}, and there is no {' or '.join(names)} in it",
                next_step=f"Correct {DATA_VARIABLE}, or unset it.",
                path=folder,
            )
        return Located(path=found, origin=DATA_VARIABLE)
    found = _first(Path("data"), names)
    return Located(path=found, origin="folder data/") if found is not None else None


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _example(name: str) -> Path:
    return Path(str(files("benchmark.example").joinpath(name)))
