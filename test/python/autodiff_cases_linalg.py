# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cases for the rule of structured operations: maps, reductions, windows."""
from autodiff_cases import structured

structured("matmul", lambda f: f.contract("i,k; k,j -> i,j", f.x, f.w), x=(3, 4), w=(4, 2))
structured("matmul_of_itself", lambda f: f.contract("i,k; k,j -> i,j", f.x, f.x), x=(3, 3))
structured("batch_matmul", lambda f: f.contract("b,i,k; b,j,k -> b,i,j", f.x, f.w),
           x=(2, 3, 4), w=(2, 2, 4))
structured("dot", lambda f: f.contract("k; k ->", f.x, f.w), x=(5,), w=(5,))
structured("outer", lambda f: f.binary("arith.mulf", f.x, f.w, "i; j -> i,j"), x=(3,), w=(4,))
structured("bias", lambda f: f.binary("arith.addf", f.x, f.w, "i,j; j -> i,j"), x=(3, 4), w=(4,))
structured("transpose", lambda f: f.elementwise("%r = math.sin %a : $T", f.x, subscripts="i,j -> j,i"),
           x=(3, 4))
structured("diagonal", lambda f: f.elementwise("%r = math.sin %a : $T", f.x, subscripts="i,i -> i"),
           x=(4, 4))
structured("sum", lambda f: f.reduce("arith.addf", f.x, "i,j -> j", 0.5), x=(3, 4))
structured("sum_of_squares", lambda f: f.generic(
    "i,j -> i", f.x, init=1.0, body="%p = arith.mulf %a, %a : $T\n%r = arith.addf %p, %acc : $T"),
    x=(3, 4))
structured("difference", lambda f: f.generic(
    "i,j; j -> i", f.x, f.w, init=1.0,
    body="%p = arith.divf %a, %b : $T\n%r = arith.subf %acc, %p : $T"), x=(3, 4), w=(4,))
structured("initial_value", lambda f: f.reduce(
    "arith.addf", f.x, "i,j -> i", f.unary("math.exp", f.w)), x=(3, 4), w=(3,))
for op in ("maximumf", "minimumf", "maxnumf"):
    structured(f"reduce_{op}", lambda f: f.reduce(f"arith.{op}", f.x, "i,j -> i", 0.25), x=(5, 4))
structured("reduce_maximum_initial", lambda f: f.reduce(
    "arith.maximumf", f.x, "i,j -> i", f.unary("math.sin", f.w)), x=(6, 2), w=(6,))
structured("reduce_select", lambda f: f.generic(
    "i,j -> i", f.x, init=-9.0,
    body="%s = math.sin %a : $T\n%c = arith.cmpf ogt, %s, %acc : $T\n"
    "%r = arith.select %c, %s, %acc : $T"), x=(3, 4))
structured("reduce_product", lambda f: f.reduce("arith.mulf", f.x, "i,j -> i", 2.0), x=(3, 4))
structured("several_uses", lambda f: f.binary(
    "arith.mulf", f.unary("math.exp", f.x), f.binary("arith.addf", f.x, f.unary("math.sin", f.x))),
    x=(3, 2))


def scaled(f):
    """A scalar operand of a generic, and a scalar used inside a body."""
    total = f.op(
        f"tensor.extract {f.reduce('arith.addf', f.x, 'i ->', 0.0).name}[] : tensor<f64>"
    )
    return f.elementwise(
        f"%q = arith.mulf %a, {total.name} : $T\n%r = arith.divf %q, {f.op(f'math.exp {total.name} : f64').name} : $T",
        f.x,
    )


structured("captured_scalars", scaled, x=(4,))


def conv(name, stride=1, dilation=1, pad=0, k=3, size=6, groups=1, padded=True):
    """x padded in the function, then a convolution of two channels."""
    def build(f):
        wide = size + 2 * pad
        x = f.x
        if pad:
            x = f.op(
                f"tensor.pad {x.name} low[0, 0, {pad}, {pad}] high[0, 0, {pad}, {pad}] {{\n"
                f"  ^b(%i: index, %j: index, %k: index, %l: index):\n"
                f"    tensor.yield {f.number(0).name} : f64\n  }} : "
                f"{f.type(x.shape)} to {f.type((2, 2, wide, wide))}", (2, 2, wide, wide))
        out = (wide - dilation * (k - 1) - 1) // stride + 1
        return f.contract(
            f"n,c,{stride} * y + {dilation} * u,{stride} * z + {dilation} * v; o,c,u,v -> n,o,y,z",
            x, f.w, sizes={"y": out, "z": out})
    structured(name, build, x=(2, 2, size, size), w=(3, 2, k, k))


conv("conv")
conv("conv_padded", pad=1)
conv("conv_strided", stride=2, pad=1)
conv("conv_strided_leftover", stride=2, size=7, k=2)
conv("conv_dilated", dilation=2)
conv("conv_strided_dilated", stride=3, dilation=2, size=8)
conv("conv_patches", stride=3)
conv("conv_patches_leftover", stride=3, size=7)
conv("conv_pointwise", k=1)
conv("conv_pointwise_strided", k=1, stride=2)
conv("conv_gaps", k=2, stride=3, size=6)
# Phases of the stride: an odd size, none for some places, more padding than
# the window reaches, a dilation that shares a factor, too many of them.
conv("conv_strided_odd", stride=2, pad=1, size=7)
conv("conv_strided_uncovered", stride=2, pad=1, size=7, k=2)
conv("conv_strided_wide_padding", stride=2, pad=3, k=2, size=5)
conv("conv_strided_shared_dilation", stride=4, dilation=2, pad=2, size=9)
conv("conv_gaps_padded", stride=4, pad=2, k=2, size=9)
conv("conv_many_phases", stride=5, pad=2, k=3, size=12)
conv("conv_unread", stride=4, pad=3, k=2, size=1)
structured("conv_strided_vector", lambda f: f.contract("2 * y + u; u -> y", f.x, f.w, sizes={"y": 4}), x=(9,), w=(3,))
structured("conv_strided_line", lambda f: f.contract(
    "n,c,3 * y + 2 * u + 1; o,c,u -> n,o,y", f.x, f.w, sizes={"y": 3}), x=(2, 2, 15), w=(2, 2, 4))
structured("conv_grouped", lambda f: f.contract(
    "n,g,c,y + u; g,o,c,u -> n,g,o,y", f.x, f.w, sizes={"y": 4}), x=(2, 2, 3, 6), w=(2, 2, 3, 3))
structured("conv_depthwise", lambda f: f.contract(
    "n,y + u,c; u,c -> n,y,c", f.x, f.w, sizes={"y": 4}), x=(2, 6, 3), w=(3, 3))
structured("conv_local", lambda f: f.contract(
    "n,y + u; y,u -> n,y", f.x, f.w, sizes={"y": 4}), x=(2, 6), w=(4, 3))
structured("unfold", lambda f: f.generic(
    "2 * y + u -> y,u", f.x, sizes={"y": 3, "u": 3}, body="%r = math.sin %a : $T"), x=(7,))
structured("windowed_quotient", lambda f: f.generic(
    "y + u; y; u -> y", f.x, f.w, f.k, init=0.0,
    body="%e = math.exp %b : $T\n%q = arith.divf %a, %e : $T\n%s = arith.mulf %q, %c : $T\n"
    "%r = arith.addf %acc, %s : $T"), x=(6,), w=(4,), k=(3,))


def pool(name, op, init, k, stride, size):
    """A named pooling operation, its window a shape only."""
    def build(f):
        n = (size - k) // stride + 1
        window = f.op(f"tensor.empty() : {f.type((k, k))}", (k, k))
        start = f.filled((2, 2, n, n), init)
        return f.op(
            f"linalg.{op} {{strides = dense<{stride}> : tensor<2xi64>}} "
            f"ins({f.x.name}, {window.name} : {f.type(f.x.shape)}, {f.type((k, k))}) "
            f"outs({start.name} : {f.type(start.shape)}) -> {f.type(start.shape)}", (2, 2, n, n))
    structured(name, build, x=(2, 2, size, size))


pool("pool_max", "pooling_nchw_max", -1e9, 2, 2, 4)
pool("pool_max_overlap", "pooling_nchw_max", -1e9, 3, 2, 7)
pool("pool_max_leftover", "pooling_nchw_max", -1e9, 2, 2, 5)
pool("pool_sum", "pooling_nchw_sum", 0.0, 2, 2, 4)
pool("pool_sum_overlap", "pooling_nchw_sum", 0.0, 3, 1, 5)
