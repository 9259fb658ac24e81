// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The steps between a lowered module and an object; Engine.h joins them.
#ifndef PREC_EXECUTION_COMPILER_H
#define PREC_EXECUTION_COMPILER_H

#include "prec/Execution/Signature.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>

namespace mlir::prec {

/// The processor to compile for; an empty `cpu` is the one we run on.
/// Errors: LLVM does not know it, or it has what our processor lacks.
llvm::Expected<llvm::orc::JITTargetMachineBuilder>
targetFor(llvm::StringRef cpu, int optLevel);

/// Gives the module the target's layout and each function the attributes that
/// fast and reproducible code needs; replaces llvm.fmuladd by llvm.fma.
void setTarget(llvm::Module &module, llvm::TargetMachine &target);

/// Errors: the module calls a function that Symbols.h does not have.
llvm::Error checkCalls(const llvm::Module &module);

/// The name of an entry's uniform wrapper.
std::string invokeName(llvm::StringRef entry);

/// Adds `void invokeName(ptr args)` around `_mlir_ciface_ENTRY` and makes all
/// else internal to the module. args[i] points to argument i (a scalar or a
/// descriptor), args[n] is the context, args[n+1] points to the results.
/// Errors: the function is missing or does not fit the signature.
llvm::Error addInvoke(llvm::Module &module, const Signature &entry);

/// LLVM's pipeline of an optimisation level.
void optimise(llvm::Module &module, llvm::TargetMachine &target, int optLevel);

/// Machine code as an object file.
llvm::Expected<llvm::SmallVector<char, 0>>
emitObject(llvm::Module &module, llvm::TargetMachine &target);

} // namespace mlir::prec

#endif // PREC_EXECUTION_COMPILER_H
