// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant texts and functions of the engine, for code that calls it.
#ifndef PREC_CODEGEN_TEXTS_H
#define PREC_CODEGEN_TEXTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace mlir::prec {

/// One constant for each text of a module.
class Texts {
public:
  Texts(ModuleOp module, std::string prefix)
      : module(module), prefix(std::move(prefix)) {}
  /// The address of the text, which ends with a zero.
  Value address(OpBuilder &b, Location loc, const std::string &text);

private:
  ModuleOp module;
  std::string prefix;
  std::map<std::string, std::string> names;
};

/// The declaration of a function of the engine (Symbols.h) without results.
func::FuncOp declareEngineFunction(ModuleOp module, StringRef name,
                                   TypeRange arguments);

} // namespace mlir::prec

#endif // PREC_CODEGEN_TEXTS_H
