// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// IDX: a header of single bytes and big-endian words, then the elements.
#include "prec/Execution/Idx.h"

#include "prec/Execution/Files.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include <algorithm>
#include <optional>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Expected;
using llvm::Twine;

static std::optional<DType> dtypeOf(uint8_t code) {
  switch (code) {
  case 0x08:
    return DType::U8;
  case 0x09:
    return DType::I8;
  case 0x0B:
    return DType::I16;
  case 0x0C:
    return DType::I32;
  case 0x0D:
    return DType::F32;
  case 0x0E:
    return DType::F64;
  default:
    return std::nullopt;
  }
}

namespace {
struct Header {
  DType dtype = DType::U8;
  llvm::SmallVector<int64_t, 4> shape;
  size_t bytes = 0; // of the header itself
};
} // namespace

/// The longest one: 255 dimensions.
static constexpr size_t kLongestHeader = 4 + 4 * 255;

/// `start` is the beginning of a file of `size` bytes, at least its header.
static Expected<Header> parseHeader(llvm::ArrayRef<uint8_t> start,
                                    uint64_t size, llvm::StringRef name) {
  auto bad = [&](const Twine &text) {
    return createStringError("'" + name + "': " + text);
  };
  if (size < 4)
    return bad("truncated IDX header: found " + Twine(size) +
               " bytes, expected at least 4");
  if (start[0] != 0 || start[1] != 0)
    return bad("not an IDX file: its first two bytes are 0x" +
               llvm::toHex(start.take_front(2), true) + ", expected zeros");
  std::optional<DType> dtype = dtypeOf(start[2]);
  if (!dtype)
    return bad("found IDX type code 0x" + llvm::toHex(start.slice(2, 1), true) +
               ", expected one of 08 (u8), 09 (i8), 0b (i16), 0c (i32), 0d "
               "(f32), 0e (f64)");
  size_t rank = start[3];
  Header header{*dtype, {}, 4 + 4 * rank};
  if (rank == 0)
    return bad("found an IDX file of 0 dimensions, expected at least 1");
  if (size < header.bytes)
    return bad("truncated IDX header: found " + Twine(size) +
               " bytes, expected " + Twine(header.bytes) + " for " +
               Twine(rank) + " dimensions");
  for (size_t d = 0; d < rank; ++d)
    header.shape.push_back(
        llvm::support::endian::read32be(start.data() + 4 + 4 * d));
  std::optional<int64_t> count = countElements(header.shape);
  uint64_t width = byteWidth(*dtype), found = size - header.bytes;
  if (!count || uint64_t(*count) != found / width || found % width != 0)
    return bad("found " + Twine(found) + " bytes of data, expected " +
               (count
                    ? Twine(*count) + " elements of " + Twine(width) + " bytes"
                    : Twine("more than a file can hold")) +
               " for " + describe(*dtype, header.shape));
  return header;
}

/// The file's elements are big-endian.
static void swapBytes(Tensor &tensor) {
  size_t width = byteWidth(tensor.dtype());
  auto *data = static_cast<uint8_t *>(tensor.data());
  if (width > 1)
    for (int64_t i = 0; i < tensor.size(); ++i, data += width)
      std::reverse(data, data + width);
}

Expected<Tensor> mlir::prec::parseIdx(llvm::ArrayRef<uint8_t> bytes,
                                      llvm::StringRef name) {
  Expected<Header> header = parseHeader(bytes, bytes.size(), name);
  if (!header)
    return header.takeError();
  Tensor result(header->dtype, header->shape);
  llvm::copy(bytes.drop_front(header->bytes), result.bytes().begin());
  swapBytes(result);
  return result;
}

/// Without a copy of the file: half of the time that a short training takes to
/// begin would go into its pages.
static Expected<Tensor> readPlainIdx(llvm::StringRef path, uint64_t size,
                                     llvm::ArrayRef<uint8_t> start) {
  Expected<Header> header = parseHeader(start, size, path);
  if (!header)
    return header.takeError();
  Tensor result(header->dtype, header->shape);
  if (llvm::Error error = readFileInto(path, header->bytes, result.bytes()))
    return error;
  swapBytes(result);
  return result;
}

Expected<Tensor> mlir::prec::readIdx(llvm::StringRef path) {
  if (std::optional<uint64_t> size = regularFileSize(path)) {
    std::vector<uint8_t> start(std::min<uint64_t>(*size, kLongestHeader));
    if (llvm::Error error = readFileInto(path, 0, start))
      return error;
    if (!isGzip(start))
      return readPlainIdx(path, *size, start);
  }
  Expected<std::vector<uint8_t>> bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  if (!isGzip(*bytes))
    return parseIdx(*bytes, path);
  Expected<std::vector<uint8_t>> plain = gunzip(*bytes, path);
  if (!plain)
    return plain.takeError();
  return parseIdx(*plain, path);
}
