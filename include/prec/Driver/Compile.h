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

#include <functional>

namespace mlir::prec {

/// Adds seconds to a phase, behind the others if it is new.
void addPhase(Timing &timing, llvm::StringRef phase, double seconds);

/// Seconds of a steady clock.
double now();

/// What becomes of a forward function.
struct StepOptions {
  std::string optimizer = "sgd";
  /// Empty: what the description says, else the usual one (LossKind.h).
  std::string loss;
  /// Whether outputs are compared with values, not with labels.
  bool hasValues = false;
  /// Of the optimiser, the loss and the gradients by the names of
  /// prec-make-training-step's options ("weight-decay"), as text, where they
  /// are not the defaults.
  std::vector<std::pair<std::string, std::string>> numbers;
  std::optional<LossScaling> lossScale;
};

/// The bytes of a module, text or bytecode; "-": standard input. Errors: it
/// cannot be read; its name is that of another kind of model, with what makes a
/// module of such a one.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
openModel(llvm::StringRef path);

/// A module with all that it needs to live, and to report errors beside the
/// source line they speak of.
class Model {
public:
  /// Reads a module, as text or bytecode; "-" is standard input. A file whose
  /// name ends in .json and the name of a builtin are descriptions of a
  /// network, which is imported. Errors are printed with their location and
  /// come as "cannot load model".
  /// A description is built for use, or for training: with the batch's
  /// statistics and dropout, and a @predict where that makes a difference.
  static llvm::Expected<Model> load(llvm::StringRef path, Timing &timing,
                                    bool isTraining = false);
  /// The same from text, of which `name` is what messages call it.
  static llvm::Expected<Model> parse(llvm::StringRef text,
                                     llvm::StringRef name);

  /// Makes @step and @predict of @forward. A module that has @step, or no
  /// @forward, stays as it is: a loss, its scale, a number, or an optimizer
  /// other than sgd, the default, is then an error.
  /// Those roundings of the policy that have a gradient are inserted before
  /// the step is differentiated.
  llvm::Error makeTrainingStep(const StepOptions &options,
                               const Policy &policy);

  /// The seed of the random bits that the model has by itself.
  void setSeed(uint32_t seed);

  /// Makes @predict alone of @forward, which need not be differentiable; a
  /// module that has @predict, or no @forward, stays as it is, and it is an
  /// error to name the dimension of the classes (-1: the last).
  llvm::Error makePredict(int64_t classAxis = -1);

  /// The loss that the description names; empty: none.
  std::string describedLoss() const;

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

/// Changes a module between insertion and lowering.
using AfterInsertion = std::function<LogicalResult(ModuleOp)>;

/// What a run says of itself (Observe.h).
struct ObserveOptions {
  /// Times of kernels: to a file, else as a table where the caller says; a file
  /// that ends in .json is a trace.
  bool profile = false;
  std::string profileFile;
  /// Peaks of memory.
  bool memory = false;
};

struct CompileOptions {
  /// The functions to compile; empty: all public ones.
  std::vector<std::string> entries;
  AfterInsertion afterInsertion;
  ObserveOptions observe;
  EngineOptions engine;
  /// Target, vectors and threads are set from `engine`, what is measured from
  /// `observe`.
  CodegenOptions codegen;
};

/// Rounds, lowers and compiles a module, which is changed. Errors that have a
/// location are emitted as diagnostics and come as "compilation failed".
llvm::Expected<Engine> compile(ModuleOp module, const Policy &policy,
                               CompileOptions options, Timing &timing);

} // namespace mlir::prec

#endif // PREC_DRIVER_COMPILE_H
