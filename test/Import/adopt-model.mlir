// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What prec-adopt-model does to a module of a foreign importer.
// RUN: prec-opt --prec-adopt-model --split-input-file --allow-unregistered-dialect %s 2>/dev/null | FileCheck %s

// A location's name becomes a scope; JAX's own words go, transpose( is backward.
// CHECK-LABEL: func.func @scopes
// CHECK: math.exp %{{.*}} {prec.scope = "layer1.conv"}
// CHECK: math.sin %{{.*}} {prec.phase = "backward", prec.scope = "block/fc1"}
// CHECK: math.cos %{{.*}} {prec.scope = "encoder.0/Conv"}
// CHECK: math.log %{{.*}} {prec.scope = "mine"}
// CHECK: math.tan %{{.*}} {prec.phase = "backward", prec.scope = "m/o/c/d"}
// CHECK: math.tanh %{{.*}} {prec.scope = "s/inner"}
// CHECK: math.erf %{{.*}} {prec.scope = "s/cond"}
func.func @scopes(%x: f32) -> f32 {
  %0 = math.exp %x : f32 loc("layer1.conv|convolution_5")
  %1 = math.sin %0 : f32 loc("jit(f)/block/transpose(jvp(fc1))/sin")
  %2 = math.cos %1 : f32 loc("/encoder.0/Conv")
  %3 = math.log %2 {prec.scope = "mine"} : f32 loc("other|log")
  %4 = math.tan %3 : f32 loc("jit(f)/m/transpose(jvp(o))/c/jvp(o)/c/checkpoint/rematted_computation/d/tan")
  %5 = math.tanh %4 : f32 loc("jit(f)/s/while/body/closed_call/inner/tanh")
  %6 = math.erf %5 : f32 loc("jit(f)/s/cond/branch_1_fun/cond/erf")
  return %6 : f32
}

// -----

// What was inlined has the layer and the phase of its call in a function of JAX,
// and its own layers below; calls in others say nothing.
// CHECK-LABEL: func.func @inlined
// CHECK: math.exp %{{.*}} {prec.phase = "backward", prec.scope = "loss"}
// CHECK: math.sin %{{.*}} {prec.phase = "backward", prec.scope = "loss/inner"}
// CHECK: math.cos %{{.*}} {prec.scope = "loss"}
// CHECK: math.log %{{.*}} {prec.scope = "fc1"}
#outer = loc("jit(f)/transpose(jvp(loss))/jit(log_softmax)"("f"("f.py":1:2)))
func.func @inlined(%x: f32) -> f32 {
  %0 = math.exp %x : f32 loc(callsite("exp" at #outer))
  %1 = math.sin %0 : f32 loc(callsite("jit(sum)/inner/sin" at #outer))
  %2 = math.cos %1 : f32 loc(fused[callsite("cos" at callsite("jit(relu)" at "jit(f)/loss/jit(g)")), "g"])
  %3 = math.log %2 : f32 loc(callsite("fc1|log" at "block|call"))
  return %3 : f32
}

// -----

// A loop's operations may belong to layers of their own, a reduction's are parts of it.
// CHECK-LABEL: func.func @nested
// CHECK: scf.if
// CHECK: math.exp %{{.*}} {prec.scope = "s/inner"}
// CHECK: math.sin %{{[^ ]*}} : f32
// CHECK: linalg.generic
// CHECK: math.cos %{{[^ ]*}} : f32
func.func @nested(%x: f32, %b: i1, %t: tensor<2xf32>) -> (f32, tensor<2xf32>) {
  %0 = scf.if %b -> f32 {
    %1 = math.exp %x : f32 loc("jit(f)/s/cond/branch_0_fun/inner/exp")
    %2 = math.sin %1 : f32 loc("jit(f)/s/sin")
    scf.yield %2 : f32
  } else {
    scf.yield %x : f32
  } loc("jit(f)/s/cond")
  %3 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%t : tensor<2xf32>) {
  ^bb0(%e: f32):
    %4 = math.cos %e : f32 loc("jit(f)/other/cos")
    linalg.yield %4 : f32
  } -> tensor<2xf32> loc("jit(f)/s/cos")
  return %0, %3 : f32, tensor<2xf32>
}

// -----

// Calls are inlined under the call's scope.
// CHECK-LABEL: func.func @calls
// CHECK: math.exp %{{.*}} {prec.scope = "fc1"}
// CHECK-NOT: func.func private
func.func @calls(%x: f32) -> f32 {
  %0 = func.call @n0(%x) {prec.scope = "fc1"} : (f32) -> f32
  return %0 : f32
}
func.func private @n0(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}

// -----

// A model of f64 is what it is.
// CHECK-LABEL: func.func @double
// CHECK: arith.addf %{{.*}} : f64
func.func @double(%x: f64) -> f64 {
  %0 = arith.addf %x, %x : f64
  return %0 : f64
}

// -----

// CHECK-LABEL: func.func @power
// CHECK-NOT: math.fpowi
// CHECK: %[[SQUARE:.*]] = arith.mulf %[[X:.*]], %[[X]] {prec.scope = "p"} : f32
// CHECK: %[[CUBE:.*]] = arith.mulf %[[X]], %[[SQUARE]] {prec.scope = "p"} : f32
func.func @power(%x: f32) -> f32 {
  %n = arith.constant 3 : i32
  %0 = math.fpowi %x, %n : f32, i32 loc("p|pow")
  return %0 : f32
}

// -----

// CHECK-LABEL: func.func @concat
// CHECK-NOT: tensor.concat
// CHECK-COUNT-2: tensor.insert_slice
func.func @concat(%a: tensor<2xf32>, %b: tensor<3xf32>) -> tensor<5xf32> {
  %0 = tensor.concat dim(0) %a, %b : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// CHECK-LABEL: func.func @scatter
// CHECK-NOT: tm_tensor
// CHECK: scf.for
// CHECK: tensor.insert
func.func @scatter(%u: tensor<3xf32>, %i: tensor<3x1xi64>, %x: tensor<5xf32>) -> tensor<5xf32> {
  %0 = "tm_tensor.scatter"(%u, %i, %x) <{dimension_map = array<i64: 0>, operandSegmentSizes = array<i32: 2, 1>, unique_indices = false}> ({
  ^bb0(%a: f32, %b: f32):
    %1 = arith.addf %b, %a : f32
    "tm_tensor.yield"(%1) : (f32) -> ()
  }) : (tensor<3xf32>, tensor<3x1xi64>, tensor<5xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// f64 inside a model of f32 is mended (it is reported on standard error).
// CHECK-LABEL: func.func @island
// CHECK-NOT: f64
// CHECK: arith.constant {{.*}}9.99999974E-6 : f32
// CHECK: arith.addf %{{.*}} : f32
func.func @island(%x: f32) -> f32 {
  %c = arith.constant 1.0e-5 : f64
  %0 = arith.extf %x : f32 to f64 loc("ln1|ext")
  %1 = arith.addf %0, %c : f64 loc("ln1|add")
  %2 = arith.truncf %1 : f64 to f32 loc("ln1|trunc")
  return %2 : f32
}


// -----

// An argument that stands for random words is drawn; the key's numbers are a last argument.
// CHECK-LABEL: func.func @drawn
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[KEY:.*]]: tensor<2xi32> {prec.name = "random", prec.role = "input"})
// CHECK: %[[SEED:.*]] = tensor.extract %[[KEY]][%c0
// CHECK: %[[STEP:.*]] = tensor.extract %[[KEY]][%c1
// CHECK: %[[K:.*]] = prec.key %[[SEED]], %[[STEP]] of
// CHECK: %[[WORDS:.*]] = linalg.generic
// CHECK: prec.random %[[K]], %{{.*}} : i64, i32 -> i32
// CHECK: arith.cmpi
func.func @drawn(%w: tensor<2x3xi32> {prec.random = "drop 0"}, %x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %c = arith.constant dense<7> : tensor<2x3xi32>
  %z = arith.constant dense<0.0> : tensor<2x3xf32>
  %0 = arith.cmpi sge, %w, %c : tensor<2x3xi32>
  %1 = arith.select %0, %x, %z : tensor<2x3xi1>, tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// The place of a maximum that nobody reads goes; one that is read stays.
// CHECK-LABEL: func.func @place_of_maximum(
// CHECK: %[[MAX:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<4x8xf32>) outs(%{{.*}} : tensor<4xf32>) attrs =  {prec.scope = "softmax"} {
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.maximumf
// CHECK-NEXT: linalg.yield
// CHECK: %[[BOTH:.*]]:2 = linalg.generic
// CHECK: return %[[MAX]], %[[BOTH]]#1
func.func @place_of_maximum(%x: tensor<4x8xf32>, %top: tensor<4xf32>, %place: tensor<4xi64>) -> (tensor<4xf32>, tensor<4xi64>) {
  %a:2 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%top, %place : tensor<4xf32>, tensor<4xi64>) attrs = {prec.scope = "softmax"} {
  ^bb0(%e: f32, %t: f32, %p: i64):
    %i = linalg.index 1 : index
    %j = arith.index_cast %i : index to i64
    %m = arith.maximumf %e, %t : f32
    %c = arith.cmpf ogt, %e, %t : f32
    %q = arith.select %c, %j, %p : i64
    linalg.yield %m, %q : f32, i64
  } -> (tensor<4xf32>, tensor<4xi64>)
  %b:2 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%top, %place : tensor<4xf32>, tensor<4xi64>) {
  ^bb0(%e: f32, %t: f32, %p: i64):
    %i = linalg.index 1 : index
    %j = arith.index_cast %i : index to i64
    %m = arith.minimumf %e, %t : f32
    %c = arith.cmpf olt, %e, %t : f32
    %q = arith.select %c, %j, %p : i64
    linalg.yield %m, %q : f32, i64
  } -> (tensor<4xf32>, tensor<4xi64>)
  return %a#0, %b#1 : tensor<4xf32>, tensor<4xi64>
}

// -----

// Of a training step words follow from the run's numbers; a size that is not known is so many batches.
// CHECK-DAG: prec.declare @prec.seed
// CHECK-DAG: prec.declare @prec.step
// CHECK-LABEL: func.func @drawn_in_a_run(
// CHECK-SAME: %[[X:.*]]: tensor<?x3xf32>, %{{.*}}: tensor<?xi32>) -> tensor<?xi32> {
// CHECK: %[[BATCH:.*]] = tensor.dim %[[X]], %c0
// CHECK: %[[ROWS:.*]] = arith.muli %[[BATCH]], %c4
// CHECK: %[[SEED:.*]] = prec.parameter @prec.seed
// CHECK: %[[STEP:.*]] = prec.parameter @prec.step
// CHECK: prec.key %[[SEED]], %[[STEP]] of
// CHECK: tensor.empty(%[[ROWS]]) : tensor<?xi32>
func.func @drawn_in_a_run(%x: tensor<?x3xf32>, %w: tensor<?xi32> {prec.random = "drop 0", prec.batches = "4"}, %y: tensor<?xi32>) -> tensor<?xi32> attributes {prec.random = "run"} {
  %0 = arith.addi %w, %y : tensor<?xi32>
  return %0 : tensor<?xi32>
}
