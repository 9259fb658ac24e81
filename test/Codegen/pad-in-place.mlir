// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is padded is computed inside of its padding, of which only the border is filled; an argument is copied there; a
// padding of unknown size is left alone.
// RUN: prec-opt %s --prec-pad-in-place | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#line = affine_map<(i) -> (i)>
#rows = affine_map<(i, j) -> (i)>

// CHECK-LABEL: func.func @produced(
// CHECK: %[[E:.*]] = tensor.empty() : tensor<6x8xf32>
// CHECK: %[[IN:.*]] = tensor.extract_slice %[[E]][1, 2] [4, 5] [1, 1]
// CHECK: %[[R:.*]] = linalg.generic {{.*}} outs(%[[IN]] : tensor<4x5xf32>)
// CHECK: %[[W:.*]] = tensor.insert_slice %[[R]] into %[[E]][1, 2] [4, 5] [1, 1]
// CHECK: linalg.fill {{.*}} -> tensor<1x8xf32>
// CHECK: linalg.fill {{.*}} -> tensor<1x8xf32>
// CHECK: linalg.fill {{.*}} -> tensor<4x2xf32>
// CHECK: linalg.fill {{.*}} -> tensor<4x1xf32>
// CHECK: %[[P:.*]] = tensor.insert_slice {{.*}}[1, 7] [4, 1] [1, 1]
// CHECK: %[[PART:.*]] = tensor.extract_slice %[[P]][1, 2] [4, 5] [1, 1]
// CHECK: return %[[P]], %[[PART]]
func.func @produced(%x: tensor<4x5xf32>) -> (tensor<6x8xf32>, tensor<4x5xf32>) {
  %e = tensor.empty() : tensor<4x5xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x5xf32>) outs(%e : tensor<4x5xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.mulf %a, %a : f32
    linalg.yield %m : f32
  } -> tensor<4x5xf32>
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %r low[1, 2] high[1, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<4x5xf32> to tensor<6x8xf32>
  return %p, %r : tensor<6x8xf32>, tensor<4x5xf32>
}

// What a sum or a maximum begins with is written there, too.
// CHECK-LABEL: func.func @reduced(
// CHECK: %[[E:.*]] = tensor.empty() : tensor<6xf32>
// CHECK: %[[IN:.*]] = tensor.extract_slice %[[E]][1] [4] [1]
// CHECK: %[[F:.*]] = linalg.fill {{.*}} outs(%[[IN]] : tensor<4xf32>)
// CHECK: %[[R:.*]] = linalg.generic {{.*}} outs(%[[F]] : tensor<4xf32>)
// CHECK: tensor.insert_slice %[[R]] into %[[E]][1] [4] [1]
func.func @reduced(%x: tensor<4x5xf32>) -> tensor<6xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#id, #rows], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x5xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %o, %a : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  %p = tensor.pad %r low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %zero : f32
  } : tensor<4xf32> to tensor<6xf32>
  return %p : tensor<6xf32>
}

// What begins several results stays where it is.
// CHECK-LABEL: func.func @shared(
// CHECK: %[[F:.*]] = linalg.fill {{.*}} outs(%{{.*}} : tensor<4xf32>)
// CHECK: linalg.generic {{.*}} outs(%[[F]] : tensor<4xf32>)
func.func @shared(%x: tensor<4x5xf32>) -> (tensor<6xf32>, tensor<4xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#id, #rows], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x5xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %o, %a : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  %p = tensor.pad %r low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %zero : f32
  } : tensor<4xf32> to tensor<6xf32>
  return %p, %f : tensor<6xf32>, tensor<4xf32>
}

// A value that is made after what is padded: that is copied, there is no frame yet.
// CHECK-LABEL: func.func @late(
// CHECK: %[[R:.*]] = linalg.generic
// CHECK: %[[V:.*]] = arith.negf
// CHECK: %[[E:.*]] = tensor.empty() : tensor<6xf32>
// CHECK: tensor.insert_slice %[[R]] into %[[E]][1] [4] [1]
// CHECK: linalg.fill ins(%[[V]] : f32)
func.func @late(%x: tensor<4xf32>, %v: f32) -> tensor<6xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#line, #line], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.mulf %a, %a : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  %n = arith.negf %v : f32
  %p = tensor.pad %r low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %n : f32
  } : tensor<4xf32> to tensor<6xf32>
  return %p : tensor<6xf32>
}

// CHECK-LABEL: func.func @argument(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4x5xf32>
// CHECK: tensor.insert_slice %[[X]] into %{{.*}}[0, 2] [4, 5] [1, 1]
// CHECK: linalg.fill {{.*}} -> tensor<4x2xf32>
// CHECK-NOT: linalg.fill
func.func @argument(%x: tensor<4x5xf32>) -> tensor<4x7xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 2] high[0, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<4x5xf32> to tensor<4x7xf32>
  return %p : tensor<4x7xf32>
}

// CHECK-LABEL: func.func @unknown(
// CHECK: tensor.pad
func.func @unknown(%x: tensor<?x5xf32>) -> tensor<?x7xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 2] high[0, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<?x5xf32> to tensor<?x7xf32>
  return %p : tensor<?x7xf32>
}
