// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a convolution computes from the place of an operand's element alone is computed once for
// each element of the operand, not for each of its uses; also where the place has an offset.
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-hoist-tables))' | FileCheck %s

#x = affine_map<(n, f, h, w, c, k, l) -> (n, c, h + k, w + l)>
#y = affine_map<(n, f, h, w, c, k, l) -> (f, c, k, l)>
#z = affine_map<(n, f, h, w, c, k, l) -> (n, f, h, w)>
// CHECK-DAG: #[[$WINDOW:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 + d5, d3 + d6)>
// CHECK-DAG: #[[$WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>
// CHECK-LABEL: func @conv
// CHECK-SAME: %[[X:.*]]: tensor<8x16x18x18xf32>, %[[W:.*]]: tensor<32x16x5x5xf32>
func.func @conv(%x: tensor<8x16x18x18xf32>, %w: tensor<32x16x5x5xf32>, %e: tensor<8x32x14x14xf32>, %key: i32) -> tensor<8x32x14x14xf32> {
  %c18 = arith.constant 18 : i32
  %c7 = arith.constant 7 : i32
  // CHECK: %[[TABLE:.*]] = linalg.generic
  // CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%{{.*}} : tensor<8x16x18x18xi32>)
  // CHECK: %[[ROW:.*]] = linalg.index 2
  // CHECK: arith.addi %[[ROW]], %{{.*}} : index
  // CHECK: arith.xori
  // CHECK: linalg.yield
  // CHECK: linalg.generic {indexing_maps = [#[[$WINDOW]], #[[$WEIGHT]], #[[$WINDOW]],
  // CHECK-SAME: ins(%[[X]], %[[W]], %[[TABLE]] :
  // CHECK-NOT: linalg.index
  %r = linalg.generic {indexing_maps = [#x, #y, #z],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<8x16x18x18xf32>, tensor<32x16x5x5xf32>) outs(%e : tensor<8x32x14x14xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %n = linalg.index 0 : index
    %c = linalg.index 4 : index
    %h = linalg.index 2 : index
    %k = linalg.index 5 : index
    %shifted = affine.apply affine_map<()[s] -> (s + 2)>()[%h]
    %row = arith.addi %shifted, %k : index
    %i = arith.index_castui %n : index to i32
    %j = arith.index_castui %c : index to i32
    %m = arith.index_castui %row : index to i32
    %p = arith.muli %i, %c18 : i32
    %q = arith.addi %p, %j : i32
    %s = arith.muli %q, %c18 : i32
    %t = arith.addi %s, %m : i32
    %u = arith.xori %t, %key : i32
    %v = arith.shrui %u, %c7 : i32
    %word = arith.xori %u, %v : i32
    %product = arith.mulf %a, %b : f32
    %bits = arith.bitcast %product : f32 to i32
    %sum = arith.addi %bits, %word : i32
    %number = arith.bitcast %sum : i32 to f32
    %next = arith.addf %acc, %number : f32
    linalg.yield %next : f32
  } -> tensor<8x32x14x14xf32>
  return %r : tensor<8x32x14x14xf32>
}

// What depends on no loop is computed once before them.
#a = affine_map<(i, k) -> (i, k)>
#o = affine_map<(i, k) -> (i)>
// CHECK-LABEL: func @scalars
// CHECK-SAME: %{{.*}}: tensor<8x16xf32>, %{{.*}}: tensor<8xf32>, %[[BITS:.*]]: i32
// CHECK: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK: %[[MASK:.*]] = arith.shli %[[ONE]], %[[BITS]]
// CHECK: %[[KEEP:.*]] = arith.subi %[[MASK]], %[[ONE]]
// CHECK: linalg.generic
// CHECK-NOT: arith.shli
// CHECK: arith.andi %{{.*}}, %[[KEEP]]
func.func @scalars(%x: tensor<8x16xf32>, %e: tensor<8xf32>, %bits: i32) -> tensor<8xf32> {
  %r = linalg.generic {indexing_maps = [#a, #o], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<8x16xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %one = arith.constant 1 : i32
    %mask = arith.shli %one, %bits : i32
    %keep = arith.subi %mask, %one : i32
    %sum = arith.addf %a, %acc : f32
    %word = arith.bitcast %sum : f32 to i32
    %kept = arith.andi %word, %keep : i32
    %next = arith.bitcast %kept : i32 to f32
    linalg.yield %next : f32
  } -> tensor<8xf32>
  return %r : tensor<8xf32>
}
