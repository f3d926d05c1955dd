"""The report as one HTML page that needs nothing else: no script, no request, its data inside."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from results.report.model import View
from results.report.page.sections import kinds, sections

if TYPE_CHECKING:
    from markupsafe import Markup

# What a page may load or run: nothing. Styles are its own; a data: icon keeps browsers from asking for one.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
MOST_DATA_BYTES = 512 * 1024  # of data to be embedded: a record with its launches elsewhere has 64 KiB
OUTCOMES = {
    "passed": ("✓", "passed"),
    "failed": ("✗", "failed"),
    "undecided": ("?", "undecided"),
    "error": ("!", "error"),
}
_NOTE = re.compile(r"\[(\d{1,4})\]")


def as_html(view: View, data: bytes | None = None) -> str:
    """The whole page. `data`: JSON that is embedded for download; too much of it is left out, and said so."""
    import jinja2

    loader = jinja2.PackageLoader("results.report", "page")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    notes = len(view.notes)
    environment.filters["noted"] = lambda text: _noted(text, notes)
    sign, word = OUTCOMES[view.outcome]
    held = sections(view)
    return environment.get_template("page.html.j2").render(
        view=view,
        policy=POLICY,
        sign=sign,
        word=word,
        sections=held,
        claims_at=next((one.anchor for one in held if "claims" in one.title), ""),
        kinds=kinds(view),
        data=_data_url(data),
        data_kb=0 if data is None else len(data) / 1000,
    )


def _data_url(data: bytes | None) -> str:
    """Base64, in which no sign means anything to HTML; empty where there is nothing, or too much."""
    if data is None or len(data) > MOST_DATA_BYTES:
        return ""
    return "data:application/json;base64," + base64.b64encode(data).decode("ascii")


def _noted(text: str, notes: int) -> Markup:
    """A sentence, escaped, with its [1] leading to note 1 where there is one."""
    from markupsafe import Markup, escape

    parts = []
    end = 0
    for found in _NOTE.finditer(text):
        number = int(found[1])
        parts.append(escape(text[end : found.start()]))
        link = Markup('<a href="#note-{0}">[{0}]</a>').format(number)
        parts.append(link if 0 < number <= notes else escape(found[0]))
        end = found.end()
    return Markup("").join((*parts, escape(text[end:])))
