// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors as text, times as JSON.
#include "prec/Driver/Run.h"
#include "prec/Execution/Files.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::prec;

/// One element, with as many digits as reading it back needs.
static void printElement(raw_ostream &os, const Tensor &tensor, int64_t i) {
  auto half = [&](const llvm::fltSemantics &semantics) {
    APFloat value(semantics, APInt(16, tensor.span<uint16_t>()[i]));
    bool losesInfo;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    os << llvm::format("%.9g", double(value.convertToFloat()));
  };
  switch (tensor.dtype()) {
  case DType::F16:
    return half(APFloat::IEEEhalf());
  case DType::BF16:
    return half(APFloat::BFloat());
  case DType::F32:
    os << llvm::format("%.9g", double(tensor.span<float>()[i]));
    return;
  case DType::F64:
    os << llvm::format("%.17g", tensor.span<double>()[i]);
    return;
  case DType::I1:
    os << (tensor.span<uint8_t>()[i] ? "True" : "False");
    return;
  case DType::I8:
    os << int(tensor.span<int8_t>()[i]);
    return;
  case DType::I16:
    os << tensor.span<int16_t>()[i];
    return;
  case DType::I32:
    os << tensor.span<int32_t>()[i];
    return;
  case DType::I64:
    os << tensor.span<int64_t>()[i];
    return;
  case DType::U8:
    os << unsigned(tensor.span<uint8_t>()[i]);
    return;
  case DType::U16:
    os << tensor.span<uint16_t>()[i];
    return;
  case DType::U32:
    os << tensor.span<uint32_t>()[i];
    return;
  case DType::U64:
    os << tensor.span<uint64_t>()[i];
    return;
  }
}

static void printSlice(raw_ostream &os, const Tensor &tensor, int64_t dim,
                       int64_t first, int64_t count) {
  if (dim == tensor.rank())
    return printElement(os, tensor, first);
  int64_t extent = tensor.shape()[dim];
  int64_t stride = extent ? count / extent : 0;
  os << '[';
  for (int64_t i = 0; i < extent; ++i) {
    if (i)
      os << ", ";
    printSlice(os, tensor, dim + 1, first + i * stride, stride);
  }
  os << ']';
}

void mlir::prec::printTensor(raw_ostream &os, const Tensor &tensor) {
  printSlice(os, tensor, 0, 0, tensor.size());
}

llvm::Error mlir::prec::writeTiming(StringRef path, const PhaseTimes &times,
                                    ArrayRef<double> runSeconds,
                                    bool cacheHit) {
  llvm::json::Object phases;
  for (const auto &[name, seconds] : times.phases())
    phases[name] = seconds;
  llvm::json::Object timing{{"phases", std::move(phases)},
                            {"compile_seconds", times.total()},
                            {"run_seconds", llvm::json::Array(runSeconds)},
                            {"cache_hit", cacheHit}};
  std::string text =
      llvm::formatv("{0}\n", llvm::json::Value(std::move(timing))).str();
  return writeFile(
      path, llvm::ArrayRef<uint8_t>(
                reinterpret_cast<const uint8_t *>(text.data()), text.size()));
}
