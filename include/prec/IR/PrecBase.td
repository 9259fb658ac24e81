// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The prec dialect and its attributes.
#ifndef PREC_BASE
#define PREC_BASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Prec_Dialect : Dialect {
  let name = "prec";
  let cppNamespace = "::mlir::prec";
  let summary = "numerical precision as operations";
  let description = [{
    `prec.round` rounds floating-point values to a number format; the other
    operations supply what a rounding may need besides the value: random bits
    and numbers that are known only at run time.

    Discardable attributes, read once by `prec-insert-rounding`:

    | attribute | on | meaning |
    | --- | --- | --- |
    | `prec.scope` | operations | layer path, `"features/conv1"` |
    | `prec.phase` | operations, functions | `forward`, `backward`, `update`, `eval` |
    | `prec.role` | operations, arguments, results | what the value is for: `activation`, `product`, `accumulator`, `input`, `weight`, `gradient`, `weight-gradient`, `loss`, `state`, `label` |
    | `prec.name` | arguments, operations, results | the value's name |
    | `prec.policy` | operations, functions | rules for it and what is in it: `"e4m3"`, `"weight=e4m3; accumulator=e5m10; sum=kahan"`; stronger than any policy |
    | `prec.siteless` | operations | brought along by a rounding or its derivative: no site |
    | `prec.detached` | operations | no gradient flows through it: the maximum that a softmax subtracts, which cancels |
    | `prec.inserted` | roundings | was there before differentiation; its site follows with the others |
    | `prec.gradients` | functions | differentiated with the roundings that have a gradient; the others are to come |
    | `prec.differentiated` | functions | who took its gradients, unrounded: `PyTorch`, `JAX` |
    | `prec.init` | arguments | how a trainer initialises the parameter |
    | `prec.loss` | functions | the loss that the network's description names |
    | `prec.random` | arguments | stands for random words of this name; `prec-adopt-model` draws them |
    | `prec.random` | functions | `"run"`: these words follow from the run's seed and step, not from an argument of each call |
    | `prec.batches` | arguments | of random words: how many batches each size is that is not known, `"1,0,4"` |
    | `prec.dtype` | arguments, results | `u8`, `u16`, `u32`, `u64`: files hold these integers without a sign |
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = "void registerAttributes();";
}

class Prec_Attr<string name, string attrMnemonic> : AttrDef<Prec_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Prec_FormatAttr : Prec_Attr<"Format", "format"> {
  let summary = "a number format";
  let description = [{
    Wraps `prec::Format`, spelled as in `--format`: `#prec.format<"e5m10">`.
    A `?` in place of a width makes it a run-time number: `"m?"`, `"e?m?"`.
  }];
  let parameters = (ins "::mlir::prec::Format":$value);
  let hasCustomAssemblyFormat = 1;
}

def Prec_ModeAttr : Prec_Attr<"Mode", "mode"> {
  let summary = "a rounding mode";
  let description = [{
    Wraps `prec::RoundingMode`, spelled as in `--rounding`:
    `#prec.mode<"stochastic<16>">`.
  }];
  let parameters = (ins "::mlir::prec::RoundingMode":$value);
  let hasCustomAssemblyFormat = 1;
}

def Prec_SiteAttr : Prec_Attr<"Site", "site"> {
  let summary = "the place in the program that a rounding belongs to";
  let description = [{
    Names a rounding for reports and keys its random bits. The key depends on
    entry, phase, scope, the ordinal of the operation in its scope and the
    role, never on a policy; the number orders the candidates of a module.

    ```mlir
    #prec.site<0, key = 17, entry = "step", phase = "forward", scope = "fc1",
               op = "linalg.matmul", role = "product", granularity = "elementary">
    ```
  }];
  let parameters = (ins
    "int64_t":$number,
    "uint64_t":$key,
    StringRefParameter<"entry function">:$entry,
    StringRefParameter<"phase">:$phase,
    StringRefParameter<"scope">:$scope,
    StringRefParameter<"operation or argument name">:$op,
    StringRefParameter<"role">:$role,
    StringRefParameter<"granularity">:$granularity);
  let assemblyFormat = [{
    `<` $number `,` `key` `=` $key `,` `entry` `=` $entry `,` `phase` `=` $phase `,`
    `scope` `=` $scope `,` `op` `=` $op `,` `role` `=` $role `,`
    `granularity` `=` $granularity `>`
  }];
}

#endif // PREC_BASE
