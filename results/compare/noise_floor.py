"""From which share of latency on a change matters: asked for, learnt from an A/A run, or the default."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from results.compare.comparison import DEFAULT_THRESHOLD
from results.compare.comparison_file import Comparison
from results.compare.words import in_percent
from results.device import Device
from results.errors import NotComparable
from results.plain import short
from results.store import COMPARISON, RunStore

_LEARN = "Measure this device's noise floor first: mobilebert-bench ab ARM --aa"


def threshold_for(
    asked: float | None, noise_floor: Path | None, device: Device | None, threads: int | None = None
) -> tuple[float, str]:
    """The threshold, a share from 0 to 1, and where it is from.

    `asked`: by the user, else the default of 2 %; `noise_floor`: the folder of an A/A run, which counts where
    it says more. `device`, `threads`: those that are to be judged; None: not compared.
    Raises:
        NotComparable: the run is no A/A run, has no noise floor, or is of another device or thread count.
        SchemaUnknown, RecordDamaged: its comparison.json cannot be read.
    """
    share, source = (DEFAULT_THRESHOLD, "default") if asked is None else (asked, "as asked for")
    if noise_floor is None:
        return share, source
    store = RunStore.open(noise_floor)
    if not (store.folder / COMPARISON).is_file():
        raise _refused(noise_floor, f"has no {COMPARISON}, so it is no A/A run that ended")
    learnt = store.comparison()
    if not learnt.same:
        raise _refused(noise_floor, "compares two different arms, so it is no A/A run")
    if learnt.noise_floor is None:
        raise _refused(noise_floor, f"gives no noise floor: {'; '.join(learnt.reasons)}")
    if differs := "; ".join(_differences(learnt, device, threads)):
        raise _refused(noise_floor, f"was measured under other conditions: {differs}")
    if learnt.noise_floor <= share:
        return share, f"{source}; the noise floor of run {learnt.run_id} is {in_percent(learnt.noise_floor)}"
    return learnt.noise_floor, f"noise floor of run {learnt.run_id}"


def _differences(learnt: Comparison, device: Device | None, threads: int | None) -> Iterator[str]:
    on = learnt.measured_on
    if on is not None and device is not None:
        for name, then, now in (
            ("kind", on.kind, device.kind),
            ("serial (SHA-256)", on.serial_sha256, device.serial_sha256),
            ("SoC", on.soc, device.soc),
            ("build fingerprint", on.fingerprint, device.fingerprint),
        ):
            if then != now:
                yield f"{name} {_word(then)} there, {_word(now)} here"
    if on is not None and threads is not None and on.threads != threads:
        yield f"threads {on.threads} there, {threads} here"


def _word(value: str | None) -> str:
    return "unknown" if value is None else short(value)


def _refused(folder: Path, what: str) -> NotComparable:
    return NotComparable(f"{folder} {what}.", next_step=_LEARN, path=str(folder))
