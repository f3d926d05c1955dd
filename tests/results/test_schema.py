"""The shipped JSON Schemas: those of the dataclasses, and strict."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from results.decode import check, check_encoded
from results.encode import encode
from results.errors import RecordDamaged
from results.record import Launches, Record
from results.schema.generate import FOLDER, TYPES, generate
from tests.results.make_run import make_run
from tests.results.test_verdict import verdict_of


@pytest.mark.parametrize("name", TYPES)
def test_shipped_schemas_are_those_of_the_types(name: str) -> None:
    """Changed a dataclass? `python -m results.schema`, and a new number if old files no longer fit.

    That one is missing is what the runs in tests/results/kept are for: they must still be read.
    """
    assert (FOLDER / name).read_bytes() == generate(name)
    Draft202012Validator.check_schema(json.loads(generate(name)))


def test_no_schema_is_shipped_that_nothing_reads() -> None:
    """A file of an older number would promise that files of it are read."""
    assert {path.name for path in FOLDER.glob("*.json")} == set(TYPES)


def objects(node: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # any JSON value
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    below = [found for child in children for found in objects(child)]
    return [node, *below] if isinstance(node, dict) and isinstance(node.get("properties"), dict) else below


@pytest.mark.parametrize("name", TYPES)
def test_every_object_is_closed_and_whole(name: str) -> None:
    """A misspelt field must be neither ignored nor replaced by its default."""
    found = objects(json.loads(generate(name)))
    assert found
    for node in found:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])


def test_record_and_verdict_and_artifact_fit() -> None:
    """A schema that refuses what is written would be found by the first user."""
    run = make_run(recipes=("dynamic_int8", "float32"))
    check_encoded(encode(run.record), "record-3.json", "record")
    check_encoded(encode(verdict_of(run)), "verdict-1.json", "verdict")
    check_encoded(encode(Launches(launches=run.record.launches)), "launches-3.json", "launches")
    check_encoded(encode(run.record.artifacts[0]), "artifact-1.json", "artifact")


def test_a_title_field_is_kept() -> None:
    """Schema titles are dropped as noise; the paper's title is a field, not a title."""
    paper = json.loads(generate("verdict-1.json"))["$defs"]["Paper"]
    assert list(paper["properties"]) == ["arxiv_id", "title", "venue"]


def test_a_foreign_value_is_refused() -> None:
    """An empty object is no record."""
    assert Record is TYPES["record-3.json"]
    with pytest.raises(RecordDamaged):
        check({}, "record-3.json", "record")
