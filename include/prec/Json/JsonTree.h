// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON text as a tree whose nodes know where they stand. The JSON library is
// known to this header's implementation only.
#ifndef PREC_JSON_JSONTREE_H
#define PREC_JSON_JSONTREE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir::prec {

struct JsonNode {
  enum class Kind : uint8_t {
    Null,
    Bool,
    Integer,
    Real,
    String,
    Array,
    Object
  };

  Kind kind = Kind::Null;
  bool boolean = false;
  int64_t integer = 0;
  std::string string;
  /// Elements of an array, values of an object.
  std::vector<JsonNode> items;
  /// Keys of an object and where they stand, parallel to `items`.
  std::vector<std::string> keys;
  std::vector<size_t> keyOffsets;
  /// Byte of the text at which the value begins.
  size_t offset = 0;

  static JsonNode object() { return ofKind(Kind::Object); }
  static JsonNode array() { return ofKind(Kind::Array); }
  static JsonNode of(llvm::StringRef text) {
    JsonNode node = ofKind(Kind::String);
    node.string = text.str();
    return node;
  }
  static JsonNode of(int64_t number) {
    JsonNode node = ofKind(Kind::Integer);
    node.integer = number;
    return node;
  }
  static JsonNode of(bool) = delete;
  static JsonNode ofBool(bool value) {
    JsonNode node = ofKind(Kind::Bool);
    node.boolean = value;
    return node;
  }
  void set(llvm::StringRef key, JsonNode value) {
    keys.push_back(key.str());
    items.push_back(std::move(value));
  }

  const JsonNode *find(llvm::StringRef key) const;
  /// The value of an integer or a real; none if it has no finite one.
  std::optional<double> number() const;
  /// "a string", "the number 3", "an object", ... for messages.
  std::string describe() const;

private:
  static JsonNode ofKind(Kind kind) {
    JsonNode node;
    node.kind = kind;
    return node;
  }
};

/// A text with its name, for messages.
struct JsonSource {
  llvm::StringRef text, name;

  unsigned line(size_t offset) const;
  /// In characters, from 1.
  unsigned column(size_t offset) const;
  /// "NAME:LINE:COLUMN: POINTER: MESSAGE".
  llvm::Error error(size_t offset, llvm::StringRef pointer,
                    const llvm::Twine &message) const;
};

/// Reads JSON with `//` and `/* */` comments. Refused besides what JSON itself
/// forbids: duplicate keys, nesting deeper than 64, numbers beyond 64 bits.
llvm::Expected<JsonNode> parseJson(const JsonSource &source);

/// The tree as text; what lies deeper than two levels stands on one line.
std::string printJson(const JsonNode &node);

/// A key as a step of a JSON pointer (RFC 6901): `~` and `/` are escaped.
std::string pointerStep(llvm::StringRef key);

} // namespace mlir::prec

#endif // PREC_JSON_JSONTREE_H
