"""Recorded runs that compare two arms: A and B in turns, in an order by chance in every pair."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from results.arms import Arm, ArmName, Comparing, Threshold
from results.device import Conditions, Device
from tests.results.make_run import COOL, PIXEL_4, Run, make_run, parity, samples_text

_PATTERN = make_run(recipes=("dynamic_int8",), launches=1)
ROWS = 8  # of the samples files


def make_ab(
    *,
    ratio: float = 1.0,
    same: bool = False,
    device: Device = PIXEL_4,
    conditions: Conditions = COOL,
    pairs: int = 10,
    inferences: int = 40,
    drift: float = 0.1,
    spread: float = 0.005,
    tail: float = 0.0,
    load: float = 1.0,
    threshold: float = 0.02,
    noise_floor: float | None = None,
    seed: int = 1,
) -> Run:
    """A run in which B takes `ratio` times what A does: one recipe, A with four threads, B with two.

    `same`: an A/A run of four threads. `drift`: by how much the device slows down from the first pair to
    the last. `spread`: standard deviation of a launch's own log latency. `tail`: by how much more B's slowest
    inferences take; `load`: how much longer B loads.
    """
    run = make_run(recipes=("dynamic_int8",), device=device, launches=0, accuracy=None)
    artifact, program = run.record.artifacts[0], run.record.program
    assert program is not None
    arms = tuple(
        Arm(
            name=name,
            said="dynamic_int8" if same else f"threads={threads}",
            recipe=artifact.recipe,
            model=artifact.model,
            model_sha256=artifact.model_sha256,
            threads=threads,
            cores="big",
            length_policy="fixed",
            delegate="cpu",
            program=program,
        )
        for name, threads in _threads(4 if same else 2)
    )
    learnt = None if noise_floor is None else "run 0007, learnt of mobilebert dynamic_int8"
    limit = Threshold(share=threshold, source="default", noise_floor=noise_floor, noise_floor_source=learnt)
    run = run.settings(launches=pairs, inferences=inferences).change(
        comparing=Comparing(arms=arms, threshold=limit, same=same),
        parities=tuple(parity(artifact.recipe, arm=arm.name) for arm in arms),
    )
    generator = np.random.default_rng(seed)
    for index in range(pairs):
        for arm in (arms[at] for at in generator.permutation(2)):
            slower = ratio if arm.name == "b" else 1.0
            factor = 1 + drift * index / max(pairs - 1, 1)
            noise, loading = np.exp(spread * generator.standard_normal(2))
            add_launch(
                run,
                arm,
                index,
                45.0 * slower * factor * float(noise),
                conditions=conditions,
                tail=tail if arm.name == "b" else 0.0,
                load_ms=34.0 * float(loading) * (load if arm.name == "b" else 1.0),
            )
    return run


def _threads(of_b: int) -> tuple[tuple[ArmName, int], ...]:
    return ("a", 4), ("b", of_b)


def add_launch(
    run: Run,
    arm: Arm,
    index: int,
    median_ms: float,
    *,
    conditions: Conditions = COOL,
    tail: float = 0.0,
    load_ms: float = 34.0,
    attempt: int = 0,
    invalid: tuple[str, ...] = (),
) -> None:
    """One more launch of `arm` at the end of the run."""
    order, inferences = len(run.record.launches), run.record.settings.inferences
    shape = np.linspace(-1, 1, inferences)
    durations = median_ms * 1e6 * (1 + 0.02 * shape) * np.where(shape > 0.7, 1 + tail, 1.0)
    raw = samples_text(durations.round())
    name = f"launch-{order:03d}-{arm.name}-{arm.recipe}.samples"
    run.raw[name] = raw
    launch = dataclasses.replace(
        _PATTERN.record.launches[0],
        arm=arm.name,
        recipe=arm.recipe,
        model=arm.model,
        threads=arm.threads,
        index=index,
        order=order,
        attempt=attempt,
        invalid=invalid,
        load_ns=round(load_ms * 1e6),
        timed_inferences=inferences,
        samples_file=name,
        samples_sha256=hashlib.sha256(raw).hexdigest(),
        before=conditions,
        after=conditions,
    )
    run.record = dataclasses.replace(run.record, launches=(*run.record.launches, launch))


def arm_of(run: Run, name: ArmName) -> Arm:
    """One arm of a run that compares."""
    assert run.record.comparing is not None
    return next(arm for arm in run.record.comparing.arms if arm.name == name)


def change_launch(run: Run, name: ArmName, index: int, **changes: Any) -> Run:  # noqa: ANN401  # of Launch
    """The same run with one launch changed."""
    launches = [
        dataclasses.replace(one, **changes) if (one.arm, one.index) == (name, index) else one
        for one in run.record.launches
    ]
    return run.change(launches=tuple(launches))


def change_arm(run: Run, name: ArmName, **changes: Any) -> Run:  # noqa: ANN401  # of Arm
    """The same run, one arm of which is said to be another."""
    comparing = run.record.comparing
    assert comparing is not None
    arms = tuple(dataclasses.replace(arm, **changes) if arm.name == name else arm for arm in comparing.arms)
    return run.change(comparing=dataclasses.replace(comparing, arms=arms))
