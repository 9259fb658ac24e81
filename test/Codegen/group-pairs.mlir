// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pairwise sum takes eight elements at a time through a tree without choices.
// RUN: prec-opt %s --round='accumulator=e5m10' --sum=pairwise --emit=rounded | prec-opt --pass-pipeline='builtin.module(func.func(prec-fix-order,canonicalize,cse,prec-group-pairs,canonicalize,cse))' | FileCheck %s

// Three groups, of which two levels are left, and three elements.
// CHECK-LABEL: func.func @known(
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [3, 3] [1, 8]
// CHECK: tensor.extract_slice %{{.*}}[7, 0] [3, 5] [8, 1]
// CHECK: linalg.generic {{.*}}"reduction"{{.*}} outs(%{{.*}}, %{{.*}} : tensor<3x5xf32>, tensor<3x5xf32>)
// CHECK-COUNT-7: prec.round %{{.*}} to "e5m10"
// CHECK: arith.select
// CHECK: prec.round %{{.*}} to "e5m10"
// CHECK: arith.select
// CHECK: linalg.yield %{{.*}}, %{{.*}} : f32, f32
// CHECK: tensor.extract_slice %{{.*}}[0, 26] [3, 1] [1, 1] : tensor<3x27xf32> to tensor<3xf32>
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]{{.*}} outs(%{{.*}}, %{{.*}} : tensor<3x5xf32>, tensor<3x5xf32>)
// CHECK-COUNT-1: prec.round %{{.*}} to "e5m10"
// CHECK-NOT: prec.round
// CHECK: linalg.yield %{{.*}}, %{{.*}} : f32, f32
func.func @known(%a: tensor<3x27xf32>, %b: tensor<27x5xf32>, %c: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<3x27xf32>, tensor<27x5xf32>) outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %r : tensor<3x5xf32>
}

// CHECK-LABEL: func.func @unknown(
// CHECK-NOT: tensor.extract_slice
func.func @unknown(%a: tensor<3x?xf32>, %b: tensor<?x5xf32>, %c: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<3x?xf32>, tensor<?x5xf32>) outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %r : tensor<3x5xf32>
}
