// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors as text.
#include "prec/Execution/Run.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"

using namespace mlir::prec;

/// A narrow float by its bits.
static float widen(uint16_t bits, const llvm::fltSemantics &semantics) {
  llvm::APFloat value(semantics, llvm::APInt(16, bits));
  bool loses;
  value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven,
                &loses);
  return value.convertToFloat();
}

static void printElement(llvm::raw_ostream &out, const Tensor &tensor,
                         size_t i) {
  switch (tensor.dtype()) {
  case DType::F16:
    out << llvm::format(
        "%.5g", widen(tensor.span<uint16_t>()[i], llvm::APFloat::IEEEhalf()));
    return;
  case DType::BF16:
    out << llvm::format(
        "%.4g", widen(tensor.span<uint16_t>()[i], llvm::APFloat::BFloat()));
    return;
  case DType::F32:
    out << llvm::format("%.9g", tensor.span<float>()[i]);
    return;
  case DType::F64:
    out << llvm::format("%.17g", tensor.span<double>()[i]);
    return;
  case DType::I1:
    out << (tensor.span<uint8_t>()[i] ? "true" : "false");
    return;
  case DType::I8:
    out << int(tensor.span<int8_t>()[i]);
    return;
  case DType::I16:
    out << tensor.span<int16_t>()[i];
    return;
  case DType::I32:
    out << tensor.span<int32_t>()[i];
    return;
  case DType::I64:
    out << tensor.span<int64_t>()[i];
    return;
  case DType::U8:
    out << unsigned(tensor.span<uint8_t>()[i]);
    return;
  case DType::U16:
    out << tensor.span<uint16_t>()[i];
    return;
  case DType::U32:
    out << tensor.span<uint32_t>()[i];
    return;
  case DType::U64:
    out << tensor.span<uint64_t>()[i];
    return;
  }
}

/// One level of brackets for each dimension; a new line after each row.
static void printLevel(llvm::raw_ostream &out, const Tensor &tensor,
                       int64_t level, size_t &next) {
  if (level == tensor.rank()) {
    printElement(out, tensor, next++);
    return;
  }
  out << '[';
  for (int64_t i = 0; i < tensor.shape()[level]; ++i) {
    if (i != 0 && level + 1 == tensor.rank())
      out << ", ";
    else if (i != 0)
      out << ",\n" << std::string(size_t(level) + 1, ' ');
    printLevel(out, tensor, level + 1, next);
  }
  out << ']';
}

void mlir::prec::print(llvm::raw_ostream &out, llvm::StringRef name,
                       const Tensor &tensor) {
  out << name << " : " << describe(tensor) << "\n";
  size_t next = 0;
  printLevel(out, tensor, 0, next);
  out << "\n";
}
