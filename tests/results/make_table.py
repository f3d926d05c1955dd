"""Recorded runs that compare the paper's networks: four models, one launch of each in every round."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from results.device import Conditions, Device
from results.record import Architecture
from results.series import Series
from tests.results.make_run import COOL, PIXEL_4, SEEDED, Run, make_run, parity, samples_text

# Parameters, multiply-adds at length 128, and the paper's latency in ms.
MODELS = {
    "mobilebert": (24_583_427, 2_694_580_736, 62.0),
    "mobilebert_tiny": (15_493_379, 1_537_000_000, 40.0),
    "mobilebert_without_opt": (24_583_427, 2_694_580_736, 192.0),
    "bert_base": (109_484_547, 11_174_000_000, 342.0),
}


def make_table(
    *,
    models: tuple[str, ...] = tuple(MODELS),
    recipe: str = "float32",
    device: Device = PIXEL_4,
    conditions: Conditions = COOL,
    rounds: int = 10,
    drift: float = 0.1,
    spread: float = 0.01,
    seed: int = 1,
    inferences: int = 40,
    **slower: float,
) -> Run:
    """A run whose models take the paper's latencies, times `slower` where it names one.

    `drift`: by how much the device slows down from the first round to the last. `spread`: standard deviation
    of a launch's own log latency.
    """
    run = make_run(
        recipes=(recipe,), device=device, conditions=conditions, launches=0, accuracy=None, weights=SEEDED
    )
    artifact = run.record.artifacts[0]
    run = run.settings(models=models, launches=rounds, inferences=inferences).change(
        artifacts=tuple(
            dataclasses.replace(
                artifact,
                model=model,
                architecture=Architecture(
                    name=model, parameters=MODELS[model][0], length=128, multiply_adds=MODELS[model][1]
                ),
                weights=dataclasses.replace(SEEDED, sha256=hashlib.sha256(model.encode()).hexdigest()),
                model_bytes=4 * MODELS[model][0],
            )
            for model in models
        ),
        parities=tuple(parity(recipe, model=model) for model in models),
    )
    generator = np.random.default_rng(seed)
    for index in range(rounds):
        for model in generator.permutation(list(models)):
            factor = 1 + drift * index / max(rounds - 1, 1)
            noise = float(np.exp(spread * generator.standard_normal()))
            median_ms = MODELS[model][2] * slower.get(model, 1.0) * factor * noise
            add_launch(run, str(model), index, median_ms, conditions)
    return run


def add_launch(run: Run, model: str, index: int, median_ms: float, conditions: Conditions) -> None:
    """One more launch of `model`, of the run's first recipe."""
    settings, order = run.record.settings, len(run.record.launches)
    recipe = settings.recipes[0]
    shape = np.linspace(-1, 1, settings.inferences)
    raw = samples_text((median_ms * 1e6 * (1 + 0.02 * shape)).round())
    # Any launch of a run of one model has the fields that nobody looks at here.
    pattern = _PATTERN.record.launches[0]
    name = f"launch-{order:03d}-{Series(model=model, recipe=recipe).stem}.samples"
    run.raw[name] = raw
    launch = dataclasses.replace(
        pattern,
        model=model,
        recipe=recipe,
        index=index,
        order=order,
        timed_inferences=settings.inferences,
        samples_file=name,
        samples_sha256=hashlib.sha256(raw).hexdigest(),
        before=conditions,
        after=conditions,
    )
    run.record = dataclasses.replace(run.record, launches=(*run.record.launches, launch))


def change_launch(run: Run, model: str, index: int, **changes: Any) -> Run:  # noqa: ANN401  # of Launch
    """The same run with one launch changed."""
    launches = [
        dataclasses.replace(one, **changes) if (one.model, one.index) == (model, index) else one
        for one in run.record.launches
    ]
    return run.change(launches=tuple(launches))


def without(run: Run, model: str, since: int = 0) -> Run:
    """The same run, in which `model` failed in round `since` and was not tried again."""
    lost = [one for one in run.record.launches if one.model == model and one.index >= since]
    return run.change(launches=tuple(one for one in run.record.launches if one not in lost))


_PATTERN = make_run(launches=1)
