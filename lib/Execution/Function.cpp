// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A call: tensors to memref descriptors, the jump, descriptors to tensors.
#include "EngineState.h"

#include "prec/Execution/Buffers.h"
#include "prec/Execution/FloatEnvironment.h"
#include "prec/Execution/IndexReport.h"
#include "prec/Execution/LiveBuffers.h"
#include "prec/Execution/Profile.h"
#include "prec/Execution/Threads.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir::prec;
using llvm::Expected;

/// Words of a descriptor: block, data, offset, sizes, strides.
static size_t descriptorWords(size_t rank) { return 3 + 2 * rank; }

static void writeDescriptor(Tensor &tensor, uint64_t *words) {
  words[0] = words[1] = reinterpret_cast<uint64_t>(tensor.data());
  words[2] = 0;
  size_t rank = size_t(tensor.rank());
  int64_t stride = 1;
  for (size_t d = rank; d-- > 0;) {
    words[3 + d] = uint64_t(tensor.shape()[d]);
    words[3 + rank + d] = uint64_t(stride);
    stride *= tensor.shape()[d];
  }
}

static bool isRowMajor(llvm::ArrayRef<int64_t> shape, const int64_t *strides) {
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (shape[d] != 1 && strides[d] != stride)
      return false;
    stride *= shape[d];
  }
  return true;
}

/// The elements behind a descriptor in row-major order, in a new block.
static Tensor copyOut(DType dtype, llvm::ArrayRef<int64_t> shape,
                      const int64_t *strides, const uint8_t *data) {
  Tensor result(dtype, shape);
  if (isRowMajor(shape, strides)) {
    std::memcpy(result.data(), data, result.byteSize());
    return result;
  }
  size_t width = byteWidth(dtype);
  auto *out = static_cast<uint8_t *>(result.data());
  llvm::SmallVector<int64_t> index(shape.size(), 0);
  int64_t position = 0;
  for (int64_t i = 0; i < result.size(); ++i, out += width) {
    std::memcpy(out, data + position * int64_t(width), width);
    for (size_t d = shape.size(); d-- > 0;) {
      position += strides[d];
      if (++index[d] < shape[d])
        break;
      position -= index[d] * strides[d];
      index[d] = 0;
    }
  }
  return result;
}

/// Takes a result over. `blocks` has the blocks that are not the result's own:
/// those of the arguments and of earlier results.
static Tensor readDescriptor(const ValueInfo &value, const uint64_t *words,
                             llvm::SmallVectorImpl<const void *> &blocks) {
  size_t rank = value.shape.size();
  auto *block = reinterpret_cast<void *>(words[0]);
  llvm::ArrayRef<int64_t> shape(reinterpret_cast<const int64_t *>(words + 3),
                                rank);
  const int64_t *strides = shape.end();
  auto *data = reinterpret_cast<uint8_t *>(words[1]) +
               int64_t(words[2]) * int64_t(byteWidth(value.dtype));
  bool isOwn = !llvm::is_contained(blocks, block);
  if (isOwn && isRowMajor(shape, strides)) {
    blocks.push_back(block);
    return Tensor::adopt(value.dtype, shape, block, data);
  }
  Tensor copy = copyOut(value.dtype, shape, strides, data);
  if (isOwn)
    buffers::release(block);
  return copy;
}

std::vector<int32_t> Function::defaultContext() const {
  std::vector<int32_t> context;
  for (const ParameterSlot &slot : info->parameters)
    context.push_back(slot.defaultValue);
  return context;
}

Expected<std::vector<Tensor>>
Function::call(llvm::ArrayRef<Tensor *> arguments,
               llvm::ArrayRef<int32_t> context) const {
  if (llvm::Error error = checkArguments(*info, arguments))
    return error;
  std::vector<int32_t> defaults;
  if (context.empty())
    context = defaults = defaultContext();
  if (context.size() != info->parameters.size())
    return llvm::createStringError("@" + info->name + ": found " +
                                   llvm::Twine(context.size()) +
                                   " run-time parameters, expected " +
                                   llvm::Twine(info->parameters.size()));

  // All descriptors in one block, so that their addresses stay.
  size_t total = 0;
  for (const ValueInfo &argument : info->arguments)
    if (argument.kind != ValueKind::Scalar)
      total += descriptorWords(argument.shape.size());
  llvm::SmallVector<uint64_t, 64> words(total);
  llvm::SmallVector<void *, 16> pointers;
  llvm::SmallVector<const void *, 16> blocks;
  uint64_t *next = words.data();
  for (auto [value, tensor] : llvm::zip(info->arguments, arguments)) {
    blocks.push_back(tensor->data());
    if (value.kind == ValueKind::Scalar) {
      pointers.push_back(tensor->data());
      continue;
    }
    writeDescriptor(*tensor, next);
    pointers.push_back(next);
    next += descriptorWords(value.shape.size());
  }
  static const int32_t empty = 0;
  pointers.push_back(
      const_cast<int32_t *>(context.empty() ? &empty : context.data()));

  // The results as a C struct: each at a multiple of its own alignment.
  llvm::SmallVector<size_t> offsets;
  size_t size = 0;
  for (const ValueInfo &result : info->results) {
    bool isScalar = result.kind == ValueKind::Scalar;
    size_t width = isScalar ? byteWidth(result.dtype)
                            : 8 * descriptorWords(result.shape.size());
    size = llvm::alignTo(size, isScalar ? width : 8);
    offsets.push_back(size);
    size += width;
  }
  llvm::SmallVector<uint64_t, 64> storage(llvm::divideCeil(size, 8) + 1);
  auto *base = reinterpret_cast<uint8_t *>(storage.data());
  pointers.push_back(base);

  LiveBuffers::Call buffersOfCall(info->name, arguments);
  {
    ThreadCount threads(state->threads);
    FloatEnvironment environment;
    Profile::Call timesOfCall(info->name);
    invoke(pointers.data());
  }

  std::vector<Tensor> results;
  for (auto [value, offset] : llvm::zip(info->results, offsets)) {
    if (value.kind == ValueKind::Scalar) {
      Tensor scalar(value.dtype, {});
      std::memcpy(scalar.data(), base + offset, scalar.byteSize());
      results.push_back(std::move(scalar));
    } else {
      results.push_back(readDescriptor(
          value, reinterpret_cast<const uint64_t *>(base + offset), blocks));
    }
  }
  buffersOfCall.setResults(results);
  // After the results are taken over, which are released if they are no good.
  if (llvm::Error outside = takeReportedIndex())
    return outside;
  return results;
}
