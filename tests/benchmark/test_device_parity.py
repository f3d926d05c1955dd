"""Device parity: what it must notice, and when it must say that it could not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.device_parity import compare, far_apart

RNG = np.random.default_rng(7)
FLOAT32 = RNG.normal(0, 3, (8, 3)).astype(np.float32)
HOST = FLOAT32 + RNG.uniform(-0.02, 0.02, (8, 3)).astype(np.float32)


def test_equal_logits_pass() -> None:
    """The device that computes what the host computes is let through."""
    assert compare("r", HOST, HOST, FLOAT32, "dynamic_int8", same_kernels=True).status == "passed"


def test_rounding_below_half_the_conversion_error_passes() -> None:
    """Another instruction set's int8 kernels round differently; that is no fault."""
    tolerance = 0.5 * np.abs(HOST - FLOAT32).max()
    device = HOST + np.float32(0.9 * tolerance)
    assert compare("r", device, HOST, FLOAT32, "dynamic_int8", same_kernels=True).status == "passed"


def test_a_difference_above_it_fails() -> None:
    """As sharp as stated: 1.1 tolerances in one logit of one row is enough."""
    tolerance = 0.5 * np.abs(HOST - FLOAT32).max()
    device = HOST.copy()
    device[3, 1] += np.float32(1.1 * tolerance)
    parity = compare("r", device, HOST, FLOAT32, "dynamic_int8", same_kernels=True)
    assert parity.status == "failed"
    assert "1 of 8 rows differ" in parity.reasons[0]


def test_one_number_per_row_is_compared() -> None:
    """A regression has no second label to be apart from, and its number may still be wrong."""
    host, float32 = HOST[:, :1], FLOAT32[:, :1]
    device = host + np.float32(0.6 * np.abs(host - float32).max())
    assert compare("r", host, host, float32, "dynamic_int8", same_kernels=True).status == "passed"
    assert compare("r", device, host, float32, "dynamic_int8", same_kernels=True).status == "failed"


def test_rows_out_of_order_fail() -> None:
    """Logits of the right values at the wrong rows are wrong."""
    assert (
        compare("r", np.roll(HOST, 1, axis=0), HOST, FLOAT32, "dynamic_int8", same_kernels=True).status
        == "failed"
    )


def test_not_a_number_fails() -> None:
    """NaN compares false with everything; it must not slip through."""
    device = HOST.copy()
    device[0, 0] = np.nan
    assert compare("r", device, HOST, FLOAT32, "dynamic_int8", same_kernels=True).status == "failed"


def test_rows_too_alike_make_it_void() -> None:
    """A model that answers the same to everything cannot show that rows were swapped."""
    host = np.float32(1.0) + RNG.uniform(0, 0.001, (8, 3)).astype(np.float32)
    parity = compare("r", host, host, host + np.float32(0.1), "dynamic_int8", same_kernels=True)
    assert parity.status == "void"
    assert "could not notice swapped rows" in parity.reasons[-1]


def test_float32_is_held_to_rounding() -> None:
    """A float32 file has no quantization error to hide behind."""
    device = HOST + np.float32(2e-4 * np.abs(HOST).max())
    assert compare("r", device, HOST, FLOAT32, "float32", same_kernels=True).status == "failed"


def test_chosen_rows_are_far_apart() -> None:
    """Near-duplicates among the candidates are passed over."""
    logits = np.vstack([np.zeros((60, 3)), RNG.normal(0, 5, (4, 3))]).astype(np.float32)
    chosen = far_apart(logits, 5)
    assert set(range(60, 64)) <= set(chosen.tolist())


@pytest.mark.parametrize("rows", [1, 3])
def test_few_candidates_are_all_taken(rows: int) -> None:
    """Fewer pairs than the check wants are no error."""
    assert len(far_apart(FLOAT32[:rows], 8)) == rows


def test_another_instruction_set_may_differ_by_the_conversion_error() -> None:
    """Its rounding is a second sample of the same noise: sound by its own rule, too much by this host's."""
    noise = np.random.default_rng(8).permutation((HOST - FLOAT32).ravel()).reshape(HOST.shape)
    assert compare("r", HOST + noise, HOST, FLOAT32, "dynamic_int8", same_kernels=False).status == "passed"
    assert compare("r", HOST + noise, HOST, FLOAT32, "dynamic_int8", same_kernels=True).status == "failed"


def test_one_label_that_strays_fails_on_another_instruction_set() -> None:
    """A fault in one output must not hide in the mean over all of them."""
    device = HOST + 0.8 * (HOST - FLOAT32)
    device[:, 2] = HOST[:, 2] + 2 * (HOST - FLOAT32)[:, 2]
    parity = compare("r", device, HOST, FLOAT32, "dynamic_int8", same_kernels=False)
    assert parity.status == "failed"
    assert "root mean square" in parity.reasons[0]


def test_an_unknown_file_is_not_held_to_less_than_float32_rounding() -> None:
    """Two implementations of a float32 file differ by next to nothing; a device may still round."""
    device = HOST + np.float32(5e-5 * np.abs(HOST).max())
    exact = HOST + np.float32(1e-7)
    assert compare("r", device, HOST, exact, "unknown", same_kernels=False).status == "passed"
    assert compare("r", device, HOST, exact, "dynamic_int8", same_kernels=False).status == "failed"


def test_every_signature_is_among_the_rows() -> None:
    """Logits far apart may all be one length's; the other signatures would be measured unchecked."""
    logits = np.concatenate((RNG.normal(0, 5, (40, 3)), RNG.normal(0, 0.1, (3, 3)))).astype(np.float32)
    groups = np.array([128] * 40 + [24, 24, 64])
    assert set(groups[far_apart(logits, 8)]) == {128}
    rows = far_apart(logits, 8, groups)
    assert len(set(rows)) == len(rows) == 8
    assert set(groups[rows]) == {24, 64, 128}
    # More signatures than rows: none is left out.
    assert len(far_apart(logits, 2, groups)) == 3


def test_one_signature_changes_no_choice() -> None:
    """What the policy "fixed" compares is what it always compared."""
    logits = RNG.normal(0, 5, (40, 3)).astype(np.float32)
    assert far_apart(logits, 8, np.full(40, 128)).tolist() == far_apart(logits, 8).tolist()
