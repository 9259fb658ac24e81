// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An elementwise operation writes over an input that it reads last, not over one that is read again, nor over an argument.
// RUN: prec-opt %s --prec-write-in-place | FileCheck %s

#id = affine_map<(n) -> (n)>
#back = affine_map<(n) -> (-n + 7)>

// CHECK-LABEL: func.func @last(
// CHECK: %[[A:.*]] = linalg.generic {{.*}} outs(%{{[0-9]+}} : tensor<8xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[A]] : tensor<8xf32>) outs(%[[A]] : tensor<8xf32>)
func.func @last(%x: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  return %b : tensor<8xf32>
}

// CHECK-LABEL: func.func @read_again(
// CHECK-COUNT-3: linalg.generic {{.*}} outs(%{{[0-9]+}} : tensor<8xf32>)
func.func @read_again(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  // Backwards: the last element is read after the first was written.
  %c = linalg.generic {indexing_maps = [#back, #id], iterator_types = ["parallel"]} ins(%a : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    linalg.yield %u : f32
  } -> tensor<8xf32>
  return %b, %c : tensor<8xf32>, tensor<8xf32>
}

// A view of the value is read later.
// CHECK-LABEL: func.func @viewed(
// CHECK-COUNT-2: linalg.generic {{.*}} outs(%{{[0-9]+}} : tensor<8xf32>)
func.func @viewed(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<2x4xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %view = tensor.expand_shape %a [[0, 1]] output_shape [2, 4] : tensor<8xf32> into tensor<2x4xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  return %b, %view : tensor<8xf32>, tensor<2x4xf32>
}
