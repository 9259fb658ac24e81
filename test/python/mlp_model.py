# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A training step of a multi-layer perceptron as MLIR text, by hand: phases, scopes and roles are part of it.

    a0 = x   zl = a(l-1) wl + bl   al = relu(zl)   softmax cross-entropy of the last z, mean over the batch
"""
MAPS = {
    "ij": "(i, j) -> (i, j)", "i": "(i, j) -> (i)", "j": "(i, j) -> (j)", "": "(i, j) -> ()",
}  # fmt: skip


class Text:
    def __init__(self):
        self.lines, self.count = [], 0

    def op(self, text):
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def note(self, scope, phase, role=None):
        extra = f', prec.role = "{role}"' if role else ""
        return f'{{prec.scope = "{scope}", prec.phase = "{phase}"{extra}}}'

    def zeros(self, kind, scope, phase):
        note = self.note(scope, phase)
        zero = self.op(f"arith.constant {note} 0.0 : f32")
        empty = self.op(f"tensor.empty() {note} : {kind}")
        return self.op(f"linalg.fill {note} ins({zero} : f32) outs({empty} : {kind}) -> {kind}")

    def generic(self, maps, iterators, inputs, out, kind, note, body):
        """`inputs` are (value, type) pairs."""
        maps = ", ".join(f"affine_map<{m}>" for m in maps)
        values = ", ".join(value for value, _ in inputs)
        kinds = ", ".join(kind for _, kind in inputs)
        elements = ["i32" if "i32" in t else "f32" for _, t in inputs]
        names = ", ".join([f"%a{i}: {t}" for i, t in enumerate(elements)] + ["%o: f32"])
        iterators = ", ".join(f'"{word}"' for word in iterators)
        return self.op(
            f"linalg.generic {{indexing_maps = [{maps}], iterator_types = [{iterators}]}} "
            f"ins({values} : {kinds}) outs({out} : {kind}) attrs = {note} {{\n"
            f"  ^b({names}):\n    {body}\n    linalg.yield %r : f32\n  }} -> {kind}"
        )

    def elementwise(self, spaces, inputs, kind, note, body):
        empty = self.op(f"tensor.empty() {note} : {kind}")
        maps = [MAPS[space] for space in spaces] + [MAPS["ij"]]
        return self.generic(maps, ["parallel"] * 2, inputs, empty, kind, note, body)

    def contract(self, maps, inputs, kind, scope, phase, role=None):
        out = self.zeros(kind, scope, phase)
        return self.generic(maps, ["parallel", "parallel", "reduction"], inputs, out, kind,
                            self.note(scope, phase, role),
                            "%p = arith.mulf %a0, %a1 : f32\n    %r = arith.addf %o, %p : f32")  # fmt: skip


def kind(*sizes, element="f32"):
    return f"tensor<{''.join(f'{n}x' for n in sizes)}{element}>"


LABEL = """%j = linalg.index 1 : index
    %c = arith.index_cast %j : index to i32
    %is = arith.cmpi eq, %c, %a2 : i32
    """


def step_text(sizes, batch):
    """`sizes` = units of the input and of each layer; @step(w1, b1, ..., x, labels, lr)."""
    t, layers = Text(), range(1, len(sizes))
    rows = kind(batch)
    act = [kind(batch, n) for n in sizes]
    w = [None] + [kind(sizes[l - 1], sizes[l]) for l in layers]
    b = [None] + [kind(sizes[l]) for l in layers]
    a, z = ["%x"], [None]
    for l in layers:
        scope = f"fc{l}"
        xw = t.contract(["(i, j, k) -> (i, k)", "(i, j, k) -> (k, j)", "(i, j, k) -> (i, j)"],
                        [(a[-1], act[l - 1]), (f"%w{l}", w[l])], act[l], scope, "forward")  # fmt: skip
        note = t.note(scope, "forward")
        z.append(t.elementwise(["ij", "j"], [(xw, act[l]), (f"%b{l}", b[l])], act[l], note, "%r = arith.addf %a0, %a1 : f32"))
        if l < len(sizes) - 1:
            a.append(t.elementwise(["ij"], [(z[-1], act[l])], act[l], note,
                                   "%n = arith.constant 0.0 : f32\n    %r = arith.maximumf %a0, %n : f32"))  # fmt: skip
    logits, top = (z[-1], act[-1]), act[-1]
    note, loss = t.note("loss", "forward"), ["parallel", "reduction"]
    first = t.op(f"tensor.extract_slice {logits[0]}[0, 0] [{batch}, 1] [1, 1] {note} : {top} to {rows}")
    peak = t.generic([MAPS["ij"], MAPS["i"]], loss, [logits], first, rows, note, "%r = arith.maximumf %o, %a0 : f32")
    shifted = t.elementwise(["ij", "i"], [logits, (peak, rows)], top, note, "%r = arith.subf %a0, %a1 : f32")
    exp = t.elementwise(["ij"], [(shifted, top)], top, note, "%r = math.exp %a0 : f32")
    total = t.generic([MAPS["ij"], MAPS["i"]], loss, [(exp, top)], t.zeros(rows, "loss", "forward"), rows, note, "%r = arith.addf %o, %a0 : f32")
    empty = t.op(f"tensor.empty() {note} : {rows}")
    log = t.generic(["(i) -> (i)"] * 2, ["parallel"], [(total, rows)], empty, rows, note, "%r = math.log %a0 : f32")
    labels = ("%labels", kind(batch, element="i32"))
    picked = t.elementwise(["ij", "i", "i"], [(shifted, top), (log, rows), labels], top, note,
                           LABEL + "%n = arith.constant 0.0 : f32\n    %q = arith.subf %a0, %a1 : f32\n    %r = arith.select %is, %q, %n : f32")  # fmt: skip
    cell = t.generic([MAPS["ij"], MAPS[""]], ["reduction"] * 2, [(picked, top)], t.zeros("tensor<f32>", "loss", "forward"), "tensor<f32>", note, "%r = arith.addf %o, %a0 : f32")
    sum_ = t.op(f"tensor.extract {cell}[] {note} : tensor<f32>")
    count = t.op(f"arith.constant {note} {batch}.0 : f32")
    negated = t.op(f"arith.negf {sum_} {note} : f32")
    value = t.op(f"arith.divf {negated}, {count} {t.note('loss', 'forward', 'loss')} : f32")
    g = t.elementwise(["ij", "i", "i", ""], [(exp, top), (total, rows), labels, (count, "f32")], top, t.note("loss", "backward", "gradient"),
                      "%p = arith.divf %a0, %a1 : f32\n    " + LABEL + "%n = arith.constant 0.0 : f32\n    %u = arith.constant 1.0 : f32\n"
                      "    %t = arith.select %is, %u, %n : f32\n    %e = arith.subf %p, %t : f32\n    %r = arith.divf %e, %a3 : f32")  # fmt: skip
    news = []
    for l in reversed(layers):
        scope = f"fc{l}"
        dw = t.contract(["(i, j, k) -> (k, i)", "(i, j, k) -> (k, j)", "(i, j, k) -> (i, j)"],
                        [(a[l - 1], act[l - 1]), (g, act[l])], w[l], scope, "backward", "weight-gradient")  # fmt: skip
        db = t.generic([MAPS["ij"], MAPS["j"]], ["reduction", "parallel"], [(g, act[l])], t.zeros(b[l], scope, "backward"), b[l],
                       t.note(scope, "backward", "weight-gradient"), "%r = arith.addf %o, %a0 : f32")  # fmt: skip
        if l > 1:
            da = t.contract(["(i, j, k) -> (i, k)", "(i, j, k) -> (j, k)", "(i, j, k) -> (i, j)"],
                            [(g, act[l]), (f"%w{l}", w[l])], act[l - 1], scope, "backward", "gradient")  # fmt: skip
            g = t.elementwise(["ij", "ij"], [(da, act[l - 1]), (z[l - 1], act[l - 1])], act[l - 1], t.note(f"fc{l - 1}", "backward", "gradient"),
                              "%n = arith.constant 0.0 : f32\n    %p = arith.cmpf ogt, %a1, %n : f32\n    %r = arith.select %p, %a0, %n : f32")  # fmt: skip
        note, move = t.note(scope, "update", "state"), "%m = arith.mulf %a2, %a1 : f32\n    %r = arith.subf %a0, %m : f32"
        news.append(t.generic(["(i) -> (i)", "(i) -> (i)", "(i) -> ()", "(i) -> (i)"], ["parallel"], [(f"%b{l}", b[l]), (db, b[l]), ("%lr", "f32")],
                              t.op(f"tensor.empty() {note} : {b[l]}"), b[l], note, move))  # fmt: skip
        news.append(t.elementwise(["ij", "ij", ""], [(f"%w{l}", w[l]), (dw, w[l]), ("%lr", "f32")], w[l], note, move))
    news.reverse()
    kinds = [k for l in layers for k in (w[l], b[l])]
    names = [n for l in layers for n in (f"w{l}", f"b{l}")]
    arguments = [f'%{n}: {k} {{prec.name = "{n}", prec.role = "weight"}}' for n, k in zip(names, kinds)]
    arguments += [f'%x: {act[0]} {{prec.name = "x", prec.role = "input"}}', f'%labels: {labels[1]} {{prec.name = "labels", prec.role = "label"}}',
                  '%lr: f32 {prec.name = "lr", prec.role = "input"}']  # fmt: skip
    results = [f'{k} {{prec.name = "{n}"}}' for n, k in zip(names, kinds)] + ['f32 {prec.name = "loss"}']
    body = "\n".join(t.lines)
    return (f"func.func @step({', '.join(arguments)}) -> ({', '.join(results)}) {{\n{body}\n"
            f"  return {', '.join([*news, value])} : {', '.join([*kinds, 'f32'])}\n}}\n")  # fmt: skip
