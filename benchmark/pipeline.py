"""The whole job, top to bottom. Each step saves before the next begins; what may fail cheaply comes first."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config import Config
from benchmark.listener import Listener
from benchmark.outcome import Outcome

if TYPE_CHECKING:
    from export.artifact import ArtifactFiles


def run(config: Config, listener: Listener) -> Outcome:
    """Checkpoint to verdict: export, check parity, measure on the device, evaluate on the host, judge."""
    from benchmark import steps

    steps.check_call(config)
    with contextlib.closing(steps.choose_device(config, listener)) as link:
        checkpoint = steps.open_weights(config, listener)
        pairs = steps.read_pairs(config, checkpoint, listener)
        journal = steps.begin(config, checkpoint, listener)
        with journal.keeping():
            steps.note_pairs(pairs, journal)
            device = steps.look_at(link, journal, listener)
            artifacts = steps.export_all(config, checkpoint, journal, listener)
            bench = steps.set_up(link, device, pairs, journal, listener)
            ready = steps.check_parity(bench, artifacts, journal, listener)
            steps.measure(bench, ready, journal, listener)
            steps.evaluate(pairs, artifacts, journal, listener)
            return steps.conclude(journal)


def export(config: Config, listener: Listener) -> tuple[ArtifactFiles, ...]:
    """Checkpoint to artifacts: every recipe asked for."""
    from benchmark import steps

    steps.check_call(config)
    checkpoint = steps.open_weights(config, listener)
    for _, text in steps.doubts_about(checkpoint, config):
        listener.on_doubt(text)
    return steps.export_recipes(config, config.recipes, checkpoint, listener)


def accuracy(config: Config, listener: Listener) -> Outcome:
    """Checkpoint to accuracy on this machine: every recipe asked for, and float32 beside it."""
    from benchmark import steps

    steps.check_call(config)
    checkpoint = steps.open_weights(config, listener)
    pairs = steps.read_pairs(config, checkpoint, listener)
    journal = steps.begin(config, checkpoint, listener)
    with journal.keeping():
        steps.note_pairs(pairs, journal)
        artifacts = steps.export_all(config, checkpoint, journal, listener)
        steps.evaluate(pairs, artifacts, journal, listener)
        return steps.conclude(journal)


def latency(config: Config, model: Path, listener: Listener) -> Outcome:
    """Any .tflite with the model's inputs: parity with this host, then latency; no accuracy, no fold."""
    from benchmark import steps

    with contextlib.closing(steps.choose_device(config, listener)) as link:
        files = steps.open_model(model, listener)
        pairs = steps.read_pairs_for(config, files.artifact, listener)
        journal = steps.begin_bare(config, files, listener)
        with journal.keeping():
            steps.note_pairs(pairs, journal)
            device = steps.look_at(link, journal, listener)
            bench = steps.set_up(link, device, pairs, journal, listener)
            ready = steps.check_parity(bench, (files,), journal, listener)
            steps.measure(bench, ready, journal, listener)
            return steps.conclude(journal)


def table(config: Config, listener: Listener) -> Outcome:
    """The paper's networks side by side on one device: parity and latency of each, and their ratios."""
    from benchmark import steps
    from benchmark import table as of_models

    models = of_models.check_call(config)
    with contextlib.closing(steps.choose_device(config, listener)) as link:
        first = of_models.open_weights(models[0], listener)
        pairs = steps.read_pairs(config, first, listener)
        journal = steps.begin(config, first, listener, models)
        del first  # opened again where it is exported
        with journal.keeping():
            steps.note_pairs(pairs, journal)
            device = steps.look_at(link, journal, listener)
            artifacts = of_models.export_models(config, models, journal, listener)
            bench = steps.set_up(link, device, pairs, journal, listener)
            ready = steps.check_parity(bench, artifacts, journal, listener)
            steps.measure(bench, ready, journal, listener)
            return steps.conclude(journal)


def report(folder: Path, *, recompute: bool) -> str:
    """The report of a recorded run, from its folder alone; `recompute` judges anew, rewriting the verdict."""
    from results.recompute import conclude
    from results.store import RunStore

    store = RunStore.open(folder)
    return conclude(store)[1] if recompute else store.report()
