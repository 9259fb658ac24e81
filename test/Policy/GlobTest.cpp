// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The grammar of patterns, by examples derived by hand from its documentation;
// the Python tests compare it with fnmatch.
#include "prec/Policy/Glob.h"

#include <gmock/gmock.h>

using namespace mlir::prec;
using testing::HasSubstr;

namespace {
bool matches(llvm::StringRef pattern, llvm::StringRef text) {
  llvm::Expected<Glob> glob = Glob::parse(pattern);
  if (!glob) {
    ADD_FAILURE() << llvm::toString(glob.takeError());
    return false;
  }
  return glob->matches(text);
}
std::string errorOf(llvm::StringRef pattern) {
  llvm::Expected<Glob> glob = Glob::parse(pattern);
  return glob ? "" : llvm::toString(glob.takeError());
}
} // namespace

TEST(Glob, StarsStayInTheirSegment) {
  EXPECT_TRUE(matches("conv*", "conv1"));
  EXPECT_TRUE(matches("conv*", "conv"));
  EXPECT_FALSE(matches("conv*", "features/conv1"));
  EXPECT_FALSE(matches("conv*", "conv1/relu"));
  EXPECT_TRUE(matches("features/*", "features/conv1"));
  EXPECT_FALSE(matches("features/*", "features"));
  EXPECT_FALSE(matches("features/*", "features/block/conv1"));
  EXPECT_TRUE(matches("linalg.*", "linalg.matmul"));
  EXPECT_TRUE(matches("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(matches("a*b*c", "aXbYbZ"));
}

TEST(Glob, DoubleStarIsAnyNumberOfSegments) {
  for (const char *text : {"features", "features/conv1", "features/b/conv1"})
    EXPECT_TRUE(matches("features/**", text)) << text;
  EXPECT_FALSE(matches("features/**", "features2"));
  EXPECT_FALSE(matches("features/**", "x/features"));
  for (const char *text : {"conv1", "features/conv1", "a/b/c/conv1"})
    EXPECT_TRUE(matches("**/conv1", text)) << text;
  EXPECT_FALSE(matches("**/conv1", "conv1/relu"));
  EXPECT_TRUE(matches("a/**/z", "a/z"));
  EXPECT_TRUE(matches("a/**/z", "a/b/z/c/z"));
  EXPECT_FALSE(matches("a/**/z", "a/b/z/c"));
  EXPECT_TRUE(matches("**/b/**", "a/b/c"));
  EXPECT_TRUE(matches("**", ""));
  EXPECT_TRUE(matches("**/**", "a"));
}

TEST(Glob, CharactersAndClasses) {
  EXPECT_TRUE(matches("conv?", "conv1"));
  EXPECT_FALSE(matches("conv?", "conv"));
  EXPECT_FALSE(matches("conv?", "conv12"));
  EXPECT_FALSE(matches("a?b", "a/b"));
  EXPECT_TRUE(matches("conv[1-3]", "conv2"));
  EXPECT_FALSE(matches("conv[1-3]", "conv4"));
  EXPECT_TRUE(matches("conv[!1-3]", "conv4"));
  EXPECT_FALSE(matches("conv[!1-3]", "conv"));
  EXPECT_TRUE(matches("a[*]", "a*"));
  EXPECT_FALSE(matches("a[*]", "ab"));
  EXPECT_TRUE(matches("[]]", "]"));
  EXPECT_TRUE(matches("[!]]", "x"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_FALSE(matches("conv", "Conv"));
}

TEST(Glob, AQuestionMarkIsACharacterNotAByte) {
  EXPECT_TRUE(matches("?", "\xC3\xA9")); // e with an accent
  EXPECT_FALSE(matches("??", "\xC3\xA9"));
  EXPECT_TRUE(matches("[!a]", "\xE2\x82\xAC")); // the euro sign
  EXPECT_FALSE(matches("[a-z]", "\xC3\xA9"));
  EXPECT_TRUE(matches("?x", "\xE2\x82\xACx"));
}

TEST(Glob, LiteralPatterns) {
  EXPECT_TRUE(Glob::parse("features/conv1")->isLiteral());
  EXPECT_FALSE(Glob::parse("conv*")->isLiteral());
  EXPECT_TRUE(matches("features/conv1", "features/conv1"));
  EXPECT_FALSE(matches("features/conv1", "features/conv10"));
  EXPECT_FALSE(matches("features/conv1", "features"));
}

TEST(Glob, Faults) {
  EXPECT_EQ(errorOf(""), "empty pattern, expected a name, or * for everything");
  EXPECT_EQ(errorOf("a/b[cd"),
            "pattern 'a/b[cd': '[' at column 4 is not closed by ']' in its "
            "segment; [[] is a bracket");
  EXPECT_THAT(errorOf("a[b/c]"), HasSubstr("'[' at column 2"));
  EXPECT_THAT(errorOf("a[]"), HasSubstr("not closed"));
  EXPECT_EQ(errorOf("a/b**"), "pattern 'a/b**': '**' in 'b**' must be a whole "
                              "segment, as in features/**/bias");
  EXPECT_THAT(errorOf("***"), HasSubstr("whole segment"));
  EXPECT_THAT(errorOf("[\xC3\xA9]"), HasSubstr("ASCII"));
}

TEST(Glob, ManyStarsCostNoMoreThanTheirProduct) {
  std::string pattern, text(2000, 'a');
  for (int i = 0; i < 200; ++i)
    pattern += "a*";
  EXPECT_FALSE(matches(pattern + "b", text));
  pattern = "**";
  text = "a";
  for (int i = 0; i < 200; ++i) {
    pattern += "/a/**";
    text += "/a/a/a/a/a/a/a/a/a/a";
  }
  EXPECT_FALSE(matches(pattern + "/b", text));
}
