// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The way from a rounded module to LLVM IR.
//
// Idea: linalg on tensors, arith, math and prec operations go in; what comes
// out computes, bit for bit, what DESIGN's "What is computed, exactly" says.
// The options choose how fast and on which machine, never which bits.
//
// Calling convention of compiled code. A public function `@f` is called by its
// C interface `_mlir_ciface_f`: tensors and memrefs as pointers to MLIR's
// strided descriptors, scalars by value; a single scalar result is returned,
// other results are stored through a leading pointer to a struct of them; and
// as LAST argument `const int32_t *`: one i32 for each `prec.declare` of the
// module, in their order (never null if there is one). Tensor arguments are
// only read. Each tensor result is a new buffer of
// `_mlir_memref_to_llvm_aligned_alloc(alignment, size)` that the caller
// releases with `_mlir_memref_to_llvm_free`; these two are the only symbols the
// code needs, besides the OpenMP runtime's when `threads` is set, `memcpy` and
// the like, and functions that the module itself declares.
#ifndef PREC_CODEGEN_PIPELINES_H
#define PREC_CODEGEN_PIPELINES_H

#include "prec/Codegen/Recompute.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace mlir::prec {

struct CodegenOptions {
  /// Register-tiled and vectorised kernels; off: plain scalar loops.
  bool fast = true;
  /// For more than one, parallel loops go to the OpenMP runtime, which asks how
  /// many there are; kernels that go over their results several times are cut
  /// in so many parts.
  unsigned threads = 1;
  /// Least number of scalar operations of a loop nest that uses threads.
  int64_t threadGrain = 1 << 18;
  /// Width of a vector register in bits, and how many there are.
  unsigned vectorBits = 128;
  unsigned vectorRegisters = 16;
  /// The target computes in f16, with the same bits as in f32 and rounded.
  bool nativeHalf = false;
  /// The target has units that add and do not multiply, as all Zens do.
  bool separateAdders = false;
  /// Multiplications of a tile that chooses the form of its roundings where its
  /// whole operands exclude the fast one (`prec-choose-forms`).
  int64_t formTile = 1 << 22;
  /// Calls of the engine around each kernel (Execution/Profile.h), and at each
  /// allocation and release (Execution/LiveBuffers.h).
  bool profile = false, trackBuffers = false;
  /// What may be computed again rather than kept.
  Recompute recompute = Recompute::Cheap;

  /// Sets the vector unit from a target's triple and features (the texts that
  /// LLVM's TargetMachine gives: "x86_64-...", "+avx512f,+fma,...").
  void setTarget(llvm::StringRef triple, llvm::StringRef features);
};

/// Name and default of each run-time number of a module, in the order of the
/// context's slots; works before and after lowering.
llvm::SmallVector<std::pair<std::string, int32_t>>
contextDefaults(ModuleOp module);

/// Everything that the pipeline's passes need to be loaded, and the
/// translations to LLVM IR.
void registerCodegen(DialectRegistry &registry);

/// From a rounded module (after prec-insert-rounding, or without any rounding)
/// to MLIR's LLVM dialect.
void buildCodegenPipeline(OpPassManager &pm, const CodegenOptions &options);

/// Runs that pipeline. Failure: a located error was emitted.
LogicalResult lowerToLLVMDialect(ModuleOp module,
                                 const CodegenOptions &options);

/// MLIR's LLVM dialect to LLVM IR; null after an error. The caller sets data
/// layout, triple and the functions' target attributes.
std::unique_ptr<llvm::Module> translateToLLVMIR(ModuleOp module,
                                                llvm::LLVMContext &context);

/// Passes and pipelines by name, for prec-opt: `prec-lower` is the whole way
/// to the LLVM dialect, `prec-lower{fast=false}` its plain form.
void registerCodegenPasses();

} // namespace mlir::prec

#endif // PREC_CODEGEN_PIPELINES_H
