# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One HTML file that needs no network: pictures by Vega, tables that sort, both themes."""

import html
import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
from altair.utils.html import vl_version_for_vl_convert
from markupsafe import Markup

HERE = Path(__file__).parent
LONG = 30  # rows from which a table is folded


@cache
def library() -> str:
    """Vega, Vega-Lite and vega-embed as one script; the text must not end the element."""
    bundle: str = vl_convert.javascript_bundle(vl_version=vl_version_for_vl_convert())  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")


def table_html(table: dict[str, Any]) -> Markup:
    def cell(value: Any) -> str:
        if isinstance(value, (int, float)):
            return f"<td>{value}</td>"
        text = html.escape("" if value is None else str(value))
        if " --" in text:  # a command: lines end between words, not behind a hyphen
            text = f"<code>{' '.join(f'<span>{word}</span>' for word in text.split(' '))}</code>"
        return f'<td class="text">{text}</td>'

    is_text = [any(isinstance(row[i], str) for row in table["rows"]) for i in range(len(table["columns"]))]
    heads = "".join(
        f'<th scope="col"{" class=text" * text}><button type="button">{html.escape(str(name))}</button></th>'
        for name, text in zip(table["columns"], is_text)
    )
    body = "\n".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in table["rows"])
    csv = f'<button type="button" data-csv="{table["id"]}">CSV</button>'
    return Markup(
        f'<div class="wide" tabindex="0" role="region" aria-label="{html.escape(table["heading"])}">'
        f'<table id="{table["id"]}"><caption>{html.escape(table["heading"])} {csv}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def prose(text: str) -> Markup:
    """A study's own words; what stands between backticks is code."""
    parts = html.escape(text, quote=False).split("`")
    if len(parts) % 2 == 0:  # one of them is alone
        return Markup("`".join(parts))
    return Markup("".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts)))


def caption(chart: Any, names: list[str]) -> str:
    """What a chart's title says, and what is in it, for those who do not see it."""
    title = chart.title if isinstance(chart.title, str) else ""
    return f"{title}: {', '.join(names)}" if names and len(names) > 1 else title


def render(title: str, studies: list[dict[str, Any]]) -> str:
    """The page. A study: id, title, about, length, tables, charts [(name, chart, names)]."""
    specs = {}
    for study in studies:
        shown = []
        for name, chart, names in study["charts"]:
            identity = f"{study['id']}-{name}"
            specs[identity] = chart.to_dict()
            shown.append({"id": identity, "caption": caption(chart, names)})
        study["charts"] = shown
        study["tables"] = [
            {"id": f"{study['id']}-{name}-table", "heading": heading, "columns": columns,
             "rows": rows, "long": len(rows) > LONG}
            for name, (heading, columns, rows) in study["tables"].items()
        ]  # fmt: skip
    template = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(
        (HERE / "page.html").read_text(encoding="utf-8")
    )
    return template.render(
        title=title, studies=studies, show=table_html, prose=prose, library=Markup(library()),
        specs=Markup(json.dumps(specs).replace("</", "<\\/")),
        script=Markup((HERE / "page.js").read_text(encoding="utf-8")),
    )  # fmt: skip
