"""The device program over a model with several signatures: each row by the shortest one that holds it."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from android_runner.bundle import device_bundle
from android_runner.parse import expect
from android_runner.sequences import Sequences
from export.lengths import assign
from results.errors import OutputUnreadable
from tests.android_runner.program import arguments, host, refused, run, samples_at, start
from tests.android_runner.qemu_user import inside_qemu
from tests.android_runner.tiny_model import edited, python_logits, some_sequences, tiny_model

LENGTHS = (4, 8, 16)
SHORTEST = {"length_policy": "shortest"}


@pytest.fixture(scope="module")
def model() -> Path:
    return tiny_model(*LENGTHS)


def rows_of(*tokens: int) -> Sequences:
    """A row of random ids for each count of real tokens, padded to 16."""
    rows = some_sequences(len(tokens), length=LENGTHS[-1])
    mask = (np.arange(rows.length) < np.array(tokens)[:, None]).astype(np.int32)
    return dataclasses.replace(rows, attention_mask=mask)


def written(rows: Sequences, folder: Path) -> Path:
    rows.write(folder / "rows.seq")
    return folder / "rows.seq"


def keys(rows: Sequences) -> tuple[str, ...]:
    return tuple(f"s{length}" for length in assign(rows.attention_mask, LENGTHS, "shortest"))


def test_each_row_runs_by_the_rule(model: Path, tmp_path: Path) -> None:
    """Every count of tokens, those at a signature's end too: C and Python must not differ by one anywhere."""
    rows = rows_of(*range(17))
    samples = run(tmp_path, written(rows, tmp_path), model=model, inferences=17, seed=3, **SHORTEST)
    ran = dict(zip(samples.row_ids.tolist(), samples.signatures, strict=True))
    assert [ran[row] for row in rows.row_ids.tolist()] == list(keys(rows))
    expect(
        samples,
        timed=17,
        warmup_at_least=0,
        model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        runtime_sha256=host().program.runtime_sha256,
        threads=1,
        seed=3,
        row_ids=rows.row_ids,
        signatures=keys(rows),
    )
    assert set(samples.signatures) == {"s4", "s8", "s16"}


def test_each_row_gets_its_own_signature_s_logits(model: Path, tmp_path: Path) -> None:
    """Values of another row, or of another signature's buffer, would be timed just as well."""
    rows = rows_of(*range(17))
    samples = run(tmp_path, written(rows, tmp_path), model=model, inferences=17, seed=3, **SHORTEST)
    for at, row in enumerate(rows.row_ids.tolist()):
        length = int(keys(rows)[at].removeprefix("s"))
        one = rows.take(np.array([at]))
        cut = Sequences(
            row_ids=one.row_ids,
            input_ids=one.input_ids[:, :length],
            attention_mask=one.attention_mask[:, :length],
            token_type_ids=one.token_type_ids[:, :length],
            vocabulary_size=one.vocabulary_size,
        )
        np.testing.assert_allclose(samples.logits[row], python_logits(model, cut)[0], rtol=0, atol=1e-6)


def test_fixed_pads_every_row(model: Path, tmp_path: Path) -> None:
    """The default, said or not: the rows' own length, however short they are."""
    path = written(rows_of(2, 5, 9), tmp_path)
    for options in ({}, {"length_policy": "fixed"}):
        assert set(run(tmp_path, path, model=model, **options).signatures) == {"s16"}


def test_warm_up_reaches_every_signature(model: Path, tmp_path: Path) -> None:
    """A signature's first run pays for its memory; timed, it would look like a slow sequence."""
    rows = rows_of(*[2] * 30, 12)
    for seed in range(4):
        samples = run(
            tmp_path, written(rows, tmp_path), model=model, warmup_inferences=1, seed=seed, **SHORTEST
        )
        warm = {key for key, timed in zip(samples.signatures, samples.timed, strict=True) if not timed}
        assert warm == {"s4", "s16"}
        assert samples.warmup_count <= 31
        # It ends as soon as the last of them has run.
        assert samples.warmup_count == 1 + max(samples.signatures.index(key) for key in warm)


def test_no_warm_up_where_none_is_asked_for(model: Path, tmp_path: Path) -> None:
    """The parity check times nothing and needs each row once."""
    samples = run(tmp_path, written(rows_of(2, 12), tmp_path), model=model, inferences=2, **SHORTEST)
    assert (samples.warmup_count, samples.timed_count) == (0, 2)


def test_longer_signatures_are_left_alone(model: Path, tmp_path: Path) -> None:
    """Rows of 8 tokens have nothing to put into 16; the longest for them is 8, full rows included."""
    rows = rows_of(2, 7, 8)
    short = Sequences(
        row_ids=rows.row_ids,
        input_ids=rows.input_ids[:, :8],
        attention_mask=rows.attention_mask[:, :8],
        token_type_ids=rows.token_type_ids[:, :8],
        vocabulary_size=rows.vocabulary_size,
    )
    samples = run(tmp_path, written(short, tmp_path), model=model, inferences=3, **SHORTEST)
    ran = dict(zip(samples.row_ids.tolist(), samples.signatures, strict=True))
    assert [ran[row] for row in short.row_ids.tolist()] == ["s4", "s8", "s8"]


def test_signatures_in_any_order_of_the_file(model: Path, tmp_path: Path) -> None:
    """A converter sorts signatures as it likes, s128 before s24 by name; the rule goes by length."""

    def turn(tree: Any) -> None:  # noqa: ANN401 (TFLite's object tree has no types)
        tree.signatureDefs.reverse()

    rows = rows_of(*range(17))
    path = written(rows, tmp_path)
    turned = edited(model, turn, tmp_path / "turned.tflite")
    there, back = (run(tmp_path, path, model=one, inferences=17, **SHORTEST) for one in (model, turned))
    assert there.signatures == back.signatures
    assert there.logits == back.logits


def test_what_leaves_no_choice_is_refused(model: Path, tmp_path: Path) -> None:
    """Two signatures of one length, none of the rows' own, a policy and a name at once."""
    path = written(rows_of(2, 12), tmp_path)

    def double(tree: Any) -> None:  # noqa: ANN401 (TFLite's object tree has no types)
        tree.signatureDefs.append(copy.copy(tree.signatureDefs[0]))
        tree.signatureDefs[-1].signatureKey = b"other"

    doubled = edited(model, double, tmp_path / "doubled.tflite")
    refused(tmp_path, path, 3, "model", "tokens", model=doubled, **SHORTEST)
    short = tiny_model(8, 16)
    rows = some_sequences(length=12)
    refused(
        tmp_path, written(rows, tmp_path), 4, "sequences", "none of 2 signatures", model=short, **SHORTEST
    )
    path = written(rows_of(2, 12), tmp_path)
    refused(tmp_path, path, 2, "arguments", "nothing to choose", model=model, signature="s16", **SHORTEST)
    refused(tmp_path, path, 2, "arguments", "neither fixed nor", model=model, length_policy="longest")


def test_several_signatures_on_arm64(model: Path, tmp_path: Path) -> None:
    """What several signatures share lies in a file in memory, which is the phone's kernel's and runtime's."""
    rows = rows_of(2, 7, 12)
    path = written(rows, tmp_path)
    words = arguments(model, path, tmp_path / "out", inferences=3, **SHORTEST)
    ended = start(device_bundle("arm64-v8a"), words, inside=inside_qemu(tmp_path))
    assert ended.exit_code == 0, ended.stderr
    there = samples_at(tmp_path / "out")
    here = run(tmp_path, path, model=model, inferences=3, **SHORTEST)
    assert there.signatures == here.signatures
    assert set(there.signatures) == {"s4", "s8", "s16"}
    np.testing.assert_allclose(list(there.logits.values()), list(here.logits.values()), rtol=0, atol=1e-6)


def test_a_row_under_the_wrong_signature_is_noticed(model: Path, tmp_path: Path) -> None:
    """A device that pads everything would report honest times of another experiment."""
    rows = rows_of(2, 12)
    samples = run(tmp_path, written(rows, tmp_path), model=model, inferences=2, seed=1)
    asked = {
        "timed": 2,
        "warmup_at_least": 0,
        "model_sha256": samples.model_sha256,
        "runtime_sha256": samples.runtime_sha256,
        "threads": 1,
        "seed": 1,
        "row_ids": rows.row_ids,
    }
    expect(samples, **asked, signatures=("s16", "s16"))  # type: ignore[arg-type]
    with pytest.raises(OutputUnreadable, match="row 5: signature s4 asked for, s16 ran"):
        expect(samples, **asked, signatures=keys(rows))  # type: ignore[arg-type]
