# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Shipped networks train as PyTorch's do: same first weights and batches, f32 losses.

Each batch is the whole set, so that the order of samples does not matter. The bound is
DESIGN's: losses differ by less than 1e-4 relative, and they fall, so that it is their
gradients that agree.
"""
import json

import numpy as np
import pytest
from conftest import SOURCE
from test_models import SHIPPED, SKIPPED, data, reduced

torch = pytest.importorskip("torch", reason="torch is an extra: pip install torch==2.13.0")
F = torch.nn.functional
STEPS = {"mlp-100x2": 100, "lenet5": 100}
# Where a step is large, two orders of summation part: after the loss's fall at step 50 with
# rate 0.05 LeNet's losses differ in the fourth digit, before it in the seventh.
RATES = {"lenet5": 0.01, "resnet20": 0.002}


def attention(x, o, p):
    rows, units = x.shape[1:]
    heads = o.get("heads", 1)
    project = lambda name, v: v @ p[f"{name}.weight"] + p[f"{name}.bias"]
    q, k, v = (project(n, x).reshape(-1, rows, heads, units // heads).transpose(1, 2)
               for n in ("query", "key", "value"))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=o.get("causal", False))
    return project("output", y.transpose(1, 2).reshape(-1, rows, units))


def lstm(x, o, p):
    units = o["units"]
    cell = torch.nn.LSTM(x.shape[2], units, batch_first=True)
    named = {"weight_ih_l0": p["input.weight"].T, "weight_hh_l0": p["hidden.weight"].T,
             "bias_ih_l0": p["input.bias"], "bias_hh_l0": p["hidden.bias"]}
    return torch.func.functional_call(cell, named, (x,))[0]


LAYERS = {
    "dense": lambda x, o, p: x @ p["weight"] + p.get("bias", 0.0),
    "conv": lambda x, o, p: F.conv2d(x, p["weight"], p.get("bias"), o.get("stride", 1), o.get("padding", 0)),
    "max-pool": lambda x, o, p: F.max_pool2d(x, o["kernel"]),
    "global-average-pool": lambda x, o, p: x.mean((2, 3)),
    "batch-norm": lambda x, o, p: F.batch_norm(x, None, None, p["weight"], p["bias"], training=True),
    "layer-norm": lambda x, o, p: F.layer_norm(x, x.shape[-1:], p["weight"], p["bias"]),
    "relu": lambda x, o, p: F.relu(x),
    "relu6": lambda x, o, p: F.relu6(x),
    "gelu": lambda x, o, p: F.gelu(x),
    "hard-tanh": lambda x, o, p: F.hardtanh(x),
    "flatten": lambda x, o, p: x.flatten(1),
    "reshape": lambda x, o, p: x.reshape(-1, *o["sizes"]),
    "transpose": lambda x, o, p: x.permute(0, *(d + 1 for d in o["order"])),
    "position": lambda x, o, p: x + p["weight"],
    "embedding": lambda x, o, p: p["weight"][x],
    "mean": lambda x, o, p: x.mean(o["axis"] + 1),
    "last": lambda x, o, p: x.select(o["axis"] + 1, -1),
    "attention": attention,
    "lstm": lstm,
}


def forward(net, parameters, x, layers=LAYERS):
    values = {next(iter(net.get("inputs", {"x": 0}))): x}
    for layer in net["layers"]:
        own = {name.removeprefix(layer["name"] + "."): value
               for name, value in parameters.items() if name.startswith(layer["name"] + ".")}
        inputs = [values[i] for i in layer.get("inputs", [list(values)[-1]])]
        values[layer["name"]] = (
            sum(inputs[1:], inputs[0]) if layer["type"] == "add"
            else layers[layer["type"]](inputs[0], layer, own))
    return list(values.values())[-1]


def torch_losses(net, weights, x, y, steps, rate):
    parameters = {name: torch.tensor(value).requires_grad_() for name, value in weights.items()
                  if "running" not in name}
    optimizer = torch.optim.SGD(parameters.values(), rate)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(forward(net, parameters, x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", sorted(SHIPPED.keys() - SKIPPED | {"mlp-100x2"}))
def test_losses_are_those_of_pytorch(run, tmp_path, name):
    torch.manual_seed(0)
    net = json.loads((SOURCE / "models" / f"{name}.json").read_text())
    if name != "mlp-100x2":
        net = reduced(net)
    (tmp_path / "net.json").write_text(json.dumps(net))
    path, _ = data(tmp_path, net)
    if "inputs" in net:
        text = np.frombuffer(path.read_bytes(), np.uint8)
        text = text[: len(text) - len(text) // 10]
        count = len(text) - 8
        x = torch.tensor(np.stack([text[i:i + 8] for i in range(count)]).astype(np.int64))
        y = torch.tensor(text[8:].astype(np.int64))
    else:
        with np.load(path) as arrays:
            x = torch.tensor(arrays["x"].astype(np.float32) / np.float32(255))
            y = torch.tensor(arrays["y"].astype(np.int64))
    steps, rate = STEPS.get(name, 20), RATES.get(name, 0.05)
    common = [tmp_path / "net.json", f"--data={path}", f"--batch-size={len(y)}",
              f"--learning-rate={rate}", f"--cache-dir={tmp_path}", "--eval-every=0"]
    run("prec-train", *common, "--steps=0", f"--save-weights={tmp_path / 'w.npz'}")
    run("prec-train", *common, f"--steps={steps}", f"--log={tmp_path / 'log.jsonl'}")
    found = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    with np.load(tmp_path / "w.npz") as arrays:
        weights = {key: arrays[key] for key in arrays.files}
    expected = torch_losses(net, weights, x, y, steps, rate)
    worst = np.max(np.abs(np.array(found) / expected - 1))
    print(f"{name}: {steps} steps, loss {expected[0]:.4f} -> {expected[-1]:.4f}, {worst:.1e} relative")
    assert expected[-1] < 0.999 * expected[0]
    assert worst < 1e-4
