# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers and networks as MLIR text, and the same in PyTorch (each takes the other's arrays)."""
import math


def dense(f, x, w, b, scope):
    """x (n, k), w (o, k) as PyTorch stores it."""
    y = f.contract("i,k; j,k -> i,j", x, w, scope=scope)
    return f.binary("arith.addf", y, b, "i,j; j -> i,j", scope=scope)


def relu(f, x, scope):
    return f.elementwise("%z = arith.constant 0.0 : $T\n%r = arith.maximumf %a, %z : $T", x, scope=scope)


def conv(f, x, w, b, pad, scope):
    n, c, h, k = *x.shape[:3], w.shape[2]
    if pad:
        wide = (n, c, h + 2 * pad, h + 2 * pad)
        x = f.op(
            f"tensor.pad {x.name} low[0, 0, {pad}, {pad}] high[0, 0, {pad}, {pad}] {{\n"
            f"  ^b(%i: index, %j: index, %k: index, %l: index):\n"
            f"    tensor.yield {f.number(0).name} : {f.element}\n  }} "
            f'{{prec.scope = "{scope}"}} : {f.type(x.shape)} to {f.type(wide)}', wide)
    out = x.shape[2] - k + 1
    y = f.contract("n,c,y + u,z + v; o,c,u,v -> n,o,y,z", x, w,
                   sizes={"y": out, "z": out}, scope=scope)
    return f.binary("arith.addf", y, b, "n,o,y,z; o -> n,o,y,z", scope=scope)


def pool(f, x, scope, op="max", init=-1e30):
    n, c, h, _ = x.shape
    out = (n, c, h // 2, h // 2)
    window = f.op(f"tensor.empty() : {f.type((2, 2))}", (2, 2))
    start = f.filled(out, init, scope)
    return f.op(
        f'linalg.pooling_nchw_{op} {{strides = dense<2> : tensor<2xi64>, prec.scope = "{scope}"}} '
        f"ins({x.name}, {window.name} : {f.type(x.shape)}, {f.type((2, 2))}) "
        f"outs({start.name} : {f.type(out)}) -> {f.type(out)}", out)


def flatten(f, x):
    n, c, h, w = x.shape
    return f.op(
        f"tensor.collapse_shape {x.name} [[0], [1, 2, 3]] : {f.type(x.shape)} into "
        f"{f.type((n, c * h * w))}", (n, c * h * w))


def softmax(f, x, scope):
    """Along the last of two or three dimensions."""
    own = ",".join("ijk"[: len(x.shape)])
    rows = own[:-2]
    m = f.reduce("arith.maximumf", x, f"{own} -> {rows}", -1e30, scope=scope)
    e = f.elementwise("%s = arith.subf %a, %b : $T\n%r = math.exp %s : $T", x, m,
                      subscripts=f"{own}; {rows} -> {own}", scope=scope)
    s = f.reduce("arith.addf", e, f"{own} -> {rows}", 0.0, scope=scope)
    return f.binary("arith.divf", e, s, f"{own}; {rows} -> {own}", scope=scope)


def normalise(f, x, subscripts, rows, count, scope):
    """(x - mean) / sqrt(variance + 1e-5), the mean over all but `rows`."""
    own = f"{subscripts}; {rows} -> {subscripts}"
    divide = f"%n = arith.constant {float(count)} : $T\n%r = arith.divf %a, %n : $T"
    mean = f.elementwise(divide, f.reduce("arith.addf", x, f"{subscripts} -> {rows}", 0.0, scope=scope),
                         subscripts=f"{rows} -> {rows}", scope=scope)
    centred = f.binary("arith.subf", x, mean, own, scope=scope)
    squares = f.generic(f"{subscripts} -> {rows}", centred, init=0.0, scope=scope,
                        body="%p = arith.mulf %a, %a : $T\n%r = arith.addf %acc, %p : $T")
    scale = f.elementwise(
        f"%n = arith.constant {float(count)} : $T\n%v = arith.divf %a, %n : $T\n"
        "%e = arith.constant 1.0e-5 : $T\n%s = arith.addf %v, %e : $T\n%r = math.rsqrt %s : $T",
        squares, subscripts=f"{rows} -> {rows}", scope=scope)
    return f.binary("arith.mulf", centred, scale, own, scope=scope)


def affine(f, x, gamma, beta, subscripts, along, scope):
    return f.elementwise(
        "%p = arith.mulf %a, %b : $T\n%r = arith.addf %p, %c : $T", x, gamma, beta,
        subscripts=f"{subscripts}; {along}; {along} -> {subscripts}", scope=scope)


def gelu(f, x, scope):
    return f.elementwise(
        f"%k = arith.constant {math.sqrt(0.5)!r} : $T\n%h = arith.constant 0.5 : $T\n"
        "%one = arith.constant 1.0 : $T\n%x = arith.mulf %a, %k : $T\n%e = math.erf %x : $T\n"
        "%s = arith.addf %one, %e : $T\n%m = arith.mulf %h, %a : $T\n%r = arith.mulf %m, %s : $T",
        x, scope=scope)


def attention(f, x, wq, wk, wv, scope):
    """One head over x (b, t, d); w (d, d)."""
    q, k, v = (f.contract("b,t,d; e,d -> b,t,e", x, w, scope=scope) for w in (wq, wk, wv))
    scores = f.contract("b,t,e; b,u,e -> b,t,u", q, k, scope=scope)
    d = x.shape[2]
    scaled = f.elementwise(
        f"%k = arith.constant {1 / math.sqrt(d)!r} : $T\n%r = arith.mulf %a, %k : $T", scores, scope=scope)
    return f.contract("b,t,u; b,u,e -> b,t,e", softmax(f, scaled, scope), v, scope=scope)
