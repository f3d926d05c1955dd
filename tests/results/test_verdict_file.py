"""verdict.json: the fields of public verdict files, what stands at their top, and the id."""

from __future__ import annotations

import json

from results.encode import encode
from tests.results.make_run import VIRTUAL, make_run
from tests.results.test_verdict import verdict_of


def test_the_file_has_the_nesting_of_public_verdicts() -> None:
    """Readers of public verdict files find every field under its name, and claims beside them."""
    value = json.loads(encode(verdict_of(make_run())))
    assert list(value["paper"]) == ["arxiv_id", "title", "venue"]
    assert list(value["verdict"]) == [
        "id",
        "kind",
        "status",
        "score",
        "confidence",
        "agent_version",
        "computed_at",
        "is_current",
        "claim_citation",
        "protocol_match",
    ]
    assert list(value["verdict"]["claim_citation"]) == [
        "paper_arxiv_id",
        "section",
        "row",
        "column",
        "reported_value",
        "reported_metric",
        "quoted_text",
        "pdf_page",
        "notes",
    ]
    assert value["verdicts"] == {"post": value["verdict"], "pre": None}
    assert value["verdict"]["score"] == 8245 / 9815
    assert value["verdict"]["computed_at"] == "2026-11-22T10:20:00.000Z"
    assert {(claim["id"], claim["recipe"]) for claim in value["claims"]} == {
        ("latency", "float32"),
        ("mnli-m", "float32"),
        ("mnli-m-without-opt", "float32"),
    }


def test_the_top_is_the_mnli_claims_and_the_fold_is_overall() -> None:
    """On a virtual phone latency is a mismatch while accuracy, measured on the host, is a proxy."""
    verdict = verdict_of(make_run(device=VIRTUAL))
    assert verdict.verdict.claim_citation.column == "MNLI-m"
    assert (verdict.verdict.protocol_match, verdict.overall.protocol_match) == ("proxy", "mismatch")
    assert verdict.verdict.status == verdict.overall.status == "not_comparable"


def test_the_id_is_the_records() -> None:
    """The same record is the same verdict; any change of it is another."""
    run = make_run()
    assert verdict_of(run).verdict.id == verdict_of(make_run()).verdict.id
    assert verdict_of(run.settings(seed=1)).verdict.id != verdict_of(run).verdict.id
