"""`python -m tests.results.selftest_page`: the tables of docs/statistics.md anew, about a minute."""

from __future__ import annotations

from pathlib import Path

from results.report.markdown import as_markdown
from results.selftest.report import report
from results.selftest.trials import Trial
from results.selftest.truths import trials

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
SEED = 20260101
_BEGIN, _END = "<!-- selftest: begin -->\n", "<!-- selftest: end -->\n"


def main() -> None:
    """Put the report of the whole self-check between the page's marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}{markdown(trials(quick=False))}{_END}{after}", encoding="utf-8")


def markdown(tried: tuple[Trial, ...]) -> str:
    """The report of these trials as it stands in the page."""
    return as_markdown(report(tried, SEED))


def rows(text: str) -> dict[str, str]:
    """Lines of Markdown tables by their first cell."""
    lines = (line for line in text.splitlines() if line.startswith("| "))
    return {line.split("|")[1].strip(): line for line in lines}


if __name__ == "__main__":
    main()
