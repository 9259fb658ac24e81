# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cases for named linalg operations, tensor operations, control flow, calls, gathers."""
import numpy as np
from autodiff_cases import raw, structured

T = {n: f"tensor<{n}xf64>" for n in ("4", "2x3", "3x2", "3x4", "2x4", "6", "5x3")}


def named(name, text, out, **shapes):
    """One named linalg operation with outs of zeros; {x}, {w} are its inputs."""
    def build(f):
        zeros = f.filled(out, 0.0)
        words = {k: getattr(f, k).name for k in shapes}
        types = {f"t{k}": f.type(v) for k, v in shapes.items()}
        return f.op(text.format(**words, **types, out=zeros.name, tout=f.type(out)), out)
    structured(f"named_{name}", build, **shapes)


TWO = "ins({x}, {w} : {tx}, {tw}) outs({out} : {tout}) -> {tout}"
named("matmul", f"linalg.matmul {TWO}", (3, 2), x=(3, 4), w=(4, 2))
named("batch_matmul", f"linalg.batch_matmul {TWO}", (2, 3, 2), x=(2, 3, 4), w=(2, 4, 2))
named("matvec", f"linalg.matvec {TWO}", (3,), x=(3, 4), w=(4,))
named("vecmat", f"linalg.vecmat {TWO}", (4,), x=(3,), w=(3, 4))
named("conv_nchw", f"linalg.conv_2d_nchw_fchw {TWO}", (2, 3, 3, 3), x=(2, 2, 5, 5), w=(3, 2, 3, 3))
named("conv_nhwc", "linalg.conv_2d_nhwc_hwcf {{strides = dense<2> : tensor<2xi64>}} " + TWO,
      (2, 2, 2, 3), x=(2, 5, 5, 2), w=(3, 3, 2, 3))
named("conv_depthwise", f"linalg.depthwise_conv_2d_nhwc_hwc {TWO}", (2, 3, 3, 2),
      x=(2, 5, 5, 2), w=(3, 3, 2))
named("conv_grouped", f"linalg.conv_2d_ngchw_gfchw {TWO}", (2, 2, 3, 3, 3),
      x=(2, 2, 2, 5, 5), w=(2, 3, 2, 3, 3))
named("add", f"linalg.add {TWO}", (3, 4), x=(3, 4), w=(3, 4))
named("mul", f"linalg.mul {TWO}", (3, 4), x=(3, 4), w=(3, 4))
named("div", f"linalg.div {TWO}", (3, 4), x=(3, 4), w=(3, 4))
named("exp", "linalg.exp ins({x} : {tx}) outs({out} : {tout}) -> {tout}", (3, 4), x=(3, 4))
named("elementwise", "linalg.elementwise kind=#linalg.elementwise_kind<tanh> "
      "ins({x} : {tx}) outs({out} : {tout}) -> {tout}", (3, 4), x=(3, 4))
named("contract", "linalg.contract indexing_maps = [affine_map<(i, j, k) -> (i, k)>, "
      f"affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>] {TWO}",
      (3, 2), x=(3, 4), w=(2, 4))
named("transpose", "linalg.transpose ins({x} : {tx}) outs({out} : {tout}) permutation = [1, 0]",
      (4, 3), x=(3, 4))
named("broadcast", "linalg.broadcast ins({x} : {tx}) outs({out} : {tout}) dimensions = [1]",
      (3, 4), x=(3,))
named("copy", "linalg.copy ins({x} : {tx}) outs({out} : {tout}) -> {tout}", (3, 4), x=(3, 4))
named("reduce", "linalg.reduce {{arith.addf}} ins({x} : {tx}) outs({out} : {tout}) "
      "dimensions = [1]", (3,), x=(3, 4))
named("map", "linalg.map {{math.sin}} ins({x} : {tx}) outs({out} : {tout})", (3, 4), x=(3, 4))
structured("named_fill", lambda f: f.op(
    f"linalg.fill ins({f.op(f'math.exp {f.argument(chr(115), chr(102) + str(64)).name} : f64').name}"
    f" : f64) outs({f.x.name} : {f.type((3, 4))}) -> {f.type((3, 4))}", (3, 4)), x=(3, 4))


def tensor_op(name, text, out, **shapes):
    def build(f):
        words = {k: getattr(f, k).name for k in shapes}
        return f.op(text.format(**words), out)
    structured(f"tensor_{name}", build, **shapes)


tensor_op("extract_slice", "tensor.extract_slice {x}[1, 0] [2, 2] [1, 2] "
          ": tensor<3x4xf64> to tensor<2x2xf64>", (2, 2), x=(3, 4))
tensor_op("extract_slice_reduced", "tensor.extract_slice {x}[1, 0] [1, 4] [1, 1] "
          ": tensor<3x4xf64> to tensor<4xf64>", (4,), x=(3, 4))
tensor_op("insert_slice", "tensor.insert_slice {w} into {x}[1, 0] [2, 2] [1, 2] "
          ": tensor<2x2xf64> into tensor<3x4xf64>", (3, 4), x=(3, 4), w=(2, 2))
tensor_op("insert_slice_reduced", "tensor.insert_slice {w} into {x}[1, 0] [1, 4] [1, 1] "
          ": tensor<4xf64> into tensor<3x4xf64>", (3, 4), x=(3, 4), w=(4,))
tensor_op("expand_shape", "tensor.expand_shape {x} [[0, 1], [2]] output_shape [2, 3, 4] "
          ": tensor<6x4xf64> into tensor<2x3x4xf64>", (2, 3, 4), x=(6, 4))
tensor_op("collapse_shape", "tensor.collapse_shape {x} [[0, 1], [2]] "
          ": tensor<2x3x4xf64> into tensor<6x4xf64>", (6, 4), x=(2, 3, 4))
tensor_op("concat", "tensor.concat dim(1) {x}, {w} "
          ": (tensor<3x4xf64>, tensor<3x2xf64>) -> tensor<3x6xf64>", (3, 6), x=(3, 4), w=(3, 2))
structured("tensor_cast", lambda f: f.op(
    f"tensor.cast {f.op(f'tensor.cast {f.x.name} : {f.type((3,))} to tensor<?xf64>').name} "
    f": tensor<?xf64> to {f.type((3,))}", (3,)), x=(3,))
structured("tensor_reshape", lambda f: f.op(
    f"tensor.reshape {f.x.name}({f.op('arith.constant dense<[4, 3]> : tensor<2xindex>').name}) "
    ": (tensor<2x6xf64>, tensor<2xindex>) -> tensor<4x3xf64>", (4, 3)), x=(2, 6))
structured("arith_on_tensors", lambda f: f.op(
    f"arith.mulf {f.op(f'math.exp {f.x.name} : {f.type((3, 2))}').name}, {f.w.name} "
    f": {f.type((3, 2))}", (3, 2)), x=(3, 2), w=(3, 2))

raw("tensor_elements", """
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %a = tensor.extract %x[%c1, %c2] : tensor<2x3xf64>
  %s = arith.mulf %a, %a : f64
  %t = tensor.insert %s into %x[%c1, %c1] : tensor<2x3xf64>
  %b = tensor.extract %t[%c1, %c1] : tensor<2x3xf64>
  %d = tensor.extract %t[%c1, %c2] : tensor<2x3xf64>
  %e = tensor.from_elements %b, %d : tensor<2xf64>
  %f = tensor.extract %e[%c1] : tensor<2xf64>
  %g = arith.mulf %f, %b : f64
  %p = tensor.splat %g : tensor<2x3xf64>
  %h = tensor.extract %p[%c1, %c1] : tensor<2x3xf64>
  %r = arith.mulf %h, %d : f64
  return %r : f64
""", x=T["2x3"])

raw("if_then_else", """
  %zero = arith.constant 0.0 : f64
  %c = arith.cmpf ogt, %a, %zero : f64
  %r = scf.if %c -> f64 {
    %s = math.sin %a : f64
    %p = arith.mulf %s, %b : f64
    scf.yield %p : f64
  } else {
    scf.yield %a : f64
  }
  %q = arith.mulf %r, %r : f64
  return %q : f64
""", a="f64", b="f64")

LOOP = """
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c7 = arith.constant {upper} : index
  %t, %s = scf.for %i = %c1 to %c7 step %c2 iter_args(%u = %x, %v = %a) -> (tensor<4xf64>, f64) {{
    %e = tensor.extract %u[%c1] : tensor<4xf64>
    %p = arith.mulf %e, %v : f64
    %n = arith.addf %p, %a : f64
    %k = tensor.insert %n into %u[%c2] : tensor<4xf64>
    %m = math.sin %k : tensor<4xf64>
    scf.yield %m, %n : tensor<4xf64>, f64
  }}
  %e = tensor.extract %t[%c2] : tensor<4xf64>
  %r = arith.mulf %e, %s : f64
  return %r : f64
"""
raw("loop", LOOP.format(upper=8), x=T["4"], a="f64")
raw("loop_of_none", LOOP.format(upper=1), x=T["4"], a="f64")
raw("loop_of_loops", """
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %s = scf.for %i = %c0 to %n step %c1 iter_args(%v = %a) -> f64 {
    %w = scf.for %j = %c0 to %c3 step %c1 iter_args(%z = %v) -> f64 {
      %e = tensor.extract %x[%j] : tensor<4xf64>
      %p = arith.mulf %z, %e : f64
      %q = math.cos %p : f64
      scf.yield %q : f64
    }
    scf.yield %w : f64
  }
  return %s : f64
""", x=T["4"], a="f64", n="index", inputs={"n": np.int64(3)}, wrt=[0, 1])

raw("call", """
  %s = func.call @callee(%a, %b) : (f64, f64) -> f64
  %r = func.call @callee(%s, %a) : (f64, f64) -> f64
  return %r : f64
""", """func.func private @callee(%a: f64, %b: f64) -> f64 {
  %s = math.sin %a : f64
  %r = arith.mulf %s, %b : f64
  return %r : f64
}
""", a="f64", b="f64")

raw("gather", """
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<4x3xf64>
  %g = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%i : tensor<4xi32>) outs(%e : tensor<4x3xf64>) {
  ^body(%n: i32, %o: f64):
    %row = arith.index_cast %n : i32 to index
    %column = linalg.index 1 : index
    %v = tensor.extract %x[%row, %column] : tensor<5x3xf64>
    %s = math.sin %v : f64
    linalg.yield %s : f64
  } -> tensor<4x3xf64>
  %c = tensor.empty() : tensor<f64>
  %z = linalg.fill ins(%zero : f64) outs(%c : tensor<f64>) -> tensor<f64>
  %t = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>],
      iterator_types = ["reduction", "reduction"]} ins(%g : tensor<4x3xf64>) outs(%z : tensor<f64>) {
  ^body(%v: f64, %acc: f64):
    %p = arith.mulf %v, %v : f64
    %s = arith.addf %acc, %p : f64
    linalg.yield %s : f64
  } -> tensor<f64>
  %r = tensor.extract %t[] : tensor<f64>
  return %r : f64
""", x=T["5x3"], i="tensor<4xi32>", inputs={"i": np.array([1, 4, 1, 0], "i4")}, wrt=[0])
