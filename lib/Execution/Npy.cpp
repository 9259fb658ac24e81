// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The data of an .npy file: byte order and Fortran order undone.
#include "prec/Execution/Npy.h"

#include "prec/Execution/Files.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include <algorithm>
#include <cstring>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Expected;
using llvm::Twine;

/// Copies elements whose first index runs fastest into row-major order.
static void copyFortran(const uint8_t *from, Tensor &to) {
  size_t width = byteWidth(to.dtype());
  llvm::SmallVector<int64_t> index(to.rank(), 0), stride(to.rank(), 1);
  for (int64_t d = 1; d < to.rank(); ++d)
    stride[d] = stride[d - 1] * to.shape()[d - 1];
  auto *out = static_cast<uint8_t *>(to.data());
  int64_t source = 0;
  for (int64_t i = 0; i < to.size(); ++i, out += width) {
    std::memcpy(out, from + size_t(source) * width, width);
    for (int64_t d = to.rank() - 1; d >= 0; --d) {
      source += stride[d];
      if (++index[d] < to.shape()[d])
        break;
      source -= index[d] * stride[d];
      index[d] = 0;
    }
  }
}

static void swapBytes(Tensor &tensor) {
  size_t width = byteWidth(tensor.dtype());
  auto *data = static_cast<uint8_t *>(tensor.data());
  for (int64_t i = 0; i < tensor.size(); ++i, data += width)
    std::reverse(data, data + width);
}

Expected<Tensor> mlir::prec::parseNpy(llvm::ArrayRef<uint8_t> bytes,
                                      llvm::StringRef name) {
  Expected<NpyHeader> header = parseNpyHeader(bytes, name);
  if (!header)
    return header.takeError();
  std::optional<int64_t> count = countElements(header->shape);
  llvm::ArrayRef<uint8_t> data = bytes.drop_front(header->dataOffset);
  size_t width = byteWidth(header->dtype);
  // Compared by division: the product may not fit.
  if (!count || uint64_t(*count) != data.size() / width ||
      data.size() % width != 0)
    return createStringError(
        "'" + name + "': found " + Twine(data.size()) +
        " bytes of data, expected " +
        (count ? Twine(*count) + " elements of " + Twine(width) + " bytes"
               : Twine("more than a file can hold")) +
        " for " + describe(header->dtype, header->shape));
  Tensor result(header->dtype, header->shape);
  if (header->fortranOrder && result.rank() > 1)
    copyFortran(data.data(), result);
  else if (!data.empty())
    std::memcpy(result.data(), data.data(), data.size());
  if (header->bigEndian)
    swapBytes(result);
  if (result.dtype() == DType::I1)
    for (auto [index, value] : llvm::enumerate(result.bytes()))
      if (value > 1)
        return createStringError("'" + name + "': found the byte " +
                                 Twine(unsigned(value)) + " in element " +
                                 Twine(index) + ", a bool is 0 or 1");
  return result;
}

Expected<Tensor> mlir::prec::readNpy(llvm::StringRef path) {
  Expected<std::vector<uint8_t>> bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  return parseNpy(*bytes, path);
}

llvm::Error mlir::prec::writeNpy(llvm::StringRef path, const Tensor &tensor) {
  Expected<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->write(llvm::StringRef(npyHeader(tensor))))
    return error;
  if (llvm::Error error = file->write(tensor.bytes()))
    return error;
  return file->commit();
}
