// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The precision flags on LLVM's command line: their order is kept, and what is
// asked for without a model is answered.
#include "PrecisionFlags.h"
#include "prec/Policy/PolicyJson.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <gmock/gmock.h>

using namespace mlir::prec;
using testing::AllOf;
using testing::HasSubstr;

namespace {
/// Parses a line and gives its policy's rules, or the error.
std::string rulesOf(std::vector<const char *> line,
                    PolicyBuilder::Options options = {}) {
  PrecisionFlags flags(options);
  line.insert(line.begin(), "tool");
  std::string problems;
  llvm::raw_string_ostream stream(problems);
  if (!llvm::cl::ParseCommandLineOptions(line.size(), line.data(), "", &stream))
    return "refused: " + problems;
  llvm::Expected<Policy> policy = flags.policy();
  if (!policy)
    return llvm::toString(policy.takeError());
  std::string rules;
  for (const Rule &rule : policy->rules)
    rules += rule.selector.str() + "=" + rule.action.format.str() + ":" +
             rule.action.mode.str() + ";";
  return rules;
}
} // namespace

TEST(PrecisionFlags, OrderIsThatOfTheLine) {
  EXPECT_EQ(rulesOf({}), "");
  EXPECT_EQ(rulesOf({"--format=e5m2", "--truncate-mantissa=3"}),
            "*=m3:toward-zero;");
  EXPECT_EQ(rulesOf({"--truncate-mantissa=3", "--format=e5m2"}),
            "*=e5m2:nearest-even;");
  EXPECT_EQ(rulesOf({"--round", "b=m2", "--truncate-mantissa", "3",
                     "--round=a=m1", "--rounding=up"}),
            "*=m3:up;b=m2:up;a=m1:up;");
  EXPECT_EQ(rulesOf({"--truncate-bits=16", "--policy=preset:study2017-op"}),
            "*=bits16:toward-zero;*=bits16:toward-zero;");
}

TEST(PrecisionFlags, ListsOnlyWhereTheToolMakesRuns) {
  EXPECT_THAT(rulesOf({"--truncate-mantissa=1,2"}), HasSubstr("a list means"));
  EXPECT_EQ(rulesOf({"--truncate-mantissa=1,2"}, {.allowSweep = true}),
            "*=m?:toward-zero;");
}

TEST(PrecisionFlags, Faults) {
  EXPECT_THAT(rulesOf({"--fromat=m3"}),
              AllOf(HasSubstr("refused: "), HasSubstr("--format")));
  EXPECT_EQ(rulesOf({"--format"}), "refused: "); // LLVM tells it on stderr
  EXPECT_THAT(rulesOf({"--granularity=lyer", "--format=m3"}),
              AllOf(HasSubstr("--granularity=lyer"), HasSubstr("'layer'")));
}

TEST(PrecisionFlags, PrintPolicyStops) {
  PrecisionFlags flags;
  const char *line[] = {"tool", "--print-policy", "--truncate-mantissa=12"};
  ASSERT_TRUE(llvm::cl::ParseCommandLineOptions(3, line));
  testing::internal::CaptureStdout();
  EXPECT_EQ(flags.answerAndStop(), 0);
  llvm::outs().flush();
  std::string text = testing::internal::GetCapturedStdout();
  llvm::Expected<Policy> again = readPolicy(text, "printed");
  ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
  EXPECT_EQ(*again, llvm::cantFail(flags.policy()));
  EXPECT_EQ(again->rules.front().origin, "--truncate-mantissa=12");
}

TEST(PrecisionFlags, PrintPolicyFails) {
  PrecisionFlags flags;
  const char *line[] = {"tool", "--print-policy", "--rounding=up"};
  ASSERT_TRUE(llvm::cl::ParseCommandLineOptions(3, line));
  testing::internal::CaptureStderr();
  EXPECT_EQ(flags.answerAndStop(), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("error: --rounding=up has no format to apply to"));
}

TEST(PrecisionFlags, NothingAskedGoesOn) {
  PrecisionFlags flags;
  const char *line[] = {"tool", "--format=m3"};
  ASSERT_TRUE(llvm::cl::ParseCommandLineOptions(2, line));
  EXPECT_EQ(flags.answerAndStop(), std::nullopt);
}

TEST(PrecisionFlags, ListFormatsNamesEveryRow) {
  PrecisionFlags flags;
  const char *line[] = {"tool", "--list-formats"};
  ASSERT_TRUE(llvm::cl::ParseCommandLineOptions(2, line));
  testing::internal::CaptureStdout();
  EXPECT_EQ(flags.answerAndStop(), 0);
  llvm::outs().flush();
  std::string text = testing::internal::GetCapturedStdout();
  for (const Format::Name &row : Format::names())
    EXPECT_THAT(text, HasSubstr(std::string(row.word) + " "));
  EXPECT_THAT(text,
              AllOf(HasSubstr("e8m7 "), HasSubstr("eXmY"), HasSubstr("mN")));
}
