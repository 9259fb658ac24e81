// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a model's file to functions that can be called: the rooms in their
// order.
#ifndef PREC_DRIVER_COMPILE_H
#define PREC_DRIVER_COMPILE_H

#include "prec/Codegen/Pipelines.h"
#include "prec/Execution/Engine.h"
#include "prec/Execution/Run.h"
#include "prec/Policy/Policy.h"
#include "prec/Transforms/SiteReport.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include "llvm/Support/SourceMgr.h"

namespace mlir::prec {

/// Adds seconds to a phase, behind the others if it is new.
void addPhase(Timing &timing, llvm::StringRef phase, double seconds);

/// Seconds of a steady clock.
double now();

/// A module with all that it needs to live, and to report errors beside the
/// source line they speak of.
class Model {
public:
  /// Reads a module, as text or bytecode; "-" is standard input. A file whose
  /// name ends in .json and the name of a builtin are descriptions of a
  /// network, which is imported. Errors are printed with their location and
  /// come as "cannot load model".
  static llvm::Expected<Model> load(llvm::StringRef path, Timing &timing);
  /// The same from text, of which `name` is what messages call it.
  static llvm::Expected<Model> parse(llvm::StringRef text,
                                     llvm::StringRef name);

  /// Makes @step and @predict of @forward. An empty `loss` is what the
  /// description says, else softmax cross-entropy. A module that has @step, or
  /// no @forward, stays as it is: a loss or an optimizer other than sgd, the
  /// default, is then an error.
  llvm::Error
  makeTrainingStep(llvm::StringRef optimizer, llvm::StringRef loss,
                   const std::optional<LossScaling> &lossScale = {});

  ModuleOp module() const { return *parsed; }

private:
  Model();
  llvm::Error parseBuffer(std::unique_ptr<llvm::MemoryBuffer> buffer);

  std::unique_ptr<MLIRContext> context;
  std::unique_ptr<llvm::SourceMgr> sources;
  std::unique_ptr<SourceMgrDiagnosticHandler> handler;
  OwningOpRef<ModuleOp> parsed;
};

/// Inserts the policy's roundings, if it has any. The survival check of all
/// further passes starts from here.
LogicalResult insertRounding(ModuleOp module, const Policy &policy,
                             SiteReport *report = nullptr);

/// Lowers a module to the LLVM dialect and checks that no rounding was lost.
LogicalResult lower(ModuleOp module, const CodegenOptions &options);

struct CompileOptions {
  /// The functions to compile; empty: all public ones.
  std::vector<std::string> entries;
  EngineOptions engine;
  /// Target, vectors and threads are set from `engine`.
  CodegenOptions codegen;
};

/// Rounds, lowers and compiles a module, which is changed. Errors that have a
/// location are emitted as diagnostics and come as "compilation failed".
llvm::Expected<Engine> compile(ModuleOp module, const Policy &policy,
                               CompileOptions options, Timing &timing);

} // namespace mlir::prec

#endif // PREC_DRIVER_COMPILE_H
