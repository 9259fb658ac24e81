// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dtypes as rows of a table, and the life of a tensor's block.
#include "prec/Execution/Tensor.h"

#include "prec/Execution/Buffers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir::prec;

namespace {
struct Row {
  DType dtype;
  llvm::StringLiteral word;
  uint8_t bytes;
  bool isFloat;
};
// In the order of the enum.
constexpr Row kRows[] = {
    {DType::F16, "f16", 2, true},  {DType::BF16, "bf16", 2, true},
    {DType::F32, "f32", 4, true},  {DType::F64, "f64", 8, true},
    {DType::I1, "i1", 1, false},   {DType::I8, "i8", 1, false},
    {DType::I16, "i16", 2, false}, {DType::I32, "i32", 4, false},
    {DType::I64, "i64", 8, false}, {DType::U8, "u8", 1, false},
    {DType::U16, "u16", 2, false}, {DType::U32, "u32", 4, false},
    {DType::U64, "u64", 8, false},
};
const Row &row(DType dtype) { return kRows[unsigned(dtype)]; }
} // namespace

size_t mlir::prec::byteWidth(DType dtype) { return row(dtype).bytes; }
llvm::StringRef mlir::prec::toString(DType dtype) { return row(dtype).word; }
bool mlir::prec::isFloat(DType dtype) { return row(dtype).isFloat; }

std::optional<DType> mlir::prec::parseDType(llvm::StringRef word) {
  for (const Row &candidate : kRows)
    if (candidate.word == word)
      return candidate.dtype;
  return std::nullopt;
}

bool mlir::prec::isCompatible(DType found, DType expected) {
  if (found == expected)
    return true;
  auto isWord = [](DType t) { return !isFloat(t) && t != DType::I1; };
  return isWord(found) && isWord(expected) &&
         byteWidth(found) == byteWidth(expected);
}

std::optional<int64_t>
mlir::prec::countElements(llvm::ArrayRef<int64_t> shape) {
  int64_t count = 1;
  bool empty = false, overflow = false;
  for (int64_t dim : shape) {
    if (dim < 0)
      return std::nullopt;
    empty |= dim == 0;
    // An empty tensor may have any other dimensions, as in NumPy.
    if (dim != 0)
      overflow |= llvm::MulOverflow(count, dim, count);
  }
  if (empty)
    return 0;
  return overflow ? std::nullopt : std::optional<int64_t>(count);
}

Tensor::Tensor(DType dtype, llvm::ArrayRef<int64_t> shape)
    : type(dtype), dims(shape), count(*countElements(shape)) {
  block = buffers::allocate(byteSize());
  elements = block;
}

Tensor Tensor::adopt(DType dtype, llvm::ArrayRef<int64_t> shape, void *block,
                     void *data) {
  Tensor result;
  result.type = dtype;
  result.dims.assign(shape.begin(), shape.end());
  result.count = *countElements(shape);
  result.block = block;
  result.elements = data;
  return result;
}

Tensor Tensor::view(DType dtype, llvm::ArrayRef<int64_t> shape, void *data) {
  return adopt(dtype, shape, /*block=*/nullptr, data);
}

Tensor::~Tensor() { buffers::release(block); }

void Tensor::swap(Tensor &other) noexcept {
  std::swap(type, other.type);
  std::swap(dims, other.dims);
  std::swap(count, other.count);
  std::swap(block, other.block);
  std::swap(elements, other.elements);
}

Tensor Tensor::clone() const {
  Tensor result(type, dims);
  if (count)
    std::memcpy(result.elements, elements, byteSize());
  return result;
}

Tensor Tensor::reshaped(llvm::ArrayRef<int64_t> shape) && {
  assert(countElements(shape) == count && "a reshape keeps the elements");
  Tensor result = std::move(*this);
  result.dims.assign(shape.begin(), shape.end());
  return result;
}

std::string mlir::prec::describe(DType dtype, llvm::ArrayRef<int64_t> shape) {
  if (shape.empty())
    return toString(dtype).str();
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += (dim < 0 ? std::string("?") : std::to_string(dim)) + "x";
  return text + toString(dtype).str() + ">";
}
