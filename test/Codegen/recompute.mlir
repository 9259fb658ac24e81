// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is kept over a peak of memory is made again behind it, if what it is made from is there.
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-recompute{kind=cheap}))' | FileCheck %s --check-prefixes=CHECK,CHEAP
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-recompute{kind=all}))' | FileCheck %s --check-prefixes=CHECK,ALL
// RUN: prec-opt %s --pass-pipeline='builtin.module(func.func(prec-recompute{kind=none}))' | FileCheck %s --check-prefix=NONE
// RUN: not prec-opt %s --pass-pipeline='builtin.module(func.func(prec-recompute{kind=some}))' 2>&1 | FileCheck %s --check-prefix=WORD
// WORD: for the --kind option: Cannot find option named 'some'!

#id = affine_map<(d0) -> (d0)>
#none = affine_map<(d0) -> ()>
#matrix = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>

// The exponentials (4 KB) are kept while the matrix (64 KB) becomes sums (4 KB): 72 KB there. Made
// again behind that, 68 KB; the matrix itself made again would not help, it is read there.
// CHECK-LABEL: func.func @exponentials(
// CHECK-SAME: %[[X:[^:]*]]: tensor<1024xf32>, %[[Y:[^:]*]]: tensor<4096xf32>
// NONE-LABEL: func.func @exponentials(
// NONE-COUNT-1: math.exp
// NONE-NOT: math.exp
// CHECK: linalg.generic {{.*}} ins(%[[X]] :
// CHECK: math.exp
// CHECK: } -> tensor<1024x16xf32>
// CHECK-NOT: math.exp
// CHECK: arith.addf
// CHECK: %[[AGAIN:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<1024xf32>)
// CHECK: math.exp
// CHECK: linalg.generic {{.*}} ins(%[[AGAIN]], %{{.*}} :
// CHECK-NOT: math.exp
// CHECK: return
func.func @exponentials(%x: tensor<1024xf32>, %y: tensor<4096xf32>) -> tensor<1024xf32> {
  %0 = tensor.empty() : tensor<1024xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<1024xf32>) outs(%0 : tensor<1024xf32>) {
  ^bb0(%in: f32, %out: f32):
    %v = math.exp %in : f32
    linalg.yield %v : f32
  } -> tensor<1024xf32>
  %1 = tensor.empty() : tensor<1024x16xf32>
  %2 = tensor.empty() : tensor<1024xf32>
  %y0 = tensor.extract_slice %y[0] [16] [1] : tensor<4096xf32> to tensor<16xf32>
  %m = linalg.generic {indexing_maps = [#row, #column, #matrix], iterator_types = ["parallel", "parallel"]} ins(%a, %y0 : tensor<1024xf32>, tensor<16xf32>) outs(%1 : tensor<1024x16xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %v = arith.mulf %p, %q : f32
    linalg.yield %v : f32
  } -> tensor<1024x16xf32>
  %zero = arith.constant 0.0 : f32
  %3 = linalg.fill ins(%zero : f32) outs(%2 : tensor<1024xf32>) -> tensor<1024xf32>
  %r = linalg.generic {indexing_maps = [#matrix, #row], iterator_types = ["parallel", "reduction"]} ins(%m : tensor<1024x16xf32>) outs(%3 : tensor<1024xf32>) {
  ^bb0(%p: f32, %acc: f32):
    %v = arith.addf %acc, %p : f32
    linalg.yield %v : f32
  } -> tensor<1024xf32>
  %4 = tensor.empty() : tensor<1024xf32>
  %z = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %r : tensor<1024xf32>, tensor<1024xf32>) outs(%4 : tensor<1024xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %v = arith.divf %p, %q : f32
    linalg.yield %v : f32
  } -> tensor<1024xf32>
  return %z : tensor<1024xf32>
}

// A sum is made again by kind=all only.
// CHECK-LABEL: func.func @sums(
// CHEAP-COUNT-1: arith.addf
// CHEAP-NOT: arith.addf
// ALL-COUNT-2: arith.addf
// ALL-NOT: arith.addf
// CHECK: return
func.func @sums(%x: tensor<1024x4xf32>, %y: tensor<8192xf32>) -> (tensor<1024xf32>, tensor<8192xf32>) {
  %zeroth = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %0 = tensor.empty() : tensor<1024xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<1024xf32>) -> tensor<1024xf32>
  %s = linalg.generic {indexing_maps = [#matrix, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<1024x4xf32>) outs(%1 : tensor<1024xf32>) {
  ^bb0(%p: f32, %acc: f32):
    %v = arith.addf %acc, %p : f32
    linalg.yield %v : f32
  } -> tensor<1024xf32>
  %first = tensor.extract %s[%zeroth] : tensor<1024xf32>
  %2 = tensor.empty() : tensor<8192xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%y : tensor<8192xf32>) outs(%2 : tensor<8192xf32>) {
  ^bb0(%p: f32, %out: f32):
    %v = arith.mulf %p, %first : f32
    linalg.yield %v : f32
  } -> tensor<8192xf32>
  %3 = tensor.empty() : tensor<8192xf32>
  %c = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%b : tensor<8192xf32>) outs(%3 : tensor<8192xf32>) {
  ^bb0(%p: f32, %out: f32):
    %v = math.sqrt %p : f32
    linalg.yield %v : f32
  } -> tensor<8192xf32>
  %4 = tensor.empty() : tensor<1024xf32>
  %z = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%s : tensor<1024xf32>) outs(%4 : tensor<1024xf32>) {
  ^bb0(%p: f32, %out: f32):
    %v = arith.negf %p : f32
    linalg.yield %v : f32
  } -> tensor<1024xf32>
  return %z, %c : tensor<1024xf32>, tensor<8192xf32>
}

// What nobody reads before the peak is made behind it only, and what is written in parts in its own buffer.
// CHECK-LABEL: func.func @read_late(
// CHECK-NOT: arith.negf
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1026xf32>
// CHECK: %[[IN:.*]] = tensor.extract_slice %[[E]]
// CHECK: linalg.generic {{.*}} outs(%[[IN]] :
// CHECK: arith.negf
// CHECK: tensor.insert_slice %{{.*}} into %[[E]]
// CHECK-NOT: arith.negf
// CHECK: return
func.func @read_late(%x: tensor<1024xf32>, %y: tensor<16xf32>, %z: tensor<1024xf32>) -> (tensor<1024xf32>, tensor<1026xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1026xf32>
  %part = tensor.extract_slice %e[1] [1024] [1] : tensor<1026xf32> to tensor<1024xf32>
  %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<1024xf32>) outs(%part : tensor<1024xf32>) {
  ^bb0(%in: f32, %out: f32):
    %v = arith.negf %in : f32
    linalg.yield %v : f32
  } -> tensor<1024xf32>
  %p = tensor.insert_slice %n into %e[1] [1024] [1] : tensor<1024xf32> into tensor<1026xf32>
  %1 = tensor.empty() : tensor<1024x16xf32>
  %2 = tensor.empty() : tensor<1024xf32>
  %m = linalg.generic {indexing_maps = [#row, #column, #matrix], iterator_types = ["parallel", "parallel"]} ins(%z, %y : tensor<1024xf32>, tensor<16xf32>) outs(%1 : tensor<1024x16xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %v = arith.mulf %a, %b : f32
    linalg.yield %v : f32
  } -> tensor<1024x16xf32>
  %3 = linalg.fill ins(%zero : f32) outs(%2 : tensor<1024xf32>) -> tensor<1024xf32>
  %r = linalg.generic {indexing_maps = [#matrix, #row], iterator_types = ["parallel", "reduction"]} ins(%m : tensor<1024x16xf32>) outs(%3 : tensor<1024xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %v = arith.addf %acc, %a : f32
    linalg.yield %v : f32
  } -> tensor<1024xf32>
  %c0 = arith.constant 0 : index
  %n0 = tensor.insert %zero into %p[%c0] : tensor<1026xf32>
  return %r, %n0 : tensor<1024xf32>, tensor<1026xf32>
}
