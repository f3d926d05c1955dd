"""The threshold of a comparison: asked for, by default, or as far as this device's noise reaches."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from results.compare.arms import summarize_comparison
from results.compare.noise_floor import threshold_for
from results.device import Device
from results.errors import NotComparable, RecordDamaged
from results.store import RunStore
from tests.results.make_ab import make_ab
from tests.results.make_run import PIXEL_4, Run, make_run


def saved(root: Path, run: Run) -> Path:
    """Without its samples, which nobody reads here."""
    store = RunStore.create(root)
    store.save(run.record)
    if run.record.comparing is not None:
        store.save_comparison(summarize_comparison(run.record, run.samples))
    return store.folder


def test_the_default_and_what_was_asked_for() -> None:
    """Without an A/A run there is nothing to learn from."""
    assert threshold_for(None, None, PIXEL_4) == (0.02, "default")
    assert threshold_for(0.05, None, None) == (0.05, "as asked for")


def test_the_larger_of_both_counts(tmp_path: Path) -> None:
    """A noisy device raises the threshold; a quiet one never lowers what was asked for."""
    noisy = saved(tmp_path, make_ab(same=True, spread=0.04))
    share, source = threshold_for(None, noisy, PIXEL_4, 4)
    assert share > 0.02
    assert source == "noise floor of run 0001"
    assert threshold_for(0.2, noisy, PIXEL_4, 4)[0] == 0.2
    quiet = saved(tmp_path, make_ab(same=True, spread=0.001))
    share, source = threshold_for(None, quiet, PIXEL_4, 4)
    assert share == 0.02
    assert "noise floor of run 0001 is 0." in source


@pytest.mark.parametrize(
    ("device", "threads", "says"),
    [
        (dataclasses.replace(PIXEL_4, serial_sha256="6" * 64), 4, "serial"),
        (dataclasses.replace(PIXEL_4, fingerprint=None), 4, "fingerprint"),
        (dataclasses.replace(PIXEL_4, soc="SM8250"), 4, "SoC SM8150 there, SM8250 here"),
        (dataclasses.replace(PIXEL_4, kind="virtual_phone"), 4, "kind phone there, virtual_phone here"),
        (PIXEL_4, 2, "threads 4 there, 2 here"),
    ],
)
def test_another_devices_noise_is_refused(tmp_path: Path, device: Device, threads: int, says: str) -> None:
    """Another phone, another build, other threads: another noise."""
    folder = saved(tmp_path, make_ab(same=True))
    with pytest.raises(NotComparable) as refused:
        threshold_for(None, folder, device, threads)
    assert says in refused.value.what
    assert refused.value.exit_code == 3


def test_what_is_no_noise_floor_is_refused(tmp_path: Path) -> None:
    """Two different arms, equal ones that came out different, a plain run, a folder of anything."""
    wrong = {
        "compares two different arms": make_ab(),
        "came out different": make_ab(same=True, ratio=1.06),
        "too few pairs: 4": make_ab(same=True, pairs=4),
        "no A/A run that ended": make_run(),
    }
    for says, run in wrong.items():
        folder = saved(tmp_path, run)
        with pytest.raises(NotComparable) as refused:
            threshold_for(None, folder, PIXEL_4, 4)
        assert says in refused.value.what
    with pytest.raises(RecordDamaged):
        threshold_for(None, tmp_path, PIXEL_4, 4)
