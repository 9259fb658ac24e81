# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One HTML file that needs no network: pictures by Vega, tables that sort, both themes."""

import html
import json
from functools import cache
from pathlib import Path

import jinja2
import vl_convert
from altair.utils.html import vl_version_for_vl_convert
from markupsafe import Markup

HERE = Path(__file__).parent
LONG = 30  # rows from which a table is folded


@cache
def library():
    """Vega, Vega-Lite and vega-embed as one script; the text must not end the element."""
    return vl_convert.javascript_bundle(vl_version=vl_version_for_vl_convert()).replace(
        "</script", "<\\/script"
    )


def table_html(table):
    def cell(value):
        if isinstance(value, (int, float)):
            return f"<td>{value}</td>"
        text = html.escape("" if value is None else str(value))
        return f'<td class="text">{f"<code>{text}</code>" if " --" in text else text}</td>'

    heads = "".join(
        f'<th scope="col"><button type="button">{html.escape(str(name))}</button></th>'
        for name in table["columns"]
    )
    body = "\n".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in table["rows"])
    csv = f'<button type="button" data-csv="{table["id"]}">CSV</button>'
    return Markup(
        f'<div class="wide" tabindex="0" role="region" aria-label="{html.escape(table["heading"])}">'
        f'<table id="{table["id"]}"><caption>{html.escape(table["heading"])} {csv}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def caption(chart, names):
    """What a chart's title says, and what is in it, for those who do not see it."""
    title = chart.title if isinstance(chart.title, str) else ""
    return f"{title}: {', '.join(names)}" if names and len(names) > 1 else title


def render(title, studies):
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
        title=title, studies=studies, show=table_html, library=Markup(library()),
        specs=Markup(json.dumps(specs).replace("</", "<\\/")),
        script=Markup((HERE / "page.js").read_text(encoding="utf-8")),
    )  # fmt: skip
