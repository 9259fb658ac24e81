// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What readers of JSON documents share: places, checks, and faults collected so
// that a file's every mistake is reported, not only the first.
#ifndef PREC_JSON_JSONREADER_H
#define PREC_JSON_JSONREADER_H

#include "prec/Json/JsonTree.h"
#include <optional>
#include <string_view>

namespace mlir::prec {

/// A value and the JSON pointer to it.
struct JsonAt {
  const JsonNode *node;
  std::string pointer;

  JsonAt element(size_t i) const {
    return {&node->items[i], pointer + "/" + std::to_string(i)};
  }
  JsonAt value(llvm::StringRef key, const JsonNode &item) const {
    return {&item, pointer + pointerStep(key)};
  }
};

/// The base of a reader. Checks return whether they hold; one that does not is
/// a fault: `NAME:LINE:COLUMN: POINTER: MESSAGE`, of which the first twenty are
/// kept.
class JsonReader {
protected:
  using Kind = JsonNode::Kind;

  explicit JsonReader(const JsonSource &source) : source(source) {}

  /// The faults as one error, a line each. `root` is where their number is
  /// reported if there are more than were kept.
  llvm::Error takeFaults(const JsonNode &root);
  unsigned faultCount() const { return numFaults; }

  void fault(size_t offset, llvm::StringRef pointer,
             const llvm::Twine &message);
  void fault(const JsonAt &at, const llvm::Twine &message) {
    fault(at.node->offset, at.pointer, message);
  }
  /// A value of that kind; `expected` says so in the message.
  bool expect(const JsonAt &at, Kind kind, const llvm::Twine &expected);
  /// An object with these keys and no others.
  bool expectObject(const JsonAt &at, const llvm::Twine &what,
                    const std::vector<std::string_view> &legal);
  bool readInteger(const JsonAt &at, int64_t low, int64_t high, int64_t &value);

  /// Calls `read` with the value of the key, if there is one.
  template <typename Read>
  bool with(const JsonAt &at, llvm::StringRef key, Read read) {
    const JsonNode *node = at.node->find(key);
    if (node)
      read(at.value(key, *node));
    return node;
  }
  /// A string of which `parse` makes a value, or gives the reason why not.
  template <typename Value, typename Parse>
  void readWord(const JsonAt &at, const llvm::Twine &what, Value &value,
                Parse parse) {
    if (!expect(at, Kind::String, what))
      return;
    std::string error;
    if (std::optional<Value> parsed = parse(at.node->string, &error))
      value = std::move(*parsed);
    else
      fault(at, error);
  }

  const JsonSource &source;

private:
  static constexpr unsigned maxFaults = 20;

  llvm::Error errors = llvm::Error::success();
  unsigned numFaults = 0;
};

} // namespace mlir::prec

#endif // PREC_JSON_JSONREADER_H
