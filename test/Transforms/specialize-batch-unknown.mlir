// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An operation that the pass does not know gets its tensors as they were.
// RUN: prec-opt %s "--prec-specialize-batch=size=8" | FileCheck %s
// RUN: prec-opt %s "--prec-specialize-batch=size=8" --emit=lowered -o /dev/null

// CHECK-LABEL: func.func @step
// CHECK-SAME: %{{[^,]*}}: tensor<2xf32>, %[[X:[^:]*]]: tensor<8x2xf32>
func.func @step(%w: tensor<2xf32>, %x: tensor<?x2xf32>, %labels: tensor<?xi32>, %rate: f32) -> (tensor<2xf32>, f32) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  // CHECK: %[[CAST:.*]] = tensor.cast %[[X]] : tensor<8x2xf32> to tensor<?x2xf32>
  // CHECK: scf.while {{.*}} = %[[CAST]]) : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %0 = scf.while (%t = %x) : (tensor<?x2xf32>) -> tensor<?x2xf32> {
    %first = tensor.extract %t[%c0, %c0] : tensor<?x2xf32>
    %more = arith.cmpf ogt, %first, %zero : f32
    scf.condition(%more) %t : tensor<?x2xf32>
  } do {
  ^bb0(%t: tensor<?x2xf32>):
    // CHECK: arith.subf %{{.*}} : tensor<8x2xf32>
    // CHECK: scf.yield %{{.*}} : tensor<?x2xf32>
    %u = arith.subf %t, %x : tensor<?x2xf32>
    scf.yield %u : tensor<?x2xf32>
  }
  // So does a reshape into two extents that nothing tells.
  // CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[X]] {{.*}} : tensor<8x2xf32> into tensor<16xf32>
  %1 = tensor.collapse_shape %x [[0, 1]] : tensor<?x2xf32> into tensor<?xf32>
  %2 = tensor.extract %0[%c0, %c0] : tensor<?x2xf32>
  %3 = arith.fptosi %2 : f32 to i32
  %4 = arith.index_cast %3 : i32 to index
  // CHECK: %[[AS_BEFORE:.*]] = tensor.cast %[[FLAT]] : tensor<16xf32> to tensor<?xf32>
  // CHECK: tensor.expand_shape %[[AS_BEFORE]] {{.*}} : tensor<?xf32> into tensor<?x?xf32>
  %5 = tensor.expand_shape %1 [[0, 1]] output_shape [%4, %4] : tensor<?xf32> into tensor<?x?xf32>
  %loss = tensor.extract %5[%c0, %c0] : tensor<?x?xf32>
  return %w, %loss : tensor<2xf32>, f32
}
