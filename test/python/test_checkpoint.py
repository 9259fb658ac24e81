# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run that is stopped and resumed gives the bits of one that was not, and others are refused.

The oracle is the unstopped run. Kills: 4 moments by default, PREC_KILLS=50 for the long form.
"""
import json
import os
import random
import signal
import subprocess
import time

import numpy as np
import pytest
from conftest import BUILD

KILLS = int(os.environ.get("PREC_KILLS", 50 if os.environ.get("PREC_EXHAUSTIVE") == "1" else 4))
NET = {
    "version": 1, "name": "net", "input": [12],
    "layers": [
        {"type": "dense", "name": "fc1", "units": 9},
        {"type": "batch-norm", "name": "norm"},
        {"type": "relu", "name": "relu"},
        {"type": "dense", "name": "fc2", "units": 3},
    ],
    "loss": "softmax-cross-entropy",
}
FLAGS = ["--truncate-mantissa=5", "--rounding=stochastic", "--seed=3"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model, other models and data sets."""
    folder = tmp_path_factory.mktemp("checkpoint")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((230, 12)).astype(np.float32)
    y = (x[:, :3] + 0.1 * rng.standard_normal((230, 3))).argmax(1).astype(np.int32)
    arrays = dict(x_train=x[:200], y_train=y[:200], x_test=x[200:], y_test=y[200:])
    np.savez(folder / "data.npz", **arrays)
    np.savez(folder / "other.npz", **{**arrays, "y_train": arrays["y_train"][::-1]})
    (folder / "net.json").write_text(json.dumps(NET))
    (folder / "renamed.json").write_text(json.dumps(NET))
    for name, layer, key, value in [("wider", 0, "units", 10), ("tanh", 2, "type", "tanh")]:
        changed = json.loads(json.dumps(NET))
        changed["layers"][layer][key] = value
        if name == "wider":
            changed["layers"][0]["name"] = "fc1"
        (folder / f"{name}.json").write_text(json.dumps(changed))
    return folder


def command(tool, place, tag, steps=90, model="net", **changes):
    given = {"data": place / "data.npz", "batch-size": 32, "steps": steps, "optimizer": "adam",
             "learning-rate": 0.01, "eval-every": 4, "checkpoint": place / f"{tag}.ckpt",
             "checkpoint-every": 7, "log": place / f"{tag}.jsonl",
             "save-weights": place / f"{tag}.npz", "cache-dir": place / "cache"}
    given.update({key.replace("_", "-"): value for key, value in changes.items()})
    return [tool, place / f"{model}.json", *FLAGS,
            *(f"--{key}={value}" for key, value in given.items() if value is not None)]


@pytest.fixture
def train(build, place):
    def call(*arguments, check=True, **changes):
        done = subprocess.run(command(build / "bin/prec-train", place, *arguments, **changes),
                              capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        assert done.returncode in (0, 1)
        return done

    return call


def lines(place, tag):
    """The log without what a clock says."""
    records = [json.loads(line) for line in (place / f"{tag}.jsonl").read_text().splitlines()]
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


def weights(place, tag):
    with np.load(place / f"{tag}.npz") as archive:
        return {name: archive[name].tobytes() for name in archive.files}


@pytest.fixture(scope="module")
def whole(place):
    """The unstopped run, without any checkpoint."""
    arguments = command(BUILD / "bin/prec-train", place, "whole", checkpoint=None,
                        checkpoint_every=None)
    subprocess.run(arguments, check=True)
    assert len(lines(place, "whole")) == 90
    assert "norm.running_mean" in weights(place, "whole")
    return lines(place, "whole"), weights(place, "whole")


def test_writing_checkpoints_changes_nothing(place, train, whole):
    train("with")
    assert (lines(place, "with"), weights(place, "with")) == whole


def test_a_run_goes_on_to_more_steps(place, train, whole):
    train("more", steps=30)
    train("more", resume=place / "more.ckpt")
    found = lines(place, "more")
    # Step 29 was the last one of the first run, and so evaluated.
    assert found[29].pop("test_accuracy") and found[29].pop("accuracy")
    assert (found, weights(place, "more")) == whole


def test_another_log_gets_the_rest(place, train, whole):
    train("rest", steps=30)
    train("rest", resume=place / "rest.ckpt", log=place / "tail.jsonl")
    assert lines(place, "tail") == whole[0][30:]


def test_threads_may_change(place, train, whole):
    train("threads", steps=40)
    train("threads", resume=place / "threads.ckpt", threads=2)
    assert weights(place, "threads") == whole[1]


def test_a_finished_run_stays_as_it_is(place, train, whole):
    train("done")
    train("done", resume=place / "done.ckpt")
    assert (lines(place, "done"), weights(place, "done")) == whole


def test_ctrl_c_leaves_a_checkpoint_of_the_last_step(build, place, train, whole):
    changes = dict(steps=200_000, checkpoint_every=150_000)
    process = subprocess.Popen(command(build / "bin/prec-train", place, "int", **changes))
    log = place / "int.jsonl"
    while not log.exists() or log.stat().st_size < 2000:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 1
    steps = len(lines(place, "int"))
    train("int", steps=steps + 5, resume=place / "int.ckpt")
    assert len(lines(place, "int")) == steps + 5
    common = min(89, steps)
    assert lines(place, "int")[:common] == whole[0][:common]


def test_kill_minus_9_at_any_moment(build, place, train):
    """Kills again and again until the run has come to its end."""
    tool, steps = build / "bin/prec-train", 100 * KILLS
    long = dict(steps=steps, checkpoint_every=3, eval_every=10)
    start = time.monotonic()
    train("long", **long)
    whole = lines(place, "long"), weights(place, "long")
    duration = time.monotonic() - start
    dice, kills, resumed = random.Random(7), 0, 0
    while kills < KILLS:
        checkpoint = place / "kill.ckpt"
        resume = {"resume": checkpoint} if checkpoint.exists() else {}
        process = subprocess.Popen(command(tool, place, "kill", **long, **resume),
                                   stderr=subprocess.PIPE)
        try:
            process.wait(dice.uniform(0, duration))
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
        assert code in (0, -signal.SIGKILL), process.stderr.read()
        if code == 0:  # too late to kill it: from the beginning
            assert (lines(place, "kill"), weights(place, "kill")) == whole
            for name in ("kill.ckpt", "kill.jsonl", "kill.npz"):
                (place / name).unlink()
        else:
            kills, resumed = kills + 1, resumed + bool(resume)
    resume = {"resume": place / "kill.ckpt"} if (place / "kill.ckpt").exists() else {}
    train("kill", **long, **resume)
    assert (lines(place, "kill"), weights(place, "kill")) == whole
    assert not list(place.glob(".kill.ckpt.*.tmp"))
    print(f"{kills} kills, {resumed} of them of a resumed run")


def test_a_sweep_goes_on_in_its_run(build, place):
    def sweep(tag, steps, **changes):
        arguments = command(build / "bin/prec-train", place, tag, steps=steps, **changes)
        arguments[2] = "--truncate-mantissa=3,7,9"
        return arguments

    subprocess.run(sweep("sweep", 40), check=True)
    process = subprocess.Popen(sweep("cut", 40))
    log = place / "cut.jsonl"
    while process.poll() is None and (not log.exists() or log.read_text().count("\n") < 60):
        time.sleep(0.001)
    process.kill()
    process.wait()
    subprocess.run(sweep("cut", 40, resume=place / "cut.ckpt"), check=True)
    assert lines(place, "cut") == lines(place, "sweep")
    assert weights(place, "cut") == weights(place, "sweep")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"model": "wider"}, "'fc1.weight' is tensor<12x9xf32> there and tensor<12x10xf32> here"),
        ({"model": "tanh"}, "model is digest "),
        ({"seed": 4}, "seed is 3 there and 4 here"),
        ({"batch_size": 16}, "batch size is 32 there and 16 here"),
        ({"learning_rate": 0.02}, "learning rate is 0.01 there and 0.02 here"),
        ({"learning_rate_schedule": "cosine"},
         "learning rate is 0.01 there and 0.01 cosine:0 of 90 steps here"),
        ({"weight_decay": 0.5}, "weight-decay is none there and 0.5 here"),
        ({"optimizer": "sgd"}, "optimizer is adam there and sgd here"),
        ({"step": 5}, "first step is 0 there and 5 here"),
        ({"data": "other.npz"}, "data is data of 200 + 30 samples"),
        ({"rounding": "nearest-even"}, "policy is {"),
        ({"truncate_mantissa": 6}, "policy is {"),
        ({"steps": 20}, "found a state after 21 steps, expected at most 20"),
        ({"log": "whole.jsonl"}, "is not the log of the run to go on with"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(place, train, whole, change, message):
    if not (place / "a.ckpt").exists():
        train("a", steps=21, checkpoint_every=None)
    before = lines(place, "a"), (place / "a.ckpt").read_bytes()
    change = {key: place / value if str(value).endswith(("npz", "jsonl")) else value
              for key, value in change.items()}
    done = train("a", check=False, resume=place / "a.ckpt", **change)
    assert done.returncode == 1 and message in done.stderr
    assert (lines(place, "a"), (place / "a.ckpt").read_bytes()) == before
    assert lines(place, "whole") == whole[0]


def test_names_of_files_and_rules_may_change(place, train, whole):
    train("name", steps=20)
    policy = place / "policy.json"
    policy.write_text(json.dumps({"rules": [{"format": "m5", "rounding": "stochastic"}]}))
    train("name", model="renamed", resume=place / "name.ckpt")
    assert weights(place, "name") == whole[1]


def test_broken_checkpoints_are_refused(place, train):
    train("b", steps=10)
    good = (place / "b.ckpt").read_bytes()
    dice = random.Random(1)
    middle = good.index(b"\x93NUMPY", good.index(b"fc1.weight")) + 200
    for bad in [b"", good[:100], good[:-1], good[: dice.randrange(len(good))], b"x" * 50,
                good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1:]]:
        (place / "bad.ckpt").write_bytes(bad)
        done = train("b", check=False, resume=place / "bad.ckpt")
        assert done.returncode == 1 and "cannot resume" in done.stderr and "bad.ckpt" in done.stderr
    done = train("b", check=False, resume=place / "absent.ckpt")
    assert done.returncode == 1 and "absent.ckpt" in done.stderr
    done = train("b", check=False, resume=place / "b.npz")
    assert done.returncode == 1 and "is not a checkpoint" in done.stderr
    done = train("b", check=False, checkpoint_every=0)
    assert done.returncode == 1 and "expected 1 or more" in done.stderr
    done = train("b", check=False, checkpoint=place / "nowhere" / "c.ckpt")
    assert done.returncode == 1 and "nowhere" in done.stderr
