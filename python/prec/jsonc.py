# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""JSON with // comments that remembers where each value stands, and checks by a JSON schema.

Faults are lines FILE:LINE:COLUMN: /json/pointer: what was found, what was expected; all
that the schema finds are reported at once, a fault of syntax alone.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from json.decoder import scanstring
from typing import Any, TYPE_CHECKING

import jsonschema

if TYPE_CHECKING:
    from jsonschema import ValidationError

SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\n]*)*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
WORDS = {"true": True, "false": False, "null": None}
DEEPEST = 64


class Fault(ValueError):
    """One or more faults of a file, a line each."""


class Document:
    """A parsed file: `value`, and for each pointer (a tuple of keys) its place."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.offsets = {}  # pointer -> offset of the value
        self.keys = {}  # pointer -> offset of the key, for members of objects
        position = self._space(0)
        self.value, position = self._value(position, ())
        if position != len(text):
            raise self._syntax(position, "the end of the file")

    def place(self, pointer: tuple[str | int, ...], key: bool = False) -> str:
        """FILE:LINE:COLUMN of a value, or of its key."""
        offsets = self.keys if key and pointer in self.keys else self.offsets
        return self._place(offsets[pointer])

    def fault(self, pointer: tuple[str | int, ...], message: str, key: bool = False) -> Fault:
        return Fault(f"{self.place(pointer, key)}: {as_text(pointer)}: {message}")

    def _place(self, offset: int) -> str:
        line = self.text.count("\n", 0, offset) + 1
        column = offset - (self.text.rfind("\n", 0, offset) + 1) + 1
        return f"{self.name}:{line}:{column}"

    def _syntax(self, offset: int, expected: str) -> Fault:
        found = self.text[offset : offset + 1]
        found = f"'{found}'" if found.strip() else "the end of the file" if not found else "a blank"
        return Fault(f"{self._place(offset)}: found {found}, expected {expected}")

    def _space(self, position: int) -> int:
        position = SPACE.match(self.text, position).end()
        return position

    def _string(self, position: int) -> tuple[str, int]:
        try:
            return scanstring(self.text, position + 1)
        except json.JSONDecodeError as error:
            raise Fault(f"{self._place(error.pos)}: {error.msg.lower()}") from None

    def _value(self, position: int, pointer: tuple[str | int, ...]) -> tuple[Any, int]:
        if len(pointer) > DEEPEST:
            raise Fault(f"{self._place(position)}: nested deeper than {DEEPEST}")
        self.offsets[pointer] = position
        value: Any
        first = self.text[position : position + 1]
        if first == "{":
            value, position = self._members(position, pointer)
        elif first == "[":
            value, position = self._items(position, pointer)
        elif first == '"':
            value, position = self._string(position)
        else:
            value, position = self._word(position)
        return value, self._space(position)

    def _word(self, position: int) -> tuple[bool | int | float | None, int]:
        for word, value in WORDS.items():
            if self.text.startswith(word, position):
                return value, position + len(word)
        number = NUMBER.match(self.text, position)
        if not number:
            raise self._syntax(position, "a JSON value")
        text = number.group()
        return (float(text) if any(number.groups()) else int(text)), number.end()

    def _items(self, position: int, pointer: tuple[str | int, ...]) -> tuple[list[Any], int]:
        values = []
        position = self._space(position + 1)
        while self.text[position : position + 1] != "]":
            if values:
                position = self._after_comma(position, "]")
            value, position = self._value(position, (*pointer, len(values)))
            values.append(value)
        return values, position + 1

    def _members(self, position: int, pointer: tuple[str | int, ...]) -> tuple[dict[str, Any], int]:
        members = {}
        position = self._space(position + 1)
        while self.text[position : position + 1] != "}":
            if members:
                position = self._after_comma(position, "}")
            if self.text[position : position + 1] != '"':
                raise self._syntax(position, "a key in double quotes")
            start = position
            key, position = self._string(position)
            inner = (*pointer, key)
            if key in members:
                place = self._place(start)
                raise Fault(f"{place}: {as_text(inner)}: the key '{key}' stands here twice")
            self.keys[inner] = start
            position = self._space(position)
            if self.text[position : position + 1] != ":":
                raise self._syntax(position, "':'")
            members[key], position = self._value(self._space(position + 1), inner)
        return members, position + 1

    def _after_comma(self, position: int, closing: str) -> int:
        if self.text[position : position + 1] != ",":
            raise self._syntax(position, f"',' or '{closing}'")
        return self._space(position + 1)


def as_text(pointer: Iterable[str | int]) -> str:
    """The JSON pointer of RFC 6901; the whole document is '/'."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in pointer)
    return "/" + "/".join(parts)


def nearest(word: object, legal: Iterable[object]) -> str:
    """The end of a message about a word that is not known."""
    close = difflib.get_close_matches(str(word), [str(name) for name in legal], n=1)
    hint = f", did you mean '{close[0]}'?" if close else ";"
    return f"{hint} legal: {', '.join(map(str, legal))}"


def check(document: Document, schema: Mapping[str, Any]) -> None:
    """Raises Fault with every fault that the schema finds, in the file's order."""
    faults = []
    for error in jsonschema.Draft202012Validator(schema).iter_errors(document.value):
        faults.extend(_explain(document, error))
    faults.sort(key=lambda fault: fault[0])
    if faults:
        raise Fault("\n".join(str(fault) for _, fault in faults))


def _explain(document: Document, error: ValidationError) -> Iterator[tuple[int, Fault]]:
    """(offset, Fault) of one finding of the schema."""
    error = _deepest(error)
    pointer = tuple(error.absolute_path)
    offset = document.offsets[pointer]
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        for key in error.instance:
            if key not in known:
                inner = (*pointer, key)
                message = f"unknown key '{key}'" + nearest(key, known)
                yield document.keys[inner], document.fault(inner, message, key=True)
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                message = f"the key '{name}' is missing"
                yield offset, document.fault(pointer, message)
                break
    elif error.validator == "enum":
        legal = ["null" if word is None else word for word in error.validator_value]
        message = f"unknown word '{error.instance}'" + nearest(error.instance, legal)
        yield offset, document.fault(pointer, message)
    else:
        yield offset, document.fault(pointer, say(error))


def say(error: ValidationError) -> str:
    found = json.dumps(error.instance)
    found = found if len(found) <= 40 else found[:37] + "..."
    limit = error.validator_value
    expected = {
        "type": lambda: (
            "one of " + ", ".join(limit) if isinstance(limit, list) else f"type {limit}"
        ),
        "minimum": lambda: f"at least {limit}",
        "exclusiveMinimum": lambda: f"more than {limit}",
        "maximum": lambda: f"at most {limit}",
        "minItems": lambda: f"at least {limit} items",
        "maxItems": lambda: f"at most {limit} items",
        "minProperties": lambda: f"at least {limit} keys",
        "maxProperties": lambda: f"at most {limit} keys",
        "minLength": lambda: "some text",
        "const": lambda: json.dumps(limit),
        "uniqueItems": lambda: "no item twice",
        "pattern": lambda: error.schema.get("description", f"a text like {limit}"),
    }.get(error.validator, lambda: error.schema.get("description", "another form"))
    return f"found {found}, expected {expected()}"


def _deepest(error: ValidationError) -> ValidationError:
    """Inside anyOf and oneOf: the fault of the alternative that came furthest."""
    while error.context:
        best = max(error.context, key=lambda e: (len(e.absolute_path), e.validator != "type"))
        if len(best.absolute_path) <= len(error.absolute_path) and best.validator == "type":
            break
        error = best
    return error
