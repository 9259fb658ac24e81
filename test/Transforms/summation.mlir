// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An order of summation stands in the body; what it cannot do is a located error.
// RUN: prec-opt %s --sum='blocked<2,bf16>' | FileCheck %s --check-prefix=BLOCKED
// RUN: prec-opt %s --sum='sequential' | FileCheck %s --check-prefix=FMA
// RUN: prec-opt %s --sum='sequential:separate' | FileCheck %s --check-prefix=APART
// RUN: prec-opt %s --sum='kahan' --sum='scope:fc=sequential' --round='loss=keep' 2>/dev/null | FileCheck %s --check-prefix=FMA
// RUN: prec-opt %s --sum='accumulator=sequential:separate' --sum='linalg.matmul=sequential:fused' | FileCheck %s --check-prefix=FMA
// RUN: prec-opt %s --round='accumulator=e5m10' --sum='sequential:fused' | FileCheck %s --check-prefix=ROUNDED
// RUN: not prec-opt %s --round='product=m3' --sum='sequential:fused' 2>&1 | FileCheck %s --check-prefix=PRODUCT
// RUN: not prec-opt %s --round='accumulator=m3:stochastic' --sum=pairwise 2>&1 | FileCheck %s --check-prefix=RANDOM
// RUN: prec-opt %s --round='accumulator=m3:stochastic' --sum='blocked<2,m3>' | FileCheck %s --check-prefix=WORDS
// RUN: not prec-opt %s --sum='blocked<2,e9m3>' 2>&1 | FileCheck %s --check-prefix=FIT
// RUN: not prec-opt %s --sum=pairwise:fused 2>&1 | FileCheck %s --check-prefix=TREE
// RUN: not prec-opt %s --sum=kahn 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not prec-opt %s --sum='blocked<0>' 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not prec-opt %s --sum='blocked<2,m3:stochastic>' 2>&1 | FileCheck %s --check-prefix=MODE
// RUN: prec-opt %S/memory.mlir --sum=sequential -o /dev/null
// RUN: not prec-opt %S/memory.mlir --sum=kahan 2>&1 | FileCheck %s --check-prefix=BUFFERS

// BLOCKED-LABEL: func @f
// BLOCKED: linalg.generic {{.*}}outs(%{{.*}}, %{{.*}} : tensor<2x4xf32>, tensor<2x4xf32>) attrs = {prec.scope = "fc"} {
// BLOCKED: math.fma
// BLOCKED: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
// BLOCKED: arith.addf
// BLOCKED-NEXT: prec.round {{.*}} to "e8m7" "nearest-even" {{.*}}role = "accumulator"
// FMA: linalg.generic
// FMA-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32):
// FMA-NEXT: %[[S:.*]] = math.fma %[[A]], %[[B]], %[[C]]
// FMA-NEXT: linalg.yield %[[S]]
// APART: %[[P:.*]] = arith.mulf
// APART-NEXT: %[[K:.*]] = prec.round %[[P]] to "e8m23" "nearest-even" {{.*}}role = "product"
// APART-NEXT: arith.addf %{{.*}}, %[[K]]
// ROUNDED: %[[S:.*]] = math.fma
// ROUNDED-NEXT: prec.round %[[S]] to "e5m10"
// PRODUCT: summation.mlir:[[#]]:[[#]]: error: a rule rounds the products of a fused multiply-add
// RANDOM: error: stochastic rounding of sums has a random word for each element; an order of pairwise rounds more sums than that; expected sequential or blocked<N,FORMAT>
// WORDS: prec.round {{.*}}"stochastic"
// FIT: error: format e9m3 does not fit 'f32'
// TREE: error: --sum=pairwise:fused: a fused multiply-add has an order of sequential or blocked<N>, found pairwise
// WORD: error: --sum=kahn: unknown order of summation 'kahn', did you mean 'kahan'? legal: sequential, pairwise, kahan, blocked<N>, blocked<N,FORMAT[:MODE]>
// EMPTY: error: --sum=blocked<0>: a block has 1..2147483648 elements, found '0'
// MODE: error: {{.*}} the sum of blocks is rounded by a deterministic mode, found 'stochastic'
// BUFFERS: error: the order of summation kahan needs tensors, found buffers
func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %r = linalg.matmul {prec.scope = "fc"} ins(%a, %b : tensor<2x3xf32>, tensor<3x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}
