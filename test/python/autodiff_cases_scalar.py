# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cases for each row of the derivative table."""
from autodiff_cases import scalar_case

for op in ("negf",):
    scalar_case(f"arith_{op}", f"%r = arith.{op} %a : $T")
for op in ("addf", "subf", "mulf", "maximumf", "minimumf", "maxnumf", "minnumf"):
    scalar_case(f"arith_{op}", f"%r = arith.{op} %a, %b : $T", 2)
scalar_case("arith_divf", "%r = arith.divf %a, %b : $T", 2, 0.5, 2)
scalar_case("arith_remf", "%r = arith.remf %a, %b : $T", 2, 0.5, 2)
scalar_case(
    "arith_select",
    "%c = arith.cmpf ogt, %a, %b : $T\n%p = arith.mulf %a, %a : $T\n"
    "%r = arith.select %c, %p, %b : $T", 2,
)
for op, low, high in [
    ("absf", -1, 1), ("acos", -0.9, 0.9), ("acosh", 1.1, 3), ("asin", -0.9, 0.9), ("asinh", -2, 2),
    ("atan", -2, 2), ("atanh", -0.9, 0.9), ("cbrt", 0.3, 2), ("ceil", 0.1, 0.9), ("cos", -3, 3),
    ("cosh", -2, 2), ("erf", -2, 2), ("erfc", -2, 2), ("exp", -2, 2), ("exp2", -2, 2),
    ("expm1", -2, 2), ("floor", 0.1, 0.9), ("log", 0.3, 3), ("log10", 0.3, 3), ("log1p", -0.5, 3),
    ("log2", 0.3, 3), ("round", 0.1, 0.4), ("roundeven", 0.1, 0.4), ("rsqrt", 0.3, 3),
    ("sin", -3, 3), ("sinh", -2, 2), ("sqrt", 0.3, 3), ("tan", -1, 1), ("tanh", -2, 2),
    ("trunc", 0.1, 0.9),
]:
    # Another use of the operand, so that a derivative of zero is seen too.
    scalar_case(
        f"math_{op}", f"%f = math.{op} %a : $T\n%r = arith.addf %f, %a : $T", 1, low, high
    )
scalar_case("math_atan2", "%r = math.atan2 %a, %b : $T", 2, 0.3, 2)
scalar_case("math_copysign", "%s = math.copysign %a, %b : $T\n%r = arith.mulf %s, %a : $T", 2)
scalar_case("math_powf", "%r = math.powf %a, %b : $T", 2, 0.3, 2)
scalar_case("math_fma", "%r = math.fma %a, %b, %c : $T", 3)
scalar_case("math_fpowi", "%n = arith.constant 3 : i32\n%r = math.fpowi %a, %n : $T, i32")
scalar_case("math_sincos", "%s, %c = math.sincos %a : $T\n%r = arith.mulf %s, %c : $T")
scalar_case(
    "arith_casts", "%s = arith.truncf %a : $T to f32\n%e = arith.extf %s : f32 to $T\n"
    "%d = arith.subf %e, %a : $T\n%q = arith.mulf %a, %b : $T\n%r = arith.addf %q, %d : $T", 2,
)
scalar_case(
    "integers_carry_nothing",
    "%i = arith.fptosi %a : $T to i32\n%s = arith.sitofp %i : i32 to $T\n"
    "%r = arith.addf %s, %a : $T", 1, 0.1, 0.9,
)
scalar_case("gelu", """%k = arith.constant 0.7071067811865476 : $T
    %h = arith.constant 0.5 : $T
    %one = arith.constant 1.0 : $T
    %x = arith.mulf %a, %k : $T
    %e = math.erf %x : $T
    %s = arith.addf %one, %e : $T
    %m = arith.mulf %h, %a : $T
    %r = arith.mulf %m, %s : $T""", 1, -2, 2)
scalar_case("silu", """%one = arith.constant 1.0 : $T
    %n = arith.negf %a : $T
    %e = math.exp %n : $T
    %d = arith.addf %one, %e : $T
    %r = arith.divf %a, %d : $T""", 1, -2, 2)
