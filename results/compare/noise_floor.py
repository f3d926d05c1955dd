"""From which share of latency on a change matters, and from which on this device lets it be seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from results.arms import Threshold
from results.compare.comparison import DEFAULT_THRESHOLD
from results.compare.comparison_file import MeasuredOn
from results.compare.words import in_percent
from results.device import Device
from results.errors import NotComparable
from results.plain import short
from results.record import Settings
from results.store import COMPARISON, RunStore

_LEARN = "Measure the noise floor of this device at the settings to be judged: mobilebert-bench ab ARM --aa"
_OF_DEVICE = {
    "kind": "kind",
    "serial_sha256": "serial (SHA-256)",
    "soc": "SoC",
    "fingerprint": "build fingerprint",
}
_OF_SETTINGS = {
    "length": "length",
    "length_policy": "length policy",
    "threads": "threads",
    "cores": "cores",
    "delegate": "delegate",
    "runner": "runner",
    "fixed_performance": "fixed performance",
    "batch": "batch",
}

MOST_NOISE = 0.10  # with more, an A/A run has shown how noisy the device is, and not how near equals come


def threshold_for(
    asked: float | None, noise_floor: Path | None, device: Device | None, settings: Settings | None = None
) -> Threshold:
    """The threshold, and the noise floor where an A/A run gives one.

    `asked`: by the user, a share from 0 to 1, else the default of 2 %; `noise_floor`: the folder of an A/A
    run. `device`, `settings`: those that are to be judged, arm A's where two arms differ; None: not compared.
    Raises:
        NotComparable: the run is no A/A run, has no noise floor or one above 10 %, or is of another device or
            other settings.
        SchemaUnknown, RecordDamaged: its comparison.json cannot be read.
    """
    share, source = (DEFAULT_THRESHOLD, "default") if asked is None else (asked, "as asked for")
    if noise_floor is None:
        return Threshold(share=share, source=source)
    store = RunStore.open(noise_floor)
    if not (store.folder / COMPARISON).is_file():
        raise _refused(noise_floor, f"has no {COMPARISON}, so it is no A/A run that ended")
    learnt = store.comparison()
    if not learnt.same:
        raise _refused(noise_floor, "compares two different arms, so it is no A/A run")
    on = learnt.measured_on
    if learnt.noise_floor is None or on is None:
        raise _refused(noise_floor, f"gives no noise floor: {'; '.join(learnt.reasons) or 'it did not end'}")
    if learnt.noise_floor > MOST_NOISE:
        raise _refused(
            noise_floor,
            f"gives a noise floor of {in_percent(learnt.noise_floor)}, behind which nothing would be seen "
            f"(at most {in_percent(MOST_NOISE)})",
        )
    if differs := "; ".join((*_apart(_OF_DEVICE, on, device), *_apart(_OF_SETTINGS, on, settings))):
        raise _refused(noise_floor, f"was measured under other conditions: {differs}")
    arm = learnt.arms[0]
    return Threshold(
        share=share,
        source=source,
        noise_floor=learnt.noise_floor,
        noise_floor_source=f"run {learnt.run_id}, learnt of {arm.model} {arm.recipe} with {_said(on)}",
    )


def _apart(names: dict[str, str], on: MeasuredOn, here: Device | Settings | None) -> Iterator[str]:
    for field, name in names.items():
        if here is not None and (then := getattr(on, field)) != (now := getattr(here, field)):
            yield f"{name} {_word(then)} there, {_word(now)} here"


def _said(on: MeasuredOn) -> str:
    """The settings that a noise floor holds for."""
    fixed = ", fixed performance" if on.fixed_performance else ""
    return (
        f"length {on.length} ({on.length_policy}), threads {on.threads}, cores {short(on.cores)}, delegate "
        f"{on.delegate}, batch {on.batch}, {short(on.runner)}{fixed}"
    )


def _word(value: object) -> str:
    if value is None:
        return "unknown"
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else short(str(value))


def _refused(folder: Path, what: str) -> NotComparable:
    return NotComparable(f"{folder} {what}.", next_step=_LEARN, path=str(folder))
