"""JSON Schemas (Draft 2020-12) from the dataclasses, so that file and type cannot drift apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from results.compare.comparison_file import COMPARISON_SCHEMA, Comparison
from results.history.levels_file import LEVELS_SCHEMA, Levels
from results.history.summary_file import SUMMARY_SCHEMA, RunSummary
from results.record import SCHEMA, Artifact, Launches, Record
from results.verdict_file import VERDICT_SCHEMA, Verdict

FOLDER = Path(__file__).parent

# The number is part of the name: what goes by one name never changes its meaning.
TYPES: dict[str, type] = {
    f"record-{SCHEMA}.json": Record,
    f"launches-{SCHEMA}.json": Launches,
    f"verdict-{VERDICT_SCHEMA}.json": Verdict,
    f"comparison-{COMPARISON_SCHEMA}.json": Comparison,
    f"summary-{SUMMARY_SCHEMA}.json": RunSummary,
    f"levels-{LEVELS_SCHEMA}.json": Levels,
    "artifact-1.json": Artifact,
}
VERSIONS: dict[type, int] = {
    Record: SCHEMA,
    Launches: SCHEMA,
    Verdict: VERDICT_SCHEMA,
    Comparison: COMPARISON_SCHEMA,
    RunSummary: SUMMARY_SCHEMA,
    Levels: LEVELS_SCHEMA,
}


def generate(name: str) -> bytes:
    """The bytes of one shipped schema file: every field needed, and no other allowed."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(TYPES[name]).json_schema(mode="serialization")
    _close(schema)
    if (version := VERSIONS.get(TYPES[name])) is not None:
        schema["properties"]["schema"] = {"const": version}
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def rewrite() -> None:
    """Write all schema files anew."""
    for name in TYPES:
        (FOLDER / name).write_bytes(generate(name))


def _close(node: Any) -> None:  # noqa: ANN401  # any JSON value
    """Forbid unknown fields, and drop titles and defaults, which only repeat the field names."""
    if isinstance(node, list):
        for item in node:
            _close(item)
    elif isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        fields = node.get("properties")
        if isinstance(fields, dict):
            node["additionalProperties"] = False
            node["required"] = list(fields)
            for field in fields.values():
                field.pop("default", None)
                _close(field)
        for name, item in node.items():
            if name != "properties":
                _close(item)
