"""The table of launches: nothing that ran is missing, whatever became of it."""

from __future__ import annotations

import dataclasses

from results.report.model import Table
from results.report.text import WIDTH, as_text
from results.report.view import build_view
from tests.results.make_device import change_launch, repeat, summarized
from tests.results.make_run import HOST, UNKNOWN, Run, make_run, parity, samples_text
from tests.results.make_table import make_table
from tests.results.test_verdict import verdict_of

SLOWED = "slowdown: 5.0 % slower from timed inference 81 on"


def tables(run: Run) -> list[Table]:
    view = build_view(run.record, run.samples, run.predictions, verdict_of(run))
    return [table for table in view.tables if table.id == "launches"]


def cells(table: Table) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in table.rows]


def test_every_launch_has_a_row_repeated_ones_too() -> None:
    """A launch that was thrown out is shown where it ran, with why, and with what came after it."""
    run = repeat(make_run(launches=5), 1, 66.0, why=SLOWED)
    run = change_launch(run, 1, steady="slowdown")
    (table,) = tables(run)
    rows = cells(table)
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert rows[1] == ("1", "float32", "66.03 ms", "68.64 ms", "slowdown", "2 / 0", "28.4 to 28.4", "no")
    assert [row[-1] for row in rows] == ["yes", "no", "yes", "yes", "yes", "yes"]
    assert f"launch-001-float32.samples is invalid, done again as launch 2: {SLOWED}." in table.lines
    assert "6 launches: 5 flat, 1 slowdown." in table.lines
    assert any("p50 over all 6 launches that ran, invalid ones among them:" in line for line in table.lines)


def test_a_long_run_lists_the_invalid_ones_and_counts_the_rest() -> None:
    """A thousand rows are no table; the four that matter are."""
    run = make_run(launches=41)
    assert cells(tables(run)[0]) == []
    (table,) = tables(change_launch(run, 7, invalid=(SLOWED,)))
    assert [row[0] for row in cells(table)] == ["7"]
    assert table.lines[0].startswith("Of 41 launches only the invalid ones are listed: 1.")
    assert len(cells(tables(make_run(launches=40))[0])) == 40


def test_outliers_are_counted_and_stay() -> None:
    """An inference of 200 ms is said, and it is in p90 as it is in the file."""
    run = make_run(launches=5)
    name = run.record.launches[2].samples_file
    timed = run.samples[name].timed_ns.copy()
    timed[:6] = 200_000_000
    run.raw[name] = samples_text(timed)
    (table,) = tables(run)
    assert cells(table)[2][5] == "0 / 6"
    assert float(cells(table)[2][3].split()[0]) > 190
    assert any(" / 6 of 200 inferences; none is taken out." in line for line in table.lines)


def test_a_program_without_samples_has_no_pace() -> None:
    """Nobody looked at the order of its inferences, so "flat" would be a guess."""
    (table,) = tables(summarized(make_run()))
    assert cells(table)[0][1:6] == ("float32", "60.13 ms", "-", "unknown", "-")
    assert "Pace unknown of 10 launches: benchmark_model keeps no raw samples." in table.lines


def test_short_and_old_launches_have_no_pace() -> None:
    """Unknown is said with its reason, and is not the same as flat."""
    (table,) = tables(make_run(inferences=36))
    assert "Pace unknown of 10 launches: fewer than 40 inferences." in table.lines
    (table,) = tables(make_run().each_launch(steady="unknown"))
    assert "Pace unknown of 10 launches: not looked at when it was measured." in table.lines


def test_without_parity_no_latency_is_shown() -> None:
    """What was timed is not the model, in no row of any table."""
    (table,) = tables(make_run().change(parities=(parity("float32", status="failed"),)))
    assert {row[2:4] for row in cells(table)} == {("-", "-")}


def test_a_machine_without_sensors() -> None:
    """A dash for a temperature that nobody tells; the CPU's where there is no skin."""
    assert cells(tables(make_run(device=HOST, conditions=UNKNOWN))[0])[0][6] == "-"
    hot = dataclasses.replace(UNKNOWN, cpu_c=48.25)
    run = change_launch(make_run(device=HOST, conditions=UNKNOWN), 0, after=hot)
    (table,) = tables(run)
    assert table.columns[6] == "CPU °C"
    assert cells(table)[0][6] == "? to 48.2"


def test_models_have_a_table_for_each_recipe() -> None:
    """Twelve models and recipes in one table are wider than any terminal."""
    run = make_table()
    found = tables(run)
    assert {table.columns[1] for table in found} == {"model"}
    shown = sum(len(table.rows) for table in found)
    assert shown == len(run.record.launches)
    text = as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run)))
    assert max(map(len, text.splitlines())) <= WIDTH


def test_an_invalid_reason_is_harmless() -> None:
    """A device's words can be in why a launch is invalid: no terminal command comes through."""
    run = change_launch(make_run(), 0, invalid=("throttling at \x1b[2J" + "x" * 5000,))
    (table,) = tables(run)
    told = next(line for line in table.lines if "is invalid" in line)
    assert "\x1b" not in told
    assert len(told) < 1000
