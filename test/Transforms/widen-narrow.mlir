// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Narrow types as they are, or as roundings in f32.
// RUN: prec-opt %s --keep-narrow --format=m9 2>&1 | FileCheck %s --check-prefix=KEEP
// RUN: prec-opt %s --widen-narrow | FileCheck %s --check-prefix=WIDE
// RUN: prec-opt %s --keep-narrow --widen-narrow | FileCheck %s --check-prefix=WIDE
// RUN: prec-opt %s --prec-insert-rounding="widen-narrow" | FileCheck %s --check-prefix=WIDE
// RUN: prec-opt %s --widen-narrow --keep-narrow | FileCheck %s --check-prefix=SAME
// RUN: prec-opt %s --widen-narrow --round='arith.mulf=m3' 2>/dev/null | FileCheck %s --check-prefix=BOTH

// KEEP: remark: narrow type kept as written: 'arith.mulf' makes 'bf16'
// KEEP: func @f(%arg0: bf16, %arg1: f32) -> bf16
// SAME: func @f(%arg0: bf16, %arg1: f32) -> bf16
// WIDE-LABEL: func @f(%arg0: f32, %arg1: f32) -> f32
// WIDE-NEXT: %[[A:.*]] = prec.round %arg0 to "e8m7" "nearest-even" : f32
// WIDE-NEXT: %[[C:.*]] = arith.constant 5.000000e-01 : f32
// WIDE-NEXT: %[[P:.*]] = arith.mulf %[[A]], %[[C]] : f32
// WIDE-NEXT: %[[R:.*]] = prec.round %[[P]] to "e8m7" "nearest-even" : f32
// WIDE-NEXT: %[[S:.*]] = arith.addf %[[R]], %arg1 : f32
// WIDE-NEXT: %[[T:.*]] = prec.round %[[S]] to "e8m7" "nearest-even" : f32
// WIDE-NEXT: %[[N:.*]] = arith.negf %[[T]] : f32
// WIDE-NEXT: return %[[N]] : f32
// BOTH: arith.mulf
// BOTH-NEXT: prec.round {{.*}} to "m3"
// BOTH-NEXT: prec.round {{.*}} to "e8m7"
func.func @f(%a: bf16, %b: f32) -> bf16 {
  %c = arith.constant 0.5 : bf16
  %0 = arith.mulf %a, %c : bf16
  %1 = arith.extf %0 : bf16 to f32
  %2 = arith.addf %1, %b : f32
  %3 = arith.truncf %2 : f32 to bf16
  %4 = arith.negf %3 : bf16
  return %4 : bf16
}

// WIDE-LABEL: func @matmul(%arg0: tensor<2x3xf32>, %arg1: tensor<3x4xf32>, %arg2: tensor<2x4xf32>) -> tensor<2x4xf32>
// WIDE-COUNT-3: prec.round %arg{{.}} to "e5m10" "nearest-even" : tensor
// WIDE: linalg.generic
// WIDE: arith.mulf
// WIDE-NEXT: prec.round {{.*}} to "e5m10"
// WIDE-NEXT: arith.addf
// WIDE-NEXT: prec.round {{.*}} to "e5m10"
// WIDE-NEXT: linalg.yield
func.func @matmul(%a: tensor<2x3xf16>, %b: tensor<3x4xf16>, %c: tensor<2x4xf16>) -> tensor<2x4xf16> {
  %r = linalg.matmul ins(%a, %b : tensor<2x3xf16>, tensor<3x4xf16>) outs(%c : tensor<2x4xf16>) -> tensor<2x4xf16>
  return %r : tensor<2x4xf16>
}

// From f64 the rounding comes first.
// WIDE-LABEL: func @twice(%arg0: f64) -> f32
// WIDE-NEXT: %[[R:.*]] = prec.round %arg0 to "f8e4m3fn" "nearest-even" : f64
// WIDE-NEXT: %[[T:.*]] = arith.truncf %[[R]] : f64 to f32
// WIDE-NEXT: return %[[T]]
func.func @twice(%a: f64) -> f8E4M3FN {
  %0 = arith.truncf %a : f64 to f8E4M3FN
  return %0 : f8E4M3FN
}
