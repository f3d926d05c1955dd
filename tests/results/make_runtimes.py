"""Another runtime's predictions beside those of a recorded run."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from results.evaluated import RuntimeAccuracy
from results.predictions import Predictions, write_predictions
from tests.results.make_run import Run


def by_runtime(
    run: Run,
    *,
    runtime: str = "tensorflow",
    recipe: str | None = None,
    every: int = 1,
    lost: int = 0,
    won: int = 0,
    tied: bool = False,
    off: float = 0.0,
    **changes: object,
) -> Run:
    """The same run, in which another runtime predicted each `every`th pair with the first recipe.

    `lost`, `won`: pairs that only the run's own runtime, only this one has right. `tied`: the run's own two
    largest logits are equal but for 1e-5 there. `off`: by how much each of its logits lies beside.
    """
    recipe = recipe or run.record.settings.recipes[0]
    counting = next(one for one in run.record.accuracies if one.recipe == recipe)
    whole = run.predictions[recipe]
    places = np.arange(0, whole.row.size, every)
    reference = whole.take(places)
    flipped = np.concatenate((np.flatnonzero(reference.right)[:lost], np.flatnonzero(~reference.right)[:won]))
    there = reference.predicted.copy()
    right = reference.right[flipped]
    there[flipped] = np.where(right, (reference.label[flipped] + 1) % 3, reference.label[flipped])
    changed = Run(record=run.record, raw=dict(run.raw))
    if tied:
        logits = whole.logits.copy()
        logits[places[flipped], there[flipped]] = 1 - 1e-5
        whole = dataclasses.replace(whole, logits=logits)
        changed.raw[counting.predictions_file] = write_predictions(whole)
        digest = hashlib.sha256(changed.raw[counting.predictions_file]).hexdigest()
        replaced = dataclasses.replace(counting, predictions_sha256=digest)
        accuracies = (replaced if one is counting else one for one in run.record.accuracies)
        changed = changed.change(accuracies=tuple(accuracies))
        reference = whole.take(places)
    logits = (reference.logits + np.float32(off)).astype(np.float32)
    logits[flipped, there[flipped]] = logits[flipped].max(axis=1) + np.float32(1e-5)
    mine: Predictions = dataclasses.replace(reference, predicted=there, logits=logits)
    name = f"predictions-{recipe}-{runtime}.csv"
    changed.raw[name] = write_predictions(mine)
    difference = mine.logits.astype(np.float64) - reference.logits
    done = RuntimeAccuracy(
        recipe=recipe,
        runtime=runtime,
        runtime_version="2.21.0",
        rows=len(places),
        correct=int(mine.right.sum()),
        reference_correct=int(reference.right.sum()),
        agreeing=int((there == reference.predicted).sum()),
        max_difference=float(np.abs(difference).max()),
        rms_difference=float(np.sqrt((difference**2).mean())),
        seconds=len(places) / 40,
        predictions_file=name,
        predictions_sha256=hashlib.sha256(changed.raw[name]).hexdigest(),
        workers=2,
    )
    done = dataclasses.replace(done, **changes)  # type: ignore[arg-type]
    others = dict.fromkeys((*run.record.settings.other_runtimes, runtime))
    return changed.change(runtime_accuracies=(*run.record.runtime_accuracies, done)).settings(
        other_runtimes=tuple(others)
    )
