// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A sum in blocks is a loop over blocks, each of which is a sum like others.
// RUN: prec-opt %s --sum='blocked<8,e5m10>' --emit=rounded | prec-opt --pass-pipeline='builtin.module(func.func(prec-fix-order,canonicalize,cse,prec-split-blocks))' | FileCheck %s
// RUN: prec-opt %s --sum='blocked<4,e5m10>' --emit=rounded | prec-opt --pass-pipeline='builtin.module(func.func(prec-fix-order,canonicalize,cse,prec-split-blocks))' | FileCheck %s --check-prefix=SMALL
// SMALL-NOT: scf.for
// SMALL: arith.remui

// Two whole blocks and five elements.
// CHECK-LABEL: func.func @known(
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [3, 8] [1, 1]
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [8, 5] [1, 1]
// CHECK: %[[FIRST:.*]] = linalg.generic {{.*}} ins({{.*}} : tensor<3x8xf32>, tensor<8x5xf32>)
// CHECK: scf.for %[[AT:.*]] = %{{.*}} to %c16{{.*}} iter_args(%[[TOTAL:.*]] = %{{.*}}, %[[BLOCK:.*]] = %[[FIRST]])
// CHECK: linalg.generic {{.*}} ins(%[[BLOCK]] : tensor<3x5xf32>) outs(%[[TOTAL]] : tensor<3x5xf32>)
// CHECK: arith.addf
// CHECK: prec.round %{{.*}} to "e5m10" "nearest-even"
// CHECK: %[[ZEROS:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[BLOCK]]
// CHECK: tensor.extract_slice %{{.*}}[0, %[[AT]]] [3, 8] [1, 1]
// CHECK: tensor.extract_slice %{{.*}}[%[[AT]], 0] [8, 5] [1, 1]
// CHECK: linalg.generic {{.*}} ins({{.*}} : tensor<3x8xf32>, tensor<8x5xf32>) outs(%[[ZEROS]]
// CHECK: scf.yield
// CHECK: tensor.extract_slice %{{.*}}[0, 16] [3, 5] [1, 1]
// CHECK: tensor.extract_slice %{{.*}}[16, 0] [5, 5] [1, 1]
// CHECK-NOT: arith.remui
func.func @known(%a: tensor<3x21xf32>, %b: tensor<21x5xf32>, %c: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<3x21xf32>, tensor<21x5xf32>) outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %r : tensor<3x5xf32>
}

// Each block has as many elements as are left.
// CHECK-LABEL: func.func @unknown(
// CHECK: arith.minui
// CHECK: scf.for %[[AT:.*]] = %{{.*}} to %dim
// CHECK: %[[LEFT:.*]] = arith.subi %{{.*}}, %[[AT]]
// CHECK: %[[COUNT:.*]] = arith.minui %{{.*}}, %[[LEFT]]
// CHECK: tensor.extract_slice %{{.*}}[0, %[[AT]]] [3, %[[COUNT]]] [1, 1]
func.func @unknown(%a: tensor<3x?xf32>, %b: tensor<?x5xf32>, %c: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<3x?xf32>, tensor<?x5xf32>) outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %r : tensor<3x5xf32>
}

// Words of noise count from the beginning of the sum: left as it is.
// CHECK-LABEL: func.func @noise(
// CHECK-NOT: scf.for
// CHECK: arith.remui
func.func @noise(%a: tensor<3x21xf32>, %b: tensor<21x5xf32>, %c: tensor<3x5xf32>) -> tensor<3x5xf32>
    attributes {prec.policy = "product=m3:stochastic@elementary"} {
  %r = linalg.matmul ins(%a, %b : tensor<3x21xf32>, tensor<21x5xf32>) outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %r : tensor<3x5xf32>
}
