# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Descriptions of networks: the published schema, the shipped files, what is refused."""
import json
import re

import jsonschema
import pytest

GOOD = {
    "version": 1,
    "input": [1, 8, 8],
    "layers": [
        {"type": "flatten", "name": "flatten"},
        {"type": "dense", "name": "fc", "units": 3},
    ],
}


def changed(**parts):
    return json.dumps({**GOOD, **parts}, indent=1)


BAD = {
    "not json": ('{"version": 1,', r"net.json:1:"),
    "unknown key": (changed(layrs=[]), r"layrs.*layers"),
    "unknown layer": (changed(layers=[{"type": "dens", "name": "a", "units": 2}]), r"/layers/0.*dense"),
    "unknown option": (changed(layers=[{"type": "dense", "name": "a", "unit": 2}]), r"/layers/0.*units"),
    "missing option": (changed(layers=[{"type": "dense", "name": "a"}]), r"units"),
    "wrong type": (changed(layers=[{"type": "dense", "name": "a", "units": "2"}]), r"/layers/0/units"),
    "twice": (changed(layers=[GOOD["layers"][0], GOOD["layers"][0]]), r"flatten"),
    "shape": (changed(layers=[{"type": "conv", "name": "c", "channels": 2, "kernel": 99}]), r"/layers/0"),
    "unknown input": (
        changed(layers=[{"type": "relu", "name": "r", "inputs": ["nowhere"]}]), r"nowhere"),
    "itself": (changed(layers=[{"type": "relu", "name": "r", "inputs": ["r"]}]), r"/layers/0"),
    "huge": (changed(input=[1 << 40, 8, 8]), r"/input"),
    "loss": (changed(loss="hinge"), r"squared-error"),
    "version": (changed(version=7), r"/version"),
    "deep": ("[" * 10000, r"net.json"),
}  # fmt: skip


def test_schema_file_is_what_the_tool_prints(run, source):
    printed = run("prec-translate", "--print-network-schema").stdout
    stored = (source / "docs" / "network.schema.json").read_text()
    assert stored == printed, (
        "prec-translate --print-network-schema > docs/network.schema.json"
    )


def test_shipped_descriptions_follow_the_schema(source):
    schema = json.loads((source / "docs" / "network.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    shipped = list((source / "models").glob("*.json"))
    assert shipped
    for path in shipped:
        jsonschema.Draft202012Validator(schema).validate(json.loads(path.read_text()))


def test_the_manuals_example(run, source, tmp_path):
    example = re.search(r"```json\n(.*?)```", (source / "docs" / "import.md").read_text(), re.S)[1]
    (tmp_path / "net.json").write_text(example)
    done = run("prec-translate", "--import-json", tmp_path / "net.json")
    assert 'prec.scope = "conv1"' in done.stdout and "-> (tensor<?x10xf32>" in done.stdout


def test_what_the_manual_says_is_printed(run, source, tmp_path, monkeypatch):
    """"    $ command" and the lines below it; "..." stands for any lines."""
    page = (source / "docs" / "import.md").read_text()
    (tmp_path / "net.json").write_text(re.search(r"```json\n(.*?)```", page, re.S)[1])
    monkeypatch.chdir(tmp_path)
    found = re.findall(r"^    \$ (.*)\n((?:    .*\n)+)", page, re.M)
    assert len(found) == 2
    for command, below in found:
        lines = [line[4:] for line in below.splitlines()]
        pattern = "".join("(.*\n)*" if line == "..." else re.escape(line) + "\n" for line in lines)
        printed = run(*command.split()).stdout
        assert re.fullmatch(pattern, printed), printed


@pytest.mark.parametrize("name", BAD)
def test_bad_input(run, tmp_path, name):
    text, message = BAD[name]
    (tmp_path / "net.json").write_text(text)
    done = run(
        "prec-translate", "--import-json", tmp_path / "net.json", "-o", tmp_path / "out.mlir",
        check=False, timeout=20,
    )  # fmt: skip
    assert done.returncode == 1 and re.search(message, done.stderr), done.stderr
    assert not (tmp_path / "out.mlir").exists()
