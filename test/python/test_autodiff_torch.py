# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks against PyTorch's autograd in f64: 1e-12 relative to each gradient's norm."""
import networks as N
import numpy as np
import pytest
from mlir_call import Module, prec_opt
from mlir_text import Function
from whole_networks import batch_norm, gradients, layer_norm, lenet, mlp, transformer

torch = pytest.importorskip("torch", reason="torch is an extra: pip install torch==2.13.0")
F = torch.nn.functional


def torch_mlp(x, w1, b1, w2, b2):
    return F.softmax(F.linear(F.relu(F.linear(x, w1, b1)), w2, b2), 1)


def torch_lenet(x, w1, b1, w2, b2, w3, b3, pool=F.max_pool2d):
    x = pool(F.relu(F.conv2d(x, w1, b1, padding=2)), 2)
    x = pool(F.relu(F.conv2d(x, w2, b2, padding=2)), 2)
    return F.linear(x.flatten(1), w3, b3)


def torch_transformer(x, q, k, v, u, g, b):
    y = F.scaled_dot_product_attention(x @ q.T, x @ k.T, x @ v.T) + x
    return F.gelu(F.layer_norm(y, (6,), g, b) @ u.T)


NETWORKS = {
    "mlp": (mlp, torch_mlp),
    "lenet": (lenet, torch_lenet),
    "lenet_average": (lambda f: lenet(f, "sum", 0.0),
                      lambda *a: torch_lenet(*a, pool=lambda x, n: 4 * F.avg_pool2d(x, n))),
    "layer_norm": (layer_norm, lambda x, g, b: F.layer_norm(x, (7,), g, b)),
    "batch_norm": (batch_norm, lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True)),
    "transformer": (transformer, torch_transformer),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network(tmp_path, name):
    ours, theirs = NETWORKS[name]
    arrays, value, found = gradients(ours, name, tmp_path)
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = (theirs(*tensors[:-1]) * tensors[-1]).sum()
    expected.backward()
    assert abs(value - expected.item()) <= 1e-12 * max(1, abs(value))
    for got, tensor in zip(found, tensors):
        want = tensor.grad.numpy()
        assert np.linalg.norm(got - want) <= 1e-12 * np.linalg.norm(want)


def test_ties(tmp_path):
    """max, min, relu, abs, max-pool where they tie."""
    text, torch_results = "", []
    x = np.array([0.0, 1.0, -1.0, 2.0, 2.0, 0.5, 2.0, 0.0])
    y = np.array([0.0, 1.0, 1.0, 2.0, -2.0, 0.5, 1.0, -0.0])
    rules = {
        "maximum": ("%r = arith.maximumf %a, %b : $T", torch.maximum),
        "minimum": ("%r = arith.minimumf %a, %b : $T", torch.minimum),
        "fmax": ("%r = arith.maxnumf %a, %b : $T", torch.fmax),
        "fmin": ("%r = arith.minnumf %a, %b : $T", torch.fmin),
        "relu": ("%z = arith.constant 0.0 : $T\n%r = arith.maximumf %a, %z : $T",
                 lambda a, b: F.relu(a)),
        "relu_other_way": ("%z = arith.constant 0.0 : $T\n%r = arith.maximumf %z, %a : $T",
                           lambda a, b: F.relu(a)),
        "relu6": ("%z = arith.constant 0.0 : $T\n%s = arith.constant 2.0 : $T\n"
                  "%m = arith.maximumf %a, %z : $T\n%r = arith.minimumf %m, %s : $T",
                  lambda a, b: F.hardtanh(a, 0.0, 2.0)),
        "abs": ("%r = math.absf %a : $T", lambda a, b: a.abs()),
        "clamp": ("%r = math.clampf %a to [%b, %b] : $T", lambda a, b: torch.clamp(a, b, b)),
    }
    for name, (body, _) in rules.items():
        f = Function(name, x=(8,), y=(8,))
        f.returns(f.weighted_sum(f.elementwise(body, f.x, f.y)))
        text += f.text()
    passes = [f"prec-differentiate{{function={n} wrt=0,1}}" for n in rules]
    module = Module(prec_opt(text, *passes), tmp_path)
    weights = np.arange(1.0, 9.0)
    for name, (_, theirs) in rules.items():
        _, gx, gy = getattr(module, f"{name}_grad")(x, y, weights)
        a, b = (torch.tensor(v, requires_grad=True) for v in (x, y))
        (theirs(a, b) * torch.tensor(weights)).sum().backward()
        np.testing.assert_array_equal(gx, a.grad.numpy(), name)
        np.testing.assert_array_equal(gy, 0 * y if b.grad is None else b.grad.numpy(), name)


def test_max_pool_gives_ties_to_the_first(tmp_path):
    f = Function("pool", x=(1, 1, 4, 4))
    f.returns(f.weighted_sum(N.pool(f, f.x, "pool")))
    module = Module(prec_opt(f.text(), "prec-differentiate{function=pool wrt=0}"), tmp_path)
    x = np.array([[0, 0, 1, 2], [0, 0, 2, 2], [3, 1, 5, 4], [3, 3, 4, 5]], "f8").reshape(1, 1, 4, 4)
    weights = np.array([[1, 2], [3, 4]], "f8").reshape(1, 1, 2, 2)
    _, got = module.pool_grad(x, weights)
    tensor = torch.tensor(x, requires_grad=True)
    (F.max_pool2d(tensor, 2) * torch.tensor(weights)).sum().backward()
    np.testing.assert_array_equal(got, tensor.grad.numpy())


def test_f32_training_equals_torch_for_100_steps(tmp_path):
    """Same weights, same batches: the loss differs by less than 1e-4 relative."""
    f = Function("forward", "f32", x=(16, 20), w1=(24, 20), b1=(24,), w2=(5, 24), b2=(5,))
    f.attributes = {k: '{prec.role = "weight"}' for k in f.arguments if k != "x"}
    h = N.relu(f, N.dense(f, f.x, f.w1, f.b1, "fc1"), "relu")
    f.returns(N.dense(f, h, f.w2, f.b2, "fc2"))
    module = Module(prec_opt(f.text(), "prec-make-training-step{optimizer=momentum}"), tmp_path)
    random = np.random.default_rng(3)
    weights = [random.normal(0, 0.3, s).astype("f4") for s in ((24, 20), (24,), (5, 24), (5,))]
    state = weights + [np.zeros_like(w) for w in weights]
    parameters = [torch.tensor(w, requires_grad=True) for w in weights]
    optimizer = torch.optim.SGD(parameters, lr=0.05, momentum=0.9)
    teacher = random.normal(0, 1, (5, 20)).astype("f4")
    losses = []
    for _ in range(100):
        x = random.normal(0, 1, (16, 20)).astype("f4")
        labels = (x @ teacher.T).argmax(1).astype("i4")
        *state, loss = module.step(*state, x, labels, np.float32(0.05))
        optimizer.zero_grad()
        w1, b1, w2, b2 = parameters
        logits = F.linear(F.relu(F.linear(torch.tensor(x), w1, b1)), w2, b2)
        expected = F.cross_entropy(logits, torch.tensor(labels.astype("i8")))
        expected.backward()
        optimizer.step()
        assert abs(loss - expected.item()) < 1e-4 * expected.item()
        losses.append(loss)
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
