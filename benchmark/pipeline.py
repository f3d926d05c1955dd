"""The whole job, top to bottom. Each step saves before the next begins; what may fail cheaply comes first.

A run that was stopped goes through the same steps: each does what its folder (`earlier`) does not hold yet.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config import Config
from benchmark.listener import Listener
from benchmark.outcome import Outcome

if TYPE_CHECKING:
    from export.artifact import ArtifactFiles
    from results.report.model import View


def run(config: Config, listener: Listener, earlier: Path | None = None) -> Outcome:
    """Checkpoint to verdict: export, check parity, measure on the device, evaluate on the host, judge."""
    from benchmark import on_device, start, steps

    steps.check_call(config)
    runs = steps.read_reference_runs(config)
    with contextlib.closing(on_device.choose(config, listener)) as link:
        checkpoint = steps.open_weights(config, listener)
        pairs = steps.read_pairs(config, checkpoint, listener)
        journal = start.begin("run", config, checkpoint, listener, device=link.name, earlier=earlier)
        with journal.keeping():
            steps.note_pairs(pairs, journal)
            steps.note_reference_runs(runs, journal)
            device = on_device.look_at(link, journal, listener)
            artifacts = steps.export_all(config, checkpoint, journal, listener)
            with on_device.held(link, device, config, journal, listener) as session:
                bench = on_device.set_up(session, config, pairs, journal, listener)
                ready = on_device.check_parity(bench, artifacts, journal, listener)
                on_device.measure(bench, ready, journal, listener)
                predicted = on_device.evaluate(bench, ready, config, pairs, journal, listener)
            steps.evaluate(config, pairs, artifacts, journal, listener)
            steps.set_beside(config, checkpoint, pairs, artifacts, journal, listener)
            steps.compare_predictions(predicted, pairs, journal)
            return steps.conclude(journal)


def export(config: Config, listener: Listener) -> tuple[ArtifactFiles, ...]:
    """Checkpoint to artifacts: every recipe asked for."""
    from benchmark import start, steps

    steps.check_call(config)
    checkpoint = steps.open_weights(config, listener)
    for _, text in start.doubts_about(checkpoint, config):
        listener.on_doubt(text)
    return steps.export_recipes(config, config.recipes, checkpoint, listener)


def accuracy(config: Config, listener: Listener, earlier: Path | None = None) -> Outcome:
    """Checkpoint to accuracy on this machine: every recipe asked for, and float32 beside it."""
    from benchmark import start, steps

    steps.check_call(config)
    runs = steps.read_reference_runs(config)
    checkpoint = steps.open_weights(config, listener)
    pairs = steps.read_pairs(config, checkpoint, listener)
    journal = start.begin("accuracy", config, checkpoint, listener, earlier=earlier)
    with journal.keeping():
        steps.note_pairs(pairs, journal)
        steps.note_reference_runs(runs, journal)
        artifacts = steps.export_all(config, checkpoint, journal, listener)
        steps.evaluate(config, pairs, artifacts, journal, listener)
        steps.set_beside(config, checkpoint, pairs, artifacts, journal, listener)
        return steps.conclude(journal)


def latency(config: Config, model: Path, listener: Listener, earlier: Path | None = None) -> Outcome:
    """Any .tflite with the model's inputs: parity with this host, then latency; no accuracy, no fold."""
    from benchmark import on_device, start, steps

    with contextlib.closing(on_device.choose(config, listener)) as link:
        files = steps.open_model(model, listener)
        pairs = steps.read_pairs_for(config, files.artifact, listener)
        journal = start.begin_bare(config, model, files, listener, device=link.name, earlier=earlier)
        with journal.keeping():
            steps.note_pairs(pairs, journal)
            device = on_device.look_at(link, journal, listener)
            with on_device.held(link, device, config, journal, listener) as session:
                bench = on_device.set_up(session, config, pairs, journal, listener)
                ready = on_device.check_parity(bench, (files,), journal, listener)
                on_device.measure(bench, ready, journal, listener)
            return steps.conclude(journal)


def table(config: Config, listener: Listener, earlier: Path | None = None) -> Outcome:
    """The paper's networks side by side on one device: parity and latency of each, and their ratios."""
    from benchmark import on_device, start, steps
    from benchmark import table as of_models

    models = of_models.check_call(config)
    with contextlib.closing(on_device.choose(config, listener)) as link:
        first = of_models.open_weights(models[0], listener)
        pairs = steps.read_pairs(config, first, listener)
        journal = start.begin(
            "table", config, first, listener, device=link.name, models=models, earlier=earlier
        )
        del first  # opened again where it is exported
        with journal.keeping():
            steps.note_pairs(pairs, journal)
            device = on_device.look_at(link, journal, listener)
            artifacts = of_models.export_models(config, models, journal, listener)
            with on_device.held(link, device, config, journal, listener) as session:
                bench = on_device.set_up(session, config, pairs, journal, listener)
                ready = on_device.check_parity(bench, artifacts, journal, listener)
                on_device.measure(bench, ready, journal, listener)
            return steps.conclude(journal)


def ab(config: Config, arms: tuple[str, ...], listener: Listener, earlier: Path | None = None) -> Outcome:
    """Two arms, or one against itself, on one device: parity of each, then launches in randomized pairs."""
    from benchmark import ab as two_arms
    from benchmark import on_device, steps

    asked = two_arms.check_call(config, arms)
    with contextlib.closing(on_device.choose(config, listener)) as link:
        opened = two_arms.open_arms(asked, config, listener)
        pairs = two_arms.read_pairs(opened, config, listener)
        journal = two_arms.begin(opened, config, arms, listener, device=link.name, earlier=earlier)
        with journal.keeping():
            steps.note_pairs(pairs, journal)
            device = on_device.look_at(link, journal, listener)
            threshold = two_arms.check_device(opened, device, config, journal)
            sides = two_arms.export_arms(opened, config, journal, listener)
            with on_device.held(link, device, config, journal, listener) as session:
                benches = two_arms.set_up(
                    session, sides, threshold, pairs, journal, listener, same=opened.same
                )
                ready = two_arms.check_parity(benches, sides, journal, listener)
                two_arms.measure(ready, journal, listener)
            return steps.conclude(journal)


def resume(folder: Path, device: str | None, listener: Listener, *, scheduler: str | None = None) -> Outcome:
    """A run that was stopped, gone on with where it was.

    `device`, `scheduler`: the addresses of its device and of the cluster now, if they have other ones.
    """
    from benchmark import saved_call

    call, folder = saved_call.read(folder, device, scheduler), folder.absolute()
    with saved_call.in_its_place(call):
        if call.model is not None:
            return latency(call.config, call.model, listener, folder)
        if call.arms:
            return ab(call.config, call.arms, listener, folder)
        jobs = {"run": run, "accuracy": accuracy, "table": table}
        return jobs[call.job](call.config, listener, folder)


def compare(first: Path, second: Path, threshold: float | None, noise_floor: Path | None) -> View:
    """Two recorded runs against each other. `threshold`: a share, 0 to 1; `noise_floor`: an A/A run."""
    from results.compare.folders import compare_folders

    return compare_folders(first, second, threshold, noise_floor)


def history(
    folders: tuple[Path, ...], across: tuple[str, ...], levels: Path | None, threshold: float | None
) -> View:
    """Recorded runs as series, oldest first, and what changed in them."""
    from benchmark.history import judge_history

    return judge_history(folders, across, levels, threshold)


def gate(
    folders: tuple[Path, ...],
    across: tuple[str, ...],
    levels: Path | None,
    threshold: float | None,
    *,
    acknowledge: str | None = None,
    only: tuple[str, ...] = (),
) -> View:
    """Has a series become slower? `acknowledge`: why new levels are accepted, of the series in `only`."""
    from benchmark.history import judge_history

    return judge_history(folders, across, levels, threshold, because=acknowledge, only=only)


def selftest(*, quick: bool, seed: int) -> View:
    """How often the analysis is right about simulated latencies whose truth is known."""
    from results.selftest.report import run

    return run(quick, seed)


def report(folder: Path) -> str:
    """The report of a recorded run as it was written, from its folder alone."""
    from results.store import RunStore

    return RunStore.open(folder).report()


def view(folder: Path) -> View:
    """The same as data, made anew from the record and written nowhere."""
    from results.store import RunStore
    from results.written import run_view

    return run_view(RunStore.open(folder))


def recompute(folder: Path) -> View:
    """The same judged anew, rewriting its verdict and its report."""
    from results.recompute import conclude
    from results.store import RunStore

    return conclude(RunStore.open(folder)).view
