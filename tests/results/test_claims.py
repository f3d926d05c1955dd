"""claims.toml: the figures of the paper, and a file that cannot be wrong in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from results.claims import SHIPPED, load_claims
from results.errors import ConfigError


def test_the_figures_are_those_of_table_4() -> None:
    """62 ms and 83.3 are the MobileBERT row; 84.3 is the w/o-OPT row and only a reference."""
    claims = {claim.id: claim for claim in load_claims().claim}
    found = {name: (claim.value, claim.role, claim.citation.row) for name, claim in claims.items()}
    assert found == {
        "latency": (62.0, "claim", "MobileBERT"),
        "mnli-m": (83.3, "claim", "MobileBERT"),
        "mnli-m-without-opt": (84.3, "reference", "MobileBERT w/o OPT"),
        "bert-base-to-mobilebert": (5.5, "reference", "BERT_BASE to MobileBERT"),
        "without-opt-to-mobilebert": (3.1, "reference", "MobileBERT w/o OPT to MobileBERT"),
        "tiny-to-mobilebert": (0.65, "reference", "MobileBERT_TINY to MobileBERT"),
        "bert-base-to-mobilebert-size": (4.3, "reference", "BERT_BASE to MobileBERT"),
    }


def test_only_what_was_read_is_called_confirmed() -> None:
    """The paper's own text for length, threads and precision was not read: claiming so would be a lie."""
    conditions = load_claims().folded("latency_ms").conditions
    assert {name: condition.confirmation for name, condition in conditions.items()} == {
        "device": "confirmed",
        "soc": "recalled",
        "parameters": "confirmed",
        "length": "second-hand",
        "batch": "inferred",
        "threads": "recalled",
        "delegate": "inferred",
        "precision": "inferred",
    }
    assert all(condition.source for condition in conditions.values())


def test_the_projects_own_margins_are_called_chosen() -> None:
    """No paper names a margin of one point: to call it confirmed would be a lie."""
    margins = {claim.id: claim.margin.confirmation for claim in load_claims().claim}
    assert margins.pop("latency") == "confirmed"
    assert set(margins.values()) == {"chosen"}


def test_a_figure_that_the_paper_does_not_print_is_called_inferred() -> None:
    """5.5 and 4.3 stand in the abstract; 3.1 and 0.65 are our own division of two printed figures."""
    found = {claim.id: claim.confirmation for claim in load_claims().claim if claim.models}
    assert found == {
        "bert-base-to-mobilebert": "confirmed",
        "without-opt-to-mobilebert": "inferred",
        "tiny-to-mobilebert": "inferred",
        "bert-base-to-mobilebert-size": "confirmed",
    }


def test_ratios_have_the_conditions_of_the_latency_and_a_size_has_none() -> None:
    """Once the paper's thread count is confirmed, it must be so in one place for all."""
    claims = {claim.id: claim for claim in load_claims().claim}
    assert claims["tiny-to-mobilebert"].conditions == claims["latency"].conditions
    assert claims["bert-base-to-mobilebert-size"].conditions == {}


def test_the_rows_are_table_4s() -> None:
    """Only four rows of the table have a latency."""
    rows = {row.name: (row.parameters / 1e6, row.flops / 1e9, row.latency_ms) for row in load_claims().row}
    assert rows == {
        "MobileBERT": (25.3, 5.7, 62.0),
        "MobileBERT_TINY": (15.1, 3.1, 40.0),
        "MobileBERT w/o OPT": (25.3, 5.7, 192.0),
        "BERT_BASE": (109.0, 22.5, 342.0),
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('role = "claim"', 'role = "claim"\nconfidence = 1', "unknown fields: claim latency.confidence"),
        ("pdf_page = 6", "page = 6", "unknown fields: claim latency.citation.page"),
        ("value = 128\n", 'value = 128\nunit = "t"\n', "claim latency.conditions.length.unit"),
        ("[paper]", "author = 1\n[paper]", "unknown fields: author"),
        ("[claim.conditions.threads]", "[claim.conditions.thread]", "thread"),
        ('confirmation = "second-hand"', 'confirmation = "sure"', "length.confirmation"),
        ('confirmation = "second-hand"', 'confirmation = "chosen"', "length.confirmation"),
        ("value = 62.0", 'value = "fast"', "value"),
        ("value = 62.0", "value = 61.0", "is 61, and cites 62"),
        ('role = "reference"', 'role = "claim"', 'exactly one accuracy claim of role "claim"'),
        ('kind = "relative"', 'kind = "points"', "margin that does not fit"),
        ('id = "mnli-m"\n', 'id = "latency"\n', "two claims of the same id"),
        ("schema = 1", "schema = 2", "has schema 2"),
        ("value = 128", 'value = "128"', "length is not a whole number"),
        ("[paper]", "[paper", "cannot be read"),
        (
            'conditions_of = "latency"',
            'conditions_of = "latent"',
            "conditions of latent, and there is no such",
        ),
        ('conditions_of = "latency"\n', "", "claim.3.conditions"),
        ('models = ["bert_base", "mobilebert"]', 'models = ["bert_base"]', "does not name two models"),
        (
            'models = ["bert_base", "mobilebert"]',
            'models = ["bert", "mobilebert"]',
            "does not name two models",
        ),
        ('metric = "accuracy"', 'metric = "accuracy"\nmodels = ["bert_base"]', "is about one only"),
        ("latency_ms = 342.0", "latency_ms = 324.0", "is 5.5, and its rows give 5.23"),
        ("latency_ms = 342.0", "latency = 342.0", "unknown fields: row bert_base.latency"),
    ],
)
def test_a_wrong_file_is_refused_by_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A misspelt condition would silently judge less than the paper claims."""
    text = SHIPPED.read_text()
    assert old in text
    path = tmp_path / "claims.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_claims(path)
    assert message in caught.value.what


def test_a_claim_without_one_of_its_conditions_is_refused(tmp_path: Path) -> None:
    """A latency claim that names no SoC would hold on any phone."""
    head, _, rest = SHIPPED.read_text().partition("[claim.conditions.soc]")
    path = tmp_path / "claims.toml"
    path.write_text(head + rest[rest.index("[claim.conditions.parameters]") :])
    with pytest.raises(ConfigError, match="lacks the conditions soc"):
        load_claims(path)
