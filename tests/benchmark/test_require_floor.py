"""`accuracy --require floor`: the exit code that a CI acts on."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli import call
from benchmark.commands import _required
from benchmark.config import Config
from benchmark.console import Console
from benchmark.outcome import Outcome
from results.recompute import conclude
from results.store import RunStore
from tests.results.make_run import make_run


def _outcome(folder: Path, flips: tuple[int, int]) -> Outcome:
    store = RunStore.create(folder)
    make_run(recipes=("dynamic_int8", "float32"), launches=5, inferences=36, flips=flips).save(store)
    done = conclude(store)
    return Outcome(folder=store.folder, status=done.status, report=done.report, view=done.view)


@pytest.mark.parametrize(("flips", "code"), [((20, 25), 0), ((0, 400), 1), ((150, 250), 3)])
def test_the_exit_code_is_the_floors(
    flips: tuple[int, int], code: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Kept, lost, and not decided are three things to a CI; the verdict of this run is none of them."""
    outcome = _outcome(tmp_path, flips)
    assert _required(Config(require="floor"), outcome, Console()) == code
    said = capfd.readouterr().err
    assert ("--require floor: dynamic_int8: at most 1 point under float32: " in said) == (code != 0)
    assert (f"The exit code is {code}." in said) == (code != 0)
    allowed = _required(Config(require="floor", allow_undecided=True), outcome, Console())
    assert allowed == (0 if code == 3 else code)


def test_no_floor_at_all_is_undecided(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A gate that passed must have looked at something."""
    store = RunStore.create(tmp_path)
    make_run(recipes=("float32",), launches=5, inferences=36).save(store)
    done = conclude(store)
    outcome = Outcome(folder=store.folder, status=done.status, report=done.report, view=done.view)
    assert _required(Config(require="floor"), outcome, Console()) == 3
    assert "--require floor: no floor was judged. The exit code is 3." in capfd.readouterr().err


def test_a_run_without_a_quantized_recipe_decides_nothing(
    own_folder: None, small_checkpoint: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """float32 alone cannot lose to itself, and a passed gate must have looked at something."""
    argv = ["accuracy", "--checkpoint", str(small_checkpoint), "--slice", "30", "--require", "floor"]
    assert call([*argv, "--recipe", "float32"]) == 2
    assert "compares recipes with float32, and no other one was asked for" in capfd.readouterr().err
    assert call(argv) == 3
    assert "floor" in capfd.readouterr().out
    assert call([*argv, "--allow-undecided"]) == 0
