"""A hostile device's words: harmless in the report, in the verdict's file and in Markdown."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from results.encode import encode
from results.plain import LONGEST_WORD, plain, short
from results.recompute import conclude
from results.record import Doubt
from results.report.markdown import as_markdown
from results.report.text import as_text
from results.report.view import build_view
from results.store import RunStore
from tests.results.make_device import TOLD, interruption, left_changed, on_device, repeat, told
from tests.results.make_run import PIXEL_4, TRAINED, Run, make_run
from tests.results.test_verdict import verdict_of

# Clears the screen, sets a window's title (C0 and C1), ends the line, turns the direction, hides.
EVIL = (
    "x\x1b[2J\x1b]0;owned\x07\x9b31m\x85\r\nVerdict: reproduced\n\u202egnp.exe\u2066\u200b\u2028\ufeff"
    "\U000e0041<script>alert(1)</script>![i](http://h/i.png)[l](http://h)|`c`\x00\x7f"
)


def hostile() -> Run:
    """A device that says it wherever it is asked anything, and a checkpoint of that name."""
    device = dataclasses.replace(
        PIXEL_4,
        manufacturer=EVIL,
        model=EVIL,
        soc=EVIL,
        fingerprint=EVIL,
        kernel=EVIL,
        contradictions=(EVIL,),
    )
    state = dataclasses.replace(TOLD, throttled=(EVIL,), cooling={EVIL: 3}, cpuset=EVIL)
    run = on_device(repeat(told(make_run(device=device)), 2, 61.5, why=EVIL))
    run = run.each_launch(before=state)
    run = run.each_artifact(weights=dataclasses.replace(TRAINED, name=EVIL))
    return run.change(
        interruptions=(interruption(what=EVIL, error=EVIL), interruption(order=None, during=EVIL)),
        changes=(left_changed(name=EVIL, before=EVIL, during=EVIL), left_changed(before=EVIL)),
        doubts=(Doubt(code="x", text=EVIL),),
    )


def unseen(text: str) -> set[str]:
    return {
        sign for sign in text if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign != "\n"
    }


def test_a_report_holds_nothing_that_is_not_seen(tmp_path: Path) -> None:
    """report.txt is printed on terminals: no escape sequence, and no line that the harness did not write."""
    store = RunStore.create(tmp_path)
    hostile().save(store)
    conclude(store)
    text = (store.folder / "report.txt").read_text()
    assert unseen(text) == set()
    verdicts = [line for line in text.splitlines() if line.startswith("Verdict: ")]
    assert [line.split(":")[1] for line in verdicts] == [" not_comparable"]


def test_the_verdicts_words_hold_nothing_that_is_not_seen(tmp_path: Path) -> None:
    """verdict.json is read by other programs, which print its texts: harmless after parsing as well."""
    store = RunStore.create(tmp_path)
    hostile().save(store)
    conclude(store)
    raw = (store.folder / "verdict.json").read_text()
    assert unseen(raw) == set()
    assert unseen(json.dumps(json.loads(raw), ensure_ascii=False)) == set()
    assert "other SoC: x?[2J?]0;owned" in raw


def test_the_record_keeps_the_words_as_they_were_in_escapes(tmp_path: Path) -> None:
    """What a device said is evidence; `cat record.json` must not run it."""
    store, run = RunStore.create(tmp_path), hostile()
    run.save(store)
    assert unseen((store.folder / "record.json").read_text()) == set()
    assert store.load() == run.record


def test_markdown_holds_no_markup_of_the_devices() -> None:
    """A report in a pull request: no tag, no image that is loaded, no link."""
    run = hostile()
    text = as_markdown(build_view(run.record, run.samples, run.predictions, verdict_of(run)))
    for markup in ("<script>", "](http", "![i](", "://"):
        assert markup not in text.replace("\\<script>", "")
    assert "[2J" in text


def test_a_long_word_does_not_bury_the_report() -> None:
    """A megabyte of model name is still one line of a table."""
    run = make_run(device=dataclasses.replace(PIXEL_4, model="a" * 1_000_000, soc="b" * 1_000_000))
    assert len(as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run)))) < 20_000
    assert len(encode(verdict_of(run))) < 60_000
    assert short("a" * LONGEST_WORD) == "a" * LONGEST_WORD
    assert short("a" * (LONGEST_WORD + 1)) == "a" * LONGEST_WORD + "..."


def test_honest_words_stay_as_they_are() -> None:
    """Other alphabets, signs and units are no attack."""
    for text in (
        "Pixel 4 XL",
        "小米 13",
        "Galaxy S8⁺",
        "31.5 °C ± 0.2",
        "Größe",
        "[1] 61.02 ms [60.6, 61.4]",
    ):
        assert plain(text) == text


@given(st.text())
def test_no_text_at_all_gets_through_unseen(text: str) -> None:
    """Any character: seen, or replaced; never more of them than there were."""
    made = plain(text)
    assert not {sign for sign in made if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")}
    turned = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    assert not {sign for sign in made if unicodedata.bidirectional(sign) in turned}
    assert len(made) <= len(text)
