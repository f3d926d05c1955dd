"""Waiting for a device to cool down: a virtual phone, and a clock of the test's own; nothing sleeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.conditions import conditions
from android_runner.link import HostLink
from android_runner.settle import POLL_S, settle
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import emulator
from results.device import Conditions
from results.errors import DeviceUnfit

pytestmark = pytest.mark.adbd


@dataclass(kw_only=True)
class Waiting:
    """A clock that only `sleep` moves, and a phone that changes meanwhile. `told`: to whoever waits."""

    phone: VirtualPhone
    skin_c: Callable[[float], float]
    status: Callable[[float], int] = lambda at_s: 0
    at_s: float = 0.0
    renewed: int = 0
    told: list[tuple[str, float]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.at_s += seconds
        self.show()

    def show(self) -> None:
        self.phone.set_thermal(skin_c=self.skin_c(self.at_s), status=self.status(self.at_s))

    def renew(self) -> None:
        self.renewed += 1

    def settle(
        self,
        link: AdbTcpLink,
        first: Conditions | None = None,
        *,
        limit_s: float = 600,
        poll_s: float = POLL_S,
    ) -> tuple[Conditions, tuple[str, ...]]:
        self.show()
        return settle(
            link,
            first,
            "phone",
            limit_s=limit_s,
            poll_s=poll_s,
            now=lambda: self.at_s,
            sleep=self.sleep,
            on_wait=lambda reason, waited_s: self.told.append((reason, waited_s)),
            renew=self.renew,
        )


def test_cool_phone_and_host_pass_at_once(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """Most launches: no wait, no doubt."""
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 28.4)
    state, doubts = waiting.settle(adb)
    assert (state.skin_c, doubts, waiting.at_s) == (28.4, (), 0)
    assert settle(HostLink(), None, "host", limit_s=600)[1] == ()


def test_emulator_passes_at_once(virtual_root: Path, link_to: Callable[..., AdbTcpLink]) -> None:
    """30.8 °C and a fan at 100, constants both."""
    with VirtualPhone(emulator()) as machine:
        machine.set_thermal(skin_c=30.8)
        state, doubts = settle(link_to(machine), None, "emulator", limit_s=600)
    assert (state.skin_c, doubts) == (30.8, ())


def test_warm_phone_is_waited_for_until_it_is_cool(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """Every 15 s it is asked again, the waiting is told, and the lease is kept alive."""
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 33.0 - at_s / 20)
    state, doubts = waiting.settle(adb)
    assert (state.skin_c, doubts) == (30.0, ())
    assert waiting.at_s == 60
    assert waiting.renewed == 4
    assert [at_s for _, at_s in waiting.told] == [0, 15, 30, 45]
    assert waiting.told[0][0] == "its skin is at 33.0 °C, above 30.0 °C"


def test_next_launch_begins_as_the_first_did(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """28.4 °C at the start, so 29.4 °C is cool enough, and 30 is not."""
    first = conditions(adb)
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 30.0 - at_s / 50)
    state, _ = waiting.settle(adb, first)
    assert waiting.at_s == 30
    assert state.skin_c == 29.4


def test_warm_room_is_accepted_and_told(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """It never gets to 30 °C, and it is stable: equal starts matter more than cold ones."""
    waiting = Waiting(phone=phone, skin_c=lambda at_s: max(33.5, 36.0 - at_s / 100))
    state, doubts = waiting.settle(adb)
    assert waiting.at_s == 600
    assert state.skin_c == 33.5
    assert doubts == ("The skin was at 33.5 °C before a launch, stable after 600 s of waiting for 30.0 °C.",)


def test_waiting_ends_at_the_limit(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """The last pause is cut short; without any waiting allowed, it is asked once."""
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 33.0)
    waiting.settle(adb, limit_s=40)
    assert waiting.at_s == 40
    assert waiting.renewed == 3
    assert "after 0 s" in waiting.settle(adb, limit_s=0)[1][0]
    assert waiting.at_s == 40


@pytest.mark.parametrize("limit_s", [0, 45])
def test_nobody_knows_whether_it_is_stable(phone: VirtualPhone, adb: AdbTcpLink, limit_s: float) -> None:
    """One sample never changes: with --cool-down 0 the doubt says no more than is known."""
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 38.0)
    _, (doubt,) = waiting.settle(adb, limit_s=limit_s)
    assert "38.0 °C" in doubt
    assert f"after {limit_s} s of waiting for 30.0 °C: not watched long enough" in doubt


def test_change_between_two_looks_is_seen(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """Looks further apart than a stable minute: the last one alone would always be stable."""
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 45.0 - at_s / 20)
    with pytest.raises(DeviceUnfit, match="still changes"):
        waiting.settle(adb, limit_s=200, poll_s=100)
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 33.0)
    assert "stable after 200 s" in waiting.settle(adb, limit_s=200, poll_s=100)[1][0]


@pytest.mark.parametrize("celsius_per_minute", [-0.6, 0.6])
def test_phone_that_still_changes_is_unfit(
    phone: VirtualPhone, adb: AdbTcpLink, celsius_per_minute: float
) -> None:
    """Its launches would each begin at another temperature."""
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 45.0 + celsius_per_minute * at_s / 60)
    with pytest.raises(DeviceUnfit, match="still changes") as caught:
        waiting.settle(adb, limit_s=120)
    assert "--cool-down" in caught.value.next_step


def test_throttled_phone_is_waited_for_and_then_unfit(phone: VirtualPhone, adb: AdbTcpLink) -> None:
    """Status 1 at 29 °C: cool enough, and no launch would count."""
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 29.0, status=lambda at_s: 1 if at_s < 30 else 0)
    assert waiting.settle(adb)[0].thermal_status == 0
    assert waiting.at_s == 30
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 29.0, status=lambda at_s: 1)
    with pytest.raises(DeviceUnfit, match="after 60 s of waiting: thermal status 1"):
        waiting.settle(adb, limit_s=60)


@pytest.mark.parametrize(
    ("spoil", "found", "advice"),
    [
        ("cmd thermalservice override-status 0", "set by hand", "cmd thermalservice reset"),
        ("settings put global low_power 1", "battery saver", "low_power 0"),
    ],
)
def test_refusals_do_not_wait(
    phone: VirtualPhone, adb: AdbTcpLink, spoil: str, found: str, advice: str
) -> None:
    """Ten minutes of looking at it change nothing."""
    adb.run(spoil, timeout_s=5)
    waiting = Waiting(phone=phone, skin_c=lambda at_s: 33.0)
    with pytest.raises(DeviceUnfit, match=found) as caught:
        waiting.settle(adb)
    assert waiting.at_s == 0
    assert advice in caught.value.next_step
