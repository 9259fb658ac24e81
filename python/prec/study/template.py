# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Descriptions of networks and policies with holes that a study's axes fill.

A string that is "$name" becomes the value, whatever its type; "$name" inside a longer
string becomes its text. An item {"repeat": "$count", "index": "i", "items": [...]} of a
list becomes its items, count times, with $i counting from 1. {"choose": "$name", "from":
{"a": ..., "else": ...}} becomes what stands at the name's value, "null" for none; in a list a chosen
list becomes its items. "$$" is a dollar.
"""

import re
from collections.abc import Iterator
from typing import Any

NAME = re.compile(r"\$(\$|[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})")
MOST = 1000


class TemplateError(ValueError):
    pass


def holes(template: Any) -> set[str]:
    """The names that a template asks for, indices of repetitions aside."""
    if isinstance(template, str):
        return {name.strip("{}") for name in NAME.findall(template)} - {"$"}
    if isinstance(template, list):
        return set().union(*map(holes, template))
    if isinstance(template, dict):
        inner = set().union(*map(holes, template.values()))
        return inner - {template["index"]} if "repeat" in template else inner
    return set()


def fill(template: Any, values: dict[str, Any]) -> Any:
    """The template with its holes filled. Raises TemplateError for a name without a value."""
    if isinstance(template, str):
        return _text(template, values)
    if _is_choice(template):
        return fill(_chosen(template, values), values)
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if not isinstance(template, list):
        return template
    items: list[Any] = []
    for item in template:
        if isinstance(item, dict) and "repeat" in item:
            items.extend(_repeated(item, values))
        elif _is_choice(item):
            chosen = fill(item, values)
            items.extend(chosen if isinstance(chosen, list) else [chosen])
        else:
            items.append(fill(item, values))
    return items


def _is_choice(template: Any) -> bool:
    return isinstance(template, dict) and "choose" in template


def _chosen(template: dict[str, Any], values: dict[str, Any]) -> Any:
    if set(template) != {"choose", "from"} or not isinstance(template["from"], dict):
        raise TemplateError("a choice has the keys choose, from; from is an object")
    value, known = fill(template["choose"], values), template["from"]
    name = "null" if value is None else str(value)
    if name not in known and "else" not in known:
        raise TemplateError(f"'{template['choose']}' is '{name}', expected one of {', '.join(known)}")
    return known.get(name, known.get("else"))


def _text(text: str, values: dict[str, Any]) -> Any:
    def value(name: str) -> Any:
        name = name.strip("{}")
        if name == "$":
            return "$"
        if name not in values:
            known = ", ".join(sorted(values)) or "none"
            raise TemplateError(f"'${name}' has no value; known: {known}")
        return values[name]

    whole = NAME.fullmatch(text)
    if whole and whole.group(1) != "$":
        return value(whole.group(1))
    return NAME.sub(lambda match: str(value(match.group(1))), text)


def _repeated(item: dict[str, Any], values: dict[str, Any]) -> Iterator[Any]:
    if set(item) != {"repeat", "index", "items"}:
        raise TemplateError("a repetition has the keys repeat, index, items")
    count = fill(item["repeat"], values)
    if not isinstance(count, int) or not 0 <= count <= MOST:
        raise TemplateError(f"found {count!r} repetitions, expected a number from 0 to {MOST}")
    for index in range(1, count + 1):
        yield from fill(item["items"], {**values, item["index"]: index})
