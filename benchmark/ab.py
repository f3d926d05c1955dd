"""The steps that only the command `ab` has: two arms on one device, each with a bench of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from android_runner import place
from android_runner.other_runtime import with_runtime
from benchmark import measure as launches
from benchmark import on_device, parity_run, start, steps
from benchmark.arms import AskedArm, identical, read_arms
from benchmark.bench import Bench, Ready
from benchmark.config import REFERENCE_RECIPE, Config
from benchmark.inputs import Prepared, prepare
from benchmark.journal import Journal
from benchmark.listener import Listener
from benchmark.pairs.table import LABELS
from export.artifact import ArtifactFiles
from export.checkpoint import Checkpoint
from results.arms import Arm, ArmName, Comparing, Threshold
from results.device import Device
from results.errors import ConfigError, RunFailed
from results.report.words import counted

if TYPE_CHECKING:
    from benchmark.session import Session

_RUNTIME_UNFIT = 5  # the device program's exit code


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Both arms as far as they are known before anything is exported.

    `files`: those of an arm that names a file, by its name. `checkpoint`: what the others are exported from.
    `length`: to how many tokens the rows of both are padded.
    """

    arms: tuple[AskedArm, AskedArm]
    same: bool
    files: Mapping[ArmName, ArtifactFiles]
    checkpoint: Checkpoint | None
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm with its file. `reference`: the float32 one of the same weights, where it was exported."""

    arm: AskedArm
    files: ArtifactFiles
    reference: ArtifactFiles | None


def check_call(config: Config, arms: tuple[str, ...]) -> tuple[AskedArm, AskedArm]:
    """Both arms, read; refuses before anything starts what cannot be. Raises ConfigError."""
    asked = read_arms(arms, config)
    for one in (config, *(arm.config for arm in asked)):
        steps.check_call(one)
    return asked


def open_arms(asked: tuple[AskedArm, AskedArm], config: Config, listener: Listener) -> Opened:
    """The files that the arms name, and the checkpoint where one is by a recipe."""
    files = {arm.name: steps.open_model(arm.model, listener) for arm in asked if arm.model is not None}
    checkpoint = steps.open_weights(config, listener) if len(files) < len(asked) else None
    lengths = [
        start.row_length(arm.config, files[arm.name].artifact) if arm.name in files else arm.config.row_length
        for arm in asked
    ]
    if len(set(lengths)) > 1:
        raise ConfigError(
            f'"{asked[0].said}" runs rows of {lengths[0]} tokens and "{asked[1].said}" rows of {lengths[1]}: '
            "latencies of other rows are no comparison.",
            next_step="Give a --length that both have a signature for.",
        )
    return Opened(
        arms=asked, same=asked[0].said == asked[1].said, files=files, checkpoint=checkpoint, length=lengths[0]
    )


def read_pairs(opened: Opened, config: Config, listener: Listener) -> Prepared:
    """Rows that both arms take."""
    listener.on_step("Reading and tokenizing the pairs.")
    checkpoint = opened.checkpoint
    sizes = [files.artifact.vocabulary_size for files in opened.files.values()]
    sizes += [] if checkpoint is None else [checkpoint.config.vocab_size]
    return prepare(
        config,
        length=opened.length,
        labels=LABELS,  # latency needs no gold labels
        vocabulary_size=min((size for size in sizes if size), default=None),
        exact=checkpoint is not None and checkpoint.weights.kind != "seeded",
        checkpoint_vocabulary=None if checkpoint is None else checkpoint.vocab_path,
    )


def begin(
    opened: Opened,
    config: Config,
    arms: tuple[str, ...],
    listener: Listener,
    *,
    device: str,
    earlier: Path | None,
) -> Journal:
    """A new run folder, or the journal of the one that is gone on with. Raises NotResumable."""
    first, checkpoint = opened.arms[0], opened.checkpoint
    of_first = opened.files.get(first.name)
    weights = [files.artifact.weights.name for files in opened.files.values()]
    weights += [] if checkpoint is None else [checkpoint.weights.name]
    models = [files.artifact.model for files in opened.files.values()]
    models += [] if checkpoint is None else [checkpoint.model]
    return start.begin_arms(
        config,
        arms,
        first.config,
        listener,
        checkpoint=checkpoint,
        weights=", ".join(dict.fromkeys(weights)),
        recipes=tuple(dict.fromkeys(_recipe(opened, arm) for arm in opened.arms)),
        models=tuple(dict.fromkeys(models)),
        length=opened.length,
        signatures=first.config.signature_lengths
        if of_first is None
        else start.lengths_of(of_first.artifact),
        device=device,
        earlier=earlier,
    )


def export_arms(opened: Opened, config: Config, journal: Journal, listener: Listener) -> tuple[Side, Side]:
    """Each arm's file. What is exported has float32 beside it, by which device parity judges the others."""
    exported: dict[str, ArtifactFiles] = {}
    if opened.checkpoint is not None:
        recipes = [_recipe(opened, arm) for arm in opened.arms if arm.name not in opened.files]
        wanted = tuple(dict.fromkeys((*recipes, REFERENCE_RECIPE)))
        made = steps.export_recipes(config, wanted, opened.checkpoint, listener)
        exported = dict(zip(wanted, made, strict=True))
    first, second = (
        Side(arm=arm, files=opened.files[arm.name], reference=None)
        if arm.name in opened.files
        else Side(arm=arm, files=exported[_recipe(opened, arm)], reference=exported[REFERENCE_RECIPE])
        for arm in opened.arms
    )
    files = {
        (one.artifact.model, one.artifact.recipe, one.artifact.model_sha256): one
        for one in (first.files, second.files, *exported.values())
    }
    journal.fix("model", artifacts=tuple(one.artifact for one in files.values()))
    steps.note_warnings(files.values(), journal)
    return first, second


def check_device(opened: Opened, device: Device, config: Config, journal: Journal) -> Threshold:
    """Refuse, before anything takes long, what the device has no cores for; from what on a change matters."""
    from results.compare.noise_floor import threshold_for

    for arm in opened.arms:
        place.cores_for(device, on_device.threads_for(device, arm.config.threads), arm.config.cores)
    known = journal.record.comparing
    if known is not None:  # of a run that is gone on with: what it was measured for stays
        return known.threshold
    threads = on_device.threads_for(device, opened.arms[0].config.threads)
    of_first = dataclasses.replace(journal.record.settings, threads=threads)
    return threshold_for(config.threshold, config.noise_floor, device, of_first)


def set_up(
    session: Session,
    sides: tuple[Side, Side],
    threshold: Threshold,
    pairs: Prepared,
    journal: Journal,
    listener: Listener,
    *,
    same: bool,
) -> tuple[Bench, Bench]:
    """A bench for each arm, both with the same rows; what is compared goes to the record.

    Raises ConfigError where the two come out as one.
    """
    listener.on_step("Setting up the device program.")
    own, known = on_device.bundle_for(session.device), journal.record.comparing
    benches = []
    for number, side in enumerate(sides):
        config, runtime = side.arm.config, side.arm.runtime
        asked = config.threads or (known.arms[number].threads if known else None)
        bundle = own if runtime is None else with_runtime(own, runtime)
        threads = on_device.threads_for(session.device, asked)
        bench = on_device.bench_with(bundle, threads, session, config, pairs, journal, listener)
        benches.append(dataclasses.replace(bench, arm=side.arm.name))
    first, second = benches
    if not same and _does(sides[0], first) == _does(sides[1], second):
        raise identical(sides[0].arm, sides[1].arm, "come out as the same on this device")
    arms = tuple(_arm(side, bench) for side, bench in zip(sides, benches, strict=True))
    journal.fix("program", program=first.program)
    journal.fix(
        "pair of arms",
        comparing=Comparing(arms=arms, threshold=threshold, same=same),
    )
    journal.add("program", settings=dataclasses.replace(journal.record.settings, threads=first.threads))
    return first, second


def check_parity(
    benches: tuple[Bench, Bench], sides: tuple[Side, Side], journal: Journal, listener: Listener
) -> tuple[Ready, ...]:
    """The arms that the device computes as this host does."""
    listener.on_step("Comparing the device's logits with this host's, for each arm.")
    ready = []
    for bench, side in zip(benches, sides, strict=True):
        try:
            one = parity_run.check_parity(bench, side.files, side.reference, journal)
        except RunFailed as err:
            if side.arm.runtime is not None and err.facts.get("exit_code") == _RUNTIME_UNFIT:
                ours = on_device.bundle_for(bench.session.device).program.runtime_version
                err.next_step = f"Give a libLiteRt.so with the C interface of version {ours}."
            raise
        ready += [one] if one else []
    return tuple(ready)


def measure(ready: tuple[Ready, ...], journal: Journal, listener: Listener) -> None:
    """The launches, in pairs of random order; none where one arm computes something else."""
    if len(ready) < 2:
        listener.on_step("Nothing is timed: an arm that the device computes otherwise has no latency.")
        return
    settings, comparing = journal.record.settings, journal.record.comparing
    names = " against ".join(
        f"{arm.name.upper()} ({arm.said})" for arm in (comparing.arms if comparing else ())
    )
    listener.on_step(
        f"Measuring {names}: {counted(settings.launches, 'pair')} of launches x {settings.inferences} "
        "inferences each, in random order."
    )
    launches.measure(ready[0].bench, ready, journal, listener)
    listener.on_done()


def _recipe(opened: Opened, arm: AskedArm) -> str:
    files = opened.files.get(arm.name)
    return arm.config.recipes[0] if files is None else files.artifact.recipe


def _does(side: Side, bench: Bench) -> tuple[object, ...]:
    """All that a launch of this arm depends on."""
    artifact = side.files.artifact
    policy = bench.length_policy if len(artifact.signatures) > 1 else "fixed"
    return artifact.model_sha256, bench.threads, bench.cores, policy, bench.delegate, bench.program


def _arm(side: Side, bench: Bench) -> Arm:
    artifact, config = side.files.artifact, side.arm.config
    return Arm(
        name=side.arm.name,
        said=side.arm.said,
        recipe=artifact.recipe,
        model=artifact.model,
        model_sha256=artifact.model_sha256,
        threads=bench.threads,
        cores=config.cores,
        length_policy=config.length_policy,
        delegate=config.delegate,
        program=bench.program,
    )
