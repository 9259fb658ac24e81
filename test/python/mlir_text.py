# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes functions on tensors as MLIR text, with subscripts as in einsum.

    f = Function("f", x=(4, 3), w=(3, 2))
    y = f.contract("ik,kj->ij", f.x, f.w)
    f.returns(f.weighted_sum(y))
"""


class Tensor:
    def __init__(self, name, shape):
        self.name, self.shape = name, tuple(shape)


class Function:
    def __init__(self, name, element="f64", attributes=None, **arguments):
        self.name, self.element, self.lines, self.count = name, element, [], 0
        self.arguments, self.attributes = {}, attributes or {}
        for key, shape in arguments.items():
            self.argument(key, shape)

    def argument(self, key, shape):
        """A tensor of the function's element type, or of a type given as text."""
        kind = shape if isinstance(shape, str) else self.type(shape)
        self.arguments[key] = kind
        value = Tensor(f"%in_{key}", () if isinstance(shape, str) else shape)
        setattr(self, key, value)
        return value

    def type(self, shape):
        return f"tensor<{''.join(f'{n}x' for n in shape)}{self.element}>"

    def op(self, text, shape=()):
        """Appends `%n = text` and returns %n."""
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return Tensor(f"%v{self.count}", shape)

    def number(self, x):
        return self.op(f"arith.constant {float(x):.17e} : {self.element}")

    def filled(self, shape, x=0.0, scope=None):
        empty = self.op(f"tensor.empty() : {self.type(shape)}")
        if x is None:
            return Tensor(empty.name, shape)
        return self.op(
            f"linalg.fill {self.note(scope)} ins({self.number(x).name} : {self.element}) "
            f"outs({empty.name} : {self.type(shape)}) -> {self.type(shape)}",
            shape,
        )

    @staticmethod
    def note(scope):
        return f'{{prec.scope = "{scope}"}}' if scope else ""

    def generic(self, subscripts, *inputs, body, init=None, sizes=None, scope=None):
        """linalg.generic. `subscripts` is "n,c,2*y+k; k -> n,c,y"; `body` yields
        %r from %a, %b, ... and the accumulator %acc. A subscript in no result
        is a reduction; `init` is its start, a number or a tensor."""
        left, out = (part.strip() for part in subscripts.split("->"))
        terms = [[s.strip() for s in t.split(",") if s.strip()] for t in left.split(";")]
        out = [s.strip() for s in out.split(",") if s.strip()]
        size = dict(sizes or {})
        for term, tensor in zip(terms, inputs):
            for letter, n in zip(term, tensor.shape):
                if letter.isidentifier():
                    size[letter] = n
        loops = out + [s for s in size if s not in out]
        shape = [size[s] for s in out]
        if not isinstance(init, Tensor):
            init = self.filled(shape, init, scope)
        maps = ", ".join(
            f"affine_map<({', '.join(loops)}) -> ({', '.join(t)})>" for t in [*terms, out]
        )
        iterators = ", ".join(
            '"parallel"' if s in out else '"reduction"' for s in loops
        )
        names = [f"%{letter}: {self.element}" for letter in "abcdefg"[: len(inputs)]]
        note = f"attrs = {self.note(scope)}" if scope else ""
        return self.op(
            f"linalg.generic {{indexing_maps = [{maps}], iterator_types = [{iterators}]}} "
            f"ins({', '.join(t.name for t in inputs)} : "
            f"{', '.join(self.type(t.shape) for t in inputs)}) "
            f"outs({init.name} : {self.type(shape)}) {note} {{\n"
            f"  ^body({', '.join(names)}, %acc: {self.element}):\n{self.body(body)}\n"
            f"    linalg.yield %r : {self.element}\n  }} -> {self.type(shape)}",
            shape,
        )

    def body(self, text):
        return text.replace("$T", self.element)

    def contract(self, subscripts, a, b, sizes=None, scope=None):
        return self.generic(
            subscripts, a, b, init=0.0, sizes=sizes, scope=scope,
            body="%p = arith.mulf %a, %b : $T\n%r = arith.addf %acc, %p : $T",
        )

    def unary(self, op, a, scope=None):
        return self.elementwise(f"%r = {op} %a : $T", a, scope=scope)

    def binary(self, op, a, b, subscripts=None, scope=None):
        return self.elementwise(f"%r = {op} %a, %b : $T", a, b, subscripts=subscripts, scope=scope)

    def elementwise(self, body, *inputs, subscripts=None, scope=None):
        own = ",".join("ijklmn"[: len(inputs[0].shape)])
        subscripts = subscripts or f"{'; '.join([own] * len(inputs))} -> {own}"
        return self.generic(subscripts, *inputs, body=body, scope=scope)

    def reduce(self, op, a, subscripts, init, scope=None):
        return self.generic(subscripts, a, init=init, body=f"%r = {op} %acc, %a : $T", scope=scope)

    def weighted_sum(self, value):
        """A scalar in which each element has its own weight: argument `weights`."""
        weights = self.argument("weights", value.shape)
        own = ",".join("ijklmnop"[: len(value.shape)])
        total = self.contract(f"{own}; {own} ->", value, weights)
        return self.op(f"tensor.extract {total.name}[] : tensor<{self.element}>")

    def returns(self, *values, types=None):
        self.results = values
        self.result_types = types or [
            self.element if not v.shape else self.type(v.shape) for v in values
        ]
        return self

    def text(self):
        arguments = ", ".join(
            f"%in_{key}: {kind} {self.attributes.get(key, '')}"
            for key, kind in self.arguments.items()
        )
        results = ", ".join(self.result_types)
        names = ", ".join(v.name for v in self.results)
        return (
            f"func.func @{self.name}({arguments}) -> ({results}) "
            "attributes {llvm.emit_c_interface} {\n"
            + "\n".join(self.lines)
            + f"\n  return {names} : {results}\n}}\n"
        )
