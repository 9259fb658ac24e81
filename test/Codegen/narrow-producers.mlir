// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Only the part of a reduction that is used is computed, also behind a rounding; elements keep
// their positions. What it reads is padded by two instead of four.
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-narrow-producers,canonicalize))' | FileCheck %s

#image = affine_map<(n, y, x, r, s) -> (n, y + r, x + s)>
#filter = affine_map<(n, y, x, r, s) -> (r, s)>
#out = affine_map<(n, y, x, r, s) -> (n, y, x)>
#id = affine_map<(n, y, x) -> (n, y, x)>

// CHECK-DAG: #[[$PLUS:.*]] = affine_map<()[s0] -> (s0 + 2)>
// CHECK-LABEL: func.func @gradient(
// CHECK: %[[PADDED:.*]] = tensor.pad %{{.*}} low[0, 2, 2] high[0, 2, 2]
// CHECK: : tensor<?x14x14xf32> to tensor<?x18x18xf32>
// CHECK: %[[SUM:.*]] = linalg.generic
// CHECK-SAME: ins(%[[PADDED]], %{{.*}} : tensor<?x18x18xf32>, tensor<5x5xf32>)
// CHECK: -> tensor<?x14x14xf32>
// CHECK: %[[ROUNDED:.*]] = linalg.generic
// CHECK-SAME: ins(%[[SUM]] : tensor<?x14x14xf32>)
// CHECK: %[[Y:.*]] = linalg.index 1
// CHECK: affine.apply #[[$PLUS]]()[%[[Y]]]
// CHECK: prec.round
// CHECK: -> tensor<?x14x14xf32>
// CHECK: return %[[ROUNDED]]
func.func @gradient(%x: tensor<?x14x14xf32>, %w: tensor<5x5xf32>) -> tensor<?x14x14xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %x low[0, 4, 4] high[0, 4, 4] {
  ^bb0(%n: index, %i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<?x14x14xf32> to tensor<?x22x22xf32>
  %count = tensor.dim %x, %c0 : tensor<?x14x14xf32>
  %empty = tensor.empty(%count) : tensor<?x18x18xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x18x18xf32>) -> tensor<?x18x18xf32>
  %sum = linalg.generic {indexing_maps = [#image, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%padded, %w : tensor<?x22x22xf32>, tensor<5x5xf32>) outs(%start : tensor<?x18x18xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %next = math.fma %a, %b, %acc : f32
    linalg.yield %next : f32
  } -> tensor<?x18x18xf32>
  %size = tensor.dim %sum, %c0 : tensor<?x18x18xf32>
  %room = tensor.empty(%size) : tensor<?x18x18xf32>
  %rounded = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum : tensor<?x18x18xf32>) outs(%room : tensor<?x18x18xf32>) {
  ^bb0(%a: f32, %o: f32):
    %y = linalg.index 1 : index
    %bits = arith.index_cast %y : index to i32
    %r = prec.round %a to "m7" "stochastic" random(%bits : i32) : f32
    linalg.yield %r : f32
  } -> tensor<?x18x18xf32>
  %part = tensor.extract_slice %rounded[0, 2, 2] [%size, 14, 14] [1, 1, 1] : tensor<?x18x18xf32> to tensor<?x14x14xf32>
  return %part : tensor<?x14x14xf32>
}
