// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One conversion takes everything to the LLVM dialect; vector operations that it cannot
// take in one step are prepared by upstream's pass in prec-lower.
// RUN: prec-opt %s --prec-convert-to-llvm | FileCheck %s
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-convert-bodies-to-llvm))' | FileCheck %s --check-prefix=BODY
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-convert-bodies-to-llvm),prec-convert-to-llvm)' | FileCheck %s
// RUN: prec-opt %s --prec-lower --verify-each | FileCheck %s --check-prefix=LOWER

// CHECK-LABEL: llvm.func @kernel(
// CHECK-NOT: {{(arith|math|vector|memref|cf|func)}}.
// CHECK: llvm.call @_mlir_memref_to_llvm_aligned_alloc
// CHECK: llvm.icmp "sgt" %{{.*}}, %{{.*}} : vector<8xi32>
// CHECK: llvm.intr.masked.load
// CHECK: llvm.intr.fma
// CHECK: llvm.intr.masked.store
// CHECK: llvm.cond_br

// Bodies alone: what makes, or calls, a symbol stays.
// BODY-LABEL: func.func @kernel(
// BODY-NOT: {{(arith|math|vector|cf)}}.
// BODY: %[[B:.*]] = memref.alloc()
// BODY: builtin.unrealized_conversion_cast %[[B]]
// BODY-NOT: {{(arith|math|vector|memref|cf)}}.{{[a-z]}}
// BODY: llvm.intr.masked.store
// BODY: return %[[B]] : memref<8xf32>
func.func @kernel(%a: memref<8xf32>, %n: index, %p: i1) -> memref<8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : vector<8xf32>
  %b = memref.alloc() {alignment = 64 : i64} : memref<8xf32>
  %mask = vector.create_mask %n : vector<8xi1>
  %x = vector.maskedload %a[%c0], %mask, %zero : memref<8xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
  %y = math.fma %x, %x, %x : vector<8xf32>
  vector.maskedstore %b[%c0], %mask, %y : memref<8xf32>, vector<8xi1>, vector<8xf32>
  cf.cond_br %p, ^one, ^two
^one:
  vector.store %y, %b[%c0] : memref<8xf32>, vector<8xf32>
  cf.br ^two
^two:
  return %b : memref<8xf32>
}

// LOWER-LABEL: llvm.func @steps(
// LOWER-NOT: {{(arith|math|vector|memref|cf|func)}}.
// LOWER: llvm.return
func.func @steps(%a: memref<4x4xf32>, %b: memref<4x4xf32>) {
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0.0 : f32
  %x = vector.transfer_read %a[%c0, %c0], %pad {in_bounds = [true, true]} : memref<4x4xf32>, vector<4x4xf32>
  %y = vector.transpose %x, [1, 0] : vector<4x4xf32> to vector<4x4xf32>
  vector.transfer_write %y, %b[%c0, %c0] {in_bounds = [true, true]} : vector<4x4xf32>, memref<4x4xf32>
  return
}
