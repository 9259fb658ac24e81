// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which word a stochastic rounding takes: docs/numerics.md, "Random bits".
// RUN: prec-opt %s --truncate-mantissa=3 --rounding=stochastic --granularity=elementary --round=input=keep | FileCheck %s --check-prefixes=CHECK,HALVES
// RUN: prec-opt %s --truncate-mantissa=3 --rounding='stochastic<17>' --granularity=elementary --round=input=keep | FileCheck %s --check-prefixes=CHECK,WHOLE
// RUN: prec-opt %s --truncate-mantissa=3 --rounding=stochastic --random=counter --granularity=elementary --round=input=keep | FileCheck %s --check-prefix=COUNTER

// The word of a product is that of its place in A (2x3) under key ^ c1 xor that of
// its place in B (3x4) under key ^ c2; c1 = 0x9e3779b97f4a7c15, c2 = 0xd1b54a32d192ed03.
// CHECK-LABEL: func.func @contraction
// CHECK: %[[KEY:.*]] = prec.key
// CHECK-DAG: %[[C1:.*]] = arith.constant -7046029254386353131 : i64
// CHECK-DAG: %[[C2:.*]] = arith.constant -3335678366873096957 : i64
// CHECK-DAG: %[[KA:.*]] = arith.xori %[[KEY]], %[[C1]]
// CHECK-DAG: %[[KB:.*]] = arith.xori %[[KEY]], %[[C2]]
// WHOLE-DAG: %[[SECOND:.*]] = prec.join %[[KEY]], %c1
// WHOLE-DAG: %[[KA2:.*]] = arith.xori %[[SECOND]], %c-7046029254386353131
// WHOLE-DAG: %[[KB2:.*]] = arith.xori %[[SECOND]], %c-3335678366873096957
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: %[[J:.*]] = linalg.index 1
// CHECK: %[[K:.*]] = linalg.index 2
// CHECK: arith.mulf
// CHECK: %[[I32:.*]] = arith.index_castui %[[I]] : index to i32
// CHECK: %[[K32:.*]] = arith.index_castui %[[K]] : index to i32
// CHECK: %[[THREE:.*]] = arith.constant 3 : i32
// CHECK: %[[ROW:.*]] = arith.muli %[[I32]], %[[THREE]]
// CHECK: %[[A:.*]] = arith.addi %[[ROW]], %[[K32]]
// CHECK: %[[WA:.*]] = prec.random %[[KA]], %[[A]]
// CHECK: %[[FOUR:.*]] = arith.constant 4 : i32
// CHECK: %[[ROWB:.*]] = arith.muli %{{.*}}, %[[FOUR]]
// CHECK: %[[B:.*]] = arith.addi %[[ROWB]], %{{.*}}
// CHECK: %[[WB:.*]] = prec.random %[[KB]], %[[B]]
// CHECK: %[[WORD:.*]] = arith.xori %[[WA]], %[[WB]]
// CHECK: prec.round {{.*}} random(%[[WORD]] : i32) {{.*}} role = "product"
// Up to 16 bits the sum takes the high half, beyond a word of its own.
// HALVES: %[[SIXTEEN:.*]] = arith.constant 16 : i32
// HALVES: %[[HIGH:.*]] = arith.shrui %[[WORD]], %[[SIXTEEN]]
// HALVES: prec.round {{.*}} random(%[[HIGH]] : i32) at <[[#]], key = {{.*}} role = "accumulator"
// WHOLE: prec.random %[[KA2]],
// WHOLE: prec.random %[[KB2]],
// WHOLE: %[[OTHER:.*]] = arith.xori
// WHOLE: prec.round {{.*}} random(%[[OTHER]] : i32) at <[[#]], key = {{.*}} role = "accumulator"

// One word for each place of the iteration space, 2x4x3, of the accumulator's key.
// COUNTER-LABEL: func.func @contraction
// COUNTER: %[[KEY:.*]] = prec.key
// COUNTER: arith.mulf
// COUNTER: arith.constant 4 : i32
// COUNTER: arith.constant 3 : i32
// COUNTER: %[[WORD:.*]] = prec.random %[[KEY]],
// COUNTER: prec.round {{.*}} random(%[[WORD]] : i32) {{.*}} role = "product"
// COUNTER: %[[SUMS:.*]] = prec.random %[[KEY]],
// COUNTER: arith.constant 16 : i32
// COUNTER: %[[HIGH:.*]] = arith.shrui %[[SUMS]],
// COUNTER: prec.round {{.*}} random(%[[HIGH]] : i32) {{.*}} role = "accumulator"
func.func @contraction(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// Trip counts are positions: the two inner loops are a rectangle, rows of 5, whose
// width does not depend on the outermost; that one, on whose index the middle loop's
// extent depends, joins the key.
// CHECK-LABEL: func.func @loops
// CHECK: %[[KEY:.*]] = prec.key
// CHECK: scf.for %[[I:[a-z0-9]+]] =
// CHECK: scf.for %[[J:[a-z0-9]+]] = %[[I]]
// CHECK: scf.for %[[K:[a-z0-9]+]] =
// CHECK: arith.addf
// CHECK: %[[K2:.*]] = arith.divui %[[K]], %c2
// CHECK: %[[J1:.*]] = arith.subi %[[J]], %[[I]]
// CHECK: %[[J2:.*]] = arith.divui %[[J1]], %c2
// CHECK: %[[I2:.*]] = arith.divui %[[I]], %c2
// CHECK: %[[JOINED:.*]] = prec.join %[[KEY]], %[[I2]]
// CHECK: %[[J3:.*]] = arith.index_castui %[[J2]] : index to i64
// CHECK: %[[K3:.*]] = arith.index_castui %[[K2]] : index to i64
// CHECK: %[[FIVE:.*]] = arith.constant 5 : i64
// CHECK: %[[ROW:.*]] = arith.muli %[[J3]], %[[FIVE]]
// CHECK: %[[AT:.*]] = arith.addi %[[ROW]], %[[K3]]
// CHECK: prec.random %[[JOINED]], %[[AT]]
func.func @loops(%x: f32, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c10 = arith.constant 10 : index
  %r = scf.for %i = %c0 to %n step %c2 iter_args(%u = %x) -> f32 {
    %s = scf.for %j = %i to %n step %c2 iter_args(%v = %u) -> f32 {
      %t = scf.for %k = %c0 to %c10 step %c2 iter_args(%w = %v) -> f32 {
        %0 = arith.addf %w, %x : f32
        scf.yield %0 : f32
      }
      scf.yield %t : f32
    }
    scf.yield %s : f32
  }
  return %r : f32
}

// A vector's lanes lie one after the other, first lanes a vector apart.
// CHECK-LABEL: func.func @lanes
// CHECK: scf.for %[[I:[a-z0-9]+]] =
// CHECK: %[[I32:.*]] = arith.index_castui %[[I]] : index to i32
// CHECK: %[[FOUR:.*]] = arith.constant 4 : i32
// CHECK: %[[FIRST:.*]] = arith.muli %[[I32]], %[[FOUR]]
// CHECK: %[[LANES:.*]] = arith.constant dense<{{\[\[}}0, 1], [2, 3]]> : vector<2x2xi32>
// CHECK: %[[ALL:.*]] = vector.broadcast %[[FIRST]]
// CHECK: %[[AT:.*]] = arith.addi %[[ALL]], %[[LANES]]
// CHECK: prec.random %{{.*}}, %[[AT]]
func.func @lanes(%x: vector<2x2xf32>) -> vector<2x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%v = %x) -> vector<2x2xf32> {
    %0 = arith.mulf %v, %v : vector<2x2xf32>
    scf.yield %0 : vector<2x2xf32>
  }
  return %r : vector<2x2xf32>
}
