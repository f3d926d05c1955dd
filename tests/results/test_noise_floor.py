"""The threshold of a comparison: asked for, by default, or as far as this device's noise reaches."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from results.arms import Threshold
from results.compare.arms import summarize_comparison
from results.compare.comparison_file import MeasuredOn
from results.compare.noise_floor import threshold_for
from results.device import Device
from results.errors import NotComparable, RecordDamaged
from results.record import COMPARABLE
from results.store import RunStore
from tests.results.make_ab import make_ab
from tests.results.make_run import PIXEL_4, Run, make_run

HERE = make_ab().record.settings


def saved(root: Path, run: Run) -> Path:
    """Without its samples, which nobody reads here."""
    store = RunStore.create(root)
    store.save(run.record)
    if run.record.comparing is not None:
        store.save_comparison(summarize_comparison(run.record, run.samples))
    return store.folder


def test_the_default_and_what_was_asked_for() -> None:
    """Without an A/A run there is nothing to learn from."""
    assert threshold_for(None, None, PIXEL_4) == Threshold(share=0.02, source="default")
    assert threshold_for(0.05, None, None) == Threshold(share=0.05, source="as asked for")


def test_the_larger_of_both_has_to_be_exceeded(tmp_path: Path) -> None:
    """A noisy device hides small changes; a quiet one never lowers what was asked for. Both are told."""
    noisy = saved(tmp_path, make_ab(same=True, spread=0.04))
    found = threshold_for(None, noisy, PIXEL_4, HERE)
    assert (found.share, found.source) == (0.02, "default")
    assert found.noise_floor is not None
    assert found.beyond == found.noise_floor > 0.02
    assert threshold_for(0.2, noisy, PIXEL_4, HERE).beyond == 0.2
    quiet = threshold_for(None, saved(tmp_path, make_ab(same=True, spread=0.001)), PIXEL_4, HERE)
    assert quiet.noise_floor is not None
    assert quiet.noise_floor < quiet.beyond == 0.02


def test_too_noisy_a_device_teaches_no_floor(tmp_path: Path) -> None:
    """Five pairs on a busy machine once gave 51.7 %, behind which every change would have been hidden."""
    wild = saved(tmp_path, make_ab(same=True, spread=0.4))
    with pytest.raises(NotComparable, match=r"noise floor of [0-9.]+ %, behind which nothing would be seen"):
        threshold_for(None, wild, PIXEL_4, HERE)


def test_it_says_what_the_floor_was_learnt_with(tmp_path: Path) -> None:
    """An arm B of other settings is judged by arm A's floor, which a reader has to be told."""
    source = threshold_for(None, saved(tmp_path, make_ab(same=True)), PIXEL_4, HERE).noise_floor_source
    assert source == (
        "run 0001, learnt of mobilebert dynamic_int8 with length 128 (fixed), threads 4, cores big, delegate "
        "cpu, batch 1, mobilebert_runner 1"
    )


def test_arm_a_alone_has_to_have_the_settings(tmp_path: Path) -> None:
    """Two arms that differ on purpose, in threads say, could else never have a floor."""
    folder = saved(tmp_path, make_ab(same=True))
    apart = make_ab()  # A with four threads, B with two
    on = summarize_comparison(apart.record, apart.samples).measured_on
    assert on is not None
    assert on.threads == 4
    assert threshold_for(None, folder, PIXEL_4, apart.record.settings).noise_floor is not None


@pytest.mark.parametrize(
    ("device", "says"),
    [
        (dataclasses.replace(PIXEL_4, serial_sha256="6" * 64), "serial"),
        (dataclasses.replace(PIXEL_4, fingerprint=None), "fingerprint"),
        (dataclasses.replace(PIXEL_4, soc="SM8250"), "SoC SM8150 there, SM8250 here"),
        (dataclasses.replace(PIXEL_4, kind="virtual_phone"), "kind phone there, virtual_phone here"),
    ],
)
def test_another_devices_noise_is_refused(tmp_path: Path, device: Device, says: str) -> None:
    """Another phone, another build: another noise."""
    folder = saved(tmp_path, make_ab(same=True))
    with pytest.raises(NotComparable) as refused:
        threshold_for(None, folder, device, HERE)
    assert says in refused.value.what
    assert refused.value.exit_code == 3


OTHER: dict[str, tuple[Any, str]] = {
    "length": (64, "length 128 there, 64 here"),
    "length_policy": ("shortest", "length policy fixed there, shortest here"),
    "threads": (2, "threads 4 there, 2 here"),
    "cores": ("all", "cores big there, all here"),
    "delegate": ("gpu", "delegate cpu there, gpu here"),
    "runner": ("benchmark_model 1", "runner mobilebert_runner 1 there, benchmark_model 1 here"),
    "fixed_performance": (True, "fixed performance off there, on here"),
    "batch": (2, "batch 1 there, 2 here"),
}


@pytest.mark.parametrize("field", OTHER)
def test_the_noise_of_other_settings_is_refused(tmp_path: Path, field: str) -> None:
    """One thread, little cores or a GPU make another noise on the same phone."""
    folder = saved(tmp_path, make_ab(same=True))
    value, says = OTHER[field]
    with pytest.raises(NotComparable) as refused:
        threshold_for(None, folder, PIXEL_4, dataclasses.replace(HERE, **{field: value}))
    assert says in refused.value.what


def test_every_setting_of_comparable_runs_is_tried() -> None:
    """What makes two runs incomparable makes another noise: a field added there must be added here."""
    of_settings = {path.removeprefix("settings.") for path in COMPARABLE if path.startswith("settings.")}
    assert of_settings <= set(OTHER)
    of_device = {"kind", "serial_sha256", "soc", "fingerprint"}
    assert {field.name for field in dataclasses.fields(MeasuredOn)} == {*OTHER, *of_device}


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
            threshold_for(None, folder, PIXEL_4, HERE)
        assert says in refused.value.what
    with pytest.raises(RecordDamaged):
        threshold_for(None, tmp_path, PIXEL_4, HERE)
