// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles MLIR text through the pipeline and calls what comes out.
#ifndef PREC_TEST_CODEGEN_JIT_H
#define PREC_TEST_CODEGEN_JIT_H

#include "GuardedAllocator.h"
#include "prec/Codegen/Pipelines.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace mlir::prec::test {

/// MLIR's strided descriptor.
template <class T, int Rank> struct Descriptor {
  T *allocated = nullptr, *aligned = nullptr;
  int64_t offset = 0;
  int64_t sizes[Rank] = {}, strides[Rank] = {};
};
template <class T> struct Descriptor<T, 0> {
  T *allocated = nullptr, *aligned = nullptr;
  int64_t offset = 0;
};

/// A row-major array and its descriptor.
template <class T, int Rank> struct Array {
  explicit Array(std::array<int64_t, Rank> shape) {
    int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1),
                                    std::multiplies<>());
    values.resize(count);
    if constexpr (Rank > 0)
      for (int d = Rank - 1; d >= 0; --d) {
        descriptor.sizes[d] = shape[d];
        descriptor.strides[d] =
            d == Rank - 1 ? 1
                          : descriptor.strides[d + 1] * descriptor.sizes[d + 1];
      }
  }
  Descriptor<T, Rank> *get() {
    descriptor.allocated = descriptor.aligned = values.data();
    return &descriptor;
  }
  std::vector<T, GuardedAllocator<T>> values;
  Descriptor<T, Rank> descriptor;
};

/// The values of a result, which is then released.
template <class T, int Rank>
std::vector<T> takeResult(Descriptor<T, Rank> &result) {
  int64_t count = 1;
  if constexpr (Rank > 0)
    for (int64_t size : result.sizes)
      count *= size;
  T *first = result.aligned + result.offset;
  std::vector<T> values(first, first + count);
  free(result.allocated);
  return values;
}

/// A compiled module. Failure to compile is a failed test and a null pointer.
class Module {
public:
  /// `level` is LLVM's optimisation level, 0 or 3.
  static std::unique_ptr<Module> compile(const std::string &text, int level,
                                         const CodegenOptions &options);

  /// Calls a public function by its C interface.
  template <class... Args> void call(const std::string &name, Args... args) {
    auto *function = reinterpret_cast<void (*)(Args..., const int32_t *)>(
        lookup("_mlir_ciface_" + name));
    function(args..., context.data());
  }

  /// One value for each prec.declare, at first the defaults.
  std::vector<int32_t> context;

private:
  void *lookup(const std::string &name);
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

/// The options of the machine that runs the tests.
CodegenOptions hostOptions();

} // namespace mlir::prec::test

#endif // PREC_TEST_CODEGEN_JIT_H
