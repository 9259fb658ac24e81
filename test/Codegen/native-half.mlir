// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of products rounded to e5m10 in f16, where the target has it.
// RUN: prec-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(prec-choose-forms{native-half=true},prec-lower-rounding,canonicalize))' | FileCheck %s
// RUN: prec-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(prec-choose-forms,prec-lower-rounding,canonicalize))' | FileCheck %s --check-prefix=OTHER
// OTHER-NOT: f16

// Both operands were rounded: products are f16, too.
// CHECK-LABEL: func @rounded
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK: ^bb0(%[[A:.*]]: f16, %[[B:.*]]: f16, %[[SUM:.*]]: f16):
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[A]], %[[B]] : f16
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[SUM]], %[[P]] : f16
// CHECK-NEXT: linalg.yield %[[S]] : f16
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: arith.cmpf uno
func.func @rounded(%x: tensor<32x32xf32>, %y: tensor<32x32xf32>) -> tensor<32x32xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x32xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<32x32xf32>) outs(%e : tensor<32x32xf32>) {
  ^bb0(%v: f32, %o: f32):
    %r = prec.round %v to "e5m10" "nearest-even" : f32
    linalg.yield %r : f32
  } -> tensor<32x32xf32>
  // Toward zero, and with a choice of zero in between: numbers of e5m10.
  %b = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<32x32xf32>) outs(%e : tensor<32x32xf32>) {
  ^bb0(%v: f32, %o: f32):
    %r = prec.round %v to "e5m10" "toward-zero" : f32
    %m = arith.maximumf %r, %zero : f32
    linalg.yield %m : f32
  } -> tensor<32x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<32x32xf32>) -> tensor<32x32xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>,
      affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<32x32xf32>, tensor<32x32xf32>) outs(%f : tensor<32x32xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %p, %q : f32
    %rm = prec.round %m to "e5m10" "nearest-even" : f32
    %s = arith.addf %acc, %rm : f32
    %rs = prec.round %s to "e5m10" "nearest-even" : f32
    linalg.yield %rs : f32
  } -> tensor<32x32xf32>
  return %c : tensor<32x32xf32>
}

// -----

// One operand is the caller's, or was rounded to another format: products are
// f32 and converted.
// CHECK-LABEL: func @plain
// CHECK: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[SUM:.*]]: f16):
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[A]], %[[B]] : f32
// CHECK-NEXT: %[[H:.*]] = arith.truncf %[[P]] : f32 to f16
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[SUM]], %[[H]] : f16
// CHECK-NEXT: linalg.yield %[[S]] : f16
func.func @plain(%a: tensor<32x32xf32>, %y: tensor<32x32xf32>) -> tensor<32x32xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x32xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<32x32xf32>) outs(%e : tensor<32x32xf32>) {
  ^bb0(%v: f32, %o: f32):
    %r = prec.round %v to "e5m10" "nearest-even" : f32
    linalg.yield %r : f32
  } -> tensor<32x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<32x32xf32>) -> tensor<32x32xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>,
      affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<32x32xf32>, tensor<32x32xf32>) outs(%f : tensor<32x32xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %p, %q : f32
    %rm = prec.round %m to "e5m10" "nearest-even" : f32
    %s = arith.addf %acc, %rm : f32
    %rs = prec.round %s to "e5m10" "nearest-even" : f32
    linalg.yield %rs : f32
  } -> tensor<32x32xf32>
  return %c : tensor<32x32xf32>
}

// -----

// Widths known at run time: half arithmetic where they are 5 and 10, on factors that were rounded to them, too.
// CHECK-LABEL: func @parameters
// CHECK-SAME: %[[X:[a-z0-9]+]]: i32, %[[Y:[a-z0-9]+]]: i32)
// CHECK: arith.cmpi uge, %[[X]], %c5_i32
// CHECK: arith.cmpi ule, %[[X]], %c5_i32
// CHECK: arith.cmpi uge, %[[Y]], %c10_i32
// CHECK: arith.cmpi ule, %[[Y]], %c10_i32
// CHECK: scf.if
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK: arith.mulf %{{.*}} : f16
// CHECK: arith.addf %{{.*}} : f16
// CHECK: else
// CHECK-NOT: f16
func.func @parameters(%x: tensor<32x32xf32>, %y: tensor<32x32xf32>, %e5: i32, %m10: i32) -> tensor<32x32xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x32xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<32x32xf32>) outs(%e : tensor<32x32xf32>) {
  ^bb0(%v: f32, %o: f32):
    %r = prec.round %v to "e?m?"(%e5, %m10 : i32, i32) "nearest-even" : f32
    linalg.yield %r : f32
  } -> tensor<32x32xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<32x32xf32>) outs(%e : tensor<32x32xf32>) {
  ^bb0(%v: f32, %o: f32):
    %r = prec.round %v to "e?m?"(%e5, %m10 : i32, i32) "toward-zero" : f32
    linalg.yield %r : f32
  } -> tensor<32x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<32x32xf32>) -> tensor<32x32xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>,
      affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<32x32xf32>, tensor<32x32xf32>) outs(%f : tensor<32x32xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %p, %q : f32
    %rm = prec.round %m to "e?m?"(%e5, %m10 : i32, i32) "nearest-even" : f32
    %s = arith.addf %acc, %rm : f32
    %rs = prec.round %s to "e?m?"(%e5, %m10 : i32, i32) "nearest-even" : f32
    linalg.yield %rs : f32
  } -> tensor<32x32xf32>
  return %c : tensor<32x32xf32>
}
