"""Wait until a device is fit to be measured: cool, or at least no longer changing."""

from __future__ import annotations

import time
from collections.abc import Callable

from android_runner.conditions import conditions
from android_runner.link import Link
from android_runner.readiness import Ready, Refuse, Wait, readiness
from results.device import Conditions, DeviceKind
from results.errors import DeviceUnfit

POLL_S = 15.0
_STABLE_C, _STABLE_S = 0.5, 60.0  # a change of less than that, over so long


def settle(
    link: Link,
    first: Conditions | None,
    kind: DeviceKind,
    *,
    limit_s: float,
    poll_s: float = POLL_S,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    on_wait: Callable[[str, float], None] = lambda reason, waited_s: None,
    renew: Callable[[], None] = lambda: None,
) -> tuple[Conditions, tuple[str, ...]]:
    """The device's conditions once a launch may begin, and what is to be doubted about them (sentences).

    Waits at most `limit_s`, then takes a skin that is too warm, as long as it is stable. `on_wait` gets each
    poll's reason and the seconds waited so far; `renew` is called before each sleep, and keeps what must not
    expire. Raises DeviceUnfit where waiting does not help or did not, and the link's errors.
    """
    began = now()
    skins: list[tuple[float, float]] = []
    while True:
        state = conditions(link)
        waited_s = now() - began
        match readiness(state, first, kind):
            case Ready(doubts=doubts):
                return state, doubts
            case Refuse() as refuse:
                raise _unfit(link, refuse)
            case Wait() as wait:
                if state.skin_c is not None:
                    skins.append((waited_s, state.skin_c))
                if waited_s >= limit_s:
                    return state, (_accepted(link, wait, skins, waited_s),)
                on_wait(wait.reason, waited_s)
                renew()
                sleep(min(poll_s, limit_s - waited_s))


def check_fit(link: Link, kind: DeviceKind) -> None:
    """Raises DeviceUnfit where no waiting would help, and the link's errors: before anything takes long."""
    if isinstance(refuse := readiness(conditions(link), None, kind), Refuse):
        raise _unfit(link, refuse)


def _unfit(link: Link, refuse: Refuse) -> DeviceUnfit:
    return DeviceUnfit(f"{link.name} is not fit to be measured: {refuse.reason}.", next_step=refuse.next_step)


def _accepted(link: Link, wait: Wait, skins: list[tuple[float, float]], waited_s: float) -> str:
    """The doubt about a device that stays warm. Raises DeviceUnfit where it is throttled or still changes."""
    if wait.target_c is None:
        raise DeviceUnfit(
            f"{link.name} is not fit to be measured after {waited_s:.0f} s of waiting: {wait.reason}.",
            next_step="Let it cool down (no case, no sun, unplugged from a fast charger) and run again, or "
            "give --cool-down a longer time.",
        )
    last_s, skin_c = skins[-1]
    # From the last sample that is old enough on: between two of them, anything may have happened.
    since_s = max((at_s for at_s, _ in skins if at_s <= last_s - _STABLE_S), default=None)
    recent = [celsius for at_s, celsius in skins if since_s is None or at_s >= since_s]
    if max(recent) - min(recent) >= _STABLE_C:
        raise DeviceUnfit(
            f"the skin of {link.name} is at {skin_c:.1f} °C after {waited_s:.0f} s of waiting for "
            f"{wait.target_c:.1f} °C, and still changes.",
            next_step="Let it cool down and run again, or give --cool-down a longer time.",
        )
    waited = f"after {waited_s:.0f} s of waiting for {wait.target_c:.1f} °C"
    if since_s is None:
        return (
            f"The skin was at {skin_c:.1f} °C before a launch, {waited}: not watched long enough to know "
            "whether it is stable."
        )
    return f"The skin was at {skin_c:.1f} °C before a launch, stable {waited}."
