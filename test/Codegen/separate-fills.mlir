// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each operation that writes over a fill gets one of its own, right before it; what only reads the fill keeps it.
// RUN: prec-opt %s --prec-separate-fills | FileCheck %s

#row = affine_map<(m, n) -> (m, n)>
#sum = affine_map<(m, n) -> (m)>
#id = affine_map<(n) -> (n)>

// CHECK-LABEL: func.func @two_sums(
// CHECK: %[[KEPT:.*]] = linalg.fill
// CHECK: %[[A:.*]] = linalg.fill
// CHECK-NEXT: linalg.generic {{.*}} outs(%[[A]]
// CHECK: %[[B:.*]] = linalg.fill
// CHECK-NEXT: linalg.generic {{.*}} outs(%[[B]]
// CHECK: return %{{.*}}, %{{.*}}, %[[KEPT]]
func.func @two_sums(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %a = linalg.generic {indexing_maps = [#row, #sum], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xf32>) outs(%fill : tensor<4xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %o, %u : f32
    linalg.yield %v : f32
  } -> tensor<4xf32>
  %b = linalg.generic {indexing_maps = [#row, #sum], iterator_types = ["parallel", "reduction"]} ins(%y : tensor<4x8xf32>) outs(%fill : tensor<4xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %o, %u : f32
    linalg.yield %v : f32
  } -> tensor<4xf32>
  return %a, %b, %fill : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// Not a fill: what it writes depends on an input, or on the place.
// CHECK-LABEL: func.func @no_fills(
// CHECK-COUNT-4: linalg.generic
// CHECK-NOT: linalg.generic
func.func @no_fills(%x: tensor<4xf32>, %y: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %e = tensor.empty() : tensor<4xf32>
  %copy = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%u: f32, %o: f32):
    linalg.yield %u : f32
  } -> tensor<4xf32>
  %place = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%e : tensor<4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %n = arith.index_cast %i : index to i32
    %f = arith.sitofp %n : i32 to f32
    linalg.yield %f : f32
  } -> tensor<4xf32>
  %a = linalg.generic {indexing_maps = [#row, #sum], iterator_types = ["parallel", "reduction"]} ins(%y : tensor<4x8xf32>) outs(%copy : tensor<4xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %o, %u : f32
    linalg.yield %v : f32
  } -> tensor<4xf32>
  %b = linalg.generic {indexing_maps = [#row, #sum], iterator_types = ["parallel", "reduction"]} ins(%y : tensor<4x8xf32>) outs(%place : tensor<4xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %o, %u : f32
    linalg.yield %v : f32
  } -> tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// A branch has a buffer of its own: it would have to copy one from outside to give it.
// CHECK-LABEL: func.func @branches(
// CHECK: scf.if
// CHECK: %[[A:.*]] = tensor.empty
// CHECK-NEXT: linalg.generic {{.*}} outs(%[[A]]
// CHECK: else
// CHECK: %[[B:.*]] = tensor.empty
// CHECK-NEXT: linalg.generic {{.*}} outs(%[[B]]
func.func @branches(%x: tensor<4xf32>, %c: i1) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %r = scf.if %c -> tensor<4xf32> {
    %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%u: f32, %o: f32):
      %n = arith.negf %u : f32
      linalg.yield %n : f32
    } -> tensor<4xf32>
    scf.yield %a : tensor<4xf32>
  } else {
    %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%u: f32, %o: f32):
      %n = arith.addf %u, %u : f32
      linalg.yield %n : f32
    } -> tensor<4xf32>
    scf.yield %b : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}
