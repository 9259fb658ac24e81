// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which results count as narrow: f16, bf16, f8 in values; not f32, f64, integers, buffers.
// RUN: prec-opt %s -verify-diagnostics --format=m3 -o /dev/null

func.func @f(%a: f16, %t: tensor<4xbf16>, %v: vector<4xf8E5M2>, %x: f32, %y: f64, %i: i8) -> (f32, tensor<4xbf16>) {
  // expected-remark @+1 {{'arith.addf' makes 'f16'}}
  %0 = arith.addf %a, %a : f16
  // expected-remark @+1 {{'arith.addf' makes 'bf16'}}
  %1 = arith.addf %t, %t : tensor<4xbf16>
  // expected-remark @+1 {{'arith.negf' makes 'f8E5M2'}}
  %2 = arith.negf %v : vector<4xf8E5M2>
  // expected-remark @+1 {{'arith.truncf' makes 'bf16'}}
  %3 = arith.truncf %x : f32 to bf16
  // expected-remark @+1 {{'arith.constant' makes 'f16'}}
  %4 = arith.constant 1.0 : f16
  %5 = memref.alloc() : memref<4xf16>
  %6 = arith.addf %y, %y : f64
  %7 = arith.addi %i, %i : i8
  %8 = arith.extf %0 : f16 to f32
  %c = arith.constant 0 : index
  // expected-remark @+1 {{'memref.load' makes 'f16'}}
  %9 = memref.load %5[%c] : memref<4xf16>
  return %8, %1 : f32, tensor<4xbf16>
}
