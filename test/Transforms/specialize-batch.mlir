// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The batch's size is a constant of @step, and no other function's.
// RUN: prec-opt %s "--prec-specialize-batch=size=32" | FileCheck %s
// RUN: prec-opt %s --format=e4m3 "--prec-specialize-batch=size=32" | FileCheck %s --check-prefix=ROUNDED
// RUN: prec-opt %s "--prec-specialize-batch=size=0" | FileCheck %s --check-prefix=SAME
// RUN: prec-opt %s "--prec-specialize-batch=size=32" --emit=lowered -o /dev/null
// SAME-LABEL: func.func @step
// SAME-SAME: tensor<?x6xf32>

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// Shapes of tensor operations, of what writes into tensors and of elementwise operations follow; numbers made of extents are constants.
// CHECK-LABEL: func.func @step
// CHECK-SAME: tensor<6x4xf32>, %[[X:.*]]: tensor<32x6xf32>, %{{.*}}: tensor<32xi32>, %{{.*}}: f32) -> (tensor<6x4xf32>, f32)
// CHECK-NOT: tensor<?
// CHECK-NOT: tensor.dim
// ROUNDED-LABEL: func.func @step
// ROUNDED: prec.round %{{.*}} : tensor<32x4xf32>
func.func @step(%w: tensor<6x4xf32>, %x: tensor<?x6xf32>, %labels: tensor<?xi32>, %rate: f32) -> (tensor<6x4xf32>, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x6xf32>
  %0 = tensor.empty(%n) : tensor<?x4xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: linalg.matmul {{.*}} outs(%{{.*}} : tensor<32x4xf32>) -> tensor<32x4xf32>
  %2 = linalg.matmul ins(%x, %w : tensor<?x6xf32>, tensor<6x4xf32>) outs(%1 : tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: arith.addf %{{.*}} : tensor<32x4xf32>
  %3 = arith.addf %2, %2 : tensor<?x4xf32>
  // CHECK: tensor.pad
  // CHECK: tensor<32x4xf32> to tensor<32x6xf32>
  %4 = tensor.pad %3 low[0, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<?x4xf32> to tensor<?x6xf32>
  // CHECK: tensor.collapse_shape %{{.*}} : tensor<32x6xf32> into tensor<192xf32>
  %5 = tensor.collapse_shape %4 [[0, 1]] : tensor<?x6xf32> into tensor<?xf32>
  // CHECK: tensor.expand_shape %{{.*}} output_shape [32, 2, 3] : tensor<192xf32> into tensor<32x2x3xf32>
  %6 = tensor.expand_shape %5 [[0, 1, 2]] output_shape [%n, 2, 3] : tensor<?xf32> into tensor<?x2x3xf32>
  // CHECK: tensor.extract_slice %{{.*}}[0, 0, 0] [32, 1, 3] [1, 1, 1] : tensor<32x2x3xf32> to tensor<32x3xf32>
  %7 = tensor.extract_slice %6[0, 0, 0] [%n, 1, 3] [1, 1, 1] : tensor<?x2x3xf32> to tensor<?x3xf32>
  // CHECK: tensor.splat %{{.*}} : tensor<32x3xf32>
  %8 = tensor.splat %rate[%n] : tensor<?x3xf32>
  // CHECK: arith.mulf %{{.*}} : tensor<32x3xf32>
  %9 = arith.mulf %7, %8 : tensor<?x3xf32>
  // CHECK: tensor.insert_slice %{{.*}}[0, 1, 0] [32, 1, 3] [1, 1, 1] : tensor<32x3xf32> into tensor<32x2x3xf32>
  %10 = tensor.insert_slice %9 into %6[0, 1, 0] [%n, 1, 3] [1, 1, 1] : tensor<?x3xf32> into tensor<?x2x3xf32>
  // A part of the batch, as --accumulate makes them.
  // CHECK: arith.constant 16 : index
  %half = arith.divsi %n, %c2 : index
  // CHECK: scf.for {{.*}} -> (tensor<32x2x3xf32>)
  %11 = scf.for %i = %c0 to %half step %c1 iter_args(%t = %10) -> tensor<?x2x3xf32> {
    // CHECK: arith.negf %{{.*}} : tensor<32x2x3xf32>
    %u = arith.negf %t : tensor<?x2x3xf32>
    scf.yield %u : tensor<?x2x3xf32>
  }
  // CHECK: scf.if {{.*}} -> (tensor<32x2x3xf32>)
  %flag = arith.cmpf ogt, %rate, %zero : f32
  %12 = scf.if %flag -> tensor<?x2x3xf32> {
    scf.yield %11 : tensor<?x2x3xf32>
  } else {
    scf.yield %6 : tensor<?x2x3xf32>
  }
  // CHECK: tensor.reshape %{{.*}}(%{{.*}}) : (tensor<32x2x3xf32>, tensor<2xindex>) -> tensor<32x6xf32>
  %c6 = arith.constant 6 : index
  %sizes = tensor.from_elements %n, %c6 : tensor<2xindex>
  %13 = tensor.reshape %12(%sizes) : (tensor<?x2x3xf32>, tensor<2xindex>) -> tensor<?x6xf32>
  // Extents made by affine.apply, and one that only the others tell: the rate decides it.
  %rows = affine.apply affine_map<()[s0] -> (s0 * 2)>()[%n]
  // CHECK: tensor.expand_shape %{{.*}} output_shape [64, 3] : tensor<192xf32> into tensor<64x3xf32>
  %14 = tensor.expand_shape %5 [[0, 1]] output_shape [%rows, 3] : tensor<?xf32> into tensor<?x3xf32>
  %wide = arith.fptosi %rate : f32 to i32
  %told = arith.index_cast %wide : i32 to index
  // CHECK: tensor.expand_shape %{{.*}} output_shape [48, 4] : tensor<192xf32> into tensor<48x4xf32>
  %15 = tensor.expand_shape %5 [[0, 1]] output_shape [%told, 4] : tensor<?xf32> into tensor<?x4xf32>
  %c1_again = tensor.dim %w, %c1 : tensor<6x4xf32>
  %16 = tensor.extract %14[%c0, %c0] : tensor<?x3xf32>
  %17 = tensor.extract %15[%c0, %c1_again] : tensor<?x4xf32>
  %18 = arith.addf %16, %17 : f32
  %first = tensor.extract %13[%c0, %c0] : tensor<?x6xf32>
  %loss = arith.addf %18, %first : f32
  return %w, %loss : tensor<6x4xf32>, f32
}

// CHECK-LABEL: func.func @predict
// CHECK-SAME: tensor<?x6xf32>
func.func @predict(%w: tensor<6x4xf32>, %x: tensor<?x6xf32>) -> tensor<?x6xf32> {
  return %x : tensor<?x6xf32>
}
