"""Markdown where its reader has limits: job summaries, comments, and words that must not become markup."""

from __future__ import annotations

import re

import pytest

from results.report.markdown import (
    COMMENT_LIMIT_BYTES,
    LEAST_LIMIT_BYTES,
    SUMMARY_LIMIT_BYTES,
    as_markdown,
)
from results.report.model import Table, View
from tests.results.test_report import RUNS, view_of


def view(*tables: Table, **changes: object) -> View:
    fields = {"where": "Here.", "verdict": "v", "tables": tables, "notes": (), "files": ()}
    return View(**(fields | changes))  # type: ignore[arg-type]


def table(title: str, rows: int, cell: str = "x" * 40) -> Table:
    return Table(title=title, columns=("a", "b"), rows=tuple((str(row), cell) for row in range(rows)))


@pytest.mark.parametrize("name", RUNS)
def test_the_verdict_comes_first_and_then_where(name: str) -> None:
    """Of a list of job summaries a reader sees the first line, a floor, and next whether it was a phone."""
    report = view_of(RUNS[name]())
    lines = as_markdown(report).splitlines()
    assert lines[0].startswith("**Verdict: ")
    assert lines[2 if not report.floors else 4].startswith(report.where.split()[0])
    assert (lines[2].startswith("Floor: ")) == (name == "accuracy-only")


def test_long_tables_are_folded_and_whole() -> None:
    """A hundred launches hide the verdict of the job after them."""
    text = as_markdown(view(table("short", 5), table("long <b>", 100)))
    assert text.count("<details>") == text.count("</details>") == 1
    assert "### short" in text
    assert "<summary>long &lt;b&gt; (100 rows)</summary>\n\n| a | b |\n| --- | --- |\n| 0 | x" in text
    assert text.count("\n| ") == 2 * 2 + 5 + 100


@pytest.mark.parametrize("limit", [LEAST_LIMIT_BYTES, COMMENT_LIMIT_BYTES, SUMMARY_LIMIT_BYTES])
def test_what_does_not_fit_is_left_out_whole_and_named(limit: int) -> None:
    """GitHub drops a summary of one byte too many, and half a table is read as a whole one."""
    rows = limit // 44 // 4
    tables = [table(f"table {n}", rows, "ü" * 18) for n in range(9)]
    notes = ("a note",)
    text = as_markdown(view(*tables, notes=notes, files=("record.json",)), limit)
    assert limit * 0.7 < len(text.encode()) <= limit
    assert text.count("\n| ") % (rows + 2) == 0
    assert text.count("<details>") == text.count("</details>") == text.count("\n| ") // (rows + 2)
    left_out = re.search(r"\*Left out, for this has to stay within ([\d,]+) bytes: (.*)\. The report", text)
    assert left_out is not None
    assert left_out[1] == f"{limit:,}"
    assert '"table 5"' in left_out[2]
    assert "1. a note" in text  # what is small and comes later still has room


def test_what_fits_exactly_is_whole() -> None:
    """The sentence on what was left out needs room only where something was."""
    whole = view(table("long", 2000))
    size = len(as_markdown(whole).encode())
    assert "Left out" not in as_markdown(whole, size)
    assert "Left out" in as_markdown(whole, size - 1)


@pytest.mark.parametrize("more", range(0, 400, 40))
def test_the_sentence_on_what_was_left_out_has_its_room(more: int) -> None:
    """Small tables fill the room to the last bytes; the sentence comes after them."""
    limit = LEAST_LIMIT_BYTES + more
    text = as_markdown(view(*(table(f"table {n}", 3) for n in range(200))), limit)
    assert limit - 3000 < len(text.encode()) <= limit
    assert "Left out" in text


def test_many_tables_and_the_longest_head_stay_within_the_limit() -> None:
    """The names of what was left out must not be what breaks the limit."""
    tables = [table(f"{n} " + "|" * 200, 400) for n in range(60)]
    text = as_markdown(view(*tables, verdict="_" * 9000, where="<" * 9000), LEAST_LIMIT_BYTES)
    assert len(text.encode()) <= LEAST_LIMIT_BYTES
    assert "and 55 more" in text


def test_hostile_words_stay_words() -> None:
    """A device's name is in titles, cells and sentences, and none may link, load, call or close anything."""
    words = "</details><img src=x> @everyone [a](https://x.y) www.x.y | **b** `c`"
    text = as_markdown(view(table(words, 20, words), table("t", 1, words), verdict=words, where=words))
    bare = text.replace("<!-- -->", "")
    assert bare.count("</details>") == 1 + bare.count("\\</details>")
    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", bare)
    for sign in ("@everyone", "://", "www.x"):
        assert sign not in text
    # Inside of an HTML element, as the title of a folded table is, nothing else is markup.
    outside = re.sub("<summary>.*</summary>", "", text)
    assert not re.search(r"\]\(|(?<!\\)(\*\*b|`c)", outside)


@pytest.mark.parametrize("word", ["#123", "GH-7", "gh-7", "a/b#1", "@team", "&num;123", "&#35;1", "# Pixel"])
def test_a_name_calls_nothing(word: str) -> None:
    """An issue that is named in a comment is told of it, and a line that begins with # is a heading."""
    tables = (table("t", 1, word), table(word, 20, word))
    text = as_markdown(view(*tables, verdict=word, where=word, notes=(word,), files=("a`", f"{word}`b")))
    assert not re.search(r"(?i)(?<![&\\])#(?=\w)|#\d|GH-\d|@\w|(?<!\\)&(?!amp;)", text)
    assert not re.search(r"(?m)^#+ (?!t$)", text)


def test_the_title_of_a_folded_table_is_escaped_once() -> None:
    """An escaped apostrophe has a # of its own, which is no issue's."""
    title = "ab's #1 & &#35;2"
    assert "<summary>ab&#x27;s #<!-- -->1 &amp; &amp;#<!-- -->35;2 (20 rows)" in as_markdown(
        view(table(title, 20))
    )


def test_files_are_code_and_stay_within() -> None:
    """In code nothing is markup, so a name that ends it would begin some."""
    assert "Files: `a*b*@c#1.json`\n" in as_markdown(view(files=("a*b*@c#1.json",)))
    text = as_markdown(view(files=("x` <img src=y> @z `", "b\n\n# c")))
    assert "Files: x\\` \\<img src=y> @<!-- -->z \\`, b  \\# c\n" in text


def test_too_small_a_limit_is_a_wrong_call() -> None:
    """There is no report of a hundred bytes."""
    with pytest.raises(ValueError, match="100 bytes"):
        as_markdown(view(), 100)
