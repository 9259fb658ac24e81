// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Policies as JSON: what is read, what is refused and where, and that what is
// written reads back equal.
#include "prec/Policy/PolicyJson.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <gmock/gmock.h>

using namespace mlir::prec;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
Policy read(llvm::StringRef text) {
  llvm::Expected<Policy> policy = readPolicy(text, "p.json");
  if (policy)
    return *policy;
  ADD_FAILURE() << llvm::toString(policy.takeError());
  return {};
}
std::string errorOf(llvm::StringRef text) {
  llvm::Expected<Policy> policy = readPolicy(text, "p.json");
  return policy ? "no error" : llvm::toString(policy.takeError());
}
/// The error of a policy with this one rule.
std::string errorOfRule(const std::string &rule) {
  return errorOf("{\"version\": 1, \"rules\": [" + rule + "]}");
}
/// The error of a policy with this one parameter, named x.
std::string errorOfParameter(const std::string &parameter) {
  return errorOf("{\"version\": 1, \"parameters\": {\"x\": " + parameter +
                 "}}");
}
} // namespace

TEST(PolicyJson, ReadsEverything) {
  Policy policy = read(R"(// a comment
{
  "version": 1, /* another */
  "seed": 4294967295,
  "random": "counter",
  "strict": true,
  "parameters": {
    "a": 7,
    "b": {"steps": [[0, 10], [50, 7]]},
    "c": {"sweep": [1, 2, 3]},
    "d": {"list": [5, 4]},
    "e": {"constant": 9}
  },
  "rules": [
    {"select": "*", "format": "m?", "parameters": ["b"]},
    {"select": "conv*.weight", "format": "e?m?", "parameters": ["a", "c"],
     "rounding": "stochastic<8>", "granularity": "layer"}, // the third
    {"select": "loss", "keep": true},
    {"select": "@contraction.product", "format": "bf16", "origin": "me"}
  ]
})");
  EXPECT_EQ(policy.seed, UINT32_MAX);
  EXPECT_EQ(policy.random, RandomKind::Counter);
  EXPECT_TRUE(policy.strict);
  ASSERT_EQ(policy.parameters.size(), 5u);
  EXPECT_EQ(policy.parameter("a")->schedule, Schedule::constant(7));
  EXPECT_EQ(policy.parameter("b")->schedule,
            (Schedule{Schedule::Kind::Steps, {{0, 10}, {50, 7}}}));
  EXPECT_THAT(policy.parameter("c")->sweep, ElementsAre(1, 2, 3));
  EXPECT_EQ(policy.parameter("c")->schedule, Schedule::constant(1));
  EXPECT_EQ(policy.parameter("d")->schedule,
            (Schedule{Schedule::Kind::List, {{0, 5}, {1, 4}}}));
  EXPECT_EQ(policy.parameter("e")->schedule, Schedule::constant(9));
  ASSERT_EQ(policy.rules.size(), 4u);
  EXPECT_EQ(policy.rules[0].action.mode, RoundingMode::Kind::NearestEven);
  EXPECT_EQ(policy.rules[0].action.granularity, Granularity::Op);
  EXPECT_EQ(policy.rules[0].origin, "p.json:15: rules[0]");
  EXPECT_EQ(policy.rules[1].selector.str(), "conv* & weight");
  EXPECT_THAT(policy.rules[1].action.parameters, ElementsAre("a", "c"));
  EXPECT_EQ(policy.rules[1].action.mode.str(), "stochastic<8>");
  EXPECT_EQ(policy.rules[1].action.granularity, Granularity::Layer);
  EXPECT_TRUE(policy.rules[2].action.keep);
  EXPECT_EQ(policy.rules[2].origin, "p.json:18: rules[2]");
  EXPECT_EQ(policy.rules[3].action.granularity, Granularity::Elementary);
  EXPECT_EQ(policy.rules[3].origin, "me");
}

TEST(PolicyJson, AByteOrderMarkAndNoRules) {
  EXPECT_EQ(read("\xEF\xBB\xBF{\"version\": 1}"), Policy());
  EXPECT_EQ(read("{\"version\": 1, \"rules\": [], \"$schema\": \"x\"}"),
            Policy());
}

TEST(PolicyJson, CommentsEndWhereTheLibraryEndsThem) {
  // Found by fuzzing: a NUL ends a comment, so what follows is read.
  EXPECT_THAT(errorOf(llvm::StringRef("// a\0\"b\"", 8)),
              HasSubstr("p.json:1:6: expected an object"));
  EXPECT_EQ(read("// a\r{\"version\": 1}"), Policy());
  EXPECT_EQ(read("/* \n\" */{\"version\": 1} // \""), Policy());
}

TEST(PolicyJson, FaultsOfSyntaxSayWhere) {
  EXPECT_THAT(errorOf("{\n  \"version\": 1,\n  \"rules\": [,]\n}"),
              HasSubstr("p.json:3:13: /rules/0: syntax error"));
  EXPECT_THAT(errorOf(""), HasSubstr("p.json:1:1: syntax error"));
  EXPECT_THAT(errorOf("{\"version\": 1"), HasSubstr("p.json:1:1"));
  EXPECT_THAT(errorOf("{\"version\": 1} x"), HasSubstr("p.json:1:16: "));
  EXPECT_THAT(errorOf("{\"version\": 01}"), HasSubstr("p.json:1:1"));
  EXPECT_THAT(
      errorOf("{\"a\": 1, \n\"b\": {\"c\": 1, // \xC3\xA9\n \"c\": 2}}"),
      HasSubstr("p.json:3:2: /b: duplicate key 'c'"));
  EXPECT_THAT(errorOf("{\"\xC3\xA9\": 1, \"a\": 1e999}"),
              HasSubstr("p.json:1:1"));
}

TEST(PolicyJson, PositionsCountCharacters) {
  EXPECT_THAT(errorOf("{\"version\": 1, \"rules\": [{\"select\": \"\xC3\xA9\", "
                      "\"format\": 3}]}"),
              HasSubstr("p.json:1:52: /rules/0/format: expected a format, a "
                        "string, found the number 3"));
}

TEST(PolicyJson, InvalidUtf8) {
  std::string error = errorOf("{\"version\": 1, \"\xFF\": 1}");
  EXPECT_THAT(error, AllOf(HasSubstr("p.json:1:17: "), HasSubstr("UTF-8")));
  EXPECT_EQ(error.find('\xFF'), std::string::npos);
}

TEST(PolicyJson, HostileSizes) {
  EXPECT_THAT(errorOf(std::string(10000, '[')),
              HasSubstr("p.json:1:65: "
                        "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/"
                        "0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/"
                        "0/0/0/0/0/0/0/0/0/0/0: nesting deeper than 64"));
  EXPECT_THAT(errorOf(std::string(size_t(2) << 20, ' ')), HasSubstr("1 MiB"));
  std::string keys = "{\"version\": 1";
  for (int i = 0; i < 50000; ++i)
    keys += ", \"k" + std::to_string(i) + "\": 1";
  std::string error = errorOf(keys + "}");
  EXPECT_THAT(error, HasSubstr("/k19: unknown key 'k19'"));
  EXPECT_THAT(error, HasSubstr("50000 faults in all"));
  EXPECT_EQ(error.find("k20"), std::string::npos);
  EXPECT_LT(errorOf("\"" + std::string(1000000, 'a') + "\"").size(), 1000u);
  EXPECT_LT(errorOf("\"" + std::string(1000000, 'a')).size(), 1000u);
}

TEST(PolicyJson, FaultsOfTheRoot) {
  EXPECT_EQ(errorOf("3"), "p.json:1:1: expected an object with the key "
                          "\"rules\", found the number 3");
  EXPECT_THAT(errorOf("{}"), HasSubstr("missing key 'version'"));
  EXPECT_THAT(errorOf("{\"version\": 2}"),
              HasSubstr("p.json:1:13: /version: expected a whole number 1..1, "
                        "found 2"));
  EXPECT_THAT(errorOf("{\"version\": 1, \"ruls\": []}"),
              AllOf(HasSubstr("p.json:1:16: /ruls: unknown key 'ruls'"),
                    HasSubstr("did you mean 'rules'")));
  EXPECT_THAT(errorOf("{\"version\": 1, \"a/b~\": []}"),
              HasSubstr("/a~1b~0: "));
  EXPECT_THAT(errorOf("{\"version\": 1, \"seed\": -1}"),
              HasSubstr("a whole number 0..4294967295, found -1"));
  EXPECT_THAT(errorOf("{\"version\": 1, \"seed\": 4294967296}"),
              HasSubstr("0..4294967295"));
  EXPECT_THAT(errorOf("{\"version\": 1, \"seed\": 99999999999999999999}"),
              HasSubstr("found the number 99999999999999999999"));
  EXPECT_THAT(errorOf("{\"version\": 1, \"seed\": 1.5}"),
              HasSubstr("found the number 1.5"));
  EXPECT_THAT(errorOf("{\"version\": 1, \"random\": \"cuonter\"}"),
              HasSubstr("did you mean 'counter'"));
  EXPECT_THAT(errorOf("{\"version\": 1, \"rules\": {}}"),
              HasSubstr("expected an array of rules, found an object"));
  EXPECT_THAT(errorOf("{\"version\": 1, \"include\": [null]}"),
              HasSubstr("/include/0: expected a file name or preset:NAME, "
                        "found null"));
}

TEST(PolicyJson, FaultsOfRules) {
  EXPECT_THAT(errorOfRule("true"), HasSubstr("/rules/0: expected a rule, an "
                                             "object, found true"));
  EXPECT_THAT(errorOfRule("{\"format\": \"m3\"}"),
              HasSubstr("missing key 'select'"));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\"}"),
              HasSubstr("missing key 'format'"));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"fromat\": \"m3\"}"),
              HasSubstr("did you mean 'format'"));
  EXPECT_THAT(errorOfRule("{\"select\": \"a &\", \"format\": \"m3\"}"),
              HasSubstr("/rules/0/select: selector 'a &': expected a pattern"));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"format\": \"bf61\"}"),
              HasSubstr("/rules/0/format: "));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"format\": \"m3\", "
                          "\"rounding\": \"upp\"}"),
              AllOf(HasSubstr("/rules/0/rounding: "), HasSubstr("'up'")));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"format\": \"m3\", "
                          "\"granularity\": \"lyer\"}"),
              AllOf(HasSubstr("/rules/0/granularity: "), HasSubstr("'layer'")));
  EXPECT_THAT(errorOfRule("{\"select\": \"product\", \"format\": \"m3\", "
                          "\"granularity\": \"op\"}"),
              HasSubstr("elementary only, found op"));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"keep\": false}"),
              HasSubstr("/rules/0/keep: expected true"));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"keep\": true, "
                          "\"rounding\": \"up\"}"),
              HasSubstr("'rounding' has no meaning"));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"format\": \"m?\"}"),
              HasSubstr("takes 1 parameters, one for each '?', found 0"));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"format\": \"m?\", "
                          "\"parameters\": [\"bits\"]}"),
              HasSubstr("/rules/0/parameters/0: unknown parameter 'bits'"));
  EXPECT_THAT(errorOfRule("{\"select\": \"*\", \"format\": \"m3\", "
                          "\"origin\": 3}"),
              HasSubstr("/rules/0/origin: expected a string"));
  // Every fault is told, each on a line.
  std::string error = errorOfRule("{\"select\": 1, \"format\": 2}, {}");
  EXPECT_THAT(error,
              AllOf(HasSubstr("/rules/0/select"), HasSubstr("\np.json"),
                    HasSubstr("/rules/0/format"), HasSubstr("/rules/1")));
}

TEST(PolicyJson, FaultsOfParameters) {
  EXPECT_THAT(errorOf("{\"version\": 1, \"parameters\": {\"\": 3}}"),
              HasSubstr("a parameter needs a name"));
  EXPECT_THAT(errorOf("{\"version\": 1, \"parameters\": []}"),
              HasSubstr("expected an object of named numbers"));
  EXPECT_THAT(errorOfParameter("-2147483648"),
              HasSubstr("a number from -2147483647 to 2147483647, found the "
                        "number -2147483648"));
  EXPECT_THAT(errorOfParameter("1e10"), HasSubstr("a number from -2147483647"));
  EXPECT_THAT(errorOfParameter("\"a\""), HasSubstr("expected a number or"));
  EXPECT_THAT(errorOfParameter("{}"), HasSubstr("expected one of the keys"));
  EXPECT_THAT(errorOfParameter("{\"list\": [1], \"sweep\": [1]}"),
              HasSubstr("expected one of the keys"));
  EXPECT_THAT(errorOfParameter("{\"stpes\": [[0, 1]]}"),
              HasSubstr("did you mean 'steps'"));
  EXPECT_THAT(errorOfParameter("{\"steps\": []}"), HasSubstr("found none"));
  EXPECT_THAT(errorOfParameter("{\"sweep\": []}"), HasSubstr("found none"));
  EXPECT_THAT(errorOfParameter("{\"list\": 3}"),
              HasSubstr("expected an array of numbers, found the number 3"));
  EXPECT_THAT(errorOfParameter("{\"steps\": [3]}"),
              HasSubstr("/parameters/x/steps/0: expected a pair"));
  EXPECT_THAT(errorOfParameter("{\"steps\": [[1, 3]]}"),
              HasSubstr("steps/0/0: the first step must be 0, found 1"));
  EXPECT_THAT(errorOfParameter("{\"linear\": [[0, 3], [5, 2], [5, 1]]}"),
              HasSubstr("linear/2/0: steps must ascend, found 5 after 5"));
  EXPECT_THAT(errorOfParameter("{\"overflow\": {\"start\": 3}}"),
              AllOf(HasSubstr("/parameters/x/overflow: missing key 'least'"),
                    HasSubstr("missing key 'share'")));
  EXPECT_THAT(errorOfParameter("{\"overflow\": {\"start\": 3, \"least\": -5, "
                               "\"most\": 2, \"share\": 0.5, \"steps\": 1}}"),
              HasSubstr("'least' <= 'start' <= 'most', found -5, 3, 2"));
  EXPECT_THAT(errorOfParameter("{\"overflow\": {\"start\": 3, \"least\": -5, "
                               "\"most\": 4, \"share\": 1, \"steps\": 1}}"),
              HasSubstr("/overflow/share: expected a share, from 0 and less "
                        "than 1, found the number 1"));
  EXPECT_THAT(
      errorOf("{\"version\": 1, \"parameters\": {\"x\": {\"overflow\": "
              "{\"start\": 3, \"least\": 0, \"most\": 4, \"share\": 0, "
              "\"steps\": 1}}}, \"rules\": [{\"select\": \"*\", \"format\": "
              "\"m?\", \"parameters\": [\"x\"]}]}"),
      HasSubstr("/rules/0/parameters/0: parameter 'x' follows overflows, which "
                "moves how far numbers reach: the integer bits of fixed<?/N>, "
                "the exponent of intN<2^?> or the scale of intN<?>, found the "
                "fraction bits of m?"));
  EXPECT_THAT(errorOfParameter("{\"cosine\": [[0, 1e300]]}"),
              HasSubstr("cosine/0/1: expected a number from -2147483647"));
}

namespace {
/// A folder of files that goes with the test.
class PolicyFolder : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("policy", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }
  std::string path(llvm::StringRef name) {
    llvm::SmallString<128> path = folder;
    llvm::sys::path::append(path, name);
    return path.str().str();
  }
  void write(llvm::StringRef name, llvm::StringRef text) {
    std::error_code error;
    llvm::raw_fd_ostream(path(name), error) << text;
    ASSERT_FALSE(error);
  }
  std::string errorOfFile(llvm::StringRef name) {
    llvm::Expected<Policy> policy = readPolicyFile(path(name));
    return policy ? "no error" : llvm::toString(policy.takeError());
  }
  llvm::SmallString<128> folder;
};
} // namespace

TEST_F(PolicyFolder, IncludedRulesComeFirst) {
  ASSERT_FALSE(llvm::sys::fs::create_directory(path("sub")));
  write("a.json",
        R"({"version": 1, "include": ["sub/b.json", "preset:mixed-bf16"],
                      "rules": [{"select": "a", "format": "m1"}]})");
  write("sub/b.json", R"({"version": 1, "include": ["../c.json"], "seed": 4,
                          "rules": [{"select": "b", "format": "m2"}]})");
  write("c.json", R"({"version": 1, "seed": 3,
                      "rules": [{"select": "c", "format": "m3"}]})");
  llvm::Expected<Policy> policy = readPolicyFile(path("a.json"));
  ASSERT_TRUE(bool(policy)) << llvm::toString(policy.takeError());
  std::string rules;
  for (const Rule &rule : policy->rules)
    rules += rule.selector.str() + ";";
  EXPECT_EQ(rules, "c;b;*;phase:update | state | loss;a;");
  EXPECT_EQ(policy->rules[0].origin, path("c.json") + ":2: rules[0]");
  EXPECT_EQ(policy->rules[2].origin, "preset:mixed-bf16:8: rules[0]");
}

TEST_F(PolicyFolder, CyclesAndDepthAreRefused) {
  write("a.json", R"({"version": 1, "include": ["b.json"]})");
  write("b.json", R"({"version": 1, "include": ["a.json"]})");
  EXPECT_THAT(errorOfFile("a.json"),
              HasSubstr("cyclic inclusion: " + path("a.json") + " -> " +
                        path("b.json") + " -> " + path("a.json")));
  for (int i = 0; i < 40; ++i)
    write(std::to_string(i),
          "{\"version\": 1, \"include\": [\"" + std::to_string(i + 1) + "\"]}");
  EXPECT_THAT(errorOfFile("0"), HasSubstr("at most 16 files deep"));
  // Twelve files, but each is included twice by the one before: 4096 readings.
  for (int i = 0; i < 12; ++i) {
    std::string next = "\"d" + std::to_string(i + 1) + "\"";
    write("d" + std::to_string(i),
          "{\"version\": 1, \"include\": [" + next + ", " + next + "]}");
  }
  write("d12", "{\"version\": 1}");
  EXPECT_THAT(errorOfFile("d0"), HasSubstr("100 in all"));
  write("s.json", R"({"version": 1, "include": ["-"]})");
  EXPECT_THAT(errorOfFile("s.json"), HasSubstr("standard input"));
}

TEST_F(PolicyFolder, OneNameForTwoParametersIsRefused) {
  write("a.json", R"({"version": 1, "parameters": {"x": 1}})");
  write("b.json", R"({"version": 1, "parameters": {"x": 2}})");
  write("c.json", R"({"version": 1, "include": ["a.json", "b.json"]})");
  write("d.json", R"({"version": 1, "include": ["a.json", "a.json"]})");
  write("e.json",
        R"({"version": 1, "include": ["a.json"], "parameters": {"x": 1}})");
  EXPECT_THAT(
      errorOfFile("c.json"),
      HasSubstr("/include/1: parameter 'x' has two different meanings"));
  EXPECT_EQ(errorOfFile("d.json"), "no error");
  EXPECT_THAT(errorOfFile("e.json"), HasSubstr("already in an included file"));
}

TEST_F(PolicyFolder, AFileOfAHundredMegabytes) {
  write("big.json", "{");
  ASSERT_FALSE(llvm::sys::fs::resize_file_sparse(
      llvm::cantFail(llvm::sys::fs::openNativeFileForReadWrite(
          path("big.json"), llvm::sys::fs::CD_OpenExisting,
          llvm::sys::fs::OF_None)),
      100 << 20));
  EXPECT_THAT(errorOfFile("big.json"), HasSubstr("larger than 1 MiB"));
}

TEST(PolicyJson, PresetsAreLegal) {
  EXPECT_GE(presets().size(), 7u);
  for (const Preset &preset : presets()) {
    llvm::Expected<Policy> policy =
        readPolicyFile("preset:" + preset.name.str());
    ASSERT_TRUE(bool(policy)) << llvm::toString(policy.takeError());
    EXPECT_FALSE(policy->empty());
  }
}
