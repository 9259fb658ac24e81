# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Policies against foreign oracles: fnmatch for patterns, Python's own and/or/not for selectors, the jsonschema
package for files; and the examples of docs/policy.md.
"""
import fnmatch
import json
import random
import re
import time

import jsonschema
import pytest

FIELDS = ["function", "phase", "scope", "role", "op", "class", "name"]
PHASES = ["forward", "backward", "update", "eval"]
ROLES = ["activation", "product", "weight", "weight-gradient", "loss"]
CLASSES = ["contraction", "reduction", "elementwise", "other"]


@pytest.fixture
def ask(run):
    """Asks policy-probe; questions are lists of fields, answers lines."""

    def call(questions):
        text = "".join("\t".join(question) + "\n" for question in questions)
        answers = run("policy-probe", input=text).stdout.splitlines()
        assert len(answers) == len(questions)
        return answers

    return call


def read(text):
    """JSON with // comments."""
    return json.loads(re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*', r"\1", text))


@pytest.fixture
def validator(source):
    schema = json.loads((source / "docs/policy.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def manual(source):
    return (source / "docs/policy.md").read_text()


def table(text, heading):
    """The rows of the table under `heading`, cells as lists of their `code`."""
    lines = text[text.index(heading) :].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line.strip("|"))
        rows.append([[code.replace("\\|", "|") for code in re.findall(r"`([^`]*)`", cell)] for cell in cells])
    assert rows
    return rows


def glob(pattern, text):
    """`**` by recursion over segments, a segment by fnmatch."""

    def segments(patterns, texts):
        if not patterns:
            return not texts
        if patterns[0] == "**":
            return any(segments(patterns[1:], texts[i:]) for i in range(len(texts) + 1))
        return bool(texts) and fnmatch.fnmatchcase(texts[0], patterns[0]) and segments(patterns[1:], texts[1:])

    return segments(pattern.split("/"), text.split("/"))


def random_pattern(rng):
    pieces = ["a", "b", "ab", "*", "?", "[ab]", "[!a]", "[a-c]", ".", "é", "[*]", "[]a]"]
    segment = lambda: "**" if rng.random() < 0.3 else "".join(rng.choices(pieces, k=rng.randint(1, 3)))
    while True:
        parts = [segment() for _ in range(rng.randint(1, 4))]
        if all(part == "**" or "**" not in part for part in parts):
            return "/".join(parts)


def random_text(rng):
    return "/".join("".join(rng.choices("aabbc.é*]", k=rng.randint(0, 3))) for _ in range(rng.randint(1, 4)))


def test_patterns_mean_what_fnmatch_means(ask):
    rng = random.Random(1)
    cases = [(random_pattern(rng), random_text(rng)) for _ in range(20000)]
    expected = [str(int(glob(*case))) for case in cases]
    assert 0.05 < expected.count("1") / len(cases) < 0.95
    for case, answer, right in zip(cases, ask([["glob", *case] for case in cases]), expected):
        assert answer == right, case


def random_site(rng):
    return {
        "function": rng.choice(["step", "predict"]),
        "phase": rng.choice(PHASES),
        "scope": rng.choice(["", "conv1", "features/conv1", "features/block/fc"]),
        "role": rng.choice(ROLES),
        "op": rng.choice(["linalg.matmul", "arith.addf", "math.exp"]),
        "class": rng.choice(CLASSES),
        "name": rng.choice(["", "w1", "conv1", "conv1.weight"]),
    }


def random_selector(rng, depth):
    """Text and meaning: a function of a site."""
    kind = rng.choice(["and", "or", "not", "test", "test"]) if depth else "test"
    if kind == "not":
        text, holds = random_selector(rng, depth - 1)
        return f"!({text})", lambda site: not holds(site)
    if kind != "test":
        (left, a), (right, b) = random_selector(rng, depth - 1), random_selector(rng, depth - 1)
        if kind == "and":
            return f"({left}) & ({right})", lambda site: a(site) and b(site)
        return f"({left}|{right})", lambda site: a(site) or b(site)
    role = rng.choice(ROLES)
    pattern = rng.choice(["conv*", "features/**", "**/conv1", "linalg.*", "math.exp", "w?", "conv1", "*1"])
    word = lambda site: any(glob(pattern, site[field]) for field in ("scope", "op", "name"))
    field = rng.choice(["scope", "op", "name", "function"])
    return rng.choice(
        [
            (pattern, word),
            (f"{pattern}.{role}", lambda site: word(site) and site["role"] == role),
            (f"{field}:{pattern}", lambda site: glob(pattern, site[field])),
            (f'{field}:"{pattern}"', lambda site: glob(pattern, site[field])),
            (role, lambda site: site["role"] == role),
            ("backward", lambda site: site["phase"] == "backward"),
            ("phase:eval", lambda site: site["phase"] == "eval"),
            ("@reduction", lambda site: site["class"] == "reduction"),
            (f"@other.{role}", lambda site: site["class"] == "other" and site["role"] == role),
            ("*", lambda site: True),
        ]
    )


def test_selectors_mean_and_or_not(ask):
    rng = random.Random(2)
    cases = [(*random_selector(rng, 3), random_site(rng)) for _ in range(5000)]
    expected = [str(int(holds(site))) for _, holds, site in cases]
    assert 0.2 < expected.count("1") / len(cases) < 0.8
    answers = ask([["select", text, *(site[field] for field in FIELDS)] for text, _, site in cases])
    for (text, _, site), answer, right in zip(cases, answers, expected):
        assert answer == right, (text, site)


def test_manual_selectors(ask, manual):
    questions, expected = [], []
    for (selector,), *columns in table(manual, "| selector | matches"):
        for sites, right in zip(columns, "10"):
            for site in sites:
                values = dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", site))
                questions.append(["select", selector, *(values.get(field, "") for field in FIELDS)])
                expected.append(right)
    assert len(questions) > 40
    assert [(*q, a) for q, a in zip(questions, ask(questions))] == [(*q, e) for q, e in zip(questions, expected)]


def summary(rule):
    action = "keep" if "keep" in rule else f"{rule['format']}:{rule['rounding']}@{rule['granularity']}"
    return f"{rule['select']}={action}"


def test_manual_flags(ask, manual):
    rows = table(manual, "| flags | rules")
    answers = ask([["flags", *(flag.removeprefix("--") for flag in flags.split())] for (flags,), _ in rows])
    for (_, rules), answer in zip(rows, answers):
        assert [summary(rule) for rule in json.loads(answer)["rules"]] == rules


def test_manual_files(ask, manual, validator, tmp_path):
    blocks = re.findall(r"```json\n(.*?)```", manual, re.DOTALL)
    for (parameter,), _ in table(manual, "| parameter | its value"):
        blocks.append(f'{{"version": 1, "parameters": {{"x": {parameter}}}}}')
    assert len(blocks) == 12
    for block in blocks:
        validator.validate(read(block))
        (tmp_path / "p.json").write_text(block)
        (answer,) = ask([["flags", f"policy={tmp_path}/p.json"]])
        validator.validate(json.loads(answer))
        assert json.loads(answer).get("parameters") or json.loads(answer)["rules"]


def test_manual_numbers(ask, manual, validator, tmp_path):
    """Each spelling takes a number for each `?`, and reads back."""
    spellings = [text for row in re.findall(r"^\| (.*`.*\?.*`.*) \| .* \| .*\|$", manual.split("| number | values")[1].split("\n\n")[0], re.MULTILINE)
                 for text in re.findall(r"`([^`]*\?[^`]*)`", row)]  # fmt: skip
    assert len(spellings) > 30
    for text in spellings:
        key, value = re.fullmatch(r'(?:"(\w+)": )?"?([^"]*)"?', text).groups()
        value = value.replace("/N", "/8").replace("intN", "int8")
        key = key or ("rounding" if value.startswith("stochastic") else "sum" if value.startswith("blocked") else "format")
        rule = {"select": "*", key: value, "parameters": ["x"] * value.count("?")}
        if key in ("rounding", "scale"):
            rule["format"] = "e4m3"
        policy = {"version": 1, "parameters": {"x": 4}, "rules": [rule]}
        validator.validate(policy)
        (tmp_path / "p.json").write_text(json.dumps(policy))
        (answer,) = ask([["flags", f"policy={tmp_path}/p.json"]])
        assert not answer.startswith("error"), (text, answer)
        assert json.loads(answer)["rules"][0]["parameters"] == rule["parameters"], text


def test_manual_message(ask, manual, tmp_path):
    message = re.search(r"^    p\.json:9:6: (.*)$", manual, re.MULTILINE).group(1)
    text = '{"version": 1, "rules": [' + "\n" * 8 + '    {"fromat": "m3", "select": "*", "keep": true}]}'
    (tmp_path / "p.json").write_text(text)
    assert ask([["flags", f"policy={tmp_path}/p.json"]]) == [f"error: {tmp_path}/p.json:9:6: {message}"]


def test_manual_words(ask, manual):
    rows = re.findall(r"^\| (phase|role|class) \| (.*) \|$", manual, re.MULTILINE)
    assert [field for field, _ in rows] == ["phase", "role", "class"]
    for field, words in rows:
        (answer,) = ask([["select", f"{field}:x", *FIELDS]])
        assert answer.endswith("legal: " + words)


def test_shipped_policies(ask, source, manual, validator):
    files = sorted((source / "policies").glob("*.json"))
    named = [name for names, *_ in table(manual, "| preset | what") for name in names]
    assert sorted(named) == sorted(file.stem for file in files)
    for file in files:
        validator.validate(read(file.read_text()))
    answers = ask([["flags", f"policy=preset:{file.stem}"] for file in files])
    for file, answer in zip(files, answers):
        written = read(file.read_text())["rules"]
        assert [rule["select"] for rule in json.loads(answer)["rules"]] == [rule["select"] for rule in written]


BAD = [
    "3",
    "{}",
    '{"version": 2}',
    '{"version": 1, "ruls": []}',
    '{"version": 1, "seed": -1}',
    '{"version": 1, "seed": 4294967296}',
    '{"version": 1, "seed": 1.5}',
    '{"version": 1, "random": "dice"}',
    '{"version": 1, "carrier": "f16"}',
    '{"version": 1, "strict": 1}',
    '{"version": 1, "narrow": "wide"}',
    '{"version": 1, "loss-scale": "dynamik"}',
    '{"version": 1, "loss-scale": true}',
    '{"version": 1, "loss-scale": "2^"}',
    '{"version": 1, "parameters": {"x": {"plateau": {"start": 1, "by": 1, "until": 3}}}}',
    '{"version": 1, "parameters": {"x": {"plateau": {"start": 1, "by": 1, "until": 3, "steps": 0}}}}',
    '{"version": 1, "parameters": {"x": {"plateau": {"start": 1, "by": 1, "until": 3, "steps": 1, "improvement": -1}}}}',
    '{"version": 1, "parameters": {"x": {"plateau": {"start": 1, "by": 1, "until": 3, "steps": 1}, "unit": "epoch"}}}',
    '{"version": 1, "parameters": {"x": {"plateau": {"start": 1, "until": 3, "steps": 1}}}}',
    '{"version": 1, "parameters": {"x": {"plateau": {"start": 1, "by": 1, "times": 2, "until": 3, "steps": 1}}}}',
    '{"version": 1, "parameters": {"x": {"plateau": {"start": 1, "times": 0, "until": 3, "steps": 1}}}}',
    '{"version": 1, "parameters": {"x": {"plateau": {"start": 1, "times": "2", "until": 3, "steps": 1}}}}',
    '{"version": 1, "parameters": {"x": {"overflow": {"start": 1, "least": 0, "most": 3, "steps": 1}}}}',
    '{"version": 1, "parameters": {"x": {"overflow": {"start": 1, "least": 0, "most": 2147483648, "share": 0, "steps": 1}}}}',
    '{"version": 1, "parameters": {"x": {"overflow": {"start": 1, "least": 0, "most": 3, "share": 1, "steps": 1}}}}',
    '{"version": 1, "parameters": {"x": {"overflow": {"start": 1, "least": 0, "most": 3, "share": 0, "steps": 1, "by": 2}}}}',
    '{"version": 1, "include": "a"}',
    '{"version": 1, "rules": {}}',
    '{"version": 1, "rules": [{"format": "m3"}]}',
    '{"version": 1, "rules": [{"select": "*"}]}',
    '{"version": 1, "rules": [{"select": "*", "format": 3}]}',
    '{"version": 1, "rules": [{"select": "*", "keep": false}]}',
    '{"version": 1, "rules": [{"select": "*", "keep": true, "format": "m3"}]}',
    '{"version": 1, "rules": [{"select": "*", "format": "m3", "granularity": "x"}]}',
    '{"version": 1, "rules": [{"select": "*", "format": "m3", "feedback": 1}]}',
    '{"version": 1, "rules": [{"select": "*", "format": "e4m3", "scale": "amax<0>"}]}',
    '{"version": 1, "rules": [{"select": "*", "keep": true, "scale": "amax"}]}',
    '{"version": 1, "rules": [{"select": "*", "sum": "kahan", "scale": "amax"}]}',
    '{"version": 1, "rules": [{"select": "*", "keep": true, "feedback": true}]}',
    '{"version": 1, "rules": [{"select": "*", "sum": "kahan", "feedback": true}]}',
    '{"version": 1, "rules": [{"select": "*", "format": "m3", "gradient": "clip"}]}',
    '{"version": 1, "rules": [{"select": "*", "format": "m3", "gradient": true}]}',
    '{"version": 1, "rules": [{"select": "*", "keep": true, "gradient": "zero"}]}',
    '{"version": 1, "parameters": {"x": 3}, "rules": [{"select": "*", "keep": true, "parameters": ["x"]}]}',
    '{"version": 1, "parameters": {"x": 3}, "rules": [{"select": "*", "sum": "blocked<4>", "parameters": ["x"]}]}',
    '{"version": 1, "parameters": {"x": 2147483648}}',
    '{"version": 1, "parameters": {"x": {"steps": [[0, 3], [1, -2147483648.5]]}}}',
    '{"version": 1, "parameters": {"x": {}}}',
    '{"version": 1, "parameters": {"x": {"unit": "epoch"}}}',
    '{"version": 1, "parameters": {"x": {"list": [1], "unit": "day"}}}',
    '{"version": 1, "parameters": {"x": {"sweep": [1], "unit": "epoch"}}}',
    '{"version": 1, "parameters": {"": 3}}',
    '{"version": 1, "parameters": {"x": {"list": [1], "sweep": [2]}}}',
    '{"version": 1, "parameters": {"x": {"steps": [[0]]}}}',
    '{"version": 1, "parameters": {"x": {"steps": [[0, 1, 2]]}}}',
    '{"version": 1, "parameters": {"x": {"steps": ["01"]}}}',
    '{"version": 1, "parameters": {"x": {"list": []}}}',
]


@pytest.mark.parametrize("text", BAD)
def test_schema_and_reader_refuse_alike(ask, validator, tmp_path, text):
    assert not validator.is_valid(json.loads(text))
    (tmp_path / "bad.json").write_text(text)
    (answer,) = ask([["flags", f"policy={tmp_path}/bad.json"]])
    assert re.match(rf"error: {tmp_path}/bad\.json:1:\d+: ", answer)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"[" * 10000, "nesting deeper than 64"),
        (b'{"a":' * 10000, "nesting deeper than 64"),
        (b" " * (100 << 20), "larger than 1 MiB"),
        (b'{"version": 1, "\xff": 2}', "UTF-8"),
        (b"\x00" * 1000, "1:1: "),
        (b'"' + b"a" * 1000000, "missing closing quote"),
    ],
)
def test_hostile_files(ask, tmp_path, content, words):
    (tmp_path / "p.json").write_bytes(content)
    start = time.monotonic()
    (answer,) = ask([["flags", f"policy={tmp_path}/p.json"]])
    assert time.monotonic() - start < 1
    assert answer.startswith("error: ") and words in answer and len(answer) < 2000
