// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shape of gradients: contractions stay contractions, attributes, activity.
// RUN: prec-opt %s --pass-pipeline='builtin.module(prec-differentiate{function=matmul},prec-differentiate{function=conv},prec-differentiate{function=needed wrt=1},prec-differentiate{function=relu},prec-differentiate{function=pool},prec-differentiate{function=strided wrt=0},prec-differentiate{function=rounded})' | FileCheck %s

#first = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>

// CHECK-DAG: #[[$DX:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[$DY:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[$OUT:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[$WIN:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 + d5, d3 + d6)>
// CHECK-DAG: #[[$IMAGE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d1, d2 + d5, d3 + d6)>

// CHECK-LABEL: func @matmul_grad
// CHECK-SAME: -> (f32, tensor<4x3xf32> {prec.name = "x_grad", prec.role = "gradient"},
// CHECK-SAME: tensor<3x2xf32> {prec.name = "w_grad", prec.role = "weight-gradient"})
// CHECK: linalg.matmul {prec.phase = "forward", prec.scope = "fc"}
// CHECK: linalg.generic {indexing_maps = [#[[$DX]], #[[$DY]], #[[$OUT]]], iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK-SAME: prec.phase = "backward", prec.role = "gradient", prec.scope = "fc"
// CHECK: %[[P:.*]] = arith.mulf
// CHECK-NEXT: %[[S:.*]] = arith.addf %{{.*}}, %[[P]]
// CHECK-NEXT: linalg.yield %[[S]]
// CHECK: linalg.generic
// CHECK-SAME: prec.phase = "backward", prec.role = "weight-gradient", prec.scope = "fc"
func.func @matmul(%x: tensor<4x3xf32> {prec.name = "x"},
                  %w: tensor<3x2xf32> {prec.name = "w", prec.role = "weight"}) -> f32 {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
  %y = linalg.matmul {prec.scope = "fc"} ins(%x, %w : tensor<4x3xf32>, tensor<3x2xf32>)
      outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  %s = func.call @sum(%y) {prec.scope = "loss"} : (tensor<4x2xf32>) -> f32
  return %s : f32
}

func.func private @sum(%y: tensor<4x2xf32>) -> f32 {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %t = linalg.generic {indexing_maps = [#first, #none], iterator_types = ["reduction", "reduction"]}
      ins(%y : tensor<4x2xf32>) outs(%z : tensor<f32>) {
  ^body(%v: f32, %acc: f32):
    %s = arith.addf %acc, %v : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  %r = tensor.extract %t[] : tensor<f32>
  return %r : f32
}

// Backward-data is a convolution of the padded gradient with the flipped
// filter, backward-filter one of the image with the gradient.
// CHECK-LABEL: func @conv_grad
// CHECK: linalg.conv_2d_nchw_fchw
// CHECK: %[[FLIPPED:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<3x2x3x3xf32>)
// CHECK: %[[PADDED:.*]] = tensor.pad %{{.*}} low[0, 0, 2, 2] high[0, 0, 2, 2] {
// CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[$WIN]], {{.*}}], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%[[FLIPPED]], %[[PADDED]] :
// CHECK: arith.mulf
// CHECK-NEXT: arith.addf
// CHECK: linalg.generic {indexing_maps = [#[[$IMAGE]], {{.*}}], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%arg0, %{{.*}} : tensor<1x2x6x6xf32>, tensor<1x3x4x4xf32>)
// CHECK: arith.mulf
// CHECK-NEXT: arith.addf
func.func @conv(%x: tensor<1x2x6x6xf32>, %w: tensor<3x2x3x3xf32>, %z: tensor<1x3x4x4xf32>) -> f32 {
  %c1 = arith.constant 1 : index
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x2x6x6xf32>, tensor<3x2x3x3xf32>)
      outs(%z : tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  %r = tensor.extract %y[%c1, %c1, %c1, %c1] : tensor<1x3x4x4xf32>
  return %r : f32
}

// Nothing is computed for an argument that is not asked for, nor of values
// that the result does not depend on.
// CHECK-LABEL: func @needed_grad
// CHECK-SAME: (%[[A:.*]]: f64, %[[B:.*]]: f64)
// CHECK-NEXT: %[[E:.*]] = math.exp %[[A]]
// CHECK-NEXT: %[[R:.*]] = arith.mulf %[[E]], %[[B]]
// CHECK-NEXT: %[[ONE:.*]] = arith.constant
// CHECK-NEXT: %[[G:.*]] = arith.mulf %[[ONE]], %[[E]]
// CHECK-NEXT: return %[[R]], %[[G]]
func.func @needed(%a: f64, %b: f64) -> f64 {
  %e = math.exp %a : f64
  %dead = math.sin %b : f64
  %r = arith.mulf %e, %b : f64
  return %r : f64
}

// CHECK-LABEL: func @relu_grad
// CHECK: arith.cmpf ugt
// CHECK-NOT: arith.mulf
// CHECK: return
func.func @relu(%a: f64) -> f64 {
  %zero = arith.constant 0.0 : f64
  %r = arith.maximumf %a, %zero : f64
  return %r : f64
}

// Windows that do not overlap: no reduction, a reshape instead.
// CHECK-LABEL: func @pool_grad
// CHECK: linalg.pooling_nchw_max
// CHECK: arith.minsi
// CHECK: iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "parallel"]
// CHECK: tensor.collapse_shape %{{.*}} {{\[}}[0], [1], [2, 3], [4, 5]]
func.func @pool(%x: tensor<1x2x6x6xf32>, %z: tensor<1x2x3x3xf32>) -> f32 {
  %c1 = arith.constant 1 : index
  %k = tensor.empty() : tensor<2x2xf32>
  %y = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>}
      ins(%x, %k : tensor<1x2x6x6xf32>, tensor<2x2xf32>) outs(%z : tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %r = tensor.extract %y[%c1, %c1, %c1, %c1] : tensor<1x2x3x3xf32>
  return %r : f32
}

// A window of stride 2: four convolutions without zeros in between, inside of
// the padding only.
// CHECK-LABEL: func @strided_grad
// CHECK-COUNT-4: tensor.insert_slice {{.*}} [1, 1, 1, 2, 3, 3] [1, 1, 1, 1, 1, 1] {{.*}}tensor<1x2x3x3xf32> into tensor<2x2x1x2x3x3xf32>
// CHECK: linalg.transpose {{.*}} permutation = [2, 3, 4, 0, 5, 1]
// CHECK: tensor.collapse_shape {{.*}}tensor<1x2x3x2x3x2xf32> into tensor<1x2x6x6xf32>
// CHECK-NOT: tensor.extract_slice
// CHECK: return
func.func @strided(%x: tensor<1x2x6x6xf32>, %w: tensor<3x2x3x3xf32>, %z: tensor<1x3x3x3xf32>) -> f32 {
  %c1 = arith.constant 1 : index
  %c0 = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 0, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %c0 : f32
  } : tensor<1x2x6x6xf32> to tensor<1x2x7x7xf32>
  %y = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>}
      ins(%p, %w : tensor<1x2x7x7xf32>, tensor<3x2x3x3xf32>) outs(%z : tensor<1x3x3x3xf32>) -> tensor<1x3x3x3xf32>
  %r = tensor.extract %y[%c1, %c1, %c1, %c1] : tensor<1x3x3x3xf32>
  return %r : f32
}

// A rounding passes the gradient straight through.
// CHECK-LABEL: func @rounded_grad
// CHECK: %[[R:.*]] = prec.round
// CHECK: %[[ONE:.*]] = arith.constant {{.*}} 1.0
// CHECK: return %[[R]], %[[ONE]]
func.func @rounded(%a: f32) -> f32 {
  %r = prec.round %a to "m7" "nearest-even" : f32
  return %r : f32
}
