// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks of JSON values, and their faults.
#include "prec/Json/JsonReader.h"
#include "prec/Numerics/Spelling.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::prec;
using llvm::StringRef;
using llvm::Twine;

llvm::Error JsonReader::takeFaults(const JsonNode &root) {
  if (numFaults > maxFaults)
    errors = llvm::joinErrors(
        std::move(errors),
        source.error(root.offset, "", Twine(numFaults) + " faults in all"));
  return std::move(errors);
}

void JsonReader::fault(size_t offset, StringRef pointer, const Twine &message) {
  if (++numFaults <= maxFaults)
    errors = llvm::joinErrors(std::move(errors),
                              source.error(offset, pointer, message));
}

bool JsonReader::expect(const JsonAt &at, Kind kind, const Twine &expected) {
  if (at.node->kind == kind)
    return true;
  fault(at, "expected " + expected + ", found " + at.node->describe());
  return false;
}

bool JsonReader::expectObject(const JsonAt &at, const Twine &what,
                              const std::vector<std::string_view> &legal) {
  if (!expect(at, Kind::Object, what))
    return false;
  for (auto [key, offset] : llvm::zip_equal(at.node->keys, at.node->keyOffsets))
    if (!llvm::is_contained(legal, std::string_view(key)))
      fault(offset, at.pointer + pointerStep(key),
            unknownWord("key", key, legal));
  return true;
}

bool JsonReader::readInteger(const JsonAt &at, int64_t low, int64_t high,
                             int64_t &value) {
  std::string expected =
      "a whole number " + std::to_string(low) + ".." + std::to_string(high);
  if (!expect(at, Kind::Integer, expected))
    return false;
  value = at.node->integer;
  if (low <= value && value <= high)
    return true;
  fault(at, "expected " + expected + ", found " + Twine(value));
  return false;
}
