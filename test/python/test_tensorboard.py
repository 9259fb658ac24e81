# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""TensorBoard's event files say what the log says; they are read as records of protobuf."""
import json
import struct

import numpy as np
import pytest

proto = pytest.importorskip("tensorboardX.proto.event_pb2")


def events(path):
    """{(tag, step): value} of a file: records of length, checksum, event, checksum."""
    data, found, at = path.read_bytes(), {}, 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = proto.Event.FromString(data[at + 12 : at + 12 + length])
        at += 16 + length
        for value in event.summary.value:
            found[value.tag, event.step] = value.simple_value
    return found


@pytest.fixture
def convert(source, monkeypatch):
    monkeypatch.syspath_prepend(source / "python")
    from prec.tensorboard import main

    return lambda log, folder: main([str(log), "-o", str(folder)])


def test_a_sweep(run, convert, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.standard_normal((40, 4)).astype(np.float32),
             y=(np.arange(40) % 3).astype(np.int32))
    net = {"version": 1, "name": "n", "input": [4],
           "layers": [{"type": "dense", "name": "fc", "units": 3}]}
    (tmp_path / "net.json").write_text(json.dumps(net))
    log = tmp_path / "log.jsonl"
    run("prec-train", tmp_path / "net.json", f"--data={tmp_path / 'data.npz'}", "--batch-size=9",
        "--steps=4", "--truncate-mantissa=2,7", f"--log={log}", "--log-epochs")
    assert convert(log, tmp_path / "board") == 0
    lines = [line for line in map(json.loads, log.read_text().splitlines()) if "step" in line]
    assert len(lines) == 8
    for bits in 2, 7:
        (folder,) = (tmp_path / "board").glob(f"truncate_mantissa={bits},*")
        (file,) = folder.iterdir()
        expected = {
            (key, line["step"]): np.float32(line[key])
            for line in lines if line["truncate_mantissa"] == bits
            for key in ("loss", "accuracy", "test_accuracy", "seconds") if key in line
        }
        assert events(file) == expected and ("loss", 3) in expected


def test_groups(convert, tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 3, "loss": null, "gradient_norms": {"fc": 0.5, "a/b": 2}}\n')
    assert convert(log, tmp_path / "board") == 0
    (file,) = (tmp_path / "board" / "run").iterdir()
    assert events(file) == {("gradient_norms/fc", 3): 0.5, ("gradient_norms/a/b", 3): 2}


@pytest.mark.parametrize("text", ["{", "[1]\n", '{"loss": 1}\n'])
def test_what_is_no_log(convert, tmp_path, capsys, text):
    (tmp_path / "log").write_text(text)
    assert convert(tmp_path / "log", tmp_path / "board") == 1
    assert "line 1: expected a line of prec-train's log" in capsys.readouterr().err


def test_no_file(convert, tmp_path, capsys):
    assert convert(tmp_path / "none", tmp_path / "board") == 1
    assert "none" in capsys.readouterr().err
