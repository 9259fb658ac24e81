// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parsing and printing of formats and modes.
#include "prec/IR/PrecDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::prec;

#define GET_ATTRDEF_CLASSES
#include "prec/IR/PrecAttrs.cpp.inc"

void PrecDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "prec/IR/PrecAttrs.cpp.inc"
      >();
}

/// Parses a string literal that names a `Value` (Format or RoundingMode).
template <typename Value>
static FailureOr<Value> parseNamed(AsmParser &parser) {
  std::string text, error;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseString(&text))
    return failure();
  std::optional<Value> value = Value::parse(text, &error);
  if (!value)
    return parser.emitError(loc, error);
  return *value;
}

Attribute FormatAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<prec::Format> value = parseNamed<prec::Format>(parser);
  if (failed(value) || parser.parseGreater())
    return {};
  return get(parser.getContext(), *value);
}
void FormatAttr::print(AsmPrinter &printer) const {
  printer << "<\"" << getValue().str() << "\">";
}

Attribute ModeAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<RoundingMode> value = parseNamed<RoundingMode>(parser);
  if (failed(value) || parser.parseGreater())
    return {};
  return get(parser.getContext(), *value);
}
void ModeAttr::print(AsmPrinter &printer) const {
  printer << "<\"" << getValue().str() << "\">";
}

namespace mlir::prec {
ParseResult parseFormat(OpAsmParser &parser, FormatAttr &format) {
  FailureOr<Format> value = parseNamed<Format>(parser);
  if (failed(value))
    return failure();
  format = FormatAttr::get(parser.getContext(), *value);
  return success();
}
void printFormat(OpAsmPrinter &printer, Operation *, FormatAttr format) {
  printer << '"' << format.getValue().str() << '"';
}
ParseResult parseMode(OpAsmParser &parser, ModeAttr &mode) {
  FailureOr<RoundingMode> value = parseNamed<RoundingMode>(parser);
  if (failed(value))
    return failure();
  mode = ModeAttr::get(parser.getContext(), *value);
  return success();
}
void printMode(OpAsmPrinter &printer, Operation *, ModeAttr mode) {
  printer << '"' << mode.getValue().str() << '"';
}
} // namespace mlir::prec
