"""AndroidX's benchmarkData.json, against a schema of its fields."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft7Validator

from results.errors import FormUnavailable
from results.launches import timed_samples
from results.report.forms.androidx import as_androidx
from results.report.forms.loaded import timed
from tests.results.form_runs import both, loaded
from tests.results.make_run import PIXEL_4, make_run
from tests.results.test_report import RUNS

P50 = "mobilebert/float32/pixel-4/length128/4t"


def fields(**kinds: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON Schemas
    """An object with exactly these fields; one that ends in "_" may be missing, as Kotlin has it with "?"."""
    return {
        "type": "object",
        "properties": {name.rstrip("_"): kind for name, kind in kinds.items()},
        "required": [name for name in kinds if not name.endswith("_")],
        "additionalProperties": False,
    }


TEXT, LONG, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
NUMBER = {"type": "number"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
SINGLE = fields(
    minimum=NUMBER,
    maximum=NUMBER,
    median=NUMBER,
    coefficientOfVariation=NUMBER,
    runs={"type": "array", "items": NUMBER},
)
SAMPLED = fields(
    P50=NUMBER,
    P90=NUMBER,
    P95=NUMBER,
    P99=NUMBER,
    runs={"type": "array", "items": {"type": "array", "items": NUMBER}},
)
BENCHMARK_DATA = fields(
    context=fields(
        build=fields(
            brand=TEXT,
            device=TEXT,
            fingerprint=TEXT,
            id=TEXT,
            model=TEXT,
            type=TEXT,
            version=fields(codename=TEXT, sdk=LONG),
        ),
        cpuCoreCount=LONG,
        cpuLocked=BOOLEAN,
        cpuMaxFreqHz=LONG,
        memTotalBytes=LONG,
        sustainedPerformanceModeEnabled=BOOLEAN,
        artMainlineVersion=LONG,
        osCodenameAbbreviated=TEXT,
        compilationMode=TEXT,
        payload=TEXTS,
    ),
    benchmarks={
        "type": "array",
        "minItems": 1,
        "items": fields(
            name=TEXT,
            params=TEXTS,
            className=TEXT,
            totalRunTimeNs=LONG,
            metrics={"type": "object", "additionalProperties": SINGLE},
            sampledMetrics={"type": "object", "additionalProperties": SAMPLED},
            warmupIterations_=LONG,
            repeatIterations_=LONG,
            thermalThrottleSleepSeconds_=LONG,
            profilerOutputs_={"type": "array"},
        ),
    },
)


def test_androidx_has_one_list_of_samples_per_launch() -> None:
    """Kotlin's reader knows these fields and refuses a missing one."""
    run = loaded(both())
    made = json.loads(as_androidx(run))
    Draft7Validator(BENCHMARK_DATA).validate(made)
    assert made["context"]["build"] | {"version": 0} == {
        "brand": "google",
        "device": "flame",
        "fingerprint": PIXEL_4.fingerprint,
        "id": "TP1A.221005.002",
        "model": "Pixel 4",
        "type": "user",
        "version": 0,
    }
    for one, benchmark in zip(timed(run), made["benchmarks"], strict=True):
        sampled = benchmark["sampledMetrics"]["inferenceNs"]
        launches = [timed_samples(launch, run.samples)[1].tolist() for launch in one.launches]
        assert sampled["runs"] == launches
        pooled = np.concatenate(launches)
        assert [sampled[f"P{q}"] for q in (50, 90, 95, 99)] == np.percentile(
            pooled, (50, 90, 95, 99)
        ).tolist()


def test_androidx_refuses_what_it_cannot_say() -> None:
    """Its fields have no word for "unknown": a host would be a phone of 0 bytes."""
    with pytest.raises(FormUnavailable, match="does not state its Android build"):
        as_androidx(loaded(RUNS["host"]()))
    with pytest.raises(FormUnavailable, match="368 inferences, float32 has 200"):
        as_androidx(loaded(make_run(launches=5, inferences=40)))
