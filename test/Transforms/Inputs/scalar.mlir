// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A scalar program, input of other tests.
func.func @f(%x: f32) -> f32 {
  %0 = arith.addf %x, %x : f32
  return %0 : f32
}
