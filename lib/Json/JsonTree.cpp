// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds the tree from the JSON library's events. The library does not say
// where an event stands in the text, so a cursor follows it token by token.
#include "prec/Json/JsonTree.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/ConvertUTF.h"
#include <nlohmann/json.hpp>

using namespace mlir::prec;
using llvm::StringRef;

static constexpr size_t maxDepth = 64;

const JsonNode *JsonNode::find(StringRef key) const {
  for (auto [name, item] : llvm::zip_equal(keys, items))
    if (name == key)
      return &item;
  return nullptr;
}

std::string JsonNode::describe() const {
  switch (kind) {
  case Kind::Null:
    return "null";
  case Kind::Bool:
    return boolean ? "true" : "false";
  case Kind::Integer:
    return "the number " + std::to_string(integer);
  case Kind::Real:
    return "the number " + string;
  case Kind::String:
    return "the string '" + StringRef(string).take_front(80).str() + "'";
  case Kind::Array:
    return "an array";
  case Kind::Object:
    break;
  }
  return "an object";
}

std::optional<double> JsonNode::number() const {
  if (kind == Kind::Integer)
    return double(integer);
  double value = 0;
  if (kind == Kind::Real && !StringRef(string).getAsDouble(value))
    return value;
  return std::nullopt;
}

std::string mlir::prec::pointerStep(StringRef key) {
  std::string step = "/";
  for (char c : key.take_front(80))
    step += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return step;
}

unsigned JsonSource::line(size_t offset) const {
  return text.take_front(offset).count('\n') + 1;
}

unsigned JsonSource::column(size_t offset) const {
  StringRef before = text.take_front(offset);
  StringRef inLine = before.substr(before.rfind('\n') + 1);
  return 1 + llvm::count_if(inLine, [](char c) {
           return (c & 0xC0) != 0x80; // not inside a character
         });
}

/// What a terminal can show: control characters and broken UTF-8 as '?'.
static std::string printable(const std::string &message) {
  std::string shown = message.substr(0, 4000);
  auto *begin = reinterpret_cast<const llvm::UTF8 *>(shown.data());
  bool isUtf8 = llvm::isLegalUTF8String(&begin, begin + shown.size());
  for (char &c : shown)
    if (llvm::isASCII(c) ? !llvm::isPrint(c) : !isUtf8)
      c = '?';
  return shown;
}

llvm::Error JsonSource::error(size_t offset, StringRef pointer,
                              const llvm::Twine &message) const {
  return llvm::createStringError(
      name + ":" + llvm::Twine(line(offset)) + ":" +
      llvm::Twine(column(offset)) + ": " +
      printable(((pointer.empty() ? "" : pointer + ": ") + message).str()));
}

namespace {
/// Receives the library's events.
class Builder {
public:
  Builder(const JsonSource &source) : source(source) {}

  JsonNode root;
  /// The first fault, after which the library stops.
  std::string failure;

  // NOLINTBEGIN(readability-identifier-naming): the library's names
  bool null() { return add({}, word()); }
  bool boolean(bool value) {
    JsonNode node;
    node.kind = JsonNode::Kind::Bool;
    node.boolean = value;
    return add(std::move(node), word());
  }
  bool number_integer(int64_t value) {
    JsonNode node;
    node.kind = JsonNode::Kind::Integer;
    node.integer = value;
    return add(std::move(node), word());
  }
  bool number_unsigned(uint64_t value) {
    if (value <= INT64_MAX)
      return number_integer(int64_t(value));
    return number_float(double(value), std::to_string(value));
  }
  bool number_float(double, const std::string &spelling) {
    JsonNode node;
    node.kind = JsonNode::Kind::Real;
    node.string = spelling;
    return add(std::move(node), word());
  }
  bool string(std::string &value) {
    JsonNode node;
    node.kind = JsonNode::Kind::String;
    node.string = std::move(value);
    return add(std::move(node), quoted());
  }
  bool binary(std::vector<uint8_t> &) { return false; }
  bool start_object(size_t) { return open(JsonNode::Kind::Object); }
  bool start_array(size_t) { return open(JsonNode::Kind::Array); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string &name) {
    size_t offset = quoted();
    Frame &frame = stack.back();
    if (!frame.seen.insert(name).second)
      return fail(offset, "duplicate key '" + name + "'");
    frame.node.keys.push_back(std::move(name));
    frame.node.keyOffsets.push_back(offset);
    return true;
  }
  bool parse_error(size_t position, const std::string &,
                   const nlohmann::json::exception &exception) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    auto [where, what] = StringRef(exception.what()).split(": ");
    size_t offset = std::min(position ? position - 1 : 0, source.text.size());
    // The library quotes what it read last, however long that is.
    return fail(offset, (what.empty() ? where : what).take_front(300));
  }
  // NOLINTEND(readability-identifier-naming)

private:
  struct Frame {
    JsonNode node;
    llvm::StringSet<> seen;
  };

  bool fail(size_t offset, const llvm::Twine &message) {
    std::string pointer;
    for (const Frame &frame : stack)
      pointer += frame.node.kind == JsonNode::Kind::Array
                     ? "/" + std::to_string(frame.node.items.size())
                 : frame.node.keys.size() > frame.node.items.size()
                     ? pointerStep(frame.node.keys.back())
                     : "";
    failure = llvm::toString(source.error(offset, pointer, message));
    return false;
  }
  bool add(JsonNode node, size_t offset) {
    node.offset = offset;
    if (stack.empty())
      root = std::move(node);
    else
      stack.back().node.items.push_back(std::move(node));
    return true;
  }
  bool open(JsonNode::Kind kind) {
    size_t offset = skipToToken();
    ++cursor;
    if (stack.size() == maxDepth)
      return fail(offset, "nesting deeper than " + llvm::Twine(maxDepth));
    stack.emplace_back();
    stack.back().node.kind = kind;
    stack.back().node.offset = offset;
    return true;
  }
  bool close() {
    skipToToken();
    ++cursor;
    JsonNode node = std::move(stack.back().node);
    stack.pop_back();
    size_t offset = node.offset;
    return add(std::move(node), offset);
  }

  /// Moves the cursor over blanks, commas, colons and comments.
  size_t skipToToken() {
    while (true) {
      cursor = std::min(source.text.find_first_not_of(
                            StringRef(" \t\r\n\0,:\xEF\xBB\xBF", 10), cursor),
                        source.text.size());
      StringRef rest = source.text.drop_front(cursor);
      // To the library a NUL ends a comment, too.
      if (rest.starts_with("//"))
        cursor =
            std::min(source.text.find_first_of(StringRef("\n\r\0", 3), cursor),
                     source.text.size());
      else if (rest.starts_with("/*"))
        cursor = std::min(source.text.find("*/", cursor + 2),
                          source.text.size() - 2) +
                 2;
      else
        return cursor;
    }
  }
  /// The place of a number or a word; the cursor goes behind it.
  size_t word() {
    size_t start = skipToToken();
    cursor = std::min(source.text.find_first_of(" \t\r\n,:]}/", start),
                      source.text.size());
    return start;
  }
  size_t quoted() {
    size_t start = skipToToken();
    StringRef rest = source.text.drop_front(start).drop_front();
    while (!rest.empty() && !rest.starts_with("\""))
      rest = rest.substr(rest.starts_with("\\") ? 2 : 1);
    cursor = source.text.size() - rest.drop_front(!rest.empty()).size();
    return start;
  }

  const JsonSource &source;
  std::vector<Frame> stack;
  size_t cursor = 0;
};

} // namespace

llvm::Expected<JsonNode> mlir::prec::parseJson(const JsonSource &source) {
  Builder builder(source);
  if (!nlohmann::json::sax_parse(source.text.begin(), source.text.end(),
                                 &builder, nlohmann::json::input_format_t::json,
                                 /*strict=*/true, /*ignore_comments=*/true))
    return llvm::createStringError(builder.failure);
  return std::move(builder.root);
}

static std::string quotedJson(const std::string &text) {
  return nlohmann::json(text).dump(-1, ' ', false,
                                   nlohmann::json::error_handler_t::replace);
}

/// `separator` stands between elements, `open` and `close` inside the brackets.
static std::string
joined(const JsonNode &node, StringRef open, StringRef separator,
       StringRef close,
       llvm::function_ref<std::string(const JsonNode &)> text) {
  bool isObject = node.kind == JsonNode::Kind::Object;
  if (node.items.empty())
    return isObject ? "{}" : "[]";
  std::string out = (llvm::Twine(isObject ? "{" : "[") + open).str();
  for (auto [i, item] : llvm::enumerate(node.items)) {
    if (i != 0)
      out += separator;
    if (isObject)
      out += quotedJson(node.keys[i]) + ": ";
    out += text(item);
  }
  return (out + close + (isObject ? "}" : "]")).str();
}

static std::string printFlat(const JsonNode &node) {
  switch (node.kind) {
  case JsonNode::Kind::Null:
    return "null";
  case JsonNode::Kind::Bool:
    return node.boolean ? "true" : "false";
  case JsonNode::Kind::Integer:
    return std::to_string(node.integer);
  case JsonNode::Kind::Real:
    return node.string;
  case JsonNode::Kind::String:
    return quotedJson(node.string);
  case JsonNode::Kind::Array:
  case JsonNode::Kind::Object:
    break;
  }
  return joined(node, "", ", ", "", printFlat);
}

static std::string print(const JsonNode &node, unsigned depth) {
  bool isFlat =
      node.kind != JsonNode::Kind::Array && node.kind != JsonNode::Kind::Object;
  if (isFlat || depth > 1)
    return printFlat(node);
  std::string outer = "\n" + std::string(2 * depth, ' ');
  std::string inner = outer + "  ";
  return joined(node, inner, "," + inner, outer,
                [&](const JsonNode &item) { return print(item, depth + 1); });
}

std::string mlir::prec::printJson(const JsonNode &node) {
  return print(node, 0) + "\n";
}
