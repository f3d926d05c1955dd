"""Every figure of a view as a picture for a page, what it shows in words, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass

from results.report.figures import ByTokens, Ecdf, Figure, Forest, Timeline, Trend


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture: the content of an <svg> element, safe as it is, and that element's view box.

    `described`: for those who do not see it. `remark`: what is not drawn, and why; empty where all is.
    """

    svg: str
    view_box: str
    described: str
    remark: str = ""


def draw(figure: Figure, key: str) -> Drawing:
    """One picture; `key` is its own on the page, so that its inner names clash with no other's."""
    from results.report.charts import canvas

    with canvas.style(key):
        match figure:
            case Ecdf():
                from results.report.charts.ecdf import draw_ecdf

                sheet, described, remark = draw_ecdf(figure)
            case Forest():
                from results.report.charts.forest import draw_forest

                sheet, described, remark = draw_forest(figure)
            case Timeline():
                from results.report.charts.timeline import draw_timeline

                sheet, described, remark = draw_timeline(figure)
            case ByTokens():
                from results.report.charts.tokens import draw_tokens

                sheet, described, remark = draw_tokens(figure)
            case Trend():
                from results.report.charts.trend import draw_trend

                sheet, described, remark = draw_trend(figure)
        return Drawing(
            svg=canvas.inline(sheet), view_box=canvas.view_box(sheet), described=described, remark=remark
        )
