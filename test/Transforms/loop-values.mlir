// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A loop whose carried values all stay in the format needs no rounding after it; one
// value that an unrounded operation makes is enough to need it (the others are in the
// format already, rounding leaves them).
// RUN: prec-opt %s --format=bf16 --round='kept=keep' | FileCheck %s

// CHECK-LABEL: func @stays
// CHECK: scf.for
// CHECK-NOT: prec.round
// CHECK: return
func.func @stays(%x: f32, %y: f32, %n: index) -> (f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %y) -> (f32, f32) {
    scf.yield %b, %a : f32, f32
  }
  return %r#0, %r#1 : f32, f32
}

// CHECK-LABEL: func @for
// CHECK: %[[R:.*]]:3 = scf.for
// CHECK: arith.mulf
// CHECK-NOT: prec.round
// CHECK: scf.yield
// CHECK: %[[LAST:.*]] = prec.round %[[R]]#2
// CHECK: return %{{.*}}, %{{.*}}, %[[LAST]]
func.func @for(%x: f32, %n: index) -> (f32, f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:3 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %x, %c = %x) -> (f32, f32, f32) {
    %0 = arith.mulf %c, %x {prec.scope = "kept"} : f32
    scf.yield %b, %a, %0 : f32, f32, f32
  }
  return %r#0, %r#1, %r#2 : f32, f32, f32
}

// The condition of a while stands before what it passes on.
// CHECK-LABEL: func @while
// CHECK: %[[R:.*]]:2 = scf.while
// CHECK: %[[SECOND:.*]] = prec.round %[[R]]#1
// CHECK: return %{{.*}}, %[[SECOND]]
func.func @while(%x: f32, %y: f32) -> (f32, f32) {
  %r:2 = scf.while (%a = %x, %b = %y) : (f32, f32) -> (f32, f32) {
    %0 = arith.mulf %b, %x {prec.scope = "kept"} : f32
    %more = arith.cmpf olt, %b, %a : f32
    scf.condition(%more) %a, %0 : f32, f32
  } do {
  ^bb0(%a: f32, %b: f32):
    scf.yield %a, %y : f32, f32
  }
  return %r#0, %r#1 : f32, f32
}

// CHECK-LABEL: func @while_stays
// CHECK: scf.while
// CHECK-NOT: prec.round
// CHECK: return
func.func @while_stays(%x: f32, %y: f32) -> (f32, f32) {
  %r:2 = scf.while (%a = %x, %b = %y) : (f32, f32) -> (f32, f32) {
    %more = arith.cmpf olt, %b, %a : f32
    scf.condition(%more) %a, %b : f32, f32
  } do {
  ^bb0(%a: f32, %b: f32):
    %less = arith.maximumf %a, %b : f32
    scf.yield %b, %less : f32, f32
  }
  return %r#0, %r#1 : f32, f32
}
