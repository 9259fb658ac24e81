// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rules written at an operation win over the policy; they are carried out once.
// RUN: prec-opt %s --format=bf16 | FileCheck %s
// RUN: prec-opt %s --format=bf16 | prec-opt - --prec-insert-rounding | FileCheck %s
// RUN: prec-opt %s --prec-insert-rounding | FileCheck %s --check-prefix=ALONE
// RUN: prec-opt %s --format=bf16 --explain=2 | FileCheck %s --check-prefix=EXPLAIN
// RUN: prec-opt %s --format=bf16 --strict-policy -o /dev/null

// CHECK-NOT: prec.policy
// CHECK-LABEL: func @f
func.func @f(%a: f32, %w: f32 {prec.role = "weight"}) -> f32 {
  // The argument is rounded where it is used: here as the operation says, below as the policy does.
  // CHECK-DAG: %[[A3:.*]] = prec.round %arg0 to "m3" "nearest-even"
  // CHECK-DAG: %[[A7:.*]] = prec.round %arg0 to "e8m7" "nearest-even"
  // CHECK-DAG: %[[W:.*]] = prec.round %arg1 to "e5m2" "toward-zero"
  // CHECK: %[[S:.*]] = arith.mulf %[[A3]], %[[W]]
  // CHECK-NEXT: %[[R:.*]] = prec.round %[[S]] to "m3" "nearest-even"
  // ALONE: prec.round %arg0 to "m3"
  // ALONE-NEXT: prec.round %arg1 to "e5m2"
  // ALONE-NEXT: arith.mulf
  // ALONE-NEXT: prec.round
  // ALONE-NEXT: arith.addf
  // ALONE-NEXT: math.exp
  // ALONE-NEXT: return
  // EXPLAIN: site 2: arith.mulf
  // EXPLAIN-NEXT: decided by: {{.*}}overrides.mlir:[[#@LINE+2]]:8: prec.policy = "m3; weight=e5m2:toward-zero"
  // EXPLAIN-NEXT: also matches: --format=bf16
  %0 = arith.mulf %a, %w {prec.policy = "m3; weight=e5m2:toward-zero"} : f32
  // CHECK-NEXT: %[[T:.*]] = arith.addf %[[R]], %[[A7]]
  // CHECK-NEXT: prec.round %[[T]] to "e8m7"
  %1 = arith.addf %0, %a : f32
  // CHECK-NEXT: math.exp
  // CHECK-NEXT: return
  %2 = math.exp %1 {prec.policy = "keep"} : f32
  return %2 : f32
}

// What is in a function or a linalg operation inherits its rules.
// CHECK-LABEL: func @g
// CHECK: linalg.generic
// CHECK: math.fma
// CHECK-NEXT: prec.round {{.*}} to "e5m10" {{.*}}role = "accumulator"
// CHECK-NEXT: linalg.yield
// CHECK: prec.round {{.*}} to "m2"
func.func @g(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<2x4xf32>) -> tensor<2x4xf32>
    attributes {prec.policy = "m2; accumulator=e5m10; sum=sequential:fused"} {
  %r = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}
