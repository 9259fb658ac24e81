// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Vector operations: what computes is rounded, what moves or selects is not; a hidden
// reduction has one rounding, of its result, at op granularity.
// RUN: prec-opt %s --truncate-mantissa=7 | FileCheck %s

// CHECK-LABEL: func @f
func.func @f(%v: vector<8xf32>, %w: vector<8xf32>) -> (f32, f32) {
  // CHECK: vector.fma
  // CHECK-NEXT: prec.round {{.*}}op = "vector.fma"
  %0 = vector.fma %v, %w, %v : vector<8xf32>
  // CHECK-NEXT: vector.shuffle
  %1 = vector.shuffle %0, %0 [0, 8, 1, 9, 2, 10, 3, 11] : vector<8xf32>, vector<8xf32>
  // CHECK-NEXT: vector.reduction <add>
  // CHECK-NEXT: prec.round {{.*}}op = "vector.reduction"
  %2 = vector.reduction <add>, %1 : vector<8xf32> into f32
  // CHECK-NEXT: vector.reduction <maximumf>
  // CHECK-NEXT: return
  %3 = vector.reduction <maximumf>, %1 : vector<8xf32> into f32
  return %2, %3 : f32, f32
}
