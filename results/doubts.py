"""Why launches can be inconclusive at best, and what is said of them without changing what they decide.

Only launches that count are looked at: what an invalid launch met is no matter once it was repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from results.device import Conditions, Device
from results.launches import counted, replaced
from results.plain import short
from results.record import Launch, Record

LOW_BATTERY_PERCENT = 25  # Source: androidx.benchmark refuses below this
THERMAL_UNKNOWN = "thermal status unavailable"
FEWEST_LAUNCHES = 5  # below, a 5 % margin is not decided even at 1 % spread between launches
FEWEST_WARMUP_INFERENCES = 20  # the defaults of a run; after less, what is timed may still be warming up
SHORTEST_WARMUP_S = 2.0


def latency_doubts(record: Record, launches: Sequence[Launch], slow_starts: int) -> tuple[str, ...]:
    """Each reason why these launches of one series, all attempts of each, cannot decide anything.

    `slow_starts`: of how many that count and are valid the first inference was an outlier.
    """
    last = counted(launches)
    return (
        *_of_number(record, last, launches),
        *state_doubts(record, last, slow_starts),
    )


def state_doubts(record: Record, last: Sequence[Launch], slow_starts: int) -> tuple[str, ...]:
    """Those of the warm-up, the device's state and its cores, over the launches that count."""
    return (
        *_of_warmup(record, last, slow_starts),
        *_of_state(last),
        *_of_cores(record.device, last),
    )


def latency_remarks(record: Record, launches: Sequence[Launch]) -> tuple[str, ...]:
    """What a reader must know of these launches, and what decides nothing."""
    last = counted(launches)
    return (*_of_repeats(launches), *_of_pace(last), *_of_boots(record, last))


def _of_number(record: Record, last: list[Launch], launches: Sequence[Launch]) -> Iterator[str]:
    """Fewer launches than were asked for are said even where they are enough: n never shrinks silently."""
    made, wanted = len(last), record.settings.launches
    unended = ["the run did not end"] if record.ended_at is None else []
    if made < wanted:
        unended.insert(0, f"{made} of {wanted} launches were made")
    if unended:
        yield ": ".join(unended)
    invalid = {launch.index for launch in last if launch.invalid}
    if made - len(invalid) < FEWEST_LAUNCHES:
        yield f"too few valid launches: {made - len(invalid)} (need >= {FEWEST_LAUNCHES})"
    if invalid:
        tried = any(launch.index in invalid for launch in replaced(launches))
        yield f"{len(invalid)} of {made} launches invalid" + (", also when repeated" if tried else "")


def _of_warmup(record: Record, last: Sequence[Launch], slow_starts: int) -> Iterator[str]:
    settings = record.settings
    if settings.warmup_inferences < FEWEST_WARMUP_INFERENCES:
        yield f"warm-up of {settings.warmup_inferences} inferences (need >= {FEWEST_WARMUP_INFERENCES})"
    if settings.warmup_s < SHORTEST_WARMUP_S:
        yield f"warm-up of {settings.warmup_s:g} s (need >= {SHORTEST_WARMUP_S:g} s)"
    valid = sum(not launch.invalid for launch in last)
    if slow_starts > valid / 2:
        yield f"slow first inference in {slow_starts} of {valid} launches: the warm-up was too short"
    if (warming := _warming(last)) > valid / 2:
        yield f"{warming} of {valid} launches were still warming up while they were timed"


def _of_state(last: Sequence[Launch]) -> Iterator[str]:
    """Source: androidx.benchmark's preconditions, and any thermal status above 0."""
    moments = [moment for launch in last for moment in (launch.before, launch.after)]
    if any(moment.thermal_status is None for moment in moments):
        yield THERMAL_UNKNOWN
    statuses = [moment.thermal_status or 0 for moment in moments]
    if max(statuses, default=0) > 0:
        yield f"thermal status up to {max(statuses)}: the device was throttling"
    if any(moment.thermal_overridden for moment in moments):
        yield "thermal status overridden, so it says nothing"
    if throttled := sorted({name for moment in moments for name in moment.throttled}):
        yield f"sensors reported throttling: {', '.join(map(short, throttled))}"
    if capped := _capped(moments):
        yield f"the device was capping its processor: {', '.join(capped)}"
    levels = [moment.battery_percent for moment in moments if moment.battery_percent is not None]
    if min(levels, default=100) < LOW_BATTERY_PERCENT:
        yield f"battery down to {min(levels)} % (need >= {LOW_BATTERY_PERCENT} %)"
    if any(moment.battery_saver for moment in moments):
        yield "battery saver was on"
    if any(moment.awake is False for moment in moments):
        yield "the screen was off: the system may hold its processor back"


def _capped(moments: list[Conditions]) -> list[str]:
    """Cooling devices that were at work, by name, each with its highest step."""
    highest: dict[str, int] = {}
    for moment in moments:
        for name, step in moment.cooling.items():
            highest[name] = max(step, highest.get(name, 0))
    return [f"{short(name)} at step {step}" for name, step in sorted(highest.items()) if step > 0]


def _of_cores(device: Device | None, last: Sequence[Launch]) -> Iterator[str]:
    """Where the system let the program run: another class of processes is another share of the cores."""
    moments = [moment for launch in last for moment in (launch.before, launch.after)]
    sets = sorted({moment.cpuset for moment in moments if moment.cpuset is not None})
    if len(sets) > 1:
        yield f"the cpuset changed between launches: {', '.join(map(short, sets))}"
    allowed = {moment.allowed_cores for moment in moments if moment.allowed_cores}
    if len(allowed) > 1:
        yield "the allowed cores changed between launches"
    barred = {core for core in _strong(device) if any(core not in cores for cores in allowed)}
    if barred:
        named = ", ".join(map(str, sorted(barred)))
        yield f"the system did not allow cores {named}, which are not its weakest"


def _strong(device: Device | None) -> set[int]:
    """The cores above the least capacity (else the lowest top clock); none where all are alike."""
    cores = device.cores if device is not None else ()
    for strengths in ([core.capacity for core in cores], [core.max_khz for core in cores]):
        known = [strength for strength in strengths if strength is not None]
        if known and len(known) == len(cores):
            weakest = min(known)
            return {core.index for core, own in zip(cores, known, strict=True) if own > weakest}
    return set()


def _of_repeats(launches: Sequence[Launch]) -> Iterator[str]:
    if again := len(replaced(launches)):
        yield f"{again} invalid launches were repeated" if again > 1 else "1 invalid launch was repeated"


def _warming(last: Sequence[Launch]) -> int:
    """How many of the valid launches grew faster until they were steady."""
    return sum(launch.steady == "warmup" and not launch.invalid for launch in last)


def _of_pace(last: Sequence[Launch]) -> Iterator[str]:
    """What is no doubt: launches that count, and that began slower than they went on."""
    valid = sum(not launch.invalid for launch in last)
    if 0 < (warming := _warming(last)) <= valid / 2:
        were = "was" if warming == 1 else "were"
        yield f"{warming} of {valid} valid launches {were} slower at first; a longer warm-up would help"


def _of_boots(record: Record, last: list[Launch]) -> Iterator[str]:
    boots = {moment.boot_id for launch in last for moment in (launch.before, launch.after)} - {None}
    if len(boots) > 1 or any(hit.rebooted for hit in record.interruptions):
        yield "the device restarted in the middle of the run"
