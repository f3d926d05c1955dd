"""Ranges: seen on training rows, kept beside the model, and said aloud where 8 bits cannot hold them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from export import artifact, calibration, evaluate, rewrite
from export.artifact import ArtifactFiles
from export.calibration import TrainingRows
from export.checkpoint import Checkpoint
from export.equalize import equalize
from export.network import Network, from_tensors
from export.recipes import EQUALIZE, RECIPES
from export.runtime import open_runtime
from results.errors import ConfigError, ConversionError, PairsError, RecordDamaged
from tests.export.conftest import SMALL, random_tensors
from tests.export.outliers import with_outlier_channels
from tests.export.training import drawn_rows, untrained

LENGTHS = (16, 32)
STATIC = RECIPES["static_int8"]


@pytest.fixture(scope="module")
def rows() -> TrainingRows:
    return drawn_rows(SMALL, LENGTHS[-1], 24)


@pytest.fixture(scope="module")
def network() -> Network:
    exact = tuple(name for name in STATIC.rewrites if name != EQUALIZE)
    return rewrite.apply(from_tensors(SMALL, random_tensors(SMALL)), exact)


@pytest.fixture(scope="module")
def static(
    checkpoint: Checkpoint, rows: TrainingRows, tmp_path_factory: pytest.TempPathFactory
) -> ArtifactFiles:
    """SMALL by static_int8 with two signatures."""
    return artifact.build(
        untrained(checkpoint), "static_int8", LENGTHS, tmp_path_factory.mktemp("static"), rows
    )


def changed(rows: TrainingRows, **arrays: object) -> TrainingRows:
    return dataclasses.replace(rows, **arrays)  # type: ignore[arg-type]


def test_rows_that_fit_nothing_are_refused_before_a_conversion(
    checkpoint: Checkpoint, rows: TrainingRows, tmp_path: Path
) -> None:
    """A conversion costs 15 s, and ranges of foreign tokens would be wrong without a word."""
    foreign = rows.ids.copy()
    foreign[3, 1] = SMALL.vocab_size
    headless = rows.mask.copy()
    headless[2] = 0
    wrong = {
        "no pairs": changed(rows, ids=rows.ids[:0], mask=rows.mask[:0], types=rows.types[:0]),
        "shapes": changed(rows, ids=rows.ids[:, :20]),
        f"takes 0 to {SMALL.vocab_size - 1}": changed(rows, ids=foreign),
        "types from": changed(rows, types=rows.types + 2),
        "without a token": changed(rows, mask=headless),
    }
    for words, each in wrong.items():
        with pytest.raises(PairsError, match=words):
            artifact.build(checkpoint, "static_int8", LENGTHS, tmp_path, each)
    with pytest.raises(PairsError, match="shapes"):
        artifact.build(checkpoint, "static_int8", (48,), tmp_path, rows)
    with pytest.raises(ConfigError, match="needs training pairs"):
        artifact.build(checkpoint, "static_int8", LENGTHS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_ranges_are_those_of_the_tokens_alone(network: Network, rows: TrainingRows) -> None:
    """Padding is most of a batch and read by nobody: its values must not take steps from the tokens."""
    one = changed(rows, ids=rows.ids[5:6], mask=rows.mask[5:6], types=rows.types[5:6])
    tokens = int(one.mask.sum())
    seen: dict[str, np.ndarray] = {}
    evaluate.logits(network, one.ids[0], one.mask[0], one.types[0], lambda place, v: seen.update({place: v}))
    ranges = calibration.observe(network, one).places
    assert ranges.keys() == seen.keys()
    for place, values in seen.items():
        real = values[:tokens]
        assert np.allclose(ranges[place].least, real.min(axis=0), atol=1e-5), place
        assert np.allclose(ranges[place].greatest, real.max(axis=0), atol=1e-5), place
        largest = np.abs(real).max(axis=1)
        assert ranges[place].spread == pytest.approx(largest.max() / np.median(largest), rel=1e-4)


def test_the_clamped_mask_is_beyond_every_score(network: Network, rows: TrainingRows) -> None:
    """Enough to give padding a weight of 0, whatever the scores; -1e30 would set an 8-bit scale."""
    ranges = calibration.observe(network, rows)
    seen: dict[str, np.ndarray] = {}
    evaluate.logits(
        network, rows.ids[9], rows.mask[9], rows.types[9], lambda place, v: seen.update({place: v})
    )
    width = SMALL.head_size
    query, key = seen["layer.1.query"][:, :width], seen["layer.1.key"][:, :width]
    assert 0 < np.abs(query @ key.T * network.score_scale).max() <= ranges.scores
    assert np.exp(np.float32(2 * ranges.scores + ranges.masked)) == 0
    assert ranges.masked > -1e4


def test_a_row_far_above_the_others_is_said_to_be_unsafe(network: Network, rows: TrainingRows) -> None:
    """One scale for the tensor leaves the other rows no steps, which no accuracy on few pairs may show."""
    words = network.words.copy()
    words[rows.ids[0, 0]] *= 1e4
    loud = calibration.observe(dataclasses.replace(network, words=words), rows)
    place, spread = loud.widest
    assert spread > 1e3, place
    said = " ".join(calibration.doubts(rows, loud, static=True))
    assert f"the largest row of {place} is" in said
    assert "Unsafe" in said
    for quiet in (
        calibration.doubts(rows, loud, static=False),
        calibration.doubts(rows, calibration.observe(network, rows), static=True),
    ):
        assert "Unsafe" not in " ".join(quiet)
    assert "only 24 pairs" in said


def test_equalizing_changes_no_logit(rows: TrainingRows) -> None:
    """It is a rewrite like the others: of the same function, here with channels of very different sizes."""
    tensors = with_outlier_channels(SMALL, random_tensors(SMALL), times=1e3)
    exact = tuple(name for name in STATIC.rewrites if name != EQUALIZE)
    wide = {name: values.astype(np.float64) for name, values in tensors.items()}
    network = rewrite.apply(from_tensors(SMALL, wide), exact)
    ranges = calibration.observe(network, rows)
    equal = equalize(network, ranges)
    for row in range(4):
        fed = rows.ids[row], rows.mask[row], rows.types[row]
        before, after = evaluate.logits(network, *fed), evaluate.logits(equal, *fed)
        assert np.abs(after - before).max() <= 1e-10 * np.abs(before).max()
    then = calibration.observe(equal, rows)
    for place in ("layer.0.hidden", "layer.1.stream", "layer.1.stream.2", "last"):
        largest, evened = ranges.places[place].largest, then.places[place].largest
        assert largest.max() / np.median(largest) > 300, place
        assert evened.max() / np.median(evened) < 10, place


def test_channels_that_are_never_anything_are_left_alone(network: Network, rows: TrainingRows) -> None:
    """Dead channels exist after relu; dividing by their range would end in NaN."""
    feed = network.layers[0].feed_forwards[0]
    bias = feed.wide.bias.copy()
    bias[3] = -1e6
    dead = dataclasses.replace(feed, wide=dataclasses.replace(feed.wide, bias=bias))
    layer = dataclasses.replace(network.layers[0], feed_forwards=(dead, *network.layers[0].feed_forwards[1:]))
    changed_network = dataclasses.replace(network, layers=(layer, *network.layers[1:]))
    ranges = calibration.observe(changed_network, rows)
    assert ranges.places["layer.0.wide.0"].largest[3] == 0
    fed = rows.ids[0], rows.mask[0], rows.types[0]
    logits = evaluate.logits(equalize(changed_network, ranges), *fed)
    assert np.allclose(logits, evaluate.logits(changed_network, *fed), rtol=1e-5)


def test_what_was_seen_lies_beside_the_model(static: ArtifactFiles, rows: TrainingRows) -> None:
    """A reader must be able to see on what an 8-bit file rests, and that it is still that."""
    seen = static.artifact.calibration
    assert seen is not None
    assert (seen.pairs, seen.pairs_sha256, seen.rows) == ("drawn rows", "0" * 64, 24)
    ranges = json.loads((static.folder / seen.ranges_file).read_text())
    assert ranges["places"][seen.widest]["spread"] == seen.spread
    assert ranges["tensors"]
    assert all(each["least"] <= each["greatest"] for each in ranges["tensors"].values())
    assert EQUALIZE in static.artifact.rewrites
    assert static.artifact.precision == "static_int8"


def test_ranges_of_another_export_are_noticed(static: ArtifactFiles, tmp_path: Path) -> None:
    """They are part of the artifact: whoever reads them reads what the model was made with."""
    for path in static.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    artifact.load(tmp_path)
    ranges = tmp_path / artifact.RANGES
    ranges.write_text(ranges.read_text() + " ")
    with pytest.raises(RecordDamaged, match=r"ranges\.json"):
        artifact.load(tmp_path)


def test_other_rows_are_another_artifact(
    checkpoint: Checkpoint, static: ArtifactFiles, rows: TrainingRows
) -> None:
    """The cache must not hand out a file that was calibrated with something else."""
    cache = static.folder.parent
    again = artifact.build(untrained(checkpoint), "static_int8", LENGTHS, cache, rows)
    assert (again.folder, again.converted) == (static.folder, False)
    ids = rows.ids.copy()
    ids[0, 0] = (ids[0, 0] + 1) % SMALL.vocab_size
    keys = {
        artifact._key(checkpoint, STATIC, LENGTHS, each, False)
        for each in (rows, changed(rows, ids=ids), changed(rows, doubts=("example",)))
    }
    assert len(keys) == 3


def test_signatures_share_scales_and_agree(static: ArtifactFiles) -> None:
    """One set of ranges serves every length, so a short sequence has the same logits in each signature."""
    fed = drawn_rows(SMALL, LENGTHS[0], 12)
    runners = [open_runtime(static.model_path, threads=1, signature=f"s{n}").logits for n in LENGTHS]
    scale = static.artifact.parity.logit_scale if static.artifact.parity else 0.0
    worst = 0.0
    for ids, mask, types in zip(fed.ids, fed.mask, fed.types, strict=True):
        if mask.all():
            continue  # its last token sees another neighbour
        short = runners[0](ids, mask, types)
        padded = [np.pad(each, (0, LENGTHS[1] - LENGTHS[0])) for each in (ids, mask, types)]
        worst = max(worst, float(np.abs(runners[1](*padded) - short).max()))
    assert worst <= 0.1 * scale


def test_weights_beyond_float16_are_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """They would become infinite; the converter says nothing."""
    tensors = dict(checkpoint.tensors)
    tensors["classifier.bias"] = np.array([7e4, 0, 0], np.float32)
    loud = dataclasses.replace(checkpoint, tensors=tensors)
    with pytest.raises(ConversionError, match="beyond float16"):
        artifact.build(loud, "float16", (16,), tmp_path)
