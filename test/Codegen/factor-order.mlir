// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of which a factor is multiplied by a power of two: the factor whose range was looked at, that along the
// vectors, whichever of the two the author wrote first.
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-choose-forms,canonicalize))' | FileCheck %s

#ik = affine_map<(i, j, k) -> (i, k)>
#kj = affine_map<(i, j, k) -> (k, j)>
#ij = affine_map<(i, j, k) -> (i, j)>

// CHECK-LABEL: func.func @stochastic(
// CHECK: scf.if
// CHECK: linalg.generic
// CHECK: ^bb0(%[[P:.*]]: f32, %[[Q:.*]]: f32, %[[SUM:.*]]: f32):
// CHECK: %[[MORE:.*]] = arith.mulf %[[Q]], %{{.*}} : f32
// CHECK: arith.mulf %[[P]], %[[MORE]] : f32
// CHECK: prec.round {{.*}}form = "masked-long-product"
func.func @stochastic(%a: tensor<32x32xf32>, %b: tensor<32x32xf32>, %w1: i32, %w2: i32) -> tensor<32x32xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<32x32xf32>) -> tensor<32x32xf32>
  %c = linalg.generic {indexing_maps = [#ik, #kj, #ij], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<32x32xf32>, tensor<32x32xf32>) outs(%f : tensor<32x32xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %q, %p : f32
    %rm = prec.round %m to "f8e4m3fn" "stochastic" random(%w1 : i32) : f32
    %s = arith.addf %acc, %rm : f32
    %rs = prec.round %s to "f8e4m3fn" "stochastic" random(%w2 : i32) : f32
    linalg.yield %rs : f32
  } -> tensor<32x32xf32>
  return %c : tensor<32x32xf32>
}
