# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--save-best keeps the weights of the best evaluation, whole or not at all, also of a resumed run.

The oracles are NumPy's accuracy of the kept weights, and runs that end at the best step.
"""
import json
import random
import subprocess
import time

import numpy as np
import pytest
from conftest import BUILD

NET = {"version": 1, "name": "net", "input": [6], "layers": [{"type": "dense", "name": "fc", "units": 3}]}
STEPS, EVERY = 60, 4


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Noisy labels and a high rate: accuracies go up and down."""
    folder = tmp_path_factory.mktemp("best")
    rng = np.random.default_rng(11)
    x = rng.standard_normal((260, 6)).astype(np.float32)
    y = (x[:, :3] + 0.6 * rng.standard_normal((260, 3))).argmax(1).astype(np.int32)
    np.savez(folder / "data.npz", x_train=x[:200], y_train=y[:200], x_test=x[200:], y_test=y[200:])
    np.savez(folder / "alone.npz", x=x[:200], y=y[:200])
    (folder / "net.json").write_text(json.dumps(NET))
    return folder


def command(place, tag, *flags, **changes):
    given = {"data": place / "data.npz", "batch-size": 8, "steps": STEPS, "eval-every": EVERY, "learning-rate": 2,
             "log": place / f"{tag}.jsonl", "save-best": place / f"{tag}.best.npz",
             "save-weights": place / f"{tag}.npz", "cache-dir": place / "cache"}  # fmt: skip
    given |= {key.replace("_", "-"): value for key, value in changes.items()}
    flags = [*flags, *(f"--{key}={value}" for key, value in given.items() if value is not None)]
    return [BUILD / "bin/prec-train", place / "net.json", *flags]


def train(place, tag, *flags, check=True, **changes):
    done = subprocess.run(command(place, tag, *flags, **changes), capture_output=True, text=True)
    assert done.returncode in (0, 1) and not (check and done.returncode), done.stderr
    return done


def lines(place, tag):
    return [json.loads(line) for line in (place / f"{tag}.jsonl").read_text().splitlines()]


def measured(records):
    """(step, test accuracy, marked as best)"""
    return [(r["step"], r["test_accuracy"], r.get("best", False)) for r in records if "test_accuracy" in r]


def accuracy(place, archive):
    """NumPy's, where no logit is close to another."""
    with np.load(place / "data.npz") as data, np.load(archive) as weights:
        logits = data["x_test"].astype("f8") @ weights["fc.weight"] + weights["fc.bias"]
        top = np.sort(logits, 1)
        assert (top[:, -1] - top[:, -2]).min() > 1e-4
        return (logits.argmax(1) == data["y_test"]).mean()


@pytest.fixture(scope="module")
def whole(place):
    """The unstopped run; its best evaluation is neither the first nor the last one, and another one equals it."""
    train(place, "whole")
    found = measured(lines(place, "whole"))
    accuracies = [a for _, a, _ in found]
    best = accuracies.index(max(accuracies))
    assert 0 < best < len(found) - 1
    return found, found[best][0]


def test_lines_of_the_best_are_marked(place, whole):
    found, _ = whole
    assert [step for step, _, _ in found] == list(range(EVERY - 1, STEPS, EVERY))
    for i, (_, value, isBest) in enumerate(found):
        assert isBest == all(value > before for _, before, _ in found[:i])
    assert 1 < sum(isBest for *_, isBest in found) < len(found)
    train(place, "plain", save_best=None)
    assert not any("best" in line for line in lines(place, "plain"))


def test_the_file_holds_the_best_weights(place, whole):
    found, best = whole
    assert accuracy(place, place / "whole.best.npz") == pytest.approx(max(a for _, a, _ in found), abs=1e-12)
    train(place, "short", save_best=None, steps=best + 1)
    assert (place / "short.npz").read_bytes() == (place / "whole.best.npz").read_bytes()
    assert (place / "short.npz").read_bytes() != (place / "whole.npz").read_bytes()


def test_a_resumed_run_keeps_a_better_one(place, whole):
    found, best = whole
    checkpoint = place / "a.ckpt"
    train(place, "a", steps=best + 2, checkpoint=checkpoint, checkpoint_every=STEPS)
    before = (place / "a.best.npz").read_bytes(), (place / "a.best.npz").stat().st_mtime_ns
    train(place, "a", checkpoint=checkpoint, resume=checkpoint)
    assert ((place / "a.best.npz").read_bytes(), (place / "a.best.npz").stat().st_mtime_ns) == before
    assert before[0] == (place / "whole.best.npz").read_bytes()
    # The step where the first run ended was evaluated, too.
    again = [m for m in measured(lines(place, "a")) if m[0] != best + 1]
    assert again == found


def test_the_checkpoint_is_written_with_the_best(place, whole):
    """Killed after it, a run goes on from there and not from an older checkpoint."""
    checkpoint, log = place / "b.ckpt", place / "b.jsonl"
    process = subprocess.Popen(command(place, "b", steps=10**6, checkpoint=checkpoint, checkpoint_every=10**6))
    while process.poll() is None and (not log.exists() or log.read_text().count("\n") < 300):
        time.sleep(0.01)
    process.kill()
    process.wait()
    with np.load(checkpoint) as archive:
        head = json.loads(archive["checkpoint"].tobytes())
    best = [step + 1 for step, _, isBest in measured(lines(place, "b")) if isBest]
    # Death between a line and its checkpoint leaves the one before.
    assert head["step"] == head["best_step"] and head["step"] in best[-2:]


def test_kill_minus_9_leaves_a_whole_file(place, whole):
    """The file is there whole whenever the process dies, and the resumed run ends with the same one."""
    dice, checkpoint = random.Random(5), place / "k.ckpt"
    best = place / "k.best.npz"
    long = dict(steps=4000, checkpoint=checkpoint, checkpoint_every=50)
    start = time.monotonic()
    train(place, "long", **{**long, "checkpoint": None})
    whole_run = time.monotonic() - start
    kills = 0
    for _ in range(6):
        resume = {"resume": checkpoint} if checkpoint.exists() else {}
        process = subprocess.Popen(command(place, "k", **long, **resume), stderr=subprocess.PIPE)
        try:
            process.wait(dice.uniform(0.05, 0.5) * whole_run)
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        process.wait()
        if best.exists():
            accuracy(place, best)
    resume = {"resume": checkpoint} if checkpoint.exists() else {}
    train(place, "k", **long, **resume)
    assert kills and best.read_bytes() == (place / "long.best.npz").read_bytes()
    assert measured(lines(place, "k")) == measured(lines(place, "long"))
    assert not list(place.glob(".k.best.npz.*.tmp"))


def test_weights_that_are_lost_are_reported(place, whole):
    _, best = whole
    train(place, "c", save_best=None, steps=best + 2, checkpoint=place / "c.ckpt")
    done = train(place, "c", checkpoint=place / "c.ckpt", resume=place / "c.ckpt")
    assert f"c.best.npz' does not exist: the best weights so far, of the evaluation after step {best}," in done.stderr
    assert not (place / "c.best.npz").exists()


@pytest.mark.parametrize(
    "flags, changes, message",
    [
        (["--truncate-mantissa=3,7"], {}, "found a sweep of 2"),
        ([], {"eval_every": 0}, "found no evaluation"),
        ([], {"data": "alone.npz"}, "has no test samples"),
        ([], {"save_best": "-"}, "found '-' as file of the best weights"),
        ([], {"save_best": "w.npz", "save_weights": "w.npz"}, "that nothing else is written to"),
        ([], {"save_best": "nowhere/w.npz"}, "nowhere"),
    ],
)
def test_what_is_refused(place, flags, changes, message):
    changes = {key: place / value if str(value).endswith("npz") else value for key, value in changes.items()}
    done = train(place, "bad", *flags, check=False, **changes)
    assert done.returncode == 1 and message in done.stderr
    assert not (place / "bad.npz").exists()
