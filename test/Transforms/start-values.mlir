// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An infinity that a maximum starts from is no number: formats without infinities
// leave it alone, and with it the maximum.
// RUN: prec-opt --format=f8e4m3fn %s | FileCheck %s
// RUN: prec-opt --format=f8e4m3fn --granularity=elementary %s | FileCheck %s
// RUN: prec-opt --format=f8e4m3fn %s | FileCheck %s --check-prefix=GONE
// RUN: prec-opt --format=mxfp8 --granularity=op %s | FileCheck %s --check-prefix=BLOCK

// CHECK-LABEL: func @maximum
// CHECK: prec.round %arg0 to "f8e4m3fn"
// CHECK-NOT: prec.round
// CHECK: 0xFF800000
// CHECK-NOT: prec.round
// CHECK: return
// The maximum may take its elements from several blocks; the fill has none.
// BLOCK-LABEL: func @maximum
// BLOCK: linalg.fill
// BLOCK-NOT: prec.round
// BLOCK: } -> tensor<4xf32>
// BLOCK-NEXT: prec.round {{.*}} op = "linalg.generic"
func.func @maximum(%x: tensor<4x8xf32>) -> tensor<4xf32> {
  %lowest = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<4xf32>
  %init = linalg.fill ins(%lowest : f32) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  %max = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                         iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%init : tensor<4xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %0 = arith.maximumf %acc, %in : f32
    linalg.yield %0 : f32
  } -> tensor<4xf32>
  return %max : tensor<4xf32>
}

// Padding of a maximum's input is skipped by it, too.
// CHECK-LABEL: func @pooling
// CHECK: prec.round %arg0 to "f8e4m3fn"
// CHECK-NOT: prec.round
// CHECK: return
// BLOCK-LABEL: func @pooling
// BLOCK: tensor.pad
// BLOCK-NOT: prec.round {{.*}} op = "tensor.pad"
// BLOCK: linalg.pooling_nchw_max
// BLOCK-NEXT: prec.round {{.*}} op = "linalg.pooling_nchw_max"
func.func @pooling(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x5x5xf32> {
  %lowest = arith.constant 0xFF800000 : f32
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %lowest : f32
  } : tensor<1x1x4x4xf32> to tensor<1x1x6x6xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %init = arith.constant dense<0xFF800000> : tensor<1x1x5x5xf32>
  %max = linalg.pooling_nchw_max ins(%padded, %window : tensor<1x1x6x6xf32>, tensor<2x2xf32>)
      outs(%init : tensor<1x1x5x5xf32>) -> tensor<1x1x5x5xf32>
  return %max : tensor<1x1x5x5xf32>
}

// A loop's initial value; the place of the maximum as well.
// CHECK-LABEL: func @loop
// CHECK: prec.round %arg0 to "f8e4m3fn"
// CHECK-NOT: prec.round
// CHECK: return
func.func @loop(%x: tensor<8xf32>) -> (f32, index) {
  %lowest = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %max:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%best = %lowest, %at = %c0) -> (f32, index) {
    %value = tensor.extract %x[%i] : tensor<8xf32>
    %more = arith.cmpf ogt, %value, %best : f32
    %next = arith.select %more, %value, %best : f32
    %place = arith.select %more, %i, %at : index
    scf.yield %next, %place : f32, index
  }
  return %max#0, %max#1 : f32, index
}

// Infinities that take part in arithmetic, that could win, or that a minimum
// would take, are numbers: they become this format's NaN.
// A constant that nobody uses any more goes with its last use.
// GONE-LABEL: func @numbers
// GONE-NOT: 0x7F800000
// GONE: return
// CHECK-LABEL: func @numbers
// CHECK-DAG: %[[A:.*]] = arith.constant 0x7FC00000 : f32
// CHECK-DAG: %[[B:.*]] = arith.constant 0x7FC00000 : f32
// CHECK-DAG: linalg.fill ins(%[[A]] : f32)
// CHECK-DAG: %[[C:.*]] = arith.constant dense<0x7FC00000> : tensor<4xf32>
// CHECK-DAG: linalg.generic {{.*}} outs(%[[C]] : tensor<4xf32>)
// CHECK-DAG: arith.addf %{{.*}}, %[[A]] : f32
// CHECK-DAG: arith.maximumf %{{.*}}, %[[B]] : f32
func.func @numbers(%x: tensor<4x8xf32>, %y: f32) -> (tensor<4xf32>, tensor<4xf32>, f32, f32) {
  %lowest = arith.constant 0xFF800000 : f32
  %greatest = arith.constant 0x7F800000 : f32
  %empty = tensor.empty() : tensor<4xf32>
  %init = linalg.fill ins(%lowest : f32) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  %min = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                         iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%init : tensor<4xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %0 = arith.minimumf %acc, %in : f32
    linalg.yield %0 : f32
  } -> tensor<4xf32>
  %first = arith.constant dense<0x7F800000> : tensor<4xf32>
  %max = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                         iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%first : tensor<4xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %less = arith.cmpf olt, %acc, %in : f32
    %1 = arith.select %less, %in, %acc : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  %sum = arith.addf %y, %lowest : f32
  %other = arith.maximumf %y, %greatest : f32
  return %min, %max, %sum, %other : tensor<4xf32>, tensor<4xf32>, f32, f32
}

// Equality with an infinity can be true.
// CHECK-LABEL: func @equality
// CHECK: %[[NAN:.*]] = arith.constant 0x7FC00000 : f32
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[NAN]],
func.func @equality(%x: tensor<8xf32>) -> (f32, index) {
  %lowest = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %last:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%best = %lowest, %at = %c0) -> (f32, index) {
    %value = tensor.extract %x[%i] : tensor<8xf32>
    %same = arith.cmpf oeq, %value, %best : f32
    %next = arith.select %same, %value, %best : f32
    %place = arith.select %same, %i, %at : index
    scf.yield %next, %place : f32, index
  }
  return %last#0, %last#1 : f32, index
}

// A choice that another comparison makes, or that keeps the loser, may give the infinity.
// CHECK-LABEL: func @choices
// CHECK: %[[NAN:.*]] = arith.constant 0x7FC00000 : f32
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[NAN]], %{{.*}} = %[[NAN]])
func.func @choices(%x: tensor<8xf32>, %y: f32) -> (f32, f32) {
  %lowest = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %last:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%a = %lowest, %b = %lowest) -> (f32, f32) {
    %value = tensor.extract %x[%i] : tensor<8xf32>
    %other = arith.cmpf ogt, %value, %y : f32
    %next = arith.select %other, %value, %a : f32
    %more = arith.cmpf ogt, %value, %b : f32
    %least = arith.select %more, %b, %value : f32
    scf.yield %next, %least : f32, f32
  }
  return %last#0, %last#1 : f32, f32
}
