// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The operations of the prec dialect; their text is their specification.
#ifndef PREC_OPS
#define PREC_OPS

include "prec/IR/PrecBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/VectorInterfaces.td"

class Prec_Op<string mnemonic, list<Trait> traits = []>
    : Op<Prec_Dialect, mnemonic, traits>;

def Prec_I32Like : TypeOrValueSemanticsContainer<I32, "i32-like">;
def Prec_I64Like : TypeOrValueSemanticsContainer<I64, "i64-like">;
def Prec_PositionLike
    : TypeOrValueSemanticsContainer<AnyTypeOf<[Index, I32, I64]>, "position">;

def Prec_RoundOp : Prec_Op<"round", [
    Pure, AttrSizedOperandSegments, AllTypesMatch<["operand", "result"]>,
    VectorUnrollOpInterface
    ] # ElementwiseMappable.traits> {
  let summary = "round to a number format";
  let description = [{
    Rounds each element of `operand` to a number of `format` in the direction
    given by `mode`. The result has the operand's type: a format is a set of
    values within the carrier, `f32` or `f64`.

    For a finite element `x`:

    1. If `x` is a number of the format, the result is `x`, in every mode.
    2. Otherwise `x` lies between two neighbours, or beyond the largest finite
       number; `mode` chooses. Numbers below the smallest normal one have the
       smallest normal one's spacing. The sign of a zero result is that of `x`.
    3. Beyond the largest finite number the format and the mode decide as
       IEEE 754 does.

    An infinity stays infinite where the format has infinities; a NaN becomes
    the canonical NaN. docs/numerics.md states each rule with its label. Which
    NaN an operation delivers that no rounding follows is not defined.

    Operands besides the value:

    - `parameters`: one `i32` for each `?` of the format, in the order of the
      text, two for the scale of `int8<?>`, the high and the low word of an f64,
      then one for that of `stochastic<?>`, on a vector one an element. A number
      outside the legal range is clamped to it.
    - `random`: in stochastic modes, and only there. On a scalar or a vector
      it is the random word, one `i32` an element, of which `stochastic<r>`
      takes the low 16 bits (r <= 16) or all 32. On a tensor it is the call's
      `i64` key (`prec.key`): the word of an element is then
      `prec.random` of that key at the element's row-major position, or with
      `by_value`, at its bits.

    The discardable attribute `grad` says what the derivative is:
    `"straight-through"` (1, as without it), `"clipped"` (1 for operands within
    the format's range, 0 beyond, for formats whose range is known) or `"zero"`.

    The operation is pure. It is not to be removed, moved past another
    rounding or merged with one of another site, with two exceptions, which
    the folder takes: a deterministic rounding of a constant, and a
    deterministic rounding of a value that was just rounded to the same format.

    Examples:

    ```mlir
    %0 = prec.round %a to "m7" "toward-zero" : f32
    %1 = prec.round %t to "e5m10" "nearest-even" : tensor<4x?xf32>
    %2 = prec.round %a to "m?"(%bits : i32) "nearest-even" : f32
    %3 = prec.round %a to "m3" "stochastic" random(%word : i32) : f32
    %6 = prec.round %a to "m3"(%r : i32) "stochastic<?>" random(%word : i32) : f32
    %4 = prec.round %t to "m3" "stochastic" random(%key : i64) : tensor<4x?xf32>
    %5 = prec.round %t to "m3" "stochastic" random(%key : i64) by_value : tensor<4x?xf32>
    ```
  }];
  let arguments = (ins FloatLike:$operand, Variadic<Prec_I32Like>:$parameters,
    Optional<AnyTypeOf<[Prec_I32Like, Prec_I64Like]>>:$random,
    Prec_FormatAttr:$format, Prec_ModeAttr:$mode, OptionalAttr<Prec_SiteAttr>:$site,
    UnitAttr:$by_value);
  let results = (outs FloatLike:$result);
  let assemblyFormat = [{
    $operand `to` custom<Format>($format) (`(` $parameters^ `:` type($parameters) `)`)?
    custom<Mode>($mode) (`random` `(` $random^ `:` type($random) `)`)?
    (`by_value` $by_value^)?
    (`at` $site^)? attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Prec_RandomOp : Prec_Op<"random", [Pure] # ElementwiseMappable.traits> {
  let summary = "a random word for a position";
  let description = [{
    The 32-bit word `H32(key, position)` of docs/numerics.md: a function of its
    operands and nothing else. `key` comes from `prec.key`. `position` counts
    in row-major order and is taken as unsigned; its high 32 bits, if any, join
    the key.

    ```mlir
    %word = prec.random %key, %position : i64, i32 -> i32
    ```
  }];
  let arguments = (ins Prec_I64Like:$key, Prec_PositionLike:$position);
  let results = (outs Prec_I32Like:$result);
  let assemblyFormat = [{
    $key `,` $position attr-dict `:` type($key) `,` type($position) `->` type($result)
  }];
}

def Prec_KeyOp : Prec_Op<"key", [Pure]> {
  let summary = "the key of a site's random bits in this call";
  let description = [{
    `mix64(seed, site, step)` of docs/numerics.md, where `site` is the key of a
    `#prec.site` taken as unsigned.

    ```mlir
    %key = prec.key %seed, %step of 1234567
    ```
  }];
  let arguments = (ins I32:$seed, I32:$step, I64Attr:$site);
  let results = (outs I64:$result);
  let assemblyFormat = "$seed `,` $step `of` $site attr-dict";
}

def Prec_JoinOp : Prec_Op<"join", [Pure]> {
  let summary = "the key of one iteration";
  let description = [{
    Joins a number, the trip count of an enclosing loop, to a key:
    `scramble64(key xor number)` of docs/numerics.md. Roundings in a loop whose
    iterations no row-major position counts take their words from such a key.

    ```mlir
    %inner = prec.join %key, %trip : index
    ```
  }];
  let arguments = (ins I64:$key, AnyTypeOf<[Index, I32, I64]>:$number);
  let results = (outs I64:$result);
  let assemblyFormat = "$key `,` $number attr-dict `:` type($number)";
}

def Prec_DeclareOp : Prec_Op<"declare", [Symbol]> {
  let summary = "declare a run-time number";
  let description = [{
    Declares an `i32` that a caller may set for each call, with the value that
    holds when the caller does not. A module's declarations, in their order,
    are the slots of the context that compiled functions get.

    With a schedule the number follows the training step (`@prec.step`, which
    must be declared): pairs of a step and the value from it on, ascending. With
    `per_epoch` it follows the epoch, the step over `@prec.steps_per_epoch`,
    which whoever trains sets; epoch 0 where that is 0. A caller that sets the
    number overrides the schedule; the slot's default then is -2^31, which
    stands for it.

    ```mlir
    prec.declare @bits = 7
    prec.declare @prec.step = 0
    prec.declare @prec.steps_per_epoch = 469
    prec.declare @width = 10 schedule [50, 7, 100, 4]
    prec.declare @slow = 10 schedule [3, 7] per_epoch
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I32Attr:$value,
    OptionalAttr<DenseI64ArrayAttr>:$schedule, UnitAttr:$per_epoch);
  let assemblyFormat = [{
    $sym_name `=` $value (`schedule` $schedule^ (`per_epoch` $per_epoch^)?)? attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // A declaration belongs to the call interface: an unused one is kept.
    bool canDiscardOnUseEmpty() { return false; }
  }];
}

def Prec_ParameterOp : Prec_Op<"parameter", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a run-time number in this call";
  let description = [{
    The value of the named `prec.declare` in the current call. It is the same
    throughout the call, so the operation is pure.

    ```mlir
    %bits = prec.parameter @bits
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$name);
  let results = (outs I32:$result);
  let assemblyFormat = "$name attr-dict";
}

#endif // PREC_OPS
