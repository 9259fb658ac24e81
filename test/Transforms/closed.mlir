// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which operations are exempt depends on the format.
// RUN: prec-opt --format=int8 %s | FileCheck %s --check-prefixes=CHECK,ALL
// RUN: prec-opt --format=int8-sym %s | FileCheck %s --check-prefixes=CHECK,SYM
// RUN: prec-opt --format=e5m10 %s | FileCheck %s --check-prefix=FLOAT
// RUN: prec-opt --format=mxfp4 %s | FileCheck %s --check-prefix=BLOCK
// RUN: not prec-opt --format=mxfp4 --granularity=elementary %S/Inputs/scalar.mlir 2>&1 | FileCheck %s --check-prefix=SCALAR
// RUN: not prec-opt --format=int32 %s 2>&1 | FileCheck %s --check-prefix=WIDE

// -(-128) is no int8, and -0 is no number of any integer format; |-128| is
// no int8 but |-127| is one of int8-sym. What only moves elements stays exempt.
// CHECK-LABEL: func @f
// CHECK: arith.negf
// CHECK-NEXT: prec.round {{.*}} op = "arith.negf"
// CHECK: math.absf
// ALL-NEXT: prec.round {{.*}} op = "math.absf"
// SYM-NOT: prec.round {{.*}} op = "math.absf"
// CHECK: arith.maximumf
// CHECK-NOT: prec.round {{.*}} op = "arith.maximumf"
// FLOAT-LABEL: func @f
// FLOAT: prec.round {{.*}} role = "input"
// FLOAT-NEXT: prec.round {{.*}} role = "input"
// FLOAT-NOT: prec.round
// BLOCK-LABEL: func @f
// BLOCK: prec.round {{.*}} to "mxfp4" {{.*}} op = "arith.negf"
// BLOCK: prec.round {{.*}} to "mxfp4" {{.*}} op = "math.absf"
// BLOCK: prec.round {{.*}} to "mxfp4" {{.*}} op = "arith.maximumf"
// SCALAR: scalar.mlir:[[#]]:[[#]]: error: format mxfp4 shares scales between the elements of a tensor, found a value of type 'f32'; choose granularity op, layer or batch, or a rule for tensors
// WIDE: closed.mlir:[[#]]:[[#]]: error: format int32 does not fit 'f32': format 'int32' has 32 bits and the sign, f32 carries at most 25
func.func @f(%x: tensor<4xf32>, %y: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = arith.negf %x : tensor<4xf32>
  %1 = math.absf %x : tensor<4xf32>
  %2 = arith.maximumf %x, %y : tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
