// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dialect and the passes inside LLVM's own mlir-opt, between its passes.
// UNSUPPORTED: sanitize
// RUN: %llvm/mlir-opt %s --load-dialect-plugin=%build/lib/PrecPlugin.so --load-pass-plugin=%build/lib/PrecPlugin.so --pass-pipeline="builtin.module(prec-insert-rounding{truncate-mantissa=7},canonicalize,one-shot-bufferize{bufferize-function-boundaries=true},func.func(prec-lower-rounding))" | FileCheck %s

// CHECK-LABEL: func @f
// CHECK-SAME: memref<4xf32
// CHECK-NOT: prec.round
// CHECK: arith.andi
// CHECK: linalg.generic
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.exp ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
