// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The header of an .npy file: a Python dictionary literal of three keys.
#include "prec/Execution/Npy.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace {

constexpr StringRef kMagic("\x93NUMPY", 6);

/// NumPy's letters for our dtypes.
struct Code {
  StringRef letters;
  DType dtype;
};
constexpr Code kCodes[] = {
    {"f2", DType::F16}, {"V2", DType::BF16}, {"f4", DType::F32},
    {"f8", DType::F64}, {"b1", DType::I1},   {"i1", DType::I8},
    {"i2", DType::I16}, {"i4", DType::I32},  {"i8", DType::I64},
    {"u1", DType::U8},  {"u2", DType::U16},  {"u4", DType::U32},
    {"u8", DType::U64},
};

/// Reads the literal from left to right; every take... returns false, and
/// leaves the text alone, when something else stands there.
struct Reader {
  StringRef text;

  bool take(StringRef token) {
    text = text.ltrim();
    return text.consume_front(token);
  }
  bool takeString(StringRef &value) {
    text = text.ltrim();
    if (text.empty() || (text[0] != '\'' && text[0] != '"'))
      return false;
    size_t end = text.find(text[0], 1);
    if (end == StringRef::npos)
      return false;
    value = text.slice(1, end);
    text = text.drop_front(end + 1);
    return true;
  }
  bool takeDimension(int64_t &value) {
    text = text.ltrim();
    if (text.empty() || !llvm::isDigit(text[0]) ||
        text.consumeInteger(10, value))
      return false;
    text.consume_front("L"); // Python 2 wrote long integers so
    return true;
  }
  bool takeShape(llvm::SmallVectorImpl<int64_t> &shape) {
    if (!take("("))
      return false;
    while (!take(")")) {
      int64_t dim;
      if (!takeDimension(dim))
        return false;
      shape.push_back(dim);
      if (!take(",")) {
        // (3) is no tuple in Python, (3,) is.
        return shape.size() > 1 && take(")");
      }
    }
    return true;
  }
};

} // namespace

static llvm::Error setDType(StringRef descr, NpyHeader &header,
                            StringRef name) {
  StringRef letters = descr;
  char order = '=';
  if (!letters.empty() && StringRef("<>=|").contains(letters[0])) {
    order = letters[0];
    letters = letters.drop_front();
  }
  for (const Code &code : kCodes)
    if (code.letters == letters) {
      header.dtype = code.dtype;
      header.bigEndian = order == '>';
      return llvm::Error::success();
    }
  if (letters.starts_with("O"))
    return createStringError("'" + name +
                             "': found an object array, which holds Python "
                             "pickles and is never read; expected numbers");
  return createStringError(
      "'" + name + "': found dtype '" + descr +
      "', expected one of f2, f4, f8, V2 (bfloat16), b1, i1, i2, i4, i8, u1, "
      "u2, u4, u8");
}

/// The text between the braces into `header`.
static llvm::Error parseDictionary(StringRef text, NpyHeader &header,
                                   StringRef name) {
  Reader reader{text};
  auto broken = [&](const Twine &expected) {
    return createStringError("'" + name + "': broken header at byte " +
                             Twine(text.size() - reader.text.size()) +
                             ", expected " + expected);
  };
  bool seenDescr = false, seenOrder = false, seenShape = false;
  if (!reader.take("{"))
    return broken("a dictionary");
  while (!reader.take("}")) {
    StringRef key, descr;
    if (!reader.takeString(key) || !reader.take(":"))
      return broken("a key and ':'");
    if (key == "descr" && !seenDescr) {
      if (reader.take("["))
        return createStringError("'" + name +
                                 "': found a structured array, expected one "
                                 "number per element");
      if (!reader.takeString(descr))
        return broken("a dtype in quotes");
      if (llvm::Error error = setDType(descr, header, name))
        return error;
      seenDescr = true;
    } else if (key == "fortran_order" && !seenOrder) {
      header.fortranOrder = reader.take("True");
      if (!header.fortranOrder && !reader.take("False"))
        return broken("True or False");
      seenOrder = true;
    } else if (key == "shape" && !seenShape) {
      if (!reader.takeShape(header.shape))
        return broken("a tuple of dimensions");
      seenShape = true;
    } else {
      return broken("each of descr, fortran_order, shape once, found '" +
                    llvm::toStringRef(llvm::arrayRefFromStringRef(key)) + "'");
    }
    if (!reader.take(",") && !reader.text.ltrim().starts_with("}"))
      return broken("',' or '}'");
  }
  if (!seenDescr || !seenOrder || !seenShape)
    return broken("the keys descr, fortran_order and shape");
  if (!reader.text.trim().empty())
    return broken("nothing after '}'");
  return llvm::Error::success();
}

Expected<NpyHeader> mlir::prec::parseNpyHeader(llvm::ArrayRef<uint8_t> bytes,
                                               StringRef name) {
  StringRef text = llvm::toStringRef(bytes);
  if (!text.starts_with(kMagic))
    return createStringError("'" + name +
                             "': not an .npy file, expected it to begin with "
                             "\\x93NUMPY");
  auto truncated = [&](const Twine &what) {
    return createStringError("'" + name + "': truncated in its " + what +
                             ": found " + Twine(bytes.size()) + " bytes");
  };
  if (bytes.size() < 8)
    return truncated("version");
  unsigned major = bytes[6], minor = bytes[7];
  if (major < 1 || major > 3 || minor != 0)
    return createStringError("'" + name + "': found version " + Twine(major) +
                             "." + Twine(minor) + ", expected 1.0, 2.0 or 3.0");
  size_t start = major == 1 ? 10 : 12;
  if (bytes.size() < start)
    return truncated("header length");
  size_t length = major == 1
                      ? llvm::support::endian::read16le(bytes.data() + 8)
                      : llvm::support::endian::read32le(bytes.data() + 8);
  if (bytes.size() - start < length)
    return truncated("header, which has " + Twine(length) + " bytes");
  NpyHeader header;
  header.dataOffset = start + length;
  if (llvm::Error error =
          parseDictionary(text.substr(start, length), header, name))
    return error;
  return header;
}

std::string mlir::prec::npyHeader(const Tensor &tensor) {
  StringRef letters;
  for (const Code &code : kCodes)
    if (code.dtype == tensor.dtype())
      letters = code.letters;
  std::string order = byteWidth(tensor.dtype()) == 1 ? "|" : "<";
  std::string shape;
  for (int64_t dim : tensor.shape())
    shape += (shape.empty() ? "" : ", ") + std::to_string(dim);
  if (tensor.rank() == 1)
    shape += ",";
  std::string text = "{'descr': '" + order + letters.str() +
                     "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // Spaces and a newline bring the data to a multiple of 64 bytes.
  while ((10 + text.size() + 1) % 64 != 0)
    text += ' ';
  text += '\n';
  std::string header = kMagic.str();
  header += '\1';
  header += '\0';
  header += char(text.size() & 0xff);
  header += char(text.size() >> 8);
  return header + text;
}
