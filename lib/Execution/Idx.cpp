// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// IDX: a header of single bytes and big-endian words, then the elements.
#include "prec/Execution/Idx.h"

#include "prec/Execution/Files.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include <algorithm>
#include <cstring>

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

Expected<Tensor> mlir::prec::parseIdx(llvm::ArrayRef<uint8_t> bytes,
                                      llvm::StringRef name) {
  auto bad = [&](const Twine &text) {
    return createStringError("'" + name + "': " + text);
  };
  if (bytes.size() < 4)
    return bad("truncated IDX header: found " + Twine(bytes.size()) +
               " bytes, expected at least 4");
  if (bytes[0] != 0 || bytes[1] != 0)
    return bad("not an IDX file: its first two bytes are 0x" +
               llvm::toHex(bytes.take_front(2), true) + ", expected zeros");
  std::optional<DType> dtype = dtypeOf(bytes[2]);
  if (!dtype)
    return bad("found IDX type code 0x" + llvm::toHex(bytes.slice(2, 1), true) +
               ", expected one of 08 (u8), 09 (i8), 0b (i16), 0c (i32), 0d "
               "(f32), 0e (f64)");
  size_t rank = bytes[3], headerSize = 4 + 4 * rank;
  if (rank == 0)
    return bad("found an IDX file of 0 dimensions, expected at least 1");
  if (bytes.size() < headerSize)
    return bad("truncated IDX header: found " + Twine(bytes.size()) +
               " bytes, expected " + Twine(headerSize) + " for " + Twine(rank) +
               " dimensions");
  llvm::SmallVector<int64_t, 4> shape;
  for (size_t d = 0; d < rank; ++d)
    shape.push_back(llvm::support::endian::read32be(bytes.data() + 4 + 4 * d));
  std::optional<int64_t> count = countElements(shape);
  size_t width = byteWidth(*dtype), found = bytes.size() - headerSize;
  if (!count || uint64_t(*count) != found / width || found % width != 0)
    return bad("found " + Twine(found) + " bytes of data, expected " +
               (count
                    ? Twine(*count) + " elements of " + Twine(width) + " bytes"
                    : Twine("more than a file can hold")) +
               " for " + describe(*dtype, shape));
  Tensor result(*dtype, shape);
  auto *data = static_cast<uint8_t *>(result.data());
  if (found)
    std::memcpy(data, bytes.data() + headerSize, found);
  if (width > 1)
    for (int64_t i = 0; i < *count; ++i, data += width)
      std::reverse(data, data + width);
  return result;
}

Expected<Tensor> mlir::prec::readIdx(llvm::StringRef path) {
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
