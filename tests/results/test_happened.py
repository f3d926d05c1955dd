"""What happened to a run, as its report tells it: interruptions, settings left changed, states, repeats."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from results.report.happened import interruptions_table
from results.report.text import WIDTH, as_text
from results.report.view import build_view
from tests.results.make_device import (
    at_launch,
    change_launch,
    interruption,
    left_changed,
    on_device,
    repeat,
    summarized,
    told,
)
from tests.results.make_run import Run, interrupted, make_run
from tests.results.make_runtimes import by_runtime
from tests.results.test_verdict import row, verdict_of


def report(run: Run) -> str:
    return as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run)))


def eventful() -> Run:
    """A phone that throttled once, restarted once and forgot to answer once."""
    run = on_device(repeat(told(make_run(recipes=("dynamic_int8",))), 3, 37.5), rows=2000)
    timed_out = interruption(
        during="device parity",
        order=None,
        error="run-timed-out",
        what="the device program did not end in 600 s.",
        waited_s=3.0,
        rebooted=None,
    )
    run = at_launch(run, 8, skin_c=33.5, cpu_c=52.0, battery_percent=71)
    return run.change(
        interruptions=(timed_out, interruption()),
        changes=(left_changed(), left_changed(name="screen", before="off", during="on", restored=True)),
    )


GOLDENS: dict[str, Callable[[], Run]] = {
    "pixel-4-eventful": eventful,
    "pixel-4-benchmark-model": lambda: summarized(told(make_run(recipes=("dynamic_int8",))), delegate="gpu"),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_text(name: str, golden: Callable[[str, str], None]) -> None:
    """The whole report, reviewed as a diff whenever a word of it changes."""
    text = report(GOLDENS[name]())
    golden(f"{name}.txt", text)
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []


def test_interruptions_are_told_and_decide_nothing() -> None:
    """A cable that was pulled for a minute says nothing of a latency, and is not kept from the reader."""
    run = make_run().change(interruptions=(interruption(),))
    assert row(run).status == "reproduced"
    assert "the device restarted in the middle of the run" in row(run).reasons
    flat = " ".join(report(run).split())
    assert "launch 7 device-lost 41 s rebooted done again" in flat
    quiet = row(make_run().change(interruptions=(interruption(rebooted=None),)))
    assert "the device restarted in the middle of the run" not in quiet.reasons


def test_pairs_that_were_kept_count_and_the_report_says_so() -> None:
    """A resumed evaluation does not do again what had ended; launches that were hit are in no number."""
    stopped = interruption(
        during="the run", order=None, error="stopped", what="the run was stopped, and resumed", rebooted=None
    )
    run = make_run(recipes=("float32", "dynamic_int8"), device=None).change(interruptions=(stopped,))
    first, second = run.record.accuracies
    run = run.change(accuracies=(dataclasses.replace(first, kept_rows=1024), second))
    table = interruptions_table(by_runtime(run, kept_rows=64).record)
    assert table is not None
    assert table.title == "Interruptions"
    assert table.rows[0][-1] == "went on"
    assert table.lines[1:] == (
        "Accuracy of float32: 1024 of 9815 pairs kept from before, which count.",
        "Accuracy of float32 by tensorflow: 64 of 9815 pairs kept from before, which count.",
    )
    on_phone = interruptions_table(make_run().change(interruptions=(interruption(),)).record)
    assert on_phone is not None
    assert on_phone.title == "Interruptions: a launch that was hit is in no number"


def test_what_was_not_done_again_is_not_said_to_be() -> None:
    """The device stayed away: launch 7 is missing, and the report must not claim it."""
    run = interrupted(make_run(launches=7), 10).change(interruptions=(interruption(waited_s=300.0),))
    assert "launch 7 device-lost 300 s rebooted not done again" in " ".join(report(run).split())


def test_many_interruptions_do_not_bury_the_report() -> None:
    """A loose cable: twelve rows, and how many more there are."""
    run = make_run().change(interruptions=tuple(interruption(order=n % 10) for n in range(40)))
    text = report(run)
    assert text.count("device-lost") == 12
    assert "28 interruptions more: record.json has them all." in text


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "adb shell settings put global stay_on_while_plugged_in 0"),
        ({"before": None}, "adb shell settings delete global stay_on_while_plugged_in"),
        ({"restored": None}, "adb shell settings put global stay_on_while_plugged_in 0"),
        ({"name": "screen", "before": "off"}, "adb shell input keyevent KEYCODE_SLEEP"),
        (
            {"name": "fixed-performance mode", "before": None},
            "adb shell cmd power set-fixed-performance-mode-enabled false",
        ),
        ({"name": "rotation"}, "rotation: by hand, on the device"),
    ],
)
def test_what_is_left_changed_comes_first_with_the_way_back(
    changes: dict[str, str | None], command: str
) -> None:
    """The phone is somebody's: whoever reads the report must see it, and need no manual."""
    text = report(make_run().change(changes=(left_changed(**changes),)))
    tables = text.split("\n\n")
    assert tables[1].startswith("NOT RESTORED on the device")
    assert f"  {command}" in tables[1].splitlines()
    assert "NOT RESTORED" not in report(make_run().change(changes=(left_changed(restored=True),)))


@pytest.mark.parametrize("before", ["0; reboot", "$(id)", "0\nreboot", "'", "", "7" * 41])
def test_no_old_value_of_a_hostile_device_is_in_a_command(before: str) -> None:
    """The value before came from the device, and commands of a report are pasted into shells."""
    text = report(make_run().change(changes=(left_changed(before=before),)))
    assert "adb shell" not in text
    assert "settings global stay_on_while_plugged_in: by hand, on the device" in text


def test_conditions_show_the_worst_between_the_first_launch_and_the_last() -> None:
    """A run that begins and ends cool may have been hot in the middle."""
    assert "warmest" not in report(make_run())
    text = report(at_launch(make_run(), 5, skin_c=36.5, battery_percent=61))
    line = next(line for line in text.splitlines() if "warmest" in line)
    assert "36.5 °C" in line
    assert "61 %, 27.1 °C" in line


def test_clocks_are_the_median_share_at_each_clusters_top() -> None:
    """By the device's own top clock: one that was never reached is 0 %, not the highest that was."""
    run = told(make_run())
    text = " ".join(report(run).split())
    assert "cores 0-3 at 1.79 GHz for 60 %; cores 4-6 at 1.79 GHz for 97 %" in text
    assert "core 7 at 2.84 GHz for 98 %" in text
    never = run.record.launches[0].clocks[2]
    slow = run.each_launch(clocks=(type(never)(cores=(7,), shares={2_649_600: 1.0}),))
    assert "core 7 at 2.84 GHz for 0 %" in " ".join(report(slow).split())
    assert "Top clocks" not in report(make_run())


def test_an_invalid_launch_says_by_which_it_was_replaced() -> None:
    """Eleven files for ten launches need a word."""
    text = " ".join(report(repeat(make_run(), 3, 61.5)).split())
    assert "launch-003-float32.samples is invalid, done again as launch 4: thermal status 1 after" in text
    assert "10 of 10, 1 repeated" in text
    lone = report(change_launch(make_run(), 3, invalid=("slow",)))
    assert "launch-003-float32.samples is invalid: slow." in lone
