// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Class and role of every kind of operation, each class with a width of its own, and of what is in bodies.
// RUN: prec-opt %s --round='@contraction=m1' --round='@reduction=m2' --round='@elementwise=m3' --round='@other=m4' --round='product=m5' --round='accumulator=m6' --report-sites=csv | FileCheck %s

// Columns: site, entry, phase, scope, op, role, granularity, format.
// CHECK: {{^}}0,f,forward,,a,input,op,m1,
// CHECK: {{^}}[[#]],f,forward,,linalg.matmul,activation,op,m1,
// CHECK-NEXT: {{^}}[[#]],f,forward,,arith.mulf,product,elementary,m5,
// CHECK-NEXT: {{^}}[[#]],f,forward,,arith.addf,accumulator,elementary,m6,
func.func @f(%a: tensor<2x3xf32> {prec.name = "a"}, %b: tensor<3x4xf32>, %c: tensor<2x4xf32>) -> (tensor<2xf32>, tensor<2xf32>, f32) {
  %0 = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  // Two sums at once: each has its accumulator; what is added is neither product nor accumulator.
  // CHECK-NEXT: {{^}}[[#]],f,forward,,tensor.empty,activation,op,m4,
  // CHECK-NEXT: {{^}}[[#]],f,forward,,linalg.generic,activation,op,m2,
  // CHECK-NEXT: {{^}}[[#]],f,forward,,arith.mulf,activation,op,m2,{{.*}},uncovered,
  // CHECK-NEXT: {{^}}[[#]],f,forward,,arith.addf,accumulator,elementary,m6,
  // CHECK-NEXT: {{^}}[[#]],f,forward,,arith.addf,accumulator,elementary,m6,
  %e = tensor.empty() : tensor<2xf32>
  %1:2 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%0 : tensor<2x4xf32>) outs(%e, %e : tensor<2xf32>, tensor<2xf32>) {
  ^bb0(%v: f32, %s: f32, %q: f32):
    %square = arith.mulf %v, %v : f32
    %sum = arith.addf %s, %v : f32
    %squares = arith.addf %square, %q : f32
    linalg.yield %sum, %squares : f32, f32
  } -> (tensor<2xf32>, tensor<2xf32>)
  // CHECK-NEXT: {{^}}[[#]],f,forward,,linalg.exp,activation,op,m3,
  // CHECK-NEXT: {{^}}[[#]],f,forward,,math.exp,activation,op,m3,{{.*}},uncovered,
  %2 = linalg.exp ins(%1#0 : tensor<2xf32>) outs(%e : tensor<2xf32>) -> tensor<2xf32>
  // CHECK-NEXT: {{^}}[[#]],f,forward,,tensor.extract,activation,op,m4,
  // CHECK-NEXT: {{^}}[[#]],f,forward,,math.sin,activation,op,m3,
  %i = arith.constant 0 : index
  %3 = tensor.extract %2[%i] : tensor<2xf32>
  %4 = math.sin %3 : f32
  return %2, %1#1, %4 : tensor<2xf32>, tensor<2xf32>, f32
}

// A product of one input with itself, a product with the accumulator, a sum that reads its accumulator twice, one
// without a reduction: none of these is a contraction.
// CHECK: linalg.generic,activation,op,m2,
// CHECK-NEXT: arith.mulf,activation,op,m2,
// CHECK-NEXT: arith.addf,accumulator,
// CHECK: linalg.generic,activation,op,m2,
// CHECK-NEXT: arith.mulf,activation,op,m2,
// CHECK-NEXT: arith.addf,activation,
// CHECK: linalg.generic,activation,op,m2,
// CHECK-NEXT: arith.addf,activation,op,m2,
// CHECK: linalg.generic,activation,op,m3,
// CHECK-NEXT: arith.mulf,activation,op,m3,
// CHECK-NEXT: arith.addf,activation,op,m3,
#in = affine_map<(i, j) -> (i, j)>
#out = affine_map<(i, j) -> (i)>
func.func @g(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>, %c: tensor<2xf32>, %d: tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2x3xf32>) {
  %0 = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%a : tensor<2x3xf32>) outs(%c : tensor<2xf32>) {
  ^bb0(%x: f32, %acc: f32):
    %p = arith.mulf %x, %x : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2xf32>
  %1 = linalg.generic {indexing_maps = [#in, #in, #out], iterator_types = ["parallel", "reduction"]} ins(%a, %b : tensor<2x3xf32>, tensor<2x3xf32>) outs(%c : tensor<2xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %acc, %y : f32
    %s = arith.addf %x, %p : f32
    linalg.yield %s : f32
  } -> tensor<2xf32>
  %2 = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]} ins(%a : tensor<2x3xf32>) outs(%c : tensor<2xf32>) {
  ^bb0(%x: f32, %acc: f32):
    %s = arith.addf %acc, %acc : f32
    linalg.yield %s : f32
  } -> tensor<2xf32>
  %3 = linalg.generic {indexing_maps = [#in, #in, #in], iterator_types = ["parallel", "parallel"]} ins(%a, %b : tensor<2x3xf32>, tensor<2x3xf32>) outs(%d : tensor<2x3xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x3xf32>
  return %0, %1, %2, %3 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2x3xf32>
}
