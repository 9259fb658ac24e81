// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A number that the format has needs no rounding, wherever it goes; another does.
// RUN: prec-opt %s --truncate-mantissa=7 --granularity=layer | FileCheck %s
// RUN: prec-opt %s --truncate-mantissa=7 --granularity=layer --prec-lower -o /dev/null
// RUN: prec-train --truncate-mantissa=1,2 --print-policy > %t.json
// RUN: prec-opt %s --policy=%t.json | FileCheck %s --check-prefix=RUNTIME

// CHECK-LABEL: func @fills
func.func @fills(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0.0 : f32
  %tenth = arith.constant 0x3DCCCCCD : f32
  %e = tensor.empty() : tensor<4xf32>
  // These cross into layer a.
  // CHECK: %[[ZERO:.*]] = linalg.fill
  // CHECK-NEXT: %[[TENTH:.*]] = linalg.fill
  // CHECK-NEXT: %[[ROUNDED:.*]] = prec.round %[[TENTH]]
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %t = linalg.fill ins(%tenth : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  // CHECK: linalg.max {{.*}}ins({{.*}}, %[[ZERO]] :
  %0 = linalg.max {prec.scope = "a"} ins(%x, %z : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  // CHECK: linalg.add {{.*}}ins({{.*}}, %[[ROUNDED]] :
  %1 = linalg.add {prec.scope = "a"} ins(%0, %t : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// With bits known at run time only powers of two are sure to be there.
// RUNTIME-LABEL: func @runtime
// RUNTIME: %[[HALF:.*]] = prec.round %{{.*}} to "m?"({{.*}} op = "arith.constant"
// RUNTIME-NOT: op = "arith.constant"
func.func @runtime(%x: f32) -> f32 {
  %two = arith.constant 2.0 : f32
  %oneAndAHalf = arith.constant 1.5 : f32
  %0 = arith.mulf %x, %two : f32
  %1 = arith.mulf %0, %oneAndAHalf : f32
  return %1 : f32
}

// A constant that is a weight is an argument in other words: layers round it where
// they use it, other constants they leave alone.
// CHECK-LABEL: func @weight
// RUNTIME-LABEL: func @weight
// CHECK-DAG: %[[W:.*]] = arith.constant {{.*}}dense<1.000000e-01>
// CHECK-DAG: %[[C:.*]] = arith.constant dense<1.000000e-01>
// CHECK-DAG: %[[R:.*]] = arith.constant {{.*}}dense<0.099609375>
// CHECK: arith.mulf %{{.*}}, %[[R]]
// CHECK: arith.addf %{{.*}}, %[[C]]
func.func @weight(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = arith.constant {prec.role = "weight"} dense<0.1> : tensor<4xf32>
  %c = arith.constant dense<0.1> : tensor<4xf32>
  %0 = arith.mulf %x, %w : tensor<4xf32>
  %1 = arith.addf %0, %c : tensor<4xf32>
  return %1 : tensor<4xf32>
}
