"""The rules for measuring on a device at this moment: now, later, or not at all; and which launch counts.

Pure: conditions in, decisions out. Sources: androidx.benchmark (battery floor; any thermal status above 0
makes figures vary), AOSP TradeFed's TemperatureThrottlingWaiter (30 °C), and the field notes on Pixels whose
status leaves 0 at 39 °C (37 °C between launches).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from results.device import ClockUse, Conditions, DeviceKind

BATTERY_FLOOR_PERCENT = 25
_COOL_C = 30.0
_BELOW_LIGHT_C = 4.0  # further from where the device calls its skin warm
_RISE_C = 1.0  # between launches; an equal start matters more than a cold one
_WARMEST_START_C = 37.0
_FIXED_SHARE = 0.95  # of the time at one clock, where clocks are meant to be fixed
# Their sensors are constants, or none: what holds them back makes a launch invalid, and goes by no waiting.
_NOT_WAITED_FOR = ("emulator", "host")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Measure. `doubts`: what a reader must know all the same, sentences."""

    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not yet, `reason` as a clause. `target_c`: the skin's temperature to wait for, in °C.

    None: for the device to let its processor go, without which no launch would be valid.
    """

    reason: str
    target_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """No waiting helps: `reason` as a clause, and what to do."""

    reason: str
    next_step: str


def readiness(now: Conditions, first: Conditions | None, kind: DeviceKind) -> Ready | Wait | Refuse:
    """Whether a launch may begin. `first`: at the run's first launch, None before it."""
    if (refusal := _refusal(now)) is not None:
        return refusal
    if kind not in _NOT_WAITED_FOR:
        if held := held_back(now, first):
            return Wait(reason="; ".join(held), target_c=None)
        target_c = skin_target_c(now, first)
        if now.skin_c is not None and now.skin_c > target_c:
            reason = f"its skin is at {now.skin_c:.1f} °C, above {target_c:.1f} °C"
            return Wait(reason=reason, target_c=target_c)
    return Ready(doubts=_doubts(now, kind))


def skin_target_c(now: Conditions, first: Conditions | None) -> float:
    """The warmest skin, in °C, at which a launch may begin."""
    if first is None or first.skin_c is None:
        return _COOL_C if now.skin_light_c is None else min(_COOL_C, now.skin_light_c - _BELOW_LIGHT_C)
    # Never colder than the run began: a hot room does not become a cold one.
    return max(first.skin_c, min(first.skin_c + _RISE_C, _WARMEST_START_C))


def held_back(now: Conditions, first: Conditions | None) -> tuple[str, ...]:
    """Signs that the device holds its processor back, more than before `first`; clauses."""
    signs = []
    if now.thermal_status is not None and now.thermal_status > 0:
        signs.append(f"thermal status {now.thermal_status}")
    if now.throttled:
        signs.append(f"throttling at {', '.join(now.throttled)}")
    if first is not None:
        signs += [
            f"{name} holds the processor back by step {step}"
            for name, step in now.cooling.items()
            if step > first.cooling.get(name, 0)
        ]
        lowered = [
            core for core, khz in now.max_khz_by_core.items() if khz < first.max_khz_by_core.get(core, khz)
        ]
        if lowered:
            signs.append(f"the top clock of cores {_listed(lowered)} was lowered")
    return tuple(signs)


def rebooted(before: Conditions, after: Conditions) -> bool | None:
    """Whether the device restarted between the two; None where it does not say."""
    if before.boot_id is not None and after.boot_id is not None:
        return before.boot_id != after.boot_id
    if before.uptime_s is not None and after.uptime_s is not None:
        return after.uptime_s < before.uptime_s
    return None


def invalid_reasons(
    first: Conditions,
    before: Conditions,
    after: Conditions,
    clocks: Sequence[ClockUse] = (),
    *,
    fixed_clocks: bool = False,
) -> tuple[str, ...]:
    """Why a launch between the two may not be averaged in; empty for a valid one.

    `first`: before the run's first launch. `clocks`: while this one ran; they count only where they are meant
    to be fixed (`fixed_clocks`), since an honest governor moves them.
    """
    reasons = []
    for when, state in (("before", before), ("after", after)):
        reasons += [f"{sign} {when} the launch" for sign in held_back(state, first)]
        if state.thermal_overridden:
            reasons.append(f"thermal status was overridden {when} the launch")
    if rebooted(before, after):
        reasons.append("the device restarted during the launch")
    reasons += _moved(first, before, after)
    if fixed_clocks:
        for use in clocks:
            khz, share = max(use.shares.items(), key=lambda item: item[1], default=(0, 0.0))
            if share < _FIXED_SHARE:
                reasons.append(
                    f"the clock of cores {_listed(use.cores)} was to be fixed, and was at {khz} kHz for only "
                    f"{share:.0%} of the time"
                )
    return tuple(reasons)


def _refusal(now: Conditions) -> Refuse | None:
    if now.thermal_overridden:
        return Refuse(
            reason="its thermal status was set by hand, so nobody can see whether it throttles",
            next_step="Give it free, then run again: adb shell cmd thermalservice reset",
        )
    if now.battery_percent is not None and now.battery_percent < BATTERY_FLOOR_PERCENT:
        return Refuse(
            reason=f"its battery is at {now.battery_percent} %, and below {BATTERY_FLOOR_PERCENT} % phones "
            "save power",
            next_step=f"Charge it to {BATTERY_FLOOR_PERCENT} % or more, then run again.",
        )
    if now.battery_saver:
        return Refuse(
            reason="its battery saver is on, which lowers the clocks",
            next_step="Switch it off on the phone, or: adb shell settings put global low_power 0",
        )
    return None


def _doubts(now: Conditions, kind: DeviceKind) -> tuple[str, ...]:
    found = []
    if now.awake is False:
        found.append("The screen was off, which on some phones keeps programs from the strong cores.")
    holding = [f"{name} at step {step}" for name, step in now.cooling.items() if step > 0]
    if holding and kind not in _NOT_WAITED_FOR:
        found.append(f"The device held its processor back from the start on: {', '.join(holding)}.")
    return tuple(found)


def _moved(first: Conditions, before: Conditions, after: Conditions) -> list[str]:
    """Where the device put its shell among other programs, or on other cores, since the run began."""
    reasons = []
    for when, state in (("before", before), ("after", after)):
        if None not in (first.cpuset, state.cpuset) and state.cpuset != first.cpuset:
            reasons.append(f"the cpuset was {state.cpuset} {when} the launch and {first.cpuset} at the start")
        if first.allowed_cores and state.allowed_cores and state.allowed_cores != first.allowed_cores:
            reasons.append(
                f"cores {_listed(state.allowed_cores)} were allowed {when} the launch, and "
                f"{_listed(first.allowed_cores)} at the start"
            )
    return reasons


def _listed(cores: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(cores)))
