// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a compiled function takes and gives.
//
// It is read off the IR before lowering (SignatureReader.h), because lowered
// code no longer knows dtypes, names and shapes.
#ifndef PREC_EXECUTION_SIGNATURE_H
#define PREC_EXECUTION_SIGNATURE_H

#include "prec/Execution/Tensor.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::prec {

/// A dynamic dimension is negative. kAnySize may be anything; each other
/// negative number names a size: dimensions with the same number must be equal
/// in one call.
inline constexpr int64_t kAnySize = -1;

enum class ValueKind : uint8_t {
  Scalar, ///< a number; a Tensor without dimensions on our side
  Tensor, ///< read only as an argument, a fresh block as a result
  Memref  ///< an argument that the function may write
};

struct ValueInfo {
  std::string name; ///< attribute prec.name; may be empty
  ValueKind kind = ValueKind::Tensor;
  DType dtype = DType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  std::string init;      ///< attribute prec.init (Initialise.h); may be empty
  std::string role = {}; ///< attribute prec.role; may be empty
};

/// A run-time number, slot i of the context being the i-th prec.declare.
struct ParameterSlot {
  std::string name;
  int32_t defaultValue = 0;
};

struct Signature {
  std::string name;
  std::vector<ValueInfo> arguments, results;
  std::vector<ParameterSlot> parameters;
};

/// "argument 1 'x' of @step", for messages.
std::string describeArgument(const Signature &signature, size_t index);

/// "tensor<?x784xf32>".
inline std::string describe(const ValueInfo &value) {
  return describe(value.dtype, value.shape);
}

/// Checks number, dtypes and shapes. Errors name the argument, what was found
/// and what was expected.
llvm::Error checkArguments(const Signature &signature,
                           llvm::ArrayRef<Tensor *> arguments);

} // namespace mlir::prec

#endif // PREC_EXECUTION_SIGNATURE_H
