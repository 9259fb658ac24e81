// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is said of an unknown word.
#include "prec/Numerics/Spelling.h"

#include <gtest/gtest.h>

using namespace mlir::prec;

// By insertions, deletions and substitutions: two, or a third of the word.
TEST(Spelling, Nearest) {
  const std::vector<std::string_view> legal = {"abcdef", "uvw"};
  for (const char *word : {"abcdef", "acdef", "abcdxef", "xabcdefx", "abef",
                           "abcxxf", "bcdefx", "abcdefxyz"})
    EXPECT_EQ(nearestWord(word, legal), "abcdef") << word;
  for (const char *word : {"", "abc", "xxxdef", "acexf", "badcef", "abcdewxyz"})
    EXPECT_EQ(nearestWord(word, legal), "") << word;
  EXPECT_EQ(nearestWord("abcd", {"abxx", "abcx", "xbcx"}), "abcx");
}

TEST(Spelling, UnknownWord) {
  EXPECT_EQ(unknownWord("mode", "xyz", {"up", "down"}),
            "unknown mode 'xyz'; legal: up, down");
  EXPECT_EQ(unknownWord("mode", "doown", {"up", "down"}, "any<N>"),
            "unknown mode 'doown', did you mean 'down'? legal: up, down, "
            "any<N>");
  EXPECT_EQ(unknownWord("mode", "xyz", {}, "any<N>"),
            "unknown mode 'xyz'; legal: any<N>");
}
