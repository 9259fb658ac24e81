# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The function that a rule writes: generic operations, loops, loads and stores."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from .emit import BITS, Scalar, Value, is_float, literal, mlir, tensor_type

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Builder:
    """Lines of one function's body. Constants stand at its top, once each."""

    def __init__(self) -> None:
        self.lines, self.head, self.constants, self.count = [], [], {}, 0

    def name(self) -> str:
        self.count += 1
        return f"%v{self.count}"

    def line(self, text: str) -> None:
        self.lines.append(text)

    def scalar(self, text: str, dtype: str) -> Scalar:
        name = self.name()
        self.line(f"{name} = {text}")
        return Scalar(self, name, dtype)

    def value(self, text: str, dtype: str, shape: Iterable[int]) -> Value:
        name = self.name()
        self.line(f"{name} = {text}")
        return Value(self, name, dtype, shape)

    def const(self, value: Scalar | float, dtype: str) -> Scalar:
        if isinstance(value, Scalar):
            return value
        key = (literal(value, dtype), dtype)
        if key not in self.constants:
            name = self.name()
            word = key[0] if dtype == "i1" else f"{key[0]} : {mlir(dtype)}"
            self.head.append(f"{name} = arith.constant {word}")
            self.constants[key] = Scalar(self, name, dtype)
        return self.constants[key]

    def dense(self, array: ArrayLike, dtype: str) -> Value:
        """A constant tensor."""
        array = np.asarray(array)

        def text(a: np.ndarray) -> str:
            if a.ndim == 0:
                return literal(a.item(), dtype)
            return "[" + ", ".join(text(x) for x in a) + "]"

        shape = array.shape
        body = text(array) if array.size else ""
        name = self.name()
        self.head.append(f"{name} = arith.constant dense<{body}> : {tensor_type(dtype, shape)}")
        return Value(self, name, dtype, shape)

    # Types

    def convert(self, x: Scalar, dtype: str) -> Scalar:
        """A scalar in another type, as NumPy casts; floats to integers truncate."""
        if x.dtype == dtype:
            return x
        source, target = mlir(x.dtype), mlir(dtype)
        if source == target:
            return Scalar(self, x.name, dtype)
        from_float, to_float = is_float(x.dtype), is_float(dtype)
        if dtype == "i1":
            return x.ne(0)
        if "index" in (x.dtype, dtype):
            word = "index_castui" if (x.dtype == "i1" or not x.signed or dtype[0] == "u") else "index_cast"
        elif from_float and to_float:
            if BITS[x.dtype] == BITS[dtype]:
                return self.convert(self.convert(x, "f32"), dtype)
            word = "extf" if BITS[dtype] > BITS[x.dtype] else "truncf"
        elif from_float:
            if BITS[dtype] < 32:  # what C does on the machines that ONNX runs on
                return self.convert(self.convert(x, "i32"), dtype)
            word = "fptoui" if dtype[0] == "u" else "fptosi"
        elif to_float:
            word = "uitofp" if x.dtype == "i1" or not x.signed else "sitofp"
        elif BITS[dtype] < BITS[x.dtype]:
            word = "trunci"
        else:
            word = "extui" if x.dtype == "i1" or not x.signed else "extsi"
        return self.scalar(f"arith.{word} {x.name} : {source} to {target}", dtype)

    # Tensors

    def empty(self, shape: Sequence[int | Scalar], dtype: str) -> Value:
        """shape: numbers, and scalars of type index for what is not known."""
        static = [-1 if isinstance(n, Scalar) else n for n in shape]
        sizes = ", ".join(n.name for n in shape if isinstance(n, Scalar))
        return self.value(f"tensor.empty({sizes}) : {tensor_type(dtype, static)}", dtype, static)

    def fill(self, shape: Sequence[int | Scalar], value: Scalar | float, dtype: str) -> Value:
        out, value = self.empty(shape, dtype), self.const(value, dtype)
        return self.value(
            f"linalg.fill ins({value.name} : {mlir(dtype)}) outs({out.name} : {out.type})"
            f" -> {out.type}", dtype, out.shape,
        )  # fmt: skip

    def sizes(self, x: Value) -> list[int | Scalar]:
        """A shape that `empty` takes."""
        return [n if n >= 0 else x.dim(i) for i, n in enumerate(x.shape)]

    def reshape_to(self, x: Value, sizes: Sequence[int | Scalar]) -> Value:
        """Row-major reshape; sizes as `empty` takes them."""
        static = [-1 if isinstance(n, Scalar) else n for n in sizes]
        if tuple(static) == x.shape and -1 not in static:
            return x
        type_ = tensor_type(x.dtype, static)
        known = -1 not in static and -1 not in x.shape
        if known and static and x.rank:
            flat = self._reassociate(x, static)
            if flat is not None:
                return flat
        if known and (not static or not x.rank):
            few, many = sorted((x.rank, len(static)))
            if few == 0 and x.rank:
                return self.value(f"tensor.collapse_shape {x.name} [] : {x.type} into {type_}", x.dtype, static)
            sizes_text = "[" + ", ".join("1" for _ in static) + "]"
            return self.value(
                f"tensor.expand_shape {x.name} [] output_shape {sizes_text} : {x.type} into {type_}",
                x.dtype, static,
            )  # fmt: skip
        shape = self.value(
            "tensor.from_elements "
            + ", ".join(self.const(n, "index").name for n in sizes)
            + f" : tensor<{len(static)}xindex>" if static else "tensor.empty() : tensor<0xindex>",
            "index", (len(static),),
        )  # fmt: skip
        return self.value(
            f"tensor.reshape {x.name}({shape.name}) : ({x.type}, tensor<{len(static)}xindex>)"
            f" -> {type_}", x.dtype, static,
        )  # fmt: skip

    def _reassociate(self, x: Value, static: list[int]) -> Value | None:
        """collapse to the common refinement of both shapes and expand again."""
        groups, i, j = [], 0, 0
        source, target = list(x.shape), list(static)
        if 0 in source:
            return self.empty(static, x.dtype)
        while i < len(source) or j < len(target):
            a, b, left, right = 1, 1, [], []
            if i < len(source):
                a, left, i = source[i], [i], i + 1
            if j < len(target):
                b, right, j = target[j], [j], j + 1
            while a != b:
                if a < b:
                    a, left, i = a * source[i], left + [i], i + 1
                else:
                    b, right, j = b * target[j], right + [j], j + 1
            groups.append((left, right, a))
        merged = []
        for left, right, n in groups:  # dimensions of 1 at the end join the last group
            if (not left or not right) and merged:
                merged[-1] = (merged[-1][0] + left, merged[-1][1] + right, merged[-1][2] * n)
            else:
                merged.append((left, right, n))
        middle = [n for _, _, n in merged]
        text = lambda side: "[" + ", ".join(str(list(g[side])) for g in merged) + "]"  # noqa: E731
        if middle != source:
            x = self.value(
                f"tensor.collapse_shape {x.name} {text(0)} : {x.type} into "
                f"{tensor_type(x.dtype, middle)}", x.dtype, middle,
            )  # fmt: skip
        if middle != target:
            x = self.value(
                f"tensor.expand_shape {x.name} {text(1)} output_shape {list(static)} : {x.type}"
                f" into {tensor_type(x.dtype, static)}", x.dtype, static,
            )  # fmt: skip
        return x

    def cast(self, x: Value, shape: Sequence[int]) -> Value:
        """The same tensor with more or fewer sizes known."""
        if tuple(shape) == x.shape:
            return x
        type_ = tensor_type(x.dtype, shape)
        return self.value(f"tensor.cast {x.name} : {x.type} to {type_}", x.dtype, shape)

    def generic(self, loops: str, ins: Sequence[tuple[Value, str]], outs: Sequence[tuple[Value, str]], body: Callable[..., Any]) -> Any:
        """linalg.generic. loops: 'p' and 'r' letters; ins, outs: (tensor, map) with the map a
        string over d0, d1, ...; body(indices are b.index(k); *ins, *outs) -> scalars."""
        dims = ", ".join(f"d{i}" for i in range(len(loops)))
        maps = ", ".join(f"affine_map<({dims}) -> ({m})>" for _, m in (*ins, *outs))
        kinds = ", ".join({"p": '"parallel"', "r": '"reduction"'}[c] for c in loops)
        operands = lambda side: (  # noqa: E731
            ", ".join(v.name for v, _ in side) + " : " + ", ".join(v.type for v, _ in side)
        )
        arguments = [Scalar(self, self.name(), v.dtype) for v, _ in (*ins, *outs)]
        result = self.name()
        many = f":{len(outs)}" if len(outs) > 1 else ""
        self.line(
            f"{result}{many} = linalg.generic {{indexing_maps = [{maps}], iterator_types = "
            f"[{kinds}]}}{f' ins({operands(ins)})' if ins else ''} outs({operands(outs)}) {{"
        )
        self.line("^bb0(" + ", ".join(f"{a.name}: {mlir(a.dtype)}" for a in arguments) + "):")
        made = body(*arguments)
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        assert [m.dtype for m in made] == [v.dtype for v, _ in outs], "types of a body"
        self.line(
            "linalg.yield " + ", ".join(m.name for m in made) + " : "
            + ", ".join(mlir(m.dtype) for m in made)
        )  # fmt: skip
        types = [v.type for v, _ in outs]
        self.line("} -> " + (types[0] if len(types) == 1 else f"({', '.join(types)})"))
        names = [result] if len(outs) == 1 else [f"{result}#{i}" for i in range(len(outs))]
        values = [Value(self, n, v.dtype, v.shape) for n, (v, _) in zip(names, outs)]
        return values[0] if len(values) == 1 else values

    def index(self, k: int) -> Scalar:
        return self.scalar(f"linalg.index {k} : index", "index")

    def load(self, x: Value, indices: Sequence[Scalar | int]) -> Scalar:
        names = ", ".join(self.const(i, "index").name for i in indices)
        return self.scalar(f"tensor.extract {x.name}[{names}] : {x.type}", x.dtype)

    def store(self, x: Value, value: Scalar | float, indices: Sequence[Scalar | int]) -> Value:
        names = ", ".join(self.const(i, "index").name for i in indices)
        value = self.const(value, x.dtype)
        return self.value(
            f"tensor.insert {value.name} into {x.name}[{names}] : {x.type}", x.dtype, x.shape
        )

    def compute(self, shape: Sequence[int | Scalar], dtype: str, element: Callable[..., Scalar]) -> Value:
        """A tensor whose elements are element(*indices)."""
        out = self.empty(shape, dtype)
        dims = ", ".join(f"d{i}" for i in range(out.rank))
        return self.generic(
            "p" * out.rank, [], [(out, dims)],
            lambda _: element(*[self.index(k) for k in range(out.rank)]),
        )  # fmt: skip

    # Control flow; what is carried is a list of scalars and tensors

    def _rename(self, values: Iterable[Scalar | Value]) -> list[Scalar | Value]:
        return [
            Scalar(self, self.name(), v.dtype) if isinstance(v, Scalar)
            else Value(self, self.name(), v.dtype, v.shape)
            for v in values
        ]  # fmt: skip

    def type_of(self, v: Scalar | Value) -> str:
        return mlir(v.dtype) if isinstance(v, Scalar) else v.type

    def _results(self, values: Sequence[Scalar | Value]) -> tuple[str, list[Scalar | Value]]:
        name = self.name()
        text = name if len(values) == 1 else f"{name}:{len(values)}"
        names = [name] if len(values) == 1 else [f"{name}#{i}" for i in range(len(values))]
        results = [
            Scalar(self, n, v.dtype) if isinstance(v, Scalar) else Value(self, n, v.dtype, v.shape)
            for n, v in zip(names, values)
        ]
        return text, results

    def _yield(self, made: Sequence[Scalar | Value], word: str = "scf.yield") -> None:
        self.line(
            f"{word} {', '.join(m.name for m in made)} : {', '.join(map(self.type_of, made))}"
            if made else word
        )  # fmt: skip

    def loop(
        self,
        low: Scalar | int,
        high: Scalar | int,
        carried: Sequence[Scalar | Value],
        body: Callable[..., Any],
        step: Scalar | int = 1,
    ) -> Any:
        """for i in low..high: carried = body(i, *carried); returns the last ones."""
        low, high, step = (self.const(n, "index") for n in (low, high, step))
        i = Scalar(self, self.name(), "index")
        inner = self._rename(carried)
        text, results = self._results(carried)
        pairs = ", ".join(f"{a.name} = {c.name}" for a, c in zip(inner, carried))
        types = ", ".join(map(self.type_of, carried))
        self.line(
            f"{text} = scf.for {i.name} = {low.name} to {high.name} step {step.name} "
            f"iter_args({pairs}) -> ({types}) {{"
        )
        made = body(i, *inner)
        self._yield(list(made) if isinstance(made, (list, tuple)) else [made])
        self.line("}")
        return results[0] if len(results) == 1 else results

    def loops(self, sizes: Sequence[int | Scalar], carried: Sequence[Scalar | Value], body: Callable[..., Any]) -> Any:
        """A nest of loops from 0; body(indices, *carried)."""

        def nest(k: int, indices: list[Scalar], carried: list[Scalar | Value]) -> list[Scalar | Value]:
            if k == len(sizes):
                made = body(indices, *carried)
                return list(made) if isinstance(made, (list, tuple)) else [made]
            made = self.loop(0, sizes[k], carried, lambda i, *c: nest(k + 1, [*indices, i], list(c)))
            return made if isinstance(made, list) else [made]

        made = nest(0, [], list(carried))
        return made[0] if len(made) == 1 else made

    def when(self, condition: Scalar, yes: Callable[[], Sequence[Any]], no: Callable[[], Sequence[Any]]) -> list[Any]:
        """scf.if; both functions return lists of equal types."""
        name, start = self.name(), len(self.lines)
        self.line("")
        made = yes()
        self._yield(made)
        self.line("} else {")
        self._yield(no())
        self.line("}")
        types = ", ".join(map(self.type_of, made))
        text = name if len(made) == 1 else f"{name}:{len(made)}"
        self.lines[start] = f"{text} = scf.if {condition.name} -> ({types}) {{"
        names = [name] if len(made) == 1 else [f"{name}#{i}" for i in range(len(made))]
        return [
            Scalar(self, n, v.dtype) if isinstance(v, Scalar) else Value(self, n, v.dtype, v.shape)
            for n, v in zip(names, made)
        ]

    def function(self, name: str, arguments: Sequence[Value], results: Sequence[Value]) -> str:
        """The text of the function."""
        taken = ", ".join(f"{a.name}: {a.type}" for a in arguments)
        types = ", ".join(r.type for r in results)
        body = "\n".join("    " + line for line in self.head + self.lines)
        returned = f"return {', '.join(r.name for r in results)} : {types}" if results else "return"
        return f"  func.func private @{name}({taken}) -> ({types}) {{\n{body}\n    {returned}\n  }}\n"


def rename_foreign(text: str, name: str) -> str:
    """The functions of a foreign module's text, the first one renamed, aliases written out."""
    for alias, meaning in reversed(re.findall(r"^#(\w+) = (.*)$", text, re.M)):
        text = re.sub(rf"#{alias}\b", lambda _: meaning, text)
    inner = re.search(r"^module[^\n]*\{\n(.*)^\}", text, re.S | re.M)[1]
    return re.sub(r"func\.func @[^(]+\(", f"func.func private @{name}(", inner, count=1)
