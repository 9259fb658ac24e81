// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every second rounding of a block is a sum and a difference, where the target's adders do not multiply; the mark goes in any case.
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-balance-units{separate-adders=true}))' | FileCheck %s
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-balance-units))' | FileCheck %s --check-prefix=ONE

// CHECK-LABEL: func.func @four(
// CHECK-SAME: %[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %[[LESS:.*]]: f32, %[[SCALE:.*]]: f32
// CHECK: %[[GA:.*]] = arith.mulf %[[A]], %[[LESS]]
// CHECK: %[[NA:.*]] = arith.negf %[[GA]]
// CHECK: %[[RA:.*]] = math.fma %[[A]], %[[SCALE]], %[[NA]] : f32
// CHECK: %[[GB:.*]] = arith.mulf %[[B]], %[[LESS]]
// CHECK-NOT: arith.negf
// CHECK: %[[SB:.*]] = arith.addf %[[B]], %[[GB]]
// CHECK: %[[RB:.*]] = arith.subf %[[SB]], %[[GB]]
// CHECK: %[[NC:.*]] = arith.negf
// CHECK: %[[RC:.*]] = math.fma %[[C]], %[[SCALE]], %[[NC]] : f32
// CHECK: %[[OWN:.*]] = math.fma %[[A]], %[[B]], %[[C]] : f32
// CHECK: return %[[RA]], %[[RB]], %[[RC]], %[[OWN]]
// ONE-COUNT-4: math.fma {{[^{]*}} : f32
// ONE-NOT: arith.addf
func.func @four(%a: f32, %b: f32, %c: f32, %less: f32, %scale: f32) -> (f32, f32, f32, f32) {
  %ga = arith.mulf %a, %less : f32
  %na = arith.negf %ga : f32
  %ra = math.fma %a, %scale, %na {two_ops} : f32
  %gb = arith.mulf %b, %less : f32
  %nb = arith.negf %gb : f32
  %rb = math.fma %b, %scale, %nb {two_ops} : f32
  %gc = arith.mulf %c, %less : f32
  %nc = arith.negf %gc : f32
  %rc = math.fma %c, %scale, %nc {two_ops} : f32
  %own = math.fma %a, %b, %c : f32
  return %ra, %rb, %rc, %own : f32, f32, f32, f32
}
