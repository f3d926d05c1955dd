"""Runs that the tests of report forms share."""

from __future__ import annotations

import dataclasses

from results.report.forms.loaded import Loaded
from tests.results.make_run import PIXEL_4, Run, make_run
from tests.results.test_report import BOTH
from tests.results.test_verdict import CLAIMS, verdict_of

P50 = "mobilebert/float32/pixel-4/length128/4t"
HOSTILE = 'Pixel\x1b[31m 4\n::error::owned\n<script src="http://x.y">|`@everyone`\ufffe & 50 %'


def loaded(run: Run) -> Loaded:
    return Loaded(
        record=run.record,
        samples=run.samples,
        predictions=run.predictions,
        verdict=None if run.record.comparing else verdict_of(run),
        claims=CLAIMS,
    )


def both() -> Run:
    return make_run(recipes=BOTH, inferences=80)


def hostile() -> Run:
    device = dataclasses.replace(PIXEL_4, model=HOSTILE, soc=HOSTILE)
    return make_run(device=device).settings(commit=HOSTILE, runner=f"mobilebert_runner {HOSTILE}")
