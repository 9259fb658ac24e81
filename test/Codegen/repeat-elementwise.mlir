// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What costs little is made again by each of its readers, behind a reshape too; a rounding, several readers' division, and what
// another operation reads as a whole are not.
// RUN: prec-opt %s --prec-repeat-elementwise --split-input-file | FileCheck %s

#id = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (m)>
#id3 = affine_map<(m, n, k) -> (m, n, k)>
#partial = affine_map<(m, n, k) -> (m, k)>

// CHECK-LABEL: func.func @centred(
// CHECK-NOT: linalg.generic
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0], [1, 2]]
// CHECK: %[[SUM:[0-9]+]] = linalg.generic {{.*}}"reduction"
// CHECK: arith.subf
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK: %[[TWICE:[0-9]+]] = linalg.generic {{.*}}"parallel", "parallel"]
// CHECK: arith.subf
// CHECK: arith.mulf
// CHECK-NOT: linalg.generic
// CHECK: return %[[SUM]], %[[TWICE]]
func.func @centred(%x: tensor<4x64xf32>, %mean: tensor<4xf32>, %start: tensor<4x16xf32>) -> (tensor<4x16xf32>, tensor<4x64xf32>) {
  %e = tensor.empty() : tensor<4x64xf32>
  %d = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %mean : tensor<4x64xf32>, tensor<4xf32>) outs(%e : tensor<4x64xf32>) {
  ^bb0(%u: f32, %m: f32, %o: f32):
    %v = arith.subf %u, %m : f32
    linalg.yield %v : f32
  } -> tensor<4x64xf32>
  %wide = tensor.expand_shape %d [[0], [1, 2]] output_shape [4, 4, 16] : tensor<4x64xf32> into tensor<4x4x16xf32>
  %sum = linalg.generic {indexing_maps = [#id3, #partial], iterator_types = ["parallel", "reduction", "parallel"]} ins(%wide : tensor<4x4x16xf32>) outs(%start : tensor<4x16xf32>) {
  ^bb0(%u: f32, %o: f32):
    %s = arith.mulf %u, %u : f32
    %v = arith.addf %o, %s : f32
    linalg.yield %v : f32
  } -> tensor<4x16xf32>
  %twice = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%d : tensor<4x64xf32>) outs(%e : tensor<4x64xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<4x64xf32>
  return %sum, %twice : tensor<4x16xf32>, tensor<4x64xf32>
}

// -----

#id = affine_map<(m) -> (m)>

// Two readers each: a rounding, a function, a division for three readers; a value that is returned as well.
// CHECK-LABEL: func.func @not_repeated(
// CHECK-COUNT-12: linalg.generic
// CHECK-NOT: linalg.generic
func.func @not_repeated(%x: tensor<8xf32>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %rounded = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = prec.round %u to "e4m3" "nearest-even" : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %exp = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = math.exp %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %quotient = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %three = arith.constant 3.0 : f32
    %v = arith.divf %u, %three : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %returned = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%y : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %r1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%rounded : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.negf %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %r2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%rounded : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %e1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%exp : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.negf %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %e2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%exp : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %q1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%quotient : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.negf %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %q2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%quotient : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %q3 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%quotient : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %s1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%returned : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.negf %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  return %r1, %r2, %e1, %e2, %q1, %q2, %q3, %s1, %returned : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

#id = affine_map<(m) -> (m)>

// A mask is read in a byte an element, what it is made of in four: three readers read less of the mask. A division by a power of
// two is a multiplication, which three readers make again.
// CHECK-LABEL: func.func @weighed(
// CHECK: arith.cmpf
// CHECK-COUNT-3: arith.select
// CHECK-COUNT-3: arith.divf
// CHECK-NOT: linalg.generic
func.func @weighed(%x: tensor<8xf32>, %y: tensor<8xf32>, %z: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %b = tensor.empty() : tensor<8xi1>
  %mask = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %y : tensor<8xf32>, tensor<8xf32>) outs(%b : tensor<8xi1>) {
  ^bb0(%u: f32, %w: f32, %o: i1):
    %v = arith.cmpf olt, %u, %w : f32
    linalg.yield %v : i1
  } -> tensor<8xi1>
  %m1 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%mask, %z : tensor<8xi1>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%c: i1, %u: f32, %o: f32):
    %n = arith.negf %u : f32
    %v = arith.select %c, %u, %n : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %m2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%mask, %z : tensor<8xi1>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%c: i1, %u: f32, %o: f32):
    %n = arith.addf %u, %u : f32
    %v = arith.select %c, %u, %n : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %m3 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%mask, %z : tensor<8xi1>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%c: i1, %u: f32, %o: f32):
    %n = arith.mulf %u, %u : f32
    %v = arith.select %c, %u, %n : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %half = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %two = arith.constant 2.0 : f32
    %v = arith.divf %u, %two : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %h1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%half : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.negf %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %h2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%half : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  %h3 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%half : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  return %m1, %m2, %m3, %h1, %h2, %h3 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

#id = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (m)>

// A fill costs nothing to read, and its tensor may be all that says how long a loop is.
// CHECK-LABEL: func.func @fill(
// CHECK: %[[ONES:.*]] = linalg.generic
// CHECK-COUNT-2: %{{[0-9]+}} = linalg.generic {{.*}} ins(%[[ONES]]
// CHECK-NOT: linalg.generic
func.func @fill(%start: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %ones = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<4x8xf32>) {
  ^bb0(%o: f32):
    linalg.yield %one : f32
  } -> tensor<4x8xf32>
  %a = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%ones : tensor<4x8xf32>) outs(%start : tensor<4xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.addf %o, %u : f32
    linalg.yield %v : f32
  } -> tensor<4xf32>
  %b = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%ones : tensor<4x8xf32>) outs(%start : tensor<4xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %o, %u : f32
    linalg.yield %v : f32
  } -> tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// -----

#id = affine_map<(m, n) -> (m, n)>
#column = affine_map<(m, n) -> (n)>

// A batch of unknown size is more than the row that is added to each of its examples.
// CHECK-LABEL: func.func @any_batch(
// CHECK: arith.addf
// CHECK-NEXT: arith.negf
// CHECK: arith.addf
// CHECK-NEXT: arith.mulf
// CHECK-NOT: linalg.generic
func.func @any_batch(%x: tensor<?x64xf32>, %bias: tensor<64xf32>, %n: index) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %e = tensor.empty(%n) : tensor<?x64xf32>
  %d = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %bias : tensor<?x64xf32>, tensor<64xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%u: f32, %w: f32, %o: f32):
    %v = arith.addf %u, %w : f32
    linalg.yield %v : f32
  } -> tensor<?x64xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%d : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.negf %u : f32
    linalg.yield %v : f32
  } -> tensor<?x64xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%d : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%u: f32, %o: f32):
    %v = arith.mulf %u, %u : f32
    linalg.yield %v : f32
  } -> tensor<?x64xf32>
  return %a, %b : tensor<?x64xf32>, tensor<?x64xf32>
}
