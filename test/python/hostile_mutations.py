# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Seeded ways to spoil an ONNX file: its bytes, and the fields of its message.

A mutation of fields returns the words of which an error has to have one: what it was done to.
"""
import random

import hostile_models as models
import onnx
from onnx import TensorProto, helper

OPERATORS = [s.name for s in onnx.defs.get_all_schemas() if s.domain == ""]
ABSURD = [1 << 40, 1 << 62, (1 << 63) - 1, -1, -(1 << 63), 0, 1 << 31, 1 << 20, 3]


def flip_bits(data, rng):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 8)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def set_bytes(data, rng):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        data[rng.randrange(len(data))] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
    return bytes(data)


def truncate(data, rng):
    return data[: rng.randrange(len(data))]


def splice(data, rng):
    other = rng.choice(models.MODELS)().SerializeToString()
    a, b = sorted(rng.randrange(len(other)) for _ in range(2))
    at = rng.randrange(len(data))
    return data[:at] + other[a:b] + data[at + rng.choice([0, b - a]) :]


def repeat(data, rng):
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:b] + data[a:b] * rng.randrange(1, 4) + data[b:]


def nest(data, rng):
    """A graph in an attribute of a node in a graph, thousands deep, which no message builder makes."""
    inner = b""
    for _ in range(rng.choice([30, 100, 3000])):
        for number in (6, 5, 1):  # AttributeProto.g, NodeProto.attribute, GraphProto.node
            inner = bytes([number << 3 | 2]) + _varint(len(inner)) + inner
    return data + bytes([7 << 3 | 2]) + _varint(len(inner)) + inner


def _varint(value):
    text = bytearray()
    while value > 127:
        text.append(value & 127 | 128)
        value >>= 7
    return bytes(text + bytes([value]))


def shape_of_input(m, rng):
    graph_input = rng.choice(m.graph.input)
    dims = graph_input.type.tensor_type.shape.dim
    rng.choice(dims).dim_value = rng.choice(ABSURD)
    return ()


def rank_of_input(m, rng):
    shape = rng.choice(m.graph.input).type.tensor_type.shape
    for _ in range(rng.choice([1, 2, 40, 1000])):
        shape.dim.add().dim_value = rng.choice([1, 2, 3])
    return ()


def type_of_input(m, rng):
    rng.choice(m.graph.input).type.tensor_type.elem_type = rng.choice([0, 2, 7, 8, 9, 11, 14, 16, 17, 21, 22, 23, 99])
    return ()


def no_type(m, rng):
    chosen = rng.choice([*m.graph.input, *m.graph.output])
    chosen.ClearField("type")
    if rng.random() < 0.5:
        chosen.type.sequence_type.elem_type.tensor_type.elem_type = 1
    return (chosen.name,)


def shape_of_weight(m, rng):
    tensor = rng.choice(m.graph.initializer)
    tensor.dims[:] = [*tensor.dims, rng.choice(ABSURD)] if rng.random() < 0.5 else [rng.choice(ABSURD)]
    return (tensor.name,)


def kind_of_weight(m, rng):
    tensor = rng.choice(m.graph.initializer)
    tensor.data_type = rng.choice([0, 2, 3, 6, 7, 8, 9, 10, 11, 14, 16, 17, 20, 21, 22, 23, 24, 99])
    return ()


def strings(m, rng):
    tensor = rng.choice(m.graph.initializer)
    name = tensor.name
    tensor.Clear()
    tensor.CopyFrom(helper.make_tensor(name, TensorProto.STRING, [2], [b"a", b"\xff\xfe"]))
    return (name,)


def sparse(m, rng):
    tensor = m.graph.initializer[0]
    values = helper.make_tensor(tensor.name, 1, [1], [1.0])
    indices = helper.make_tensor("indices", 7, [1], [rng.choice([0, 1 << 40, -1])])
    m.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [10]))
    if rng.random() < 0.5:
        del m.graph.initializer[0]
    return (tensor.name, *(n.name for n in m.graph.node))


def no_weight(m, rng):
    at = rng.randrange(len(m.graph.initializer))
    name = m.graph.initializer[at].name
    del m.graph.initializer[at]
    return (name, *(n.name for n in m.graph.node if name in n.input))


def operator(m, rng):
    chosen = rng.choice(m.graph.node)
    chosen.op_type = rng.choice(["NoSuchOperator", "", "relu", "\n", "A" * 10000, *rng.sample(OPERATORS, 12)])
    return ()


def unknown_operator(m, rng):
    chosen = rng.choice(m.graph.node)
    chosen.op_type = "NoSuchOperator"
    return (chosen.name,)


def domain(m, rng):
    chosen = rng.choice(m.graph.node)
    chosen.domain = rng.choice(["com.example", "ai.onnx.ml", "own", "\\", "ai.onnx"])
    return ()


def opset(m, rng):
    m.opset_import[0].version = rng.choice([0, -1, 1, 5, 25, 99, 1 << 40])
    if rng.random() < 0.2:
        m.opset_import.add().CopyFrom(m.opset_import[0])
    if rng.random() < 0.2:
        del m.opset_import[:]
    return ()


def ir_version(m, rng):
    m.ir_version = rng.choice([0, -1, 3, 99, 1 << 40])
    return ()


def cycle(m, rng):
    """A node takes what one behind it makes, or its own result."""
    at = rng.randrange(len(m.graph.node))
    behind = m.graph.node[rng.randrange(at, len(m.graph.node))]
    chosen = m.graph.node[at]
    chosen.input[rng.randrange(len(chosen.input))] = behind.output[0]
    return (chosen.name, behind.output[0])


def operand(m, rng):
    chosen = rng.choice(m.graph.node)
    at = rng.randrange(len(chosen.input))
    what = rng.choice(["absent", "remove", "empty", "other", "more"])
    if what == "remove":
        del chosen.input[at]
    elif what == "more":
        chosen.input.extend([chosen.input[0]] * rng.choice([1, 5, 200]))
    elif what == "other":
        chosen.input[at] = rng.choice([v.name for v in (*m.graph.input, *m.graph.initializer)])
    else:
        chosen.input[at] = "no such value" if what == "absent" else ""
    return ()


def twice_made(m, rng):
    one, two = rng.choice(m.graph.node), rng.choice(m.graph.node)
    one.output[0] = two.output[0]
    return ()


def result(m, rng):
    rng.choice(m.graph.output).name = rng.choice(["no such value", "", "x\0y", 'a"b\\'])
    return ()


def attribute(m, rng):
    """An attribute with another value, of another type, absent, or unknown."""
    chosen = rng.choice(m.graph.node)
    if not chosen.attribute or rng.random() < 0.2:
        chosen.attribute.append(helper.make_attribute(rng.choice(["axis", "to", "nonsense"]), rng.choice(ABSURD)))
        return ()
    made = rng.choice(chosen.attribute)
    what = rng.randrange(5)
    if what == 0:
        chosen.attribute.remove(made)
    elif what == 1:
        made.type = rng.randrange(15)
    elif what == 2 and made.ints:
        made.ints[rng.randrange(len(made.ints))] = rng.choice(ABSURD)
    elif what == 3:
        name = made.name
        made.Clear()
        made.CopyFrom(helper.make_attribute(name, rng.choice([1 << 40, [1 << 40] * 3, "text", 1e308, [-1] * 5000])))
    elif made.type == onnx.AttributeProto.INT:
        made.i = rng.choice(ABSURD)
    else:
        made.ref_attr_name = "nowhere"
    return ()


def numbers(m, rng):
    """Another number in a small integer tensor: axes, shapes, trip counts, bounds."""
    small = [t for t in m.graph.initializer if t.data_type == TensorProto.INT64] or list(m.graph.initializer)
    tensor = rng.choice(small)
    raw = bytearray(tensor.raw_data)
    at = 8 * rng.randrange(max(len(raw) // 8, 1))
    raw[at : at + 8] = (rng.choice(ABSURD) & (1 << 64) - 1).to_bytes(8, "little")[: len(raw)]
    tensor.raw_data = bytes(raw)
    return ()


def external(m, rng):
    """Data outside of the folder, absent, or with places that are no numbers or too far."""
    tensor = rng.choice(m.graph.initializer)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    location = rng.choice(["../secret.bin", "/etc/passwd", "absent.bin", "", "a/../../secret.bin", "x" * 5000,
                           "weights.bin", "weights.bin", "weights.bin", "link.bin", "\0", "."])  # fmt: skip
    entries = {"location": location}
    for key in ("offset", "length"):
        if rng.random() < 0.6:
            entries[key] = rng.choice(["-1", "", "ten", "0", "8", str(1 << 62), "1" * 400, "0x10", "64"])
    for key, text in entries.items():
        tensor.external_data.add(key=key, value=text)
    return (tensor.name,)


def deep(m, rng):
    """If in If in If, each with a small other branch."""
    kind = m.graph.input[0].type
    result = lambda name: onnx.ValueInfoProto(name=name, type=kind)  # noqa: E731
    negated = lambda name: models.node("leaf", "Neg", "x", name)  # noqa: E731
    inner = helper.make_graph([negated("r0")], "g0", [], [result("r0")])
    for k in range(1, rng.choice([2, 4, 10, 20, 30])):
        other = helper.make_graph([negated(f"e{k}")], f"e{k}", [], [result(f"e{k}")])
        made = models.node(f"if{k}", "If", "cond", f"r{k}", then_branch=inner, else_branch=other)
        inner = helper.make_graph([made], f"g{k}", [], [result(f"r{k}")])
    m.graph.input.append(models.value("cond", [], TensorProto.BOOL))
    del m.graph.node[:], m.graph.output[:]
    m.graph.node.extend(inner.node)
    m.graph.output.append(inner.output[0])
    return ()


def recursion(m, rng):
    """Functions that call themselves or each other, or grow without end."""
    kind = rng.choice(["self", "pair", "laughs"])
    names = {"self": ["A", "A"], "pair": ["A", "B", "A"], "laughs": [f"L{k}" for k in range(40)]}[kind]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("loop", 1)]
    made = {}
    for name, next_name in zip(names, names[1:]):
        body = [models.node("call", next_name, "a", "b", domain="loop")]
        if kind == "laughs":
            body = [models.node(f"call{k}", next_name, f"a{k}" if k else "a", f"a{k + 1}" if k < 9 else "b", domain="loop")
                    for k in range(10)]  # fmt: skip
        made[name] = helper.make_function("loop", name, ["a"], ["b"], body, opsets)
    if kind == "laughs":
        made[names[-1]] = helper.make_function("loop", names[-1], ["a"], ["b"], [models.node("n", "Neg", "a", "b")], opsets)
    m.functions.extend(made.values())
    m.opset_import.append(helper.make_opsetid("loop", 1))
    chosen = m.graph.node[0]
    chosen.domain, chosen.op_type = "loop", names[0]
    del chosen.input[1:], chosen.attribute[:]
    return (chosen.name, f"loop::{names[0]}")


def names(m, rng):
    chosen = rng.choice(m.graph.node)
    chosen.name = rng.choice(["", "x\0y", 'a"b\\', "/" * 50, "é\n", "n" * 100000, m.graph.node[0].name])
    return ()


def nothing(m, rng):
    what = rng.choice(["nodes", "outputs", "inputs", "graph", "all weights"])
    if what == "graph":
        m.ClearField("graph")
    else:
        del {"nodes": m.graph.node, "outputs": m.graph.output, "inputs": m.graph.input,
             "all weights": m.graph.initializer}[what][:]  # fmt: skip
    return ()


BYTES = (flip_bits, set_bytes, truncate, splice, repeat, nest)
FIELDS = (
    shape_of_input, rank_of_input, type_of_input, no_type, shape_of_weight, kind_of_weight, strings, sparse,
    no_weight, operator, unknown_operator, domain, opset, ir_version, cycle, operand, twice_made, result,
    attribute, attribute, numbers, numbers, external, external, deep, recursion, names, nothing,
)  # fmt: skip


def mutate(seed):
    """(what was done, the file's bytes, words of which an error has one or () for any)."""
    rng = random.Random(seed)
    ways = (*BYTES, *FIELDS)
    way, make = ways[seed % len(ways)], models.MODELS[seed // len(ways) % len(models.MODELS)]
    made = make()
    if way in BYTES:
        return f"{way.__name__} of {make.__name__}", way(made.SerializeToString(), rng), ()
    words = way(made, rng)
    return f"{way.__name__} of {make.__name__}", made.SerializeToString(), words
