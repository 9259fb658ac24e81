// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tensor's stochastic rounding becomes a loop whose words depend on positions.
// RUN: prec-opt %s --one-shot-bufferize="bufferize-function-boundaries" | FileCheck %s

// The word of an element is the key's at its row-major position.
// CHECK-LABEL: func @stochastic
// CHECK: linalg.generic
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: %[[J:.*]] = linalg.index 1
// CHECK: %[[I32:.*]] = arith.index_castui %[[I]] : index to i32
// CHECK: %[[J32:.*]] = arith.index_castui %[[J]] : index to i32
// CHECK: %[[COLUMNS:.*]] = arith.constant 6 : i32
// CHECK: %[[ROW:.*]] = arith.muli %[[I32]], %[[COLUMNS]]
// CHECK: %[[POSITION:.*]] = arith.addi %[[ROW]], %[[J32]]
// CHECK: %[[WORD:.*]] = prec.random %{{.*}}, %[[POSITION]] : i64, i32 -> i32
// CHECK: prec.round %{{.*}} to "m7" "stochastic" random(%[[WORD]] : i32) : f32
func.func @stochastic(%t: tensor<4x6xf32>, %key: i64) -> tensor<4x6xf32> {
  %0 = prec.round %t to "m7" "stochastic" random(%key : i64) : tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}
