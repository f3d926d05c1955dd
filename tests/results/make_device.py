"""What a device does to a recorded run: repeats, interruptions, summaries, its own predictions, its state."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from results.device import ClockUse, Conditions, Interruption, StateChange
from results.evaluated import DeviceAccuracy
from results.predictions import Predictions, write_predictions
from results.record import Launch, LaunchSummary
from tests.results.make_run import AT, COOL, Run, make_run

# All that a phone tells, as far as it tells anything.
TOLD = dataclasses.replace(
    COOL,
    cooling={f"thermal-cpufreq-{cluster}": 0 for cluster in range(3)},
    skin_light_c=39.0,
    awake=True,
    battery_saver=False,
    cpuset="/foreground",
    allowed_cores=tuple(range(8)),
    load_1min=1.25,
    uptime_s=86_400.5,
    boot_id="11111111-2222-3333-4444-555555555555",
)
# A Pixel 4's clusters: mostly at their top clocks, whose highest PIXEL_4 names.
CLOCKS = (
    ClockUse(cores=(0, 1, 2, 3), shares={576_000: 0.4, 1_785_600: 0.6}),
    ClockUse(cores=(4, 5, 6), shares={1_612_800: 0.03, 1_785_600: 0.97}),
    ClockUse(cores=(7,), shares={2_649_600: 0.02, 2_841_600: 0.98}),
)


def told(run: Run, **changes: Any) -> Run:  # noqa: ANN401  # fields of Conditions
    """The same run on a device that tells everything, with clocks."""
    state = dataclasses.replace(TOLD, **changes)
    return run.each_launch(before=state, after=state, clocks=CLOCKS)


def at_launch(run: Run, order: int, **changes: Any) -> Run:  # noqa: ANN401  # fields of Conditions
    """The same run, in which the state before one launch was another."""
    return change_launch(run, order, before=dataclasses.replace(run.record.launches[order].before, **changes))


def change_launch(run: Run, order: int, **changes: Any) -> Run:  # noqa: ANN401  # fields of Launch
    launches = list(run.record.launches)
    launches[order] = dataclasses.replace(launches[order], **changes)
    return run.change(launches=tuple(launches))


def repeat(
    run: Run,
    index: int,
    median_ms: float,
    why: str = "thermal status 1 after the launch",
    state: Conditions | None = None,
) -> Run:
    """The same run, in which launch `index` of its first recipe was invalid at first, and done again.

    `median_ms`: of the attempt that was invalid; `state`: after it.
    """
    of = (run.record.settings.models[0], run.record.settings.recipes[0])
    slot = [one for one in run.record.launches if (one.model, one.recipe, one.index) == (*of, index)]
    launches: list[Launch] = []
    raw = dict(run.raw)
    slow = make_run(launches=1, median_ms=median_ms, inferences=run.record.settings.inferences)
    for launch in run.record.launches:
        if launch is slot[-1]:
            first = dataclasses.replace(
                launch,
                invalid=(why,),
                samples_file=f"first-{launch.attempt}-{launch.samples_file}",
                after=launch.after if state is None else state,
            )
            data = slow.raw[slow.record.launches[0].samples_file]
            raw[first.samples_file] = data
            first = dataclasses.replace(first, samples_sha256=hashlib.sha256(data).hexdigest())
            launches.append(first)
            launch = dataclasses.replace(launch, attempt=launch.attempt + 1)
        launches.append(launch)
    numbered, named = [], {name: data for name, data in raw.items() if not name.endswith(".samples")}
    for order, launch in enumerate(launches):
        name = f"launch-{order:03d}-{launch.recipe}.samples"
        named[name] = raw[launch.samples_file]
        numbered.append(dataclasses.replace(launch, order=order, samples_file=name))
    settings = dataclasses.replace(run.record.settings, repeats=2, cool_down_s=600.0)
    record = dataclasses.replace(run.record, launches=tuple(numbered), settings=settings)
    return Run(record=record, raw=named)


def interruption(**changes: Any) -> Interruption:  # noqa: ANN401  # fields of Interruption
    """Launch 7, hit by a restart."""
    lost = Interruption(
        at=AT,
        during="launch 7",
        order=7,
        error="device-lost",
        what="tcp:192.168.1.7:5555 went away while it was asked to run.",
        waited_s=41.2,
        rebooted=True,
    )
    return dataclasses.replace(lost, **changes)


def left_changed(**changes: Any) -> StateChange:  # noqa: ANN401  # fields of StateChange
    stay_on = StateChange(
        name="settings global stay_on_while_plugged_in", before="0", during="7", restored=False
    )
    return dataclasses.replace(stay_on, **changes)


def summarized(run: Run, *, median: bool = True, delegate: str = "cpu") -> Run:
    """The same run by benchmark_model, which prints a summary and keeps no samples."""
    launches, raw = [], dict(run.raw)
    for launch in run.record.launches:
        timed = run.samples[launch.samples_file].timed_ns
        name = launch.samples_file.replace(".samples", ".txt")
        raw[name] = f"count={timed.size} median={int(np.median(timed)) // 1000}\n".encode()
        del raw[launch.samples_file]
        launches.append(
            dataclasses.replace(
                launch,
                samples_file=name,
                samples_sha256=hashlib.sha256(raw[name]).hexdigest(),
                steady="unknown",
                summary=LaunchSummary(
                    count=timed.size,
                    mean_ns=float(timed.mean()),
                    min_ns=float(timed.min()),
                    max_ns=float(timed.max()),
                    sd_ns=float(timed.std()),
                    p5_ns=float(np.quantile(timed, 0.05)) if median else None,
                    median_ns=float(np.median(timed)) if median else None,
                    p95_ns=float(np.quantile(timed, 0.95)) if median else None,
                ),
            )
        )
    program = run.record.program
    assert program is not None
    program = dataclasses.replace(
        program,
        program_sha256="3" * 64,
        runtime="benchmark_model",
        runtime_version="2.16.1",
        runtime_sha256="3" * 64,
    )
    changed = run.change(launches=tuple(launches), program=program)
    changed = changed.settings(runner="benchmark_model 2.16.1", delegate=delegate)
    changed.raw = raw
    return changed


def on_device(
    run: Run,
    *,
    recipe: str | None = None,
    rows: int = 500,
    lost: int = 2,
    won: int = 2,
    rounding: bool = True,
) -> Run:
    """The same run with the device's own predictions of the first `rows` pairs.

    `lost`, `won`: pairs that only this machine, only the device has right. `rounding`: this machine's two
    largest logits are close to each other there.
    """
    recipe = recipe or run.record.settings.recipes[0]
    accuracy = next(one for one in run.record.accuracies if one.recipe == recipe)
    host = run.predictions[recipe]
    flipped = np.concatenate(
        (np.flatnonzero(host.right[:rows])[:lost], np.flatnonzero(~host.right[:rows])[:won])
    ).astype(np.int64)
    there = host.predicted.copy()
    there[flipped] = np.where(host.right[flipped], (host.label[flipped] + 1) % 3, host.label[flipped])
    logits = np.eye(3, dtype=np.float32)[host.predicted]
    if rounding:
        logits[flipped, there[flipped]] = 0.99
    device = logits[:rows].copy()
    device[flipped, there[flipped]] = 1.01
    changed = Run(record=run.record, raw=dict(run.raw))
    mine = dataclasses.replace(host, logits=logits)
    theirs = Predictions(
        labels=host.labels,
        row=host.row[:rows],
        label=host.label[:rows],
        predicted=there[:rows],
        tokens=host.tokens[:rows],
        logits=device,
    )
    name = f"device-predictions-{recipe}.csv"
    changed.raw[accuracy.predictions_file] = write_predictions(mine)
    changed.raw[name] = write_predictions(theirs)
    digest = hashlib.sha256(changed.raw[accuracy.predictions_file]).hexdigest()
    replaced = dataclasses.replace(accuracy, predictions_sha256=digest)
    difference = np.abs(device.astype(np.float64) - logits[:rows])
    done = DeviceAccuracy(
        recipe=recipe,
        rows=rows,
        correct=int(theirs.right.sum()),
        host_correct=int(host.right[:rows].sum()),
        agreeing=int((theirs.predicted == host.predicted[:rows]).sum()),
        max_difference=float(difference.max()),
        rms_difference=float(np.sqrt((difference**2).mean())),
        seconds=rows * 0.061,
        predictions_file=name,
        predictions_sha256=hashlib.sha256(changed.raw[name]).hexdigest(),
    )
    return changed.change(
        accuracies=tuple(replaced if one is accuracy else one for one in run.record.accuracies),
        device_accuracies=(*run.record.device_accuracies, done),
    ).settings(accuracy_on="device")
