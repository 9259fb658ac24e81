// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Patterns for paths and names, matched without recursion.
#include "prec/Policy/Glob.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::prec;
using llvm::StringRef;

/// The number of bytes of the character that `text` begins with.
static size_t characterSize(StringRef text) {
  size_t size = 1;
  while (size < text.size() && (text[size] & 0xC0) == 0x80)
    ++size;
  return size;
}

/// The number of bytes of the class `[...]` that `pattern` begins with, 0 if it
/// is not closed. A `]` that comes first stands for itself.
static size_t classSize(StringRef pattern) {
  size_t at = pattern.starts_with("[!") ? 2 : 1;
  size_t close = pattern.find(']', at + 1);
  return close == StringRef::npos ? 0 : close + 1;
}

static bool classContains(StringRef set, char c) {
  while (!set.empty()) {
    bool isRange = set.size() >= 3 && set[1] == '-';
    if (isRange ? set[0] <= c && c <= set[2] : set[0] == c)
      return true;
    set = set.drop_front(isRange ? 3 : 1);
  }
  return false;
}

/// Matches the element `pattern` begins with (not a star) against the character
/// `text` begins with and drops both; false leaves them in any state.
static bool matchCharacter(StringRef &pattern, StringRef &text) {
  if (pattern.empty() || text.empty())
    return false;
  if (pattern[0] == '?') {
    pattern = pattern.drop_front();
    text = text.drop_front(characterSize(text));
    return true;
  }
  if (pattern[0] == '[') {
    StringRef set = pattern.take_front(classSize(pattern));
    pattern = pattern.drop_front(set.size());
    set = set.drop_front().drop_back();
    bool negated = set.consume_front("!");
    size_t size = characterSize(text);
    bool contained = size == 1 && classContains(set, text[0]);
    text = text.drop_front(size);
    return contained != negated;
  }
  if (pattern[0] != text[0])
    return false;
  pattern = pattern.drop_front();
  text = text.drop_front();
  return true;
}

/// One segment. After a mismatch only the last star needs another try: what
/// stands before it matched as early as possible.
static bool matchSegment(StringRef pattern, StringRef text) {
  StringRef retryPattern, retryText;
  bool sawStar = false;
  while (!pattern.empty() || !text.empty()) {
    if (pattern.starts_with("*")) {
      pattern = pattern.drop_front();
      retryPattern = pattern;
      retryText = text;
      sawStar = true;
      continue;
    }
    if (matchCharacter(pattern, text))
      continue;
    if (!sawStar || retryText.empty())
      return false;
    retryText = retryText.drop_front();
    pattern = retryPattern;
    text = retryText;
  }
  return true;
}

/// Segments still to come; `done` tells "none" from "one empty segment".
namespace {
struct Segments {
  StringRef rest;
  bool done = false;

  StringRef front() const { return rest.take_until(isSlash); }
  void drop() {
    size_t slash = rest.find('/');
    done = slash == StringRef::npos;
    rest = done ? StringRef() : rest.drop_front(slash + 1);
  }
  static bool isSlash(char c) { return c == '/'; }
};
} // namespace

bool Glob::matches(StringRef text) const {
  StringRef whole = pattern;
  if (isLiteral())
    return whole == text;
  if (numTailSegments != 0) {
    size_t begin = text.size() + 1;
    for (size_t i = 0; i < numTailSegments; ++i) {
      if (begin == 0)
        return false;
      begin = text.take_front(begin - 1).rfind('/') + 1;
    }
    text = text.drop_front(begin);
    whole = whole.drop_front(literalBegin);
  }
  StringRef all = pattern;
  if (!text.starts_with(all.slice(literalBegin, literalEnd)) ||
      !text.ends_with(all.drop_front(literalTail)))
    return false;
  Segments patterns{whole}, texts{text}, retryPatterns, retryTexts;
  bool sawStars = false;
  while (!patterns.done || !texts.done) {
    if (!patterns.done && patterns.front() == "**") {
      patterns.drop();
      retryPatterns = patterns;
      retryTexts = texts;
      sawStars = true;
      continue;
    }
    if (!patterns.done && !texts.done &&
        matchSegment(patterns.front(), texts.front())) {
      patterns.drop();
      texts.drop();
      continue;
    }
    if (!sawStars || retryTexts.done)
      return false;
    retryTexts.drop();
    patterns = retryPatterns;
    texts = retryTexts;
  }
  return true;
}

llvm::Expected<Glob> Glob::parse(StringRef pattern) {
  auto fail = [&](const llvm::Twine &what) {
    return llvm::createStringError("pattern '" + pattern + "': " + what);
  };
  if (pattern.empty())
    return llvm::createStringError("empty pattern, expected a name, or * for "
                                   "everything");
  for (Segments segments{pattern}; !segments.done; segments.drop()) {
    StringRef segment = segments.front();
    if (segment.contains("**") && segment != "**")
      return fail("'**' in '" + segment +
                  "' must be a whole segment, as in features/**/bias");
    for (size_t at = 0; at < segment.size(); ++at) {
      if (segment[at] != '[')
        continue;
      size_t size = classSize(segment.drop_front(at));
      if (size == 0)
        return fail(
            "'[' at column " +
            llvm::Twine(pattern.size() - segments.rest.size() + at + 1) +
            " is not closed by ']' in its segment; [[] is a bracket");
      if (!llvm::all_of(segment.substr(at, size),
                        [](char c) { return llvm::isASCII(c); }))
        return fail("'[...]' can hold ASCII characters only");
      at += size - 1;
    }
  }
  Glob glob;
  glob.pattern = pattern.str();
  StringRef tail = pattern;
  if (tail.consume_front("**/") && !tail.contains("**")) {
    glob.numTailSegments = tail.count('/') + 1;
    glob.literalBegin = pattern.size() - tail.size();
  }
  StringRef first = pattern.drop_front(glob.literalBegin);
  first = first.take_front(first.find_first_of("*?[")).rtrim('/');
  glob.literalEnd = glob.literalBegin + first.size();
  StringRef last = pattern.drop_front(pattern.find_last_of("*?]") + 1);
  glob.literalTail = pattern.size() - last.ltrim('/').size();
  glob.literal = last.size() == pattern.size();
  return glob;
}
