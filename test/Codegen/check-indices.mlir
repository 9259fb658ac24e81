// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Indices from data get a check; those of loops, and those that the program limits, none.
// RUN: prec-opt %s -split-input-file --prec-check-indices | FileCheck %s

// One reduction over the tokens alone, not over what is read for each of them.
#in = affine_map<(d0, d1) -> (d0)>
#out = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func @embedding
// CHECK-SAME: %[[TABLE:.*]]: tensor<16x4xf32>, %[[TOKENS:.*]]: tensor<?xi32>
func.func @embedding(%table: tensor<16x4xf32>, %tokens: tensor<?xi32>, %e: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: %[[FOUND:.*]] = linalg.generic {{.*}}iterator_types = ["reduction"]} ins(%[[TOKENS]], %{{.*}} : tensor<?xi32>, tensor<?xi1>)
  // CHECK: arith.cmpi uge
  // CHECK: %[[WORST:.*]] = tensor.extract %[[FOUND]][]
  // CHECK: scf.if
  // CHECK: func.call @prec_report_index
  // CHECK: linalg.generic
  // CHECK: arith.minsi
  // CHECK: arith.maxsi
  // CHECK: tensor.extract %[[TABLE]]
  %0 = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel"]}
    ins(%tokens : tensor<?xi32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%in: i32, %out: f32):
    %i = arith.index_cast %in : i32 to index
    %j = linalg.index 1 : index
    %x = tensor.extract %table[%i, %j] : tensor<16x4xf32>
    linalg.yield %x : f32
  } -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// As JAX's gather: limited by the program itself, in either order.
// CHECK-LABEL: func @limited
// CHECK-NOT: call @prec_report_index
func.func @limited(%table: tensor<16xf32>, %i: i32) -> (f32, f32) {
  %c0 = arith.constant 0 : i32
  %c15 = arith.constant 15 : i32
  %a = arith.maxsi %i, %c0 : i32
  %b = arith.minsi %a, %c15 : i32
  %c = arith.index_cast %b : i32 to index
  %x = tensor.extract %table[%c] : tensor<16xf32>
  %d = arith.minsi %i, %c15 : i32
  %e = arith.maxsi %d, %c0 : i32
  %f = arith.index_cast %e : i32 to index
  %y = tensor.extract %table[%f] : tensor<16xf32>
  return %x, %y : f32, f32
}

// -----

// Limited on one side only, or beyond the end.
// CHECK-LABEL: func @not_limited
// CHECK-COUNT-3: call @prec_report_index
// CHECK-NOT: call @prec_report_index
func.func @not_limited(%table: tensor<16xf32>, %i: i32) -> (f32, f32, f32) {
  %c0 = arith.constant 0 : i32
  %c15 = arith.constant 15 : i32
  %c16 = arith.constant 16 : i32
  %a = arith.maxsi %i, %c0 : i32
  %b = arith.index_cast %a : i32 to index
  %x = tensor.extract %table[%b] : tensor<16xf32>
  %d = arith.minsi %i, %c15 : i32
  %e = arith.index_cast %d : i32 to index
  %y = tensor.extract %table[%e] : tensor<16xf32>
  %f = arith.minsi %a, %c16 : i32
  %g = arith.index_cast %f : i32 to index
  %z = tensor.extract %table[%g] : tensor<16xf32>
  return %x, %y, %z : f32, f32, f32
}

// -----

// CHECK-LABEL: func @loop
// CHECK-NOT: call @prec_report_index
func.func @loop(%t: tensor<16xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %s = scf.for %i = %c0 to %c16 step %c1 iter_args(%acc = %zero) -> f32 {
    %x = tensor.extract %t[%i] : tensor<16xf32>
    %y = arith.addf %acc, %x : f32
    scf.yield %y : f32
  }
  return %s : f32
}

// -----

// What a constant tensor holds is data, too.
// CHECK-LABEL: func @constant
// CHECK: scf.for
// CHECK: %[[J:.*]] = tensor.extract %{{.*}} : tensor<3xindex>
// CHECK: arith.cmpi uge, %[[J]]
// CHECK: func.call @prec_report_index
func.func @constant(%t: tensor<5xf32>, %v: f32) -> tensor<5xf32> {
  %table = arith.constant dense<[0, 3, 9]> : tensor<3xindex>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%acc = %t) -> tensor<5xf32> {
    %j = tensor.extract %table[%i] : tensor<3xindex>
    %next = tensor.insert %v into %acc[%j] : tensor<5xf32>
    scf.yield %next : tensor<5xf32>
  }
  return %r : tensor<5xf32>
}
