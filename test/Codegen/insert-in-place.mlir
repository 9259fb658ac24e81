// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is computed to be put into a slice is computed there: no buffer of its own, however it began.
// RUN: prec-opt %s --pass-pipeline='builtin.module(prec-lower)' | FileCheck %s

#id = affine_map<(i) -> (i)>

// CHECK-LABEL: llvm.func @joined(
// CHECK: llvm.call @_mlir_memref_to_llvm_aligned_alloc
// CHECK-NOT: llvm.call @_mlir_memref_to_llvm_aligned_alloc
// CHECK: llvm.return
func.func @joined(%x: tensor<64xf32>) -> tensor<128xf32> {
  %half = tensor.empty() : tensor<64xf32>
  %whole = tensor.empty() : tensor<128xf32>
  %e = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<64xf32>) outs(%half : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<64xf32>
  %f = tensor.insert_slice %e into %whole[0] [64] [1] : tensor<64xf32> into tensor<128xf32>
  %g = tensor.insert_slice %x into %f[64] [64] [1] : tensor<64xf32> into tensor<128xf32>
  return %g : tensor<128xf32>
}
