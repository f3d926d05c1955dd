"""The launches: recipes interleaved, each one saved as it ends, each invalid or lost one done again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from android_runner import readiness
from android_runner.clocks import clock_ticks, clock_use
from android_runner.conditions import conditions
from android_runner.run import Order, launch
from android_runner.settle import settle
from benchmark.bench import Bench, Ready, on_device, order_of
from benchmark.journal import Journal, now
from benchmark.listener import Listener
from results.device import Conditions
from results.errors import HarnessError, NoSpaceOnDevice, RunFailed
from results.launches import launches_of, no_samples
from results.record import Launch, LaunchSummary
from results.samples import read_samples
from results.series import Series
from results.steady import classify_launch, unknown

if TYPE_CHECKING:
    from android_runner.binary import Binary
    from android_runner.sequences import Sequences
    from results.record import Settings

# What one file can meet where others run: too little memory or disk, or an operation that is not there.
NOT_RUN = (RunFailed, NoSpaceOnDevice)

_START_TIMEOUT_S = 60.0
_SLOWDOWN = 10  # a launch may take so many times what its parity check promised


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """One launch that the run asks for: `index` counts those of `one`."""

    one: Ready
    index: int


def measure(
    bench: Bench, ready: tuple[Ready, ...], journal: Journal, listener: Listener, *, spare: bool = False
) -> None:
    """K launches of each artifact in rounds of random order, each on its own bench.

    The rows are the same in every launch, in an order shuffled by a seed of the launch's own, so that drift
    is not read as an effect of length. What a resumed run has already is not done again. `spare`: an artifact
    that the device cannot run is left out from then on, while another one is left.
    """
    slots = tuple(_slots(ready, journal.record.settings))
    with on_device(bench, bench.sequences, journal, "timed.seq") as sequences:
        lost: list[Ready] = []
        for turn, slot in enumerate(slots):
            listener.on_progress(turn, len(slots), "launches")
            if slot.one in lost:
                continue
            try:
                _fill(slot, sequences, journal, listener)
            except NOT_RUN as err:
                if not spare or len(lost) + 1 == len(ready):
                    raise
                lost.append(slot.one)
                how = f"failed in round {slot.index + 1} and was not launched again"
                give_up(slot.one.series, how, err, journal)
    listener.on_progress(len(slots), len(slots), "launches")


def timing_rows(sequences: Sequences, inferences: int, seed: int) -> Sequences:
    """The rows that are timed: as many as there are inferences in a launch, or all; a seeded choice."""
    rows = len(sequences.row_ids)
    if rows <= inferences:
        return sequences
    return sequences.take(np.sort(np.random.default_rng(seed).choice(rows, inferences, replace=False)))


def give_up(series: Series, how: str, err: HarnessError, journal: Journal) -> None:
    """Say of an artifact that the device could not run it, and why: the others go on without it."""
    journal.doubt("not-run", f"{series.label} {how}: {err.what}.")


def _slots(ready: tuple[Ready, ...], settings: Settings) -> Iterator[_Slot]:
    """All launches in their order, which the seed alone decides: a resumed run has the same."""
    generator = np.random.default_rng(settings.seed)
    if ready[0].bench.arm:
        rounds = _balanced(settings.launches, generator)
    else:
        rounds = [generator.permutation(len(ready)).tolist() for _ in range(settings.launches)]
    for index, turns in enumerate(rounds):
        for turn in turns:
            yield _Slot(one=ready[turn], index=index)


def _balanced(pairs: int, generator: np.random.Generator) -> list[list[int]]:
    """The order of two in each of so many pairs: by chance, and each of both orders as often as the other.

    A few tosses of a coin can all fall alike, and whatever being second costs would be the second's own.
    """
    both = [[0, 1], [1, 0]] * (-(-pairs // 2))
    return [both[at] for at in generator.permutation(len(both))][:pairs]


def _fill(slot: _Slot, sequences: str, journal: Journal, listener: Listener) -> None:
    """Launch until one is valid, or as often as the run allows; nothing where that is done already."""
    settings = journal.record.settings
    while True:
        made = [one for one in launches_of(journal.record, slot.one.series) if one.index == slot.index]
        if made and (not made[-1].invalid or len(made) > settings.repeats):
            return
        if made:
            listener.on_step(
                f"Launch {made[-1].order} is invalid ({'; '.join(made[-1].invalid)}): once more."
            )
        order = len(journal.record.launches)

        def once(attempt: int = len(made), order: int = order) -> Launch:
            return _measure_once(slot, sequences, order, attempt, journal, listener)

        done = slot.one.bench.session.endure(once, during=f"launch {order}", order=order)
        journal.add("launches", launches=(*journal.record.launches, done))


def _measure_once(
    slot: _Slot,
    sequences: str,
    order: int,
    attempt: int,
    journal: Journal,
    listener: Listener,
) -> Launch:
    """One launch, with the device's state before and after it; its raw file is saved before it returns."""
    bench, series, settings = slot.one.bench, slot.one.series, journal.record.settings
    link = bench.place.link
    first = journal.record.launches[0].before if journal.record.launches else None
    before = _settled(bench, first, journal, listener)
    if first is None:
        _note_caps(before, journal)
    began, seed = now(), settings.seed + order + 1
    inferences = settings.inferences + settings.warmup_inferences
    timeout_s = _START_TIMEOUT_S + _SLOWDOWN * (settings.warmup_s + inferences * slot.one.inference_s)
    asked = dataclasses.replace(
        order_of(
            bench, slot.one.files, slot.one.model, bench.sequences, sequences, settings, timeout_s=timeout_s
        ),
        seed=seed,
        inferences=settings.inferences,
        warmup_inferences=settings.warmup_inferences,
        warmup_s=settings.warmup_s,
    )
    bench.session.hold(asked.timeout_s + _START_TIMEOUT_S)
    ticks = clock_ticks(link)
    ran = _run(slot.one, asked)
    clocks = clock_use(ticks, clock_ticks(link))
    after = conditions(link)
    name = f"launch-{order:03d}-{series.stem}.{'samples' if ran.summary is None else 'txt'}"
    pace = (
        unknown(no_samples(journal.record)) if ran.summary else classify_launch(read_samples(ran.raw, name))
    )
    return Launch(
        index=slot.index,
        order=order,
        recipe=series.recipe,
        model=series.model,
        started_at=began,
        seed=seed,
        threads=ran.threads,
        cores=ran.cores,
        load_ns=ran.load_ns,
        first_inference_ns=ran.first_inference_ns,
        peak_rss_bytes=ran.peak_rss_bytes,
        warmup_inferences=ran.warmup_count,
        timed_inferences=ran.timed_count,
        samples_file=name,
        samples_sha256=journal.store.add_raw(name, ran.raw),
        before=before,
        after=after,
        invalid=(
            *readiness.invalid_reasons(
                first or before, before, after, clocks, fixed_clocks=settings.fixed_performance
            ),
            *pace.invalid,
        ),
        attempt=attempt,
        clocks=clocks,
        summary=ran.summary,
        arm=series.arm,
        steady=pace.kind,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    """What a launch of either device program gives the record."""

    threads: int
    cores: tuple[int, ...]
    load_ns: int
    first_inference_ns: int
    peak_rss_bytes: int | None
    warmup_count: int
    timed_count: int
    raw: bytes
    summary: LaunchSummary | None


def _run(one: Ready, asked: Order) -> _Ran:
    if one.bench.binary is not None:
        return _run_other(one, one.bench.binary, asked)
    samples, raw = launch(one.bench.place, asked)
    return _Ran(
        threads=samples.threads,
        cores=samples.cores,
        load_ns=samples.load_ns,
        first_inference_ns=samples.first_inference_ns,
        peak_rss_bytes=samples.peak_rss_bytes,
        warmup_count=samples.warmup_count,
        timed_count=samples.timed_count,
        raw=raw,
        summary=None,
    )


def _run_other(one: Ready, binary: Binary, asked: Order) -> _Ran:
    """One launch of benchmark_model, on the first row alone."""
    from android_runner import benchmark_model
    from android_runner.feed import feed

    bench = one.bench
    fed = feed(
        bench.place,
        binary,
        one.files.model_path,
        asked.signatures[0],
        bench.sequences.take(np.array([0])),
    )
    report, raw = benchmark_model.launch(bench.place, asked, binary, bench.delegate, fed)
    return _Ran(
        threads=asked.threads,
        cores=report.cores or asked.cores,
        load_ns=report.init_ns,
        first_inference_ns=report.first_ns,
        peak_rss_bytes=None,
        warmup_count=report.warmup.count if report.warmup else 0,
        timed_count=report.timed.count,
        raw=raw,
        summary=report.timed,
    )


def _settled(bench: Bench, first: Conditions | None, journal: Journal, listener: Listener) -> Conditions:
    """The device's state once it is fit to be measured; waits for it to cool down."""
    state, doubts = settle(
        bench.place.link,
        first,
        bench.session.device.kind,
        limit_s=journal.record.settings.cool_down_s,
        on_wait=lambda why, waited_s: listener.on_step(f"Waiting, {waited_s:.0f} s so far: {why}."),
        renew=bench.session.hold,
    )
    for text in doubts:
        journal.doubt("conditions", text)
    return state


def _note_caps(start: Conditions, journal: Journal) -> None:
    """Say where the device holds cores below their top clock from the start (battery saver, an old cap)."""
    device = journal.record.device
    tops = {core.index: core.max_khz for core in device.cores} if device else {}
    capped = [core for core, khz in start.max_khz_by_core.items() if (top := tops.get(core)) and khz < top]
    if capped:
        cores = ", ".join(map(str, sorted(capped)))
        journal.doubt("capped-clocks", f"Cores {cores} were held below their top clock from the start on.")
