// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bits of the numbers of each family of formats in the summary (a column of gradients),
// counted by hand: a sign, then what the code numbers. Shared scales: an element's bits.
// RUN: split-file %s %t
// RUN: prec-opt %t/own.mlir --report-sites=summary | FileCheck %s --check-prefix=OWN
// RUN: prec-opt %t/shared.mlir --report-sites=summary | FileCheck %s --check-prefix=SHARED
// RUN: prec-opt %t/wide.mlir --policy=%t/wide.json --report-sites=summary | FileCheck %s --check-prefix=WIDE

// OWN: {{^}}fixed<4,12> {{.*}} 16  -
// OWN: {{^}}ufixed<4,8> {{.*}} 12  -
// OWN: {{^}}int8 {{.*}} 8  -
// OWN: {{^}}uint5 {{.*}} 5  -
// OWN: {{^}}int8<0.1>-sym {{.*}} 8  -
// OWN: {{^}}int6<0.5,3> {{.*}} 6  -
// OWN: {{^}}binary {{.*}} 1  -
// OWN: {{^}}ternary {{.*}} 2  -
// OWN: {{^}}pow2<-8,0> {{.*}} 5  -
// OWN: {{^}}posit<16,1> {{.*}} 16  -
// OWN: {{^}}binary7p3se {{.*}} 7  -
// OWN: {{^}}binary8p3uf {{.*}} 8  -
// OWN: {{^}}f8e8m0fnu {{.*}} 8  -
// OWN: {{^}}f6e2m3fn {{.*}} 6  -
// OWN: {{^}}e5m10-sat {{.*}} 16  -
// OWN: {{^}}bits18 {{.*}} 18  -
// OWN: {{^}}m4 {{.*}} 13  -
// SHARED: {{^}}mxfp4 {{.*}} 4  -
// SHARED: {{^}}mxfp6e3m2 {{.*}} 6  -
// SHARED: {{^}}mxint8 {{.*}} 8  -
// SHARED: {{^}}bfp<7,16> {{.*}} 7  -
// SHARED: {{^}}nvfp4 {{.*}} 4  -
// SHARED: {{^}}adaptivfloat<9,4> {{.*}} 9  -
// SHARED: {{^}}int5<max> {{.*}} 5  -
// SHARED: {{^}}binary<mean> {{.*}} 1  -
// The legal ranges on f64: exponents 2..11, fractions 0..52, words 9..61.
// WIDE: {{^}}mantissa {{.*}} 64  -
// WIDE: {{^}}word {{.*}} 20  -
// WIDE: {{^}}float {{.*}} 14  -
// WIDE: {{^}}small {{.*}} 9  -
// WIDE: {{^}}moved {{.*}} 10  -

//--- own.mlir
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = math.absf %x {prec.scope = "fixed<4,12>", prec.role = "gradient", prec.policy = "fixed<4,12>"} : tensor<4xf32>
  %1 = math.absf %0 {prec.scope = "ufixed<4,8>", prec.role = "gradient", prec.policy = "ufixed<4,8>"} : tensor<4xf32>
  %2 = math.absf %1 {prec.scope = "int8", prec.role = "gradient", prec.policy = "int8"} : tensor<4xf32>
  %3 = math.absf %2 {prec.scope = "uint5", prec.role = "gradient", prec.policy = "uint5"} : tensor<4xf32>
  %4 = math.absf %3 {prec.scope = "int8<0.1>-sym", prec.role = "gradient", prec.policy = "int8<0.1>-sym"} : tensor<4xf32>
  %5 = math.absf %4 {prec.scope = "int6<0.5,3>", prec.role = "gradient", prec.policy = "int6<0.5,3>"} : tensor<4xf32>
  %6 = math.absf %5 {prec.scope = "binary", prec.role = "gradient", prec.policy = "binary"} : tensor<4xf32>
  %7 = math.absf %6 {prec.scope = "ternary", prec.role = "gradient", prec.policy = "ternary"} : tensor<4xf32>
  %8 = math.absf %7 {prec.scope = "pow2<-8,0>", prec.role = "gradient", prec.policy = "pow2<-8,0>"} : tensor<4xf32>
  %9 = math.absf %8 {prec.scope = "posit<16,1>", prec.role = "gradient", prec.policy = "posit<16,1>"} : tensor<4xf32>
  %10 = math.absf %9 {prec.scope = "binary7p3se", prec.role = "gradient", prec.policy = "binary7p3se"} : tensor<4xf32>
  %11 = math.absf %10 {prec.scope = "binary8p3uf", prec.role = "gradient", prec.policy = "binary8p3uf"} : tensor<4xf32>
  %12 = math.absf %11 {prec.scope = "f8e8m0fnu", prec.role = "gradient", prec.policy = "f8e8m0fnu"} : tensor<4xf32>
  %13 = math.absf %12 {prec.scope = "f6e2m3fn", prec.role = "gradient", prec.policy = "f6e2m3fn"} : tensor<4xf32>
  %14 = math.absf %13 {prec.scope = "e5m10-sat", prec.role = "gradient", prec.policy = "e5m10-sat"} : tensor<4xf32>
  %15 = math.absf %14 {prec.scope = "bits18", prec.role = "gradient", prec.policy = "bits18"} : tensor<4xf32>
  %16 = math.absf %15 {prec.scope = "m4", prec.role = "gradient", prec.policy = "m4"} : tensor<4xf32>
  return %16 : tensor<4xf32>
}

//--- shared.mlir
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = math.absf %x {prec.scope = "mxfp4", prec.role = "gradient", prec.policy = "mxfp4"} : tensor<4xf32>
  %1 = math.absf %0 {prec.scope = "mxfp6e3m2", prec.role = "gradient", prec.policy = "mxfp6e3m2"} : tensor<4xf32>
  %2 = math.absf %1 {prec.scope = "mxint8", prec.role = "gradient", prec.policy = "mxint8"} : tensor<4xf32>
  %3 = math.absf %2 {prec.scope = "bfp<7,16>", prec.role = "gradient", prec.policy = "bfp<7,16>"} : tensor<4xf32>
  %4 = math.absf %3 {prec.scope = "nvfp4", prec.role = "gradient", prec.policy = "nvfp4"} : tensor<4xf32>
  %5 = math.absf %4 {prec.scope = "adaptivfloat<9,4>", prec.role = "gradient", prec.policy = "adaptivfloat<9,4>"} : tensor<4xf32>
  %6 = math.absf %5 {prec.scope = "int5<max>", prec.role = "gradient", prec.policy = "int5<max>"} : tensor<4xf32>
  %7 = math.absf %6 {prec.scope = "binary<mean>", prec.role = "gradient", prec.policy = "binary<mean>"} : tensor<4xf32>
  return %7 : tensor<4xf32>
}

//--- wide.mlir
func.func @f(%x: tensor<4xf64>) -> tensor<4xf64> {
  %0 = math.absf %x {prec.scope = "mantissa", prec.role = "gradient"} : tensor<4xf64>
  %1 = math.absf %0 {prec.scope = "word", prec.role = "gradient"} : tensor<4xf64>
  %2 = math.absf %1 {prec.scope = "float", prec.role = "gradient"} : tensor<4xf64>
  %3 = math.absf %2 {prec.scope = "small", prec.role = "gradient"} : tensor<4xf64>
  %4 = math.absf %3 {prec.scope = "moved", prec.role = "gradient"} : tensor<4xf64>
  return %4 : tensor<4xf64>
}
//--- wide.json
{
  "version": 1,
  "parameters": {"sixty": 60, "twenty": {"steps": [[0, 20], [5, 30]]}, "three": 3},
  "rules": [
    {"select": "mantissa", "format": "m?", "parameters": ["sixty"]},
    {"select": "word", "format": "bits?", "parameters": ["twenty"]},
    {"select": "float", "format": "e?m10", "parameters": ["three"]},
    {"select": "small", "format": "bits?", "parameters": ["three"]},
    {"select": "moved", "format": "fixed<?/10>", "parameters": ["twenty"]}
  ]
}
